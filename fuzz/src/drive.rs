//! A session that is driven by any calls, and what must hold after each of them.

use std::time::Duration;

use barews::keepalive::Reason;
use barews::session::{Failure, Session};
use barews::{
    Assembler, CloseCode, Config, Error, Kind, MIN_BUFFER_LEN, RecvBuffer, SendBuffer, SendError,
    TransportAction,
};

use crate::expected::{Head, Log};
use crate::memory::Memory;
use crate::sides::{self, KEY, Seen, Side, handle};
use crate::walk;

mod check;

/// The length of an empty Ping.
const PING_LEN: usize = 2 + 4;
/// Turns without progress whose deadline has passed.
const MOST_IDLE_TURNS: u32 = 3;
/// Deadlines until a silent peer is given up.
const MOST_DEADLINES: u32 = 60;

#[derive(Clone, Copy)]
pub struct Setup<'w> {
    /// What the peer sends.
    pub wire: &'w [u8],
    /// The opening handshake is done elsewhere.
    pub is_opened: bool,
    /// Messages are received whole.
    pub takes_messages: bool,
    /// The number of masking keys.
    pub keys: u32,
    /// The handshake of this side offers or accepts compression.
    pub is_compressed: bool,
    /// How requests are answered, and whether the output is blocked in the end.
    pub policy: u8,
    pub config: Config,
    /// The receive buffer.
    pub rx: u8,
}

pub struct Drive<'w, R: Side> {
    setup: Setup<'w>,
    ws: Session<R>,
    rx: RecvBuffer<Memory>,
    tx: SendBuffer<Memory>,
    messages: Assembler<Memory>,
    now: Duration,
    /// How many bytes of the wire have arrived, and how many were read.
    arrived: usize,
    fed: usize,
    /// How many bytes had arrived at the last attempt to read.
    attempted: usize,
    /// The transport has ended after what has arrived; and that was read.
    is_ended: bool,
    end_is_read: bool,
    log: Log,
    head: Option<Head>,
    /// Whether frames are compressed, once the session is open.
    frames: Option<bool>,
    failed: Option<Failure>,
    is_last: bool,
    written: Vec<u8>,
    most_tx: usize,
    /// How much the session has queued by itself since the output is over its high mark.
    growth: usize,
    /// A frame was begun.
    has_begun: bool,
    is_half_closed: bool,
    is_dropped: bool,
}

impl<'w, R: Side> Drive<'w, R> {
    pub fn new(ws: Session<R>, tx: SendBuffer<Memory>, setup: &Setup<'w>) -> Self {
        Self {
            ws,
            rx: RecvBuffer::new(Memory::new(setup.rx)),
            most_tx: 0,
            tx,
            messages: Assembler::new(Memory::new(setup.rx.rotate_left(3))),
            now: Duration::ZERO,
            arrived: 0,
            fed: 0,
            attempted: 0,
            is_ended: false,
            end_is_read: false,
            log: Log::default(),
            head: None,
            frames: setup.is_opened.then_some(setup.is_compressed),
            failed: None,
            is_last: false,
            written: Vec::new(),
            growth: 0,
            has_begun: false,
            is_half_closed: false,
            is_dropped: false,
            setup: *setup,
        }
    }

    /// Makes these calls, lets the peer fall silent, and checks everything.
    pub fn run(mut self, ops: &[[u8; 2]], all_end: bool, most_tx: usize) {
        self.most_tx = most_tx;
        for op in ops {
            if self.is_dropped {
                break;
            }
            self.call(*op);
        }
        self.arrived = if self.is_ended { self.arrived } else { self.setup.wire.len() };
        self.settle(all_end);
        self.check();
    }

    fn call(&mut self, [op, arg]: [u8; 2]) {
        let n = usize::from(arg);
        let was_failed = self.failed.is_some();
        let before = self.tx.len();
        match op % 20 {
            0 | 1 if !self.is_ended => {
                let n = if arg > 200 { 16 * n } else { n };
                self.arrived = self.setup.wire.len().min(self.arrived + n);
            }
            0..=2 => self.read(),
            3 => (0..=arg % 4).for_each(|_| _ = self.receive()),
            4 => self.write(if arg > 200 { usize::MAX } else { n }),
            5 => self.now += Duration::from_micros(n as u64) * (1 << (arg % 25)),
            6 => self.turns(),
            7 => self.is_ended = true,
            8 => self.action(),
            9 => {
                _ = self.rx.reserve(self.rx.need_more());
            }
            10 => {
                let had_opened = self.ws.is_open();
                let (ws, tx, now) = (&mut self.ws, &mut self.tx, self.now);
                sides::with_request(self.setup.is_compressed, |upgrade| {
                    R::answer(ws, arg, Some(upgrade), tx, now);
                });
                if self.ws.is_open() && !had_opened {
                    self.frames = Some(self.setup.is_compressed);
                }
                assert!(!was_failed || self.tx.len() == before);
            }
            _ => {
                // A frame in progress can be completed, and a Close may wait for that.
                self.has_begun |= op % 20 == 18;
                let is_quiet = self.most_tx == usize::MAX && was_failed && !self.has_begun;
                self.send(op % 20, arg);
                assert!(!is_quiet || self.tx.len() == before, "a failed session sends");
            }
        }
    }

