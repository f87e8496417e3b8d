//! `pause`, and the end of the transport, as a relay needs them.

use std::time::Duration;

use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session};
use barews::{CloseCode, Config, Error, RecvBuffer, SendBuffer, Server, TransportAction};

use crate::turn::{End, REQUEST, Seen, masked, open_server, plain, secs, server};

#[test]
fn s6_a_paused_session_delivers_and_reads_nothing() {
    let mut end = open_server();
    let frames = [masked(0x81, b"one"), masked(0x89, b"ping"), masked(0x01, b"two")].concat();
    // On the fast path, on the slow path, and inside a frame.
    for cut in 0..frames.len() {
        let (before, after) = frames.split_at(cut);
        end.receive(before);
        end.ws.pause(true);
        let seen = end.take_seen();
        assert!(!end.ws.wants_read());
        end.rx.spare_mut()[..after.len()].copy_from_slice(after);
        end.rx.advance(after.len());
        end.receive(b"");
        assert!(!end.ws.wants_read() && end.seen.is_empty() && end.rx.len() >= after.len());
        end.ws.pause(false);
        assert!(end.ws.wants_read());
        end.turns();
        let mut payload = Vec::new();
        for seen in seen.into_iter().chain(end.take_seen()) {
            match seen {
                Seen::Data { payload: more, .. } => payload.extend(more),
                Seen::Ping(ping) => assert_eq!(ping, b"ping"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(payload, b"onetwo", "{cut}");
        assert_eq!(end.take_written(), plain(0x8A, b"ping"));
        end.receive(&masked(0x80, b""));
        assert_eq!(end.take_seen(), [Seen::data(b"")]);
    }
}

/// The first message has come with the request.
#[test]
fn s6_a_session_that_is_paused_before_it_opens_delivers_no_message() {
    let mut end = server();
    end.ws.pause(true);
    let bytes = [REQUEST.as_bytes(), &masked(0x81, b"one"), &masked(0x82, b"two")].concat();
    end.rx.push(&bytes).unwrap();
    end.turns();
    assert_eq!(end.take_seen(), [Seen::Upgrade("/chat".to_owned())]);
    end.ws.pause(false);
    end.turns();
    assert_eq!(end.take_seen(), [Seen::data(b"one"), Seen::data(b"two")]);
}

#[test]
fn s6_a_paused_session_is_paused_in_another_process() {
    let (mut end, now) = (open_server(), Duration::ZERO);
    end.ws.pause(true);
    let mut sealed = [0; Session::<Server>::MAX_SEALED_LEN];
    let n = end.ws.seal(now, &mut sealed).unwrap();
    let tx = &mut end.tx;
    let (config, timeouts) = (Config::new(), Timeouts::new());
    end.ws = Session::unseal_server(config, timeouts, &sealed[..n], tx, now).unwrap();
    end.rx.push(&masked(0x81, b"one")).unwrap();
    end.turns();
    assert_eq!(end.take_seen(), []);
    end.ws.pause(false);
    end.turns();
    assert_eq!(end.take_seen(), [Seen::data(b"one")]);
}

/// `read_with` reports the end that its closure has read, and not its error.
#[test]
fn s7_a_read_of_nothing_ends_the_transport() {
    let mut end = open_server();
    assert_eq!(end.rx.read_with(|_| Err("blocked")), Err("blocked"));
    end.turns();
    assert!(end.ws.wants_read() && end.take_seen().is_empty());
    assert_eq!(end.rx.read_with(|_| Ok::<_, ()>(0)), Ok(0));
    end.events();
    assert!(!end.ws.wants_read());
    assert_eq!(end.take_seen(), [Seen::Failed(Failure::Protocol(Error::UnexpectedEof))]);
}

/// While nothing is delivered, the peer cannot be heard: only blocked output expires.
#[test]
fn s6_a_paused_session_is_not_idle_but_its_output_expires() {
    let mut end = open_server();
    end.receive(&masked(0x01, b"begins"));
    end.ws.pause(true);
    end.sleep_until(secs(100_000));
    assert_eq!((end.take_seen().len(), end.take_written().len()), (1, 0));
    end.transport.window = 0;
    end.ws.send_text("not read", &mut end.tx).unwrap();
    end.sleep_until(secs(100_040));
    assert_eq!(end.take_seen(), [Seen::Failed(Failure::Expired(Reason::Write))]);
    assert!(end.transport.is_dropped);
}

#[test]
fn s7_the_close_deadline_of_a_paused_session_expires() {
    let mut end = open_server();
    end.ws.pause(true);
    end.ws.close(CloseCode::NORMAL, "", &mut end.tx, end.now).unwrap();
    end.sleep_until(secs(11));
    assert_eq!(end.take_seen(), [Seen::Failed(Failure::Expired(Reason::Close))]);
    assert!(end.transport.is_dropped);
}

/// A relay queues nothing on the side that receives, so the output there is no reason to stop.
#[test]
fn s6_a_high_mark_that_is_never_reached_stops_nothing() {
    let ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
    let tx = SendBuffer::with_marks(Vec::new(), 0, usize::MAX);
    let mut end = End::new(ws, RecvBuffer::new(Vec::new()), tx);
    end.open();
    end.transport.window = 0;
    end.ws.send_binary(&vec![0; 100_000], &mut end.tx).unwrap();
    end.receive(&masked(0x81, b"read all the same"));
    assert_eq!(end.seen, [Seen::data(b"read all the same")]);
}

/// The peer ends its direction after its Close, which is to be answered by somebody else: until then
/// there is nothing to read, and a loop that read would spin.
#[test]
fn s7_after_the_end_of_the_transport_there_is_nothing_to_read() {
    let ws = Session::server(Config::new().auto_close(false), Timeouts::new(), Duration::ZERO);
    let mut end = End::new(ws, RecvBuffer::new(Vec::new()), SendBuffer::new(Vec::new()));
    end.open();
    end.receive(&masked(0x88, b""));
    assert!(end.ws.wants_read());
    end.ends();
    assert_eq!(end.seen, [Seen::Close(None)]);
    assert!(!end.ws.wants_read());
    assert_eq!(end.ws.transport_action(&end.tx), TransportAction::Keep);
    end.ws.close(CloseCode::NO_STATUS, "", &mut end.tx, end.now).unwrap();
    end.turns();
    assert_eq!(end.take_written(), plain(0x88, b""));
    assert!(end.transport.is_dropped);
}
