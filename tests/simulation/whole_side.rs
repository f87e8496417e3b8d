//! One end of a connection, driven by a whole `Session` in the loop of its documentation.

use std::time::Duration;

use barews::keepalive::Reason;
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    Assembler, CloseCode, Kind, Message, RecvBuffer, SendBuffer, SendError, State, TransportAction,
};

use super::content::{self, LONGEST};
use super::counts::Count;
use super::network::{End, Event, Net, Read};
use super::trace::{Ending, What};
use super::whole_roles::{Own, Talk, WholeRole};
use super::whole_send::Open;
use super::whole_times::Times;

/// The high mark of the output.
const HIGH: usize = 4096;
/// What one turn adds to the output above the mark at most: a message with its header, the longest
/// control frame that was queued, and a Close or Ping of its own.
const TURN: usize = LONGEST + 14 + 3 * 131;
/// Turns without progress that a session may ask for.
const MOST_IDLE_TURNS: u32 = 3;

/// What a turn of the loop did. After a read there is another turn at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turned {
    Nothing,
    /// An event came, or something was written.
    Wrote,
    Read,
}

pub(crate) struct WholeSide<R: WholeRole> {
    pub(super) end: End,
    pub(crate) ws: Session<R>,
    rx: RecvBuffer<Vec<u8>>,
    pub(super) tx: SendBuffer<Vec<u8>>,
    /// Messages are received whole, or in pieces that are joined here.
    assembler: Option<Assembler<Vec<u8>>>,
    pieces: Vec<u8>,
    pub(crate) times: Times,
    pub(crate) own: Own,
    pub(crate) over: Option<Ending>,
    /// The number of the next message to send, once the session is open.
    pub(super) next: Option<u64>,
    pub(super) open: Option<Open>,
    /// A send has found no masking key.
    pub(crate) lacks_keys: bool,
    /// The code of the Close to send.
    pub(crate) close: Option<CloseCode>,
    pub(crate) is_mute: bool,
    pub(crate) read_paused_until: u64,
    pub(super) paused_until: u64,
    pub(crate) wake_at: u64,
    grain: usize,
    has_marks: bool,
}

impl<R: WholeRole> WholeSide<R> {
    pub(crate) fn new(
        net: &mut Net,
        end: End,
        ws: Session<R>,
        tx: SendBuffer<Vec<u8>>,
        mut times: Times,
        is_calm: bool,
    ) -> Self {
        let rng = &mut net.rng;
        let assembler = rng.bool().then(|| Assembler::new(Vec::new()));
        times.has_pieces = assembler.is_none();
        let grains = if rng.u8(..8) == 0 { 0..4 } else { 8..17 };
        Self {
            end,
            ws,
            rx: RecvBuffer::new(Vec::new()),
            tx,
            times,
            assembler,
            pieces: Vec::new(),
            own: Own::default(),
            over: None,
            next: None,
            open: None,
            lacks_keys: false,
            close: None,
            is_mute: false,
            read_paused_until: 0,
            paused_until: 0,
            wake_at: u64::MAX,
            grain: 1 << rng.u32(grains),
            has_marks: !is_calm,
        }
    }

    /// The output of a new session. Two ends that both stop reading can block each other until a
    /// deadline expires, so without faults they do not stop.
    pub(crate) fn output(is_calm: bool) -> SendBuffer<Vec<u8>> {
        let high = if is_calm { usize::MAX } else { HIGH };
        SendBuffer::with_marks(Vec::new(), high / 2, high)
    }

    /// Turns the loop until it sleeps; returns whether the session has opened.
    pub(crate) fn step(&mut self, net: &mut Net, talk: &mut Talk<'_>) -> bool {
        let was_open = self.next.is_some();
        let mut idle = 0;
        while self.over.is_none() {
            let before = (self.tx.len(), self.ws.state());
            let turned = self.turn(net, talk);
            let is_progress =
                turned != Turned::Nothing || before != (self.tx.len(), self.ws.state());
            idle = if is_progress { 0 } else { idle + 1 };
            assert!(idle <= MOST_IDLE_TURNS, "the loop spins: {:?}", self.ws.deadline());
            let is_asked = self.ws.deadline().is_some_and(|at| at <= net.clock(self.end));
            let is_paused = net.now < self.read_paused_until;
            if turned != Turned::Read && (!is_asked || is_paused) {
                break;
            }
        }
        if self.over.is_none() {
            let reads = self.ws.wants_read() && net.now >= self.read_paused_until;
            self.times.check(net.clock(self.end), reads, self.ws.deadline());
            self.sleep(net, talk);
        }
        self.times.is_late = false;
        self.next.is_some() && !was_open
    }