    fn send(&mut self, op: u8, arg: u8) {
        let n = usize::from(arg);
        let (ws, tx) = (&mut self.ws, &mut self.tx);
        let text = "a".repeat(n);
        let (before, has_frame) = (tx.len(), ws.frame_left() > 0);
        let kind = if arg & 2 == 0 { Kind::Text } else { Kind::Binary };
        let result = match op {
            11 => ws.send_text(&text, tx),
            12 => ws.send_binary(&vec![7; 8 * n], tx),
            13 => ws.send_fragment(kind, arg & 1 == 0, text.as_bytes(), tx),
            14 => ws.send_ping(&text.as_bytes()[..n.min(125)], tx),
            15 => ws.send_pong(&text.as_bytes()[..n.min(125)], tx),
            16 => {
                let code = CloseCode::new(walk::close_code(u16::from(arg) * 20));
                ws.close(code, &text[..n % 100], tx, self.now)
            }
            // Without space for the payload, the caller could not go on.
            17 if tx.spare_mut(2 * MIN_BUFFER_LEN + n).is_ok() => {
                let mut payload = text.into_bytes();
                let result = ws.send_in_place(kind, arg & 1 == 0, &mut payload, tx);
                if result.is_ok() {
                    tx.push(&payload).expect("there is space");
                }
                result
            }
            18 => ws.begin_frame(kind, arg & 1 == 0, n as u64, tx),
            19 => {
                let most = usize::try_from(ws.frame_left()).unwrap_or(usize::MAX);
                let mut chunk = vec![b'a'; most.min(n)];
                if tx.spare_mut(chunk.len()).is_err() || ws.mask_next(&mut chunk).is_err() {
                    return;
                }
                tx.push(&chunk).expect("there is space");
                Ok(())
            }
            _ => Ok(()),
        };
        let grown = tx.len() - before;
        match result {
            Ok(()) => {}
            Err(SendError::BufferTooSmall { needed }) => {
                assert!(before + needed > self.most_tx || grown > 0, "there was space");
                assert!(grown <= MIN_BUFFER_LEN);
            }
            Err(_) => assert!(grown <= MIN_BUFFER_LEN && (grown == 0 || !has_frame)),
        }
    }

