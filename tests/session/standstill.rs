//! S4: a process that stands still gives up nobody whose bytes are here.

use std::time::Duration;

use barews::handshake::Error;
use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session, SessionEvent};
use barews::{CloseCode, Config, Connection, RecvBuffer, SendBuffer, Server};

use crate::deadlines::expired;
use crate::turn::{End, REQUEST, Seen, masked, open_server, secs, server, server_with};

/// The process stands still for longer than every deadline, while the peer's bytes arrive.
#[test]
fn s4_a_standstill_gives_nobody_up_whose_bytes_are_here() {
    for at in [secs(20), secs(31), secs(49), Duration::from_millis(50_001)] {
        for still in [secs(1), secs(30), secs(100), secs(100_000)] {
            let mut end = open_server();
            end.sleep_until(at);
            // The answer arrives while the process stands still.
            end.transport.incoming.extend(masked(0x8A, b""));
            end.stopped_until(at + still);
            end.sleep_until(at + still + secs(1));
            assert_eq!(end.seen, [Seen::Pong(vec![])], "{at:?} {still:?}");
        }
    }
}

#[test]
fn s4_a_standstill_in_the_opening_handshake() {
    let mut end = server();
    end.receive(&REQUEST.as_bytes()[..20]);
    end.transport.incoming.extend(REQUEST.as_bytes()[20..].iter());
    end.stopped_until(secs(1000));
    end.sleep_until(secs(1001));
    assert_eq!(end.seen, [Seen::Upgrade("/chat".to_owned())]);
}

#[test]
fn s4_a_standstill_inside_a_message() {
    let mut end = open_server();
    let frame = masked(0x82, &vec![7; 60_000]);
    end.receive(&frame[..10]);
    end.transport.incoming.extend(&frame[10..]);
    end.stopped_until(secs(1000));
    end.sleep_until(secs(1001));
    let Some(Seen::Data { fin: true, .. }) = end.seen.last() else { panic!("{:?}", end.seen) };
    // Still, a message that does not end is not waited for.
    end.receive(&frame[..10]);
    end.stopped_until(secs(2000));
    end.sleep_until(secs(2001));
    assert_eq!(end.seen.last(), Some(&expired(Reason::Message)));
}

/// The peer can send only as much as the transport holds while the process stands still.
#[test]
fn s4_a_standstill_inside_a_message_that_the_transport_does_not_hold() {
    let mut end = open_server();
    let frame = masked(0x82, &vec![7; 60_000]);
    end.receive(&frame[..10]);
    end.transport.incoming.extend(&frame[10..1000]);
    end.stopped_until(secs(1000));
    end.sleep_until(secs(1010));
    end.receive(&frame[1000..]);
    let Some(Seen::Data { fin: true, .. }) = end.seen.last() else { panic!("{:?}", end.seen) };
}

/// The output was blocked, and the peer reads while the process stands still.
#[test]
fn s4_a_standstill_with_blocked_output() {
    let mut end = open_server();
    end.transport.window = 0;
    end.ws.send_text("waits", &mut end.tx).unwrap();
    end.sleep_until(secs(10));
    end.transport.window = usize::MAX;
    end.transport.incoming.extend(masked(0x8A, b""));
    end.stopped_until(secs(1000));
    end.sleep_until(secs(1001));
    assert_eq!(end.seen, [Seen::Pong(vec![])]);
}

/// Two standstills, the second one just before the verdict.
#[test]
fn s4_a_standstill_before_the_verdict() {
    let mut end = open_server();
    end.sleep_until(secs(40));
    end.now = secs(100);
    assert!(end.ws.receive(&mut end.rx, &mut end.tx, end.now).is_none());
    assert_eq!(end.rx.spare_mut().len(), 1024);
    end.transport.incoming.extend(masked(0x8A, b""));
    end.stopped_until(secs(200));
    end.sleep_until(secs(201));
    assert_eq!(end.seen, [Seen::Pong(vec![])]);
}

/// A read into a full buffer does not show that nothing is here.
#[test]
fn s4_a_full_buffer_is_no_silence() {
    let mut end =
        server_with(Config::new(), Timeouts::new(), vec![0; 64].into(), vec![0; 512].into());
    let end: &mut End<Server, Box<[u8]>> = &mut end;
    end.receive(&REQUEST.as_bytes()[..20]);
    end.now = secs(11);
    assert!(end.ws.receive(&mut end.rx, &mut end.tx, end.now).is_none());
    end.rx.spare_mut().copy_from_slice(&REQUEST.as_bytes()[20..64]);
    end.rx.advance(44);
    assert_eq!(end.rx.spare_mut(), []);
    end.stopped_until(secs(11) + Duration::from_millis(10));
    assert_eq!(end.seen, [Seen::Failed(Failure::Handshake(Error::HeadTooLong))]);
}

/// The verdict on blocked output, which has left since, is none on another deadline: that has passed
/// only now, and the caller is first told to read.
#[test]
fn s4_each_deadline_has_its_own_verdict() {
    let at = Duration::from_millis;
    let timeouts = Timeouts::none().write_within(Some(at(100))).idle_within(Some(at(102)));
    let mut ws = Session::opened(Connection::server(Config::new()), timeouts, at(0));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 64]), SendBuffer::new([0; 64]));
    ws.send_text("a", &mut tx).unwrap();
    for (now, deadline) in [(0, 100), (100, 103)] {
        assert!(ws.receive(&mut rx, &mut tx, at(now)).is_none());
        assert_eq!(ws.deadline(), Some(at(deadline)));
    }
    tx.sent(tx.len());
    for (now, deadline) in [(103, 106), (106, 0)] {
        assert!(!rx.spare_mut().is_empty());
        let event = ws.receive(&mut rx, &mut tx, at(now));
        if deadline == 0 {
            let idle = Failure::Expired(Reason::Idle);
            assert!(matches!(event, Some(SessionEvent::Failed(failure)) if failure == idle));
        } else {
            assert!(event.is_none(), "{event:?}");
            assert_eq!(ws.deadline(), Some(at(deadline)));
        }
    }
}

/// A turn that writes, but does not read, shows nothing about what is here.
#[test]
fn s4_a_write_is_no_read() {
    let mut end = open_server();
    end.transport.window = 0;
    end.ws.close(CloseCode::GOING_AWAY, "", &mut end.tx, end.now).unwrap();
    end.turns();
    end.transport.incoming.extend(masked(0x88, &1001_u16.to_be_bytes()));
    for millis in [11_000, 11_005] {
        end.now = Duration::from_millis(millis);
        assert!(end.ws.receive(&mut end.rx, &mut end.tx, end.now).is_none());
        end.tx.unsent();
        end.tx.sent(1);
    }
    end.transport.window = usize::MAX;
    end.turns();
    assert_eq!(end.seen, [Seen::Close(Some(1001))]);
}
