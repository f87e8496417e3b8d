//! The limits of the session's clock, to the millisecond: 3 ms from an expired deadline to the verdict,
//! 200 ms after which a verdict is adjourned, 8 adjournments.

use std::time::Duration;

use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session, SessionEvent};
use barews::{Config, Connection, RecvBuffer, SendBuffer, Server, TransportAction};

use crate::turn::masked;

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A session that opened at 0.
struct Line {
    ws: Session<Server>,
    rx: RecvBuffer<Vec<u8>>,
    tx: SendBuffer<Vec<u8>>,
}

impl Line {
    fn new(timeouts: Timeouts) -> Self {
        let ws = Session::opened(Connection::server(Config::new()), timeouts, at(0));
        Self { ws, rx: RecvBuffer::new(Vec::new()), tx: SendBuffer::new(Vec::new()) }
    }

    /// The next deadline in milliseconds, or the reason why the session has expired.
    fn tick(&mut self, now: u64) -> Result<u64, Reason> {
        loop {
            match self.ws.receive(&mut self.rx, &mut self.tx, at(now)) {
                Some(SessionEvent::Failed(Failure::Expired(reason))) => return Err(reason),
                Some(SessionEvent::Data(_)) => {}
                Some(event) => panic!("{event:?}"),
                None => break,
            }
        }
        Ok(self.ws.deadline().map_or(u64::MAX, |at| at.as_millis().try_into().unwrap()))
    }

    /// Reads, and nothing is there.
    fn read(&mut self) {
        assert!(!self.rx.spare_mut().is_empty());
    }

    fn read_and_tick(&mut self, now: u64) -> Result<u64, Reason> {
        self.read();
        self.tick(now)
    }

    /// Receives `bytes` in a read that fills the space, so that more may be there.
    fn fill(&mut self, bytes: &[u8]) {
        _ = self.rx.grow(vec![0; self.rx.len() + bytes.len()]);
        self.rx.spare_mut().copy_from_slice(bytes);
        self.rx.advance(bytes.len());
    }
}

fn idle() -> Line {
    let mut line = Line::new(Timeouts::none().idle_within(Some(at(100))));
    assert_eq!(line.tick(0), Ok(100));
    assert_eq!(line.tick(100), Ok(103));
    line
}

#[test]
fn a_verdict_is_spoken_up_to_200_ms_late() {
    assert_eq!(idle().read_and_tick(102), Ok(103));
    assert_eq!(idle().read_and_tick(103), Err(Reason::Idle));
    assert_eq!(idle().read_and_tick(303), Err(Reason::Idle));
    let mut line = idle();
    assert_eq!(line.read_and_tick(304), Ok(307));
    assert_eq!(line.read_and_tick(307), Err(Reason::Idle));
}

#[test]
fn a_verdict_is_adjourned_8_times() {
    let (mut line, mut due) = (idle(), 103);
    for _ in 0..8 {
        let next = due + 201 + 3;
        assert_eq!(line.read_and_tick(due + 201), Ok(next));
        due = next;
    }
    assert_eq!(line.read_and_tick(due + 201), Err(Reason::Idle));
}

/// A caller that neither reads nor receives is asked 8 times.
#[test]
fn a_read_is_asked_for_8_times() {
    let (mut line, mut due) = (idle(), 103);
    for _ in 0..8 {
        assert_eq!(line.tick(due), Ok(due + 3));
        due += 3;
    }
    assert_eq!(line.tick(due), Err(Reason::Idle));
}

/// As long as more arrives than a read takes, the end of it may be among what is not read.
#[test]
fn nobody_expires_in_the_middle_of_what_arrives() {
    let mut line = Line::new(Timeouts::none().message_within(Some(at(1000))));
    let frame = masked(0x82, &[7; 1000]);
    line.fill(&frame[..10]);
    assert_eq!(line.tick(0), Ok(1000));
    line.fill(&frame[10..20]);
    assert_eq!(line.tick(1000), Ok(1003));
    let mut now = 1003;
    for part in frame[20..].chunks(10).take(50) {
        line.fill(part);
        assert_eq!(line.tick(now), Ok(now + 3));
        now += 3;
    }
    assert_eq!(line.read_and_tick(now), Err(Reason::Message));
}