    /// One turn of the loop.
    fn turn(&mut self, net: &mut Net, talk: &mut Talk<'_>) -> Turned {
        let now = net.clock(self.end);
        self.ws.pause(net.now < self.read_paused_until);
        let mut is_progress = self.events(net, talk, now);
        is_progress |= self.send(net, talk, now);
        self.own.has_closed = matches!(self.ws.state(), State::LocalClosed | State::Closed);
        let most = HIGH + TURN;
        assert!(
            self.tx.len() <= most || !self.has_marks,
            "S6: {} of {most} bytes are unsent",
            self.tx.len()
        );
        if self.is_mute {
            let n = self.tx.len();
            self.tx.sent(n);
            self.times.wrote(now, n, 0);
        }
        let grain = if net.rng.u8(..4) == 0 { usize::MAX } else { self.grain };
        let unsent = self.tx.len();
        let Some(n) = net.write(self.end, self.tx.unsent(), grain) else {
            net.counts.one(Count::Resets);
            self.end(net, Ending::Reset);
            return Turned::Wrote;
        };
        self.tx.sent(n);
        self.times.wrote(now, n, self.tx.len());
        if unsent > 0 {
            let is_part = n > 0 && n < unsent;
            net.counts.add(Count::WritesInPart, usize::from(is_part));
            net.counts.add(Count::WritesBlocked, usize::from(n == 0));
        }
        self.times.state(now, self.ws.state());
        match self.ws.transport_action(&self.tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => {
                assert!(self.tx.is_empty() || self.is_mute);
                net.counts.one(Count::HalfCloseActions);
                net.shutdown(self.end);
            }
            TransportAction::Drop => {
                self.end(net, Ending::TransportAction);
                return Turned::Wrote;
            }
        }
        if self.read(net, now) {
            Turned::Read
        } else if is_progress || n > 0 {
            Turned::Wrote
        } else {
            Turned::Nothing
        }
    }

    fn read(&mut self, net: &mut Net, now: Duration) -> bool {
        if net.now < self.read_paused_until {
            return false;
        }
        if !self.ws.wants_read() {
            net.counts.one(Count::ReadsStopped);
            return false;
        }
        let spare = self.rx.spare_mut();
        assert!(!spare.is_empty(), "no space for a read");
        let n = match net.read(self.end, spare) {
            Read::Bytes(n) => n,
            Read::Eof => 0,
            Read::Later => {
                self.times.found_nothing(net.now);
                return false;
            }
            Read::Reset => {
                self.end(net, Ending::Reset);
                return true;
            }
        };
        if n > 0 {
            net.note(self.end, What::Read(n));
            self.times.received(now);
        }
        self.rx.advance(n);
        true
    }

    fn events(&mut self, net: &mut Net, talk: &mut Talk<'_>, now: Duration) -> bool {
        let (mut has_any, mut is_last) = (false, self.own.failed.is_some());
        loop {
            let was_over = self.tx.is_over_mark();
            let before = (self.own.received, self.own.failed);
            let Self { ws, rx, tx, assembler, .. } = self;
            let head = if let Some(assembler) = assembler {
                match ws.receive_message(rx, assembler, tx, now) {
                    None => break,
                    Some(SessionEvent::Data(message)) => {
                        assert!(!was_over, "S6: a message while the peer does not read");
                        Self::message(message, &mut self.own, self.end, net, talk);
                        None
                    }
                    Some(event) => {
                        let seen = R::open(ws, &event, tx, talk, net, now);
                        Self::control(event, &mut self.own, self.end, net);
                        seen
                    }
                }
            } else {
                match ws.receive(rx, tx, now) {
                    None => break,
                    Some(SessionEvent::Data(data)) => {
                        assert!(!was_over, "S6: a chunk while the peer does not read");
                        assert!(data.first != self.times.is_inside, "{data:?}");
                        self.pieces.extend_from_slice(data.payload);
                        self.times.is_inside = !data.fin;
                        if data.fin {
                            let whole = std::mem::take(&mut self.pieces);
                            let message = match data.kind {
                                Kind::Text => Message::Text(str::from_utf8(&whole).expect("UTF-8")),
                                Kind::Binary => Message::Binary(&whole),
                            };
                            Self::message(message, &mut self.own, self.end, net, talk);
                        }
                        None
                    }
                    Some(event) => {
                        let seen = R::open(ws, &event, tx, talk, net, now);
                        Self::control(event, &mut self.own, self.end, net);
                        seen
                    }
                }
            };
            has_any = true;
            assert!(!is_last, "S10: an event after the last one");
            if let Some(seen) = head {
                self.opened(seen, net, now);
            }
            if self.own.received > before.0 {
                self.times.message(now);
            } else if self.own.failed == before.1 {
                self.times.frame();
            }
            if self.own.failed != before.1 {
                is_last = true;
                self.failed(net, now);
            }
        }
        let has_unread = !self.rx.is_empty();
        let is_partial = self.times.is_inside || has_unread;
        self.times.partial(now, self.next.is_some() && is_partial);
        has_any
    }

