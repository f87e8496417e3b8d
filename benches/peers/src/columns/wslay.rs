//! The event API of the C library wslay.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::{CLOSED, Column, Group, Run, run};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMN: Column = Column {
    name: "wslay",
    package: "",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "the C library of the system (1.1.1 when written); event API; no handshake",
    start,
};

#[path = "../../../common/wslay.rs"]
mod c;

const WOULD_BLOCK: c_int = -401;

/// The data of the callbacks.
struct State {
    source: Source,
    out: Vec<u8>,
    end: usize,
    tally: Tally,
    closed: bool,
    keys: fastrand::Rng,
}

struct Connection {
    context: *mut c::Context,
    state: *mut State,
}

impl Connection {
    fn new(role: Role, source: Source, room: usize) -> Option<Self> {
        let state = Box::into_raw(Box::new(State {
            source,
            out: vec![0; room],
            end: 0,
            tally: Tally::default(),
            closed: false,
            keys: fastrand::Rng::new(),
        }));
        let callbacks = c::Callbacks {
            recv,
            send,
            genmask,
            on_frame_recv_start: None,
            on_frame_recv_chunk: None,
            on_frame_recv_end: None,
            on_msg_recv,
        };
        let init = match role {
            Role::Server => c::wslay_event_context_server_init,
            Role::Client => c::wslay_event_context_client_init,
        };
        let mut context = ptr::null_mut();
        // SAFETY: the callbacks are copied; `state` is freed in `drop`, after the context.
        let result = unsafe { init(&raw mut context, &raw const callbacks, state.cast()) };
        let connection = Self { context, state };
        (result == 0).then_some(connection)
    }

    /// Outside of calls into the library, nothing else uses the state.
    fn state(&mut self) -> &mut State {
        // SAFETY: it lives as long as `self`, and the library holds no reference between calls.
        unsafe { &mut *self.state }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: both were created in `new`, and nothing uses them afterwards.
        unsafe {
            if !self.context.is_null() {
                c::wslay_event_context_free(self.context);
            }
            drop(Box::from_raw(self.state));
        }
    }
}

extern "C" fn recv(
    context: *mut c::Context,
    to: *mut u8,
    len: usize,
    _: c_int,
    state: *mut c_void,
) -> isize {
    // SAFETY: the library passes its buffer of `len` bytes, and the state given to it.
    let (to, state) =
        unsafe { (std::slice::from_raw_parts_mut(to, len), &mut *state.cast::<State>()) };
    match state.source.receive(to) {
        0 => {
            // SAFETY: the library passes its own context.
            unsafe { c::wslay_event_set_error(context, WOULD_BLOCK) };
            -1
        }
        n => n as isize,
    }
}

extern "C" fn send(
    _: *mut c::Context,
    from: *const u8,
    len: usize,
    _: c_int,
    state: *mut c_void,
) -> isize {
    // SAFETY: the library passes `len` bytes, and the state given to it.
    let (from, state) =
        unsafe { (std::slice::from_raw_parts(from, len), &mut *state.cast::<State>()) };
    if state.end + len > state.out.len() {
        state.end = 0;
    }
    let to = &mut state.out[state.end..state.end + len];
    to.copy_from_slice(from);
    std::hint::black_box(to);
    state.end += len;
    state.tally.bytes += len as u64;
    len as isize
}

extern "C" fn genmask(_: *mut c::Context, to: *mut u8, len: usize, state: *mut c_void) -> c_int {
    // SAFETY: as above.
    let (to, state) =
        unsafe { (std::slice::from_raw_parts_mut(to, len), &mut *state.cast::<State>()) };
    state.keys.fill(to);
    0
}

extern "C" fn on_msg_recv(_: *mut c::Context, message: *const c::Received, state: *mut c_void) {
    // SAFETY: as above. The pointer of an empty message may be null, so it is not used here.
    let (message, state) = unsafe { (&*message, &mut *state.cast::<State>()) };
    let payload = if message.msg_length == 0 {
        &[]
    } else {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(message.msg, message.msg_length) }
    };
    match message.opcode {
        1 | 2 => state.tally.message(payload),
        8 => state.closed = true,
        _ => {}
    }
}

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let mut ws = Connection::new(*role, Source::new(bytes, row.read), 256)?;
            run(move || {
                ws.state().tally = Tally::default();
                let mut pongs = 0;
                while !ws.state().source.ended() {
                    // SAFETY: the context lives as long as `ws`.
                    let (result, enabled) = unsafe {
                        let result = c::wslay_event_recv(ws.context);
                        (result, c::wslay_event_get_read_enabled(ws.context))
                    };
                    if ws.state().closed {
                        return Err(CLOSED.into());
                    }
                    if result != 0 || enabled == 0 {
                        return Err(format!("receiving failed: {result}"));
                    }
                    let before = ws.state().tally.bytes;
                    // SAFETY: the same.
                    if unsafe { c::wslay_event_send(ws.context) } != 0 {
                        return Err("sending failed".into());
                    }
                    pongs += ws.state().tally.bytes - before;
                }
                let tally = ws.state().tally;
                Ok(Tally { bytes: tally.bytes - pongs, ..tally })
            })
        }
        Work::Send { role, payload, count } => {
            let room = payload.len() + 14;
            let mut ws = Connection::new(*role, Source::new(&[], 0), room)?;
            run(move || {
                ws.state().tally = Tally::default();
                for _ in 0..*count {
                    let message =
                        c::Message { opcode: 2, msg: payload.as_ptr(), msg_length: payload.len() };
                    // SAFETY: the context lives as long as `ws`, and the message is copied.
                    let result = unsafe {
                        c::wslay_event_queue_msg(ws.context, &raw const message)
                            | c::wslay_event_send(ws.context)
                    };
                    if result != 0 {
                        return Err(format!("sending failed: {result}"));
                    }
                }
                Ok(Tally { messages: *count, ..ws.state().tally })
            })
        }
        _ => None,
    }
}