fn inside(now: u64) -> Line {
    let mut line = Line::new(Timeouts::none().message_within(Some(at(1000))));
    line.fill(&masked(0x02, b"begins"));
    assert_eq!(line.tick(now), Ok(now + 1000));
    line
}

/// A deadline that was noticed later than by 200 ms was that of a standstill, which a message is forgiven
/// 8 times.
#[test]
fn a_standstill_is_longer_than_200_ms_and_forgiven_8_times() {
    let mut line = inside(0);
    line.fill(&masked(0x00, b"more"));
    assert_eq!(line.tick(1200), Ok(1203));

    let (mut line, mut now, mut due) = (inside(0), 0, 1000);
    for _ in 0..8 {
        line.fill(&masked(0x00, b"more"));
        let still = due + 201 - now;
        (now, due) = (due + 201, due + still);
        assert_eq!(line.tick(now), Ok(due));
    }
    line.fill(&masked(0x00, b"more"));
    now = due + 201;
    assert_eq!(line.tick(now), Ok(now + 3));
}

/// The deadline that was announced is met while another one passes, one millisecond after it.
#[test]
fn a_verdict_is_on_what_had_passed_when_it_was_announced() {
    for (idle, then) in [(100, Err(Reason::Idle)), (101, Ok(106))] {
        let timeouts = Timeouts::none().write_within(Some(at(100))).idle_within(Some(at(idle)));
        let mut line = Line::new(timeouts);
        line.ws.send_text("a", &mut line.tx).unwrap();
        assert_eq!(line.tick(0), Ok(100));
        assert_eq!(line.tick(100), Ok(103));
        line.tx.sent(line.tx.len());
        assert_eq!(line.read_and_tick(103), then, "{idle}");
    }
}

/// Progress starts the time for the rest anew, whether the caller asks for the transport's action after
/// the write or not.
#[test]
fn blocked_output_that_progresses_has_its_time_again() {
    for asks in [true, false] {
        let mut line = Line::new(Timeouts::none().write_within(Some(at(100))));
        line.ws.send_text("output", &mut line.tx).unwrap();
        assert_eq!(line.tick(0), Ok(100));
        line.tx.unsent();
        line.tx.sent(1);
        if asks {
            line.ws.transport_action(&line.tx);
        }
        assert_eq!(line.tick(90), Ok(190), "{asks}");
        assert_eq!(line.tick(91), Ok(190), "{asks}");
    }
}

/// The same, when another process goes on with the session before the next call.
#[test]
fn blocked_output_that_progresses_has_its_time_again_after_a_hand_over() {
    let timeouts = Timeouts::none().write_within(Some(at(100)));
    let mut line = Line::new(timeouts);
    line.ws.send_text("output", &mut line.tx).unwrap();
    assert_eq!(line.tick(0), Ok(100));
    line.tx.unsent();
    line.tx.sent(1);
    line.ws.transport_action(&line.tx);
    let mut sealed = [0; Session::<Server>::MAX_SEALED_LEN];
    let n = line.ws.seal(at(90), &mut sealed).unwrap();
    let mut tx = SendBuffer::new(Vec::new());
    tx.push(line.tx.unsent()).unwrap();
    line.ws =
        Session::unseal_server(Config::new(), timeouts, &sealed[..n], &mut tx, at(90)).unwrap();
    line.tx = tx;
    assert_eq!(line.tick(90), Ok(190));
}