    fn opened(&mut self, seen: u64, net: &mut Net, now: Duration) {
        self.next = Some(seen + 1);
        self.times.open(now);
        net.note(self.end, What::Opened { seen, deflate: false });
        net.counts.one(Count::Opened);
    }

    fn message(message: Message<'_>, own: &mut Own, end: End, net: &mut Net, talk: &mut Talk<'_>) {
        talk.incoming.seen += 1;
        own.received += 1;
        let (kind, payload) = talk.incoming.message(talk.incoming.seen);
        assert_eq!(message.kind(), kind);
        assert!(message.as_bytes() == payload, "message {} differs", talk.incoming.seen);
        net.note(end, What::Received { seq: talk.incoming.seen, len: payload.len() });
        net.counts.one(Count::Messages);
    }

    fn control<D>(event: SessionEvent<'_, D>, own: &mut Own, end: End, net: &mut Net) {
        match event {
            // That of a deadline is empty.
            SessionEvent::Ping(payload) if payload.is_empty() => {}
            SessionEvent::Ping(payload) => {
                own.received_ping += 1;
                assert_eq!(content::ping_number(&payload), own.received_ping);
            }
            SessionEvent::Pong(payload) if payload.is_empty() => net.counts.one(Count::Pongs),
            SessionEvent::Pong(payload) => {
                let number = content::ping_number(&payload);
                assert!(number > own.received_pong);
                own.received_pong = number;
            }
            SessionEvent::Close(close) => {
                let code = close.map_or(CloseCode::NO_STATUS, |close| close.code);
                net.note(end, What::Close(code.as_u16()));
                assert!(own.received_close.replace(code).is_none(), "a second Close");
            }
            SessionEvent::Failed(failure) => own.failed = Some(failure),
            _ => {}
        }
    }

    /// The failure was just reported.
    fn failed(&mut self, net: &mut Net, now: Duration) {
        self.own.tells = !self.own.has_closed;
        match self.own.failed {
            Some(Failure::Expired(reason)) => {
                net.note(self.end, What::Expired(reason));
                net.counts.one(match reason {
                    Reason::Handshake => Count::ExpiredHandshakes,
                    Reason::Pong => Count::ExpiredPongs,
                    Reason::Idle => Count::ExpiredIdle,
                    Reason::Message => Count::ExpiredMessages,
                    Reason::Write => Count::ExpiredWrites,
                    _ => Count::ExpiredCloses,
                });
                self.times.expired(now, reason);
                // S4: the last read found nothing, and that was just now.
                let is_silent = !net.is_readable(self.end) || self.times.is_recent(net.now);
                assert!(is_silent || !self.ws.wants_read(), "S4: {reason:?} before a read");
            }
            Some(Failure::Protocol(error)) => {
                net.note(self.end, What::Failed(error));
                net.counts.one(Count::FailedConnections);
            }
            Some(Failure::Send(SendError::NoMaskingKey)) => net.counts.one(Count::KeysThatFail),
            other => panic!("{other:?}"),
        }
    }

    /// Drops the transport.
    pub(crate) fn end(&mut self, net: &mut Net, ending: Ending) {
        if self.over.is_none() {
            net.note(self.end, What::Over(ending));
            net.close(self.end);
            self.over = Some(ending);
        }
    }

    /// Schedules the next step: a deadline, a read, a write, or the next message.
    fn sleep(&mut self, net: &mut Net, talk: &Talk<'_>) {
        let soon = |wanted: bool| wanted.then_some(net.now + 1);
        let reads = soon(self.ws.wants_read() && net.is_readable(self.end));
        let resumes = Some(self.read_paused_until).filter(|at| *at > net.now);
        let wakes = [
            self.ws.deadline().map(|at| net.when(self.end, at)),
            reads,
            resumes,
            soon(!self.tx.is_empty() && net.is_writable(self.end)),
            self.next_send(talk).map(|at| at.max(net.now + 1)),
        ];
        if let Some(at) = wakes.into_iter().flatten().min() {
            self.wake(net, at.max(net.now + 1));
        }
    }

    /// Schedules a step at `at`, unless an earlier one is scheduled.
    pub(crate) fn wake(&mut self, net: &mut Net, at: u64) {
        if at < self.wake_at && self.over.is_none() {
            self.wake_at = at;
            net.at(at, Event::Wake(self.end));
        }
    }
}