    /// The next event; returns whether there was one.
    fn receive(&mut self) -> bool {
        let (was_over, was_open) = (self.tx.is_over_mark(), self.ws.is_open());
        let (before, has_frame) = (self.tx.len(), self.ws.frame_left() > 0);
        let Self { ws, rx, tx, messages, log, now, .. } = self;
        let seen = if self.setup.takes_messages {
            let event = ws.receive_message(rx, messages, tx, *now);
            let grown = tx.len() - before;
            event.map(|event| {
                let piece = |log: &mut Log, it: barews::Message<'_>| {
                    log.piece(it.kind(), false, true, it.as_bytes());
                };
                (handle(ws, tx, log, event, self.setup.policy, *now, piece), grown)
            })
        } else {
            let event = ws.receive(rx, tx, *now);
            let grown = tx.len() - before;
            event.map(|event| {
                let piece = |log: &mut Log, it: barews::Data<'_>| {
                    log.piece(it.kind, it.compressed, it.fin, it.payload);
                };
                (handle(ws, tx, log, event, self.setup.policy, *now, piece), grown)
            })
        };
        self.growth = if was_over { self.growth } else { 0 };
        let Some((seen, grown)) = seen else {
            self.grows(self.tx.len() - before, was_over);
            return false;
        };
        self.grows(grown, was_over);
        assert!(!self.is_last, "an event after the last one");
        match seen {
            Seen::Head(head, is_compressed) => {
                assert!(self.head.replace(head).is_none(), "a second head");
                if self.ws.is_open() {
                    self.frames = Some(is_compressed);
                }
                self.is_last = head == Head::Other && !R::SERVER;
            }
            Seen::Frame => assert!(!was_over, "an event while the peer does not read"),
            Seen::Failed(failure) => {
                self.is_last = true;
                self.failed = Some(failure);
                self.failed(failure, was_open && !has_frame);
            }
        }
        true
    }

    /// What the session queues by itself is bounded, also while the peer does not read.
    fn grows(&mut self, by: usize, was_over: bool) {
        if self.frames.is_none() {
            return assert!(by <= 1024);
        }
        self.growth += by;
        let most = 2 * MIN_BUFFER_LEN + PING_LEN;
        assert!(by <= most && (!was_over || self.growth <= most), "{by}, {}", self.growth);
    }

    /// The Close or response that tells the peer is queued before the failure is returned, and
    /// nobody expires whose bytes are here.
    fn failed(&mut self, failure: Failure, can_close: bool) {
        if let Failure::Expired(reason) = failure {
            let can_read = self.ws.wants_read() && self.rx.capacity() > 0;
            assert!(!can_read || self.attempted == self.fed, "{reason:?} before a read");
        }
        let code = match failure {
            Failure::Handshake(error) => {
                let status = format!("HTTP/1.1 {} ", error.status());
                let all = [&self.written, self.tx.unsent()].concat();
                let is_told = all.starts_with(status.as_bytes());
                return assert!(!R::SERVER || is_told || self.most_tx < 1024, "{failure:?}");
            }
            Failure::Protocol(Error::UnexpectedEof) | Failure::Send(_) => return,
            Failure::Protocol(error) => error.close_code().as_u16(),
            Failure::Expired(Reason::Message) => 1008,
            Failure::Expired(Reason::Idle) => 1001,
            Failure::StorageFull => 1009,
            _ => return,
        };
        if can_close && self.most_tx == usize::MAX && self.setup.keys == u32::MAX {
            let [high, low] = code.to_be_bytes();
            let close = if R::SERVER {
                vec![0x88, 2, high, low]
            } else {
                let [a, b, c, d] = KEY;
                vec![0x88, 0x82, a, b, c, d, high ^ a, low ^ b]
            };
            let all = [&self.written, self.tx.unsent()].concat();
            assert!(all.ends_with(&close), "{failure:?} without a Close of {code}");
        }
    }

    fn read(&mut self) {
        if !self.ws.wants_read() {
            return;
        }
        let spare = self.rx.spare_mut();
        let n = spare.len().min(self.arrived - self.fed);
        spare[..n].copy_from_slice(&self.setup.wire[self.fed..self.fed + n]);
        let is_end = n == 0 && self.is_ended && self.arrived == self.fed && !spare.is_empty();
        if n > 0 || is_end {
            self.rx.advance(n);
        }
        self.end_is_read |= is_end;
        self.attempted = self.arrived;
        self.fed += n;
    }

    fn write(&mut self, most: usize) {
        assert!(!self.is_half_closed || self.tx.is_empty(), "output after the half-close");
        let n = self.tx.len().min(most);
        let unsent = self.tx.unsent();
        self.written.extend_from_slice(&unsent[..n]);
        self.tx.sent(n);
    }

    fn action(&mut self) {
        match self.ws.transport_action(&self.tx) {
            TransportAction::Keep => {}
            TransportAction::AwaitEnd => assert!(self.tx.is_empty()),
            TransportAction::HalfClose => {
                assert!(!std::mem::replace(&mut self.is_half_closed, true), "half-closed twice");
                assert!(self.tx.is_empty());
            }
            TransportAction::Drop => self.is_dropped = true,
        }
    }

    /// One turn of the loop in the documentation; returns whether it did anything.
    fn turn(&mut self, is_blocked: bool) -> bool {
        let before = (self.fed, self.end_is_read, self.written.len(), self.ws.state());
        let mut is_progress = false;
        while self.receive() {
            is_progress = true;
        }
        let queued = self.tx.len();
        self.write(if is_blocked { 0 } else { usize::MAX });
        self.action();
        if !self.is_dropped {
            self.read();
        }
        is_progress |= queued != self.tx.len();
        is_progress || before != (self.fed, self.end_is_read, self.written.len(), self.ws.state())
    }

    /// Turns until the loop sleeps.
    fn turns(&mut self) {
        self.turns_while(false);
    }

    fn turns_while(&mut self, is_blocked: bool) {
        let mut idle = 0;
        while !self.is_dropped {
            if self.turn(is_blocked) {
                idle = 0;
            } else if self.ws.deadline().is_some_and(|at| at <= self.now) {
                idle += 1;
                assert!(idle <= MOST_IDLE_TURNS, "the loop spins: {:?} {}", self.ws, self.tx.len());
            } else {
                return;
            }
        }
    }

    /// Time passes from deadline to deadline. The peer is silent, so the session ends.
    fn settle(&mut self, all_end: bool) {
        let is_blocked = self.setup.policy & 0x80 != 0;
        for _ in 0..MOST_DEADLINES {
            self.turns_while(is_blocked);
            if self.is_dropped {
                return;
            }
            match self.ws.deadline() {
                Some(at) => self.now = self.now.max(at),
                None => return assert!(!all_end, "a silent peer is not given up: {:?}", self.ws),
            }
        }
        assert!(!all_end, "a silent peer is not given up: {:?}", self.ws);
    }
}