/// Neither an output over its mark nor a pause is passed by a message that is here whole, the first one
/// of a read or a later one.
#[test]
fn a_whole_message_waits_for_the_output_and_for_the_end_of_a_pause() {
    for len in [0, 3, 8, 16, 125, 1000] {
        for before in [0, 1, 2] {
            let message = masked(0x82, &vec![7; len]);
            let mut line = Line::new(Timeouts::none());
            line.tx = SendBuffer::with_marks(Vec::new(), 0, 10);
            line.fill(&message.repeat(before + 1));
            for _ in 0..before {
                let event = line.ws.receive(&mut line.rx, &mut line.tx, at(0));
                assert!(
                    matches!(event, Some(SessionEvent::Data(data)) if data.payload.len() == len)
                );
            }
            line.ws.send_text("more than the mark", &mut line.tx).unwrap();
            assert_eq!(line.tick(0), Ok(u64::MAX));
            assert_eq!(line.rx.len(), message.len(), "{len} {before}");
            line.tx.sent(line.tx.len());
            line.ws.pause(true);
            assert_eq!(line.tick(0), Ok(u64::MAX));
            assert_eq!(line.rx.len(), message.len(), "{len} {before}");
            line.ws.pause(false);
            assert_eq!(line.tick(0), Ok(u64::MAX));
            assert_eq!(line.rx.len(), 0, "{len} {before}");
        }
    }
}

/// An idle session is closed in order: the peer has time to receive the Close and to end the transport.
#[test]
fn an_idle_session_awaits_the_end_of_the_transport() {
    let timeouts = Timeouts::none().idle_within(Some(at(100))).close_within(Some(at(500)));
    let mut line = Line::new(timeouts);
    assert_eq!(line.tick(100), Ok(103));
    assert_eq!(line.read_and_tick(103), Err(Reason::Idle));
    assert_eq!(line.tx.unsent(), b"\x88\x02\x03\xE9");
    assert_eq!(line.ws.transport_action(&line.tx), TransportAction::Keep);
    line.tx.sent(4);
    assert_eq!(line.ws.transport_action(&line.tx), TransportAction::HalfClose);
    assert_eq!(line.ws.transport_action(&line.tx), TransportAction::AwaitEnd);
    assert_eq!(line.tick(103), Ok(603));
}

/// In whole milliseconds, and never 0, which would be no timeout for a socket.
#[test]
fn the_timeout_is_the_time_until_the_deadline() {
    let mut line = Line::new(Timeouts::none().idle_within(Some(at(100))));
    assert_eq!(line.ws.timeout(at(0)), Some(at(100)));
    assert_eq!(line.ws.timeout(at(99)), Some(at(1)));
    assert_eq!(line.ws.timeout(at(101)), Some(at(1)));
    assert_eq!(Line::new(Timeouts::none()).ws.timeout(at(0)), None);
    line.ws.send_text("a", &mut line.tx).unwrap();
    line.ws.transport_action(&line.tx);
    assert_eq!(line.ws.timeout(at(50)), Some(at(1)));
}

/// While output holds the session back, no deadline but that of the output counts. When it has left, all
/// count again at once, although the loop has nothing else to wake up for.
#[test]
fn what_output_has_held_back_goes_on_when_it_has_left() {
    let timeouts = Timeouts::none().ping_after(Some(at(1000)));
    for (high, sent) in [(4, 6), (4, 8), (1000, 8)] {
        let mut line = Line::new(timeouts);
        line.tx = SendBuffer::with_marks(Vec::new(), 2, high);
        line.ws.send_text("output", &mut line.tx).unwrap();
        // The caller writes, and does not read before all is written.
        line.tx.unsent();
        assert_eq!(line.tick(1), Ok(u64::MAX), "{high} {sent}");
        line.tx.sent(sent);
        line.ws.transport_action(&line.tx);
        assert_eq!(line.ws.deadline(), Some(at(0)), "{high} {sent}");
        line.tx.sent(8);
        assert_eq!(line.tick(302), Ok(1000), "{high} {sent}");
    }
}
