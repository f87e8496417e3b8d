//! The event API of the C library wslay, as a receiver and as a sender.

use std::ffi::{c_int, c_void};
use std::ptr;

use crate::outcome::{Outcome, Seen, Verdict, replies};

#[path = "../../benches/common/wslay.rs"]
mod c;

/// RFC 6455 §7.4.1: stands for a Close without a code.
pub const NO_CODE: u16 = 1005;

const WOULD_BLOCK: c_int = -401;

/// The data of the callbacks.
#[derive(Default)]
struct Pipe {
    unread: Vec<u8>,
    read: usize,
    written: Vec<u8>,
    events: Vec<Seen>,
    keys: u8,
}

/// One side of a connection.
pub struct Wslay {
    context: *mut c::Context,
    pipe: *mut Pipe,
}

impl Wslay {
    /// Creates an endpoint that receives messages of at most `max_message_len` bytes.
    pub fn new(server: bool, max_message_len: u64) -> Self {
        let pipe = Box::into_raw(Box::<Pipe>::default());
        let callbacks = c::Callbacks {
            recv,
            send,
            genmask,
            on_frame_recv_start: None,
            on_frame_recv_chunk: None,
            on_frame_recv_end: None,
            on_msg_recv,
        };
        let init = if server {
            c::wslay_event_context_server_init
        } else {
            c::wslay_event_context_client_init
        };
        let mut context = ptr::null_mut();
        // SAFETY: the callbacks are copied; `pipe` is freed in `drop`, after the context.
        let result = unsafe { init(&raw mut context, &raw const callbacks, pipe.cast()) };
        assert_eq!(result, 0);
        // SAFETY: the context was created.
        unsafe { c::wslay_event_config_set_max_recv_msg_length(context, max_message_len) };
        Self { context, pipe }
    }

    /// Receives the wire in steps.
    pub fn read(mut self, wire: &[u8], step: usize) -> Outcome {
        for bytes in wire.chunks(step) {
            self.pipe().unread.extend_from_slice(bytes);
            // SAFETY: the context lives as long as `self`.
            let open = unsafe {
                // Errors are ignored: they come from the transport, or follow a queued Close.
                c::wslay_event_recv(self.context);
                assert_eq!(c::wslay_event_send(self.context), 0);
                c::wslay_event_get_read_enabled(self.context) != 0
            };
            if !open {
                break;
            }
        }
        let Pipe { written, events, .. } = std::mem::take(self.pipe());
        let close = replies(&written).pop().filter(|(first, _)| *first == 0x88);
        let code = close.map(|(_, payload)| match payload[..] {
            [high, low, ..] => u16::from_be_bytes([high, low]),
            _ => NO_CODE,
        });
        let verdict = match (events.last(), code) {
            (Some(Seen::Close(_)), _) => Verdict::Closed,
            (_, Some(code)) => Verdict::Fault(code),
            (_, None) => Verdict::More,
        };
        Outcome { events, verdict, replies: written }
    }

    /// Returns the bytes of a message, a Ping or a Pong.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) -> Vec<u8> {
        let message = c::Message { opcode, msg: payload.as_ptr(), msg_length: payload.len() };
        // SAFETY: the context lives as long as `self`, and the message is copied.
        let queued = unsafe { c::wslay_event_queue_msg(self.context, &raw const message) };
        assert_eq!(queued, 0);
        self.written()
    }

    /// Returns the bytes of a Close.
    pub fn send_close(&mut self, code: u16, reason: &str) -> Vec<u8> {
        // SAFETY: the context lives as long as `self`, and the reason is copied.
        let queued = unsafe {
            c::wslay_event_queue_close(self.context, code, reason.as_ptr(), reason.len())
        };
        assert_eq!(queued, 0);
        self.written()
    }

    fn written(&mut self) -> Vec<u8> {
        // SAFETY: the context lives as long as `self`.
        assert_eq!(unsafe { c::wslay_event_send(self.context) }, 0);
        std::mem::take(&mut self.pipe().written)
    }

    /// Outside of calls into the library, nothing else uses the pipe.
    fn pipe(&mut self) -> &mut Pipe {
        // SAFETY: it lives as long as `self`, and the library holds no reference between calls.
        unsafe { &mut *self.pipe }
    }
}

impl Drop for Wslay {
    fn drop(&mut self) {
        // SAFETY: both were created in `new`, and nothing uses them afterwards.
        unsafe {
            c::wslay_event_context_free(self.context);
            drop(Box::from_raw(self.pipe));
        }
    }
}

/// The masking key of a client's `number`th frame, both in our connection and in [`Wslay`].
pub fn key(number: u8) -> [u8; 4] {
    [[0, number, 0x80, 0xFF], [number; 4], [0; 4], [number, 1, 2, 3]][usize::from(number % 4)]
}

extern "C" fn recv(
    context: *mut c::Context,
    to: *mut u8,
    len: usize,
    _: c_int,
    pipe: *mut c_void,
) -> isize {
    // SAFETY: the library passes its buffer of `len` bytes, and the pipe given to it.
    let (to, pipe) =
        unsafe { (std::slice::from_raw_parts_mut(to, len), &mut *pipe.cast::<Pipe>()) };
    let here = &pipe.unread[pipe.read..];
    let n = here.len().min(len);
    if n == 0 {
        // SAFETY: the library passes its own context.
        unsafe { c::wslay_event_set_error(context, WOULD_BLOCK) };
        return -1;
    }
    to[..n].copy_from_slice(&here[..n]);
    pipe.read += n;
    n as isize
}

extern "C" fn send(
    _: *mut c::Context,
    from: *const u8,
    len: usize,
    _: c_int,
    pipe: *mut c_void,
) -> isize {
    // SAFETY: the library passes `len` bytes, and the pipe given to it.
    let (from, pipe) =
        unsafe { (std::slice::from_raw_parts(from, len), &mut *pipe.cast::<Pipe>()) };
    pipe.written.extend_from_slice(from);
    len as isize
}

extern "C" fn genmask(_: *mut c::Context, to: *mut u8, len: usize, pipe: *mut c_void) -> c_int {
    // SAFETY: as above.
    let (to, pipe) =
        unsafe { (std::slice::from_raw_parts_mut(to, len), &mut *pipe.cast::<Pipe>()) };
    to.copy_from_slice(&key(pipe.keys));
    pipe.keys = pipe.keys.wrapping_add(1);
    0
}

extern "C" fn on_msg_recv(_: *mut c::Context, message: *const c::Received, pipe: *mut c_void) {
    // SAFETY: as above. The pointer of an empty message may be null, so it is not used here.
    let (message, pipe) = unsafe { (&*message, &mut *pipe.cast::<Pipe>()) };
    assert_eq!(message.rsv, 0);
    let payload = if message.msg_length == 0 {
        vec![]
    } else {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(message.msg, message.msg_length) }.to_vec()
    };
    pipe.events.push(match message.opcode {
        1 => Seen::Text(String::from_utf8(payload).unwrap()),
        2 => Seen::Binary(payload),
        8 if payload.len() < 2 => Seen::Close(None),
        8 => {
            let reason = String::from_utf8_lossy(&payload[2..]).into_owned();
            Seen::Close(Some((message.status_code, reason)))
        }
        9 => Seen::Ping(payload),
        10 => Seen::Pong(payload),
        opcode => panic!("{opcode}"),
    });
}
