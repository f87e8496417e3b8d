//! S1: the opening handshake, on both sides.

use std::time::Duration;

use barews::handshake::client::Handshake;
use barews::handshake::{BuildError, Error};
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    Config, Connection, ControlOrder, Delivery, RecvBuffer, SendBuffer, SendError, TransportAction,
};

use crate::turn::{End, KEY, Keys, REQUEST, Seen, client, masked, open_server, plain, server};
use crate::turn::{secs, server_with};

const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

const NONCE: [u8; 16] = *b"the sample nonce";

#[test]
fn s1_a_head_in_two_pieces_at_every_cut_with_frames_after_it() {
    let bytes = [REQUEST.as_bytes(), &masked(0x81, b"hi"), &masked(0x89, b"p")].concat();
    for cut in 0..=bytes.len() {
        let config = Config::new().delivery(Delivery::Frames).control_order(ControlOrder::Wire);
        let mut end = server_with(config, Timeouts::new(), vec![], vec![]);
        end.receive(&bytes[..cut]);
        end.receive(&bytes[cut..]);
        let upgrade = Seen::Upgrade("/chat".to_owned());
        assert_eq!(end.seen, [upgrade, Seen::data(b"hi"), Seen::Ping(b"p".to_vec())], "{cut}");
        let written = end.take_written();
        assert!(written.starts_with(b"HTTP/1.1 101 ") && written.ends_with(b"\r\n\r\n\x8a\x01p"));
    }
}

#[test]
fn s1_need_more_counts_the_bytes_of_a_head() {
    let mut end = server();
    for n in 0..REQUEST.len() {
        assert_eq!(end.seen, []);
        assert!(end.rx.need_more() <= REQUEST.len() - n, "{n}");
        end.receive(&REQUEST.as_bytes()[n..=n]);
    }
    assert_eq!(end.seen.len(), 1);
}

#[test]
fn s1_a_head_that_cannot_fit_is_answered_with_431() {
    let mut end = server_with(Config::new(), Timeouts::new(), vec![0; 64].into(), block(512));
    end.receive(REQUEST.as_bytes());
    assert_eq!(end.ws.deadline(), Some(secs(0)));
    end.sleep_until(secs(0));
    assert_eq!(end.seen, [Seen::Failed(Failure::Handshake(Error::HeadTooLong))]);
    assert!(end.take_written().starts_with(b"HTTP/1.1 431 "));
    assert!(end.transport.is_half_closed && !end.transport.is_dropped);
    end.ends();
    assert!(end.transport.is_dropped);
}

fn block(len: usize) -> Box<[u8]> {
    vec![0; len].into_boxed_slice()
}

/// A caller with pooled buffers swaps in a longer one when `need_more` asks for it.
#[test]
fn s1_a_full_buffer_can_be_replaced_before_the_session_fails() {
    let mut ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new(block(64)), SendBuffer::new(block(512)));
    rx.spare_mut().copy_from_slice(&REQUEST.as_bytes()[..64]);
    rx.advance(64);
    assert!(ws.receive(&mut rx, &mut tx, secs(0)).is_none());
    let needed = rx.reserve(rx.need_more()).unwrap_err().needed;
    assert!(needed > 64 && needed <= REQUEST.len());
    rx.grow(block(1024)).unwrap();
    let rest = &REQUEST.as_bytes()[64..];
    rx.spare_mut()[..rest.len()].copy_from_slice(rest);
    rx.advance(rest.len());
    let event = ws.receive(&mut rx, &mut tx, secs(0)).map(Seen::of);
    assert_eq!(event, Some(Seen::Upgrade("/chat".to_owned())));
}

#[test]
fn s1_a_malformed_request_is_refused_with_its_status() {
    let mut end = server();
    end.receive(b"GET /chat HTTP/1.1\r\nHost: a\r\n folded: line\r\n\r\n");
    assert_eq!(end.seen, [Seen::Failed(Failure::Handshake(Error::ObsoleteFold))]);
    assert!(end.take_written().starts_with(b"HTTP/1.1 400 "));
    // What follows is no request, and is discarded.
    end.receive(REQUEST.as_bytes());
    assert_eq!((end.seen.len(), end.rx.len(), end.take_written()), (1, 0, vec![]));
}

#[test]
fn s1_a_plain_request_is_an_event_and_gets_426_without_an_answer() {
    let mut end = server();
    end.receive(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    let refused = Failure::Handshake(Error::UpgradeRequired);
    assert_eq!(end.seen, [Seen::Request("/page".to_owned()), Seen::Failed(refused)]);
    assert!(end.take_written().starts_with(b"HTTP/1.1 426 "));
    assert!(end.transport.is_half_closed);
}

#[test]
fn s1_a_plain_request_can_be_answered() {
    let mut ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new([0; 512]), SendBuffer::new([0; 512]));
    let request = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    rx.spare_mut()[..request.len()].copy_from_slice(request);
    rx.advance(request.len());
    assert!(ws.receive(&mut rx, &mut tx, secs(0)).is_some());
    // Not an upgrade, so nothing is accepted.
    ws.answer(Err(Error::OriginRefused), &mut tx, secs(0)).unwrap();
    assert!(tx.is_empty());
    let bad = ws.respond(99, &[], b"", &mut tx, secs(0));
    assert_eq!((bad, tx.len()), (Err(BuildError::InvalidStatus), 0));
    ws.respond(200, &[], b"a page", &mut tx, secs(0)).unwrap();
    assert!(tx.unsent().ends_with(b"\r\n\r\na page"));
    assert!(ws.receive(&mut rx, &mut tx, secs(0)).is_none());
}

/// An application may have to look something up before it answers.
#[test]
fn s1_nothing_is_received_before_an_upgrade_is_answered() {
    let mut end = server();
    end.is_silent = true;
    end.receive(&[REQUEST.as_bytes(), &masked(0x81, b"early")].concat());
    end.turns();
    assert_eq!(end.take_seen(), [Seen::Upgrade("/chat".to_owned())]);
    assert_eq!(end.ws.send_text("early", &mut end.tx), Err(SendError::NotOpen));
    end.ws.answer(Err(Error::OriginRefused), &mut end.tx, secs(0)).unwrap();
    end.turns();
    assert_eq!(end.take_seen(), [Seen::Failed(Failure::Handshake(Error::OriginRefused))]);
    assert!(end.take_written().starts_with(b"HTTP/1.1 403 "));
}

#[test]
fn s1_the_transport_ends_inside_a_head() {
    let mut end = server();
    end.receive(&REQUEST.as_bytes()[..40]);
    end.ends();
    let failed = Failure::Protocol(barews::Error::UnexpectedEof);
    assert_eq!(end.seen, [Seen::Failed(failed)]);
    assert!(end.transport.is_dropped && end.take_written().is_empty());
}

#[test]
fn s1_a_client_writes_its_request_and_judges_the_response_at_every_cut() {
    let handshake = Handshake::new(NONCE, "example.com", "/chat").protocols(&["chat", "superchat"]);
    let head =
        format!("HTTP/1.1 103 Early Hints\r\n\r\n{RESPONSE}Sec-WebSocket-Protocol: chat\r\n\r\n");
    let bytes = [head.as_bytes(), &plain(0x89, b"first")].concat();
    for cut in 0..=bytes.len() {
        let mut end = client(&handshake);
        assert_eq!(end.ws.send_text("early", &mut end.tx), Err(SendError::NotOpen));
        end.receive(&bytes[..cut]);
        end.receive(&bytes[cut..]);
        assert_eq!(end.seen, [Seen::Opened, Seen::Ping(b"first".to_vec())], "{cut}");
        end.turns();
        let written = end.take_written();
        let request = written.strip_suffix(&masked(0x8A, b"first")[..]).unwrap();
        assert!(request.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
        end.ws.send_text("hello", &mut end.tx).unwrap();
        assert_eq!(end.tx.unsent(), masked(0x81, b"hello"));
    }
}

#[test]
fn s1_a_subprotocol_that_was_not_offered_is_refused() {
    let long = "x".repeat(100);
    let longer = format!("{long}y");
    let offered = ["chat", &long];
    let handshake = Handshake::new(NONCE, "example.com", "/").protocols(&offered);
    for (chosen, is_offered) in
        [("chat", true), (&long, true), ("cha", false), ("chatt", false), (&longer, false)]
    {
        let mut end = client(&handshake);
        end.receive(format!("{RESPONSE}Sec-WebSocket-Protocol: {chosen}\r\n\r\n").as_bytes());
        let refused = Seen::Failed(Failure::Handshake(Error::ProtocolNotOffered));
        assert_eq!(end.seen, [if is_offered { Seen::Opened } else { refused }], "{chosen}");
        assert_eq!(end.transport.is_dropped, !is_offered);
    }
}

#[test]
fn s1_a_client_is_rejected() {
    let mut end = client(&Handshake::new(NONCE, "example.com", "/"));
    end.receive(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(end.seen, [Seen::Rejected(401)]);
    assert!(end.transport.is_dropped);
    assert_eq!(end.rx.unread(), b"body");
}

#[test]
fn s1_a_session_remembers_eight_offers() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let mut tx = SendBuffer::new([0; 512]);
    let mut open = |names: &[&str]| {
        let handshake = Handshake::new(NONCE, "example.com", "/").protocols(names);
        let keys: Keys = || KEY;
        let timeouts = Timeouts::new();
        let ws = Session::client(Config::new(), timeouts, keys, &handshake, &mut tx, secs(0));
        ws.map(drop)
    };
    assert_eq!(open(&names[..8]), Ok(()));
    assert_eq!(open(&names), Err(BuildError::TooManyOffers));
}

#[test]
fn s1_a_session_starts_after_a_foreign_handshake() {
    let connection = Connection::server(Config::new());
    let ws = Session::opened(connection, Timeouts::new(), secs(0));
    let mut end = End::new(ws, RecvBuffer::new(vec![]), SendBuffer::new(vec![]));
    end.receive(&masked(0x82, b"x"));
    assert_eq!(end.seen, [Seen::data(b"x")]);
}

#[test]
fn s1_all_of_the_request_is_taken_from_the_buffer() {
    let end = open_server();
    assert_eq!(end.rx.len(), 0);
    assert!(end.ws.is_open());
}

/// A peer that has ended its direction together with its request still gets the answer, and nothing
/// more is awaited from it.
#[test]
fn s7_a_refused_peer_that_has_ended_is_dropped_after_the_answer() {
    let (mut rx, mut tx) = (RecvBuffer::new(vec![]), SendBuffer::new(vec![]));
    let mut ws = Session::server(Config::new(), Timeouts::new(), secs(0));
    rx.push(b"nonsense\r\n\r\n").unwrap();
    rx.end();
    let failure = match ws.receive(&mut rx, &mut tx, secs(0)) {
        Some(SessionEvent::Failed(failure)) => failure,
        event => panic!("{event:?}"),
    };
    assert!(matches!(failure, Failure::Handshake(_)), "{failure:?}");
    for _ in 0..2 {
        assert!(ws.receive(&mut rx, &mut tx, secs(0)).is_none());
        assert!(tx.unsent().starts_with(b"HTTP/1.1 "), "{:?}", tx.unsent().escape_ascii());
        assert_eq!(ws.transport_action(&tx), TransportAction::Keep);
    }
    tx.sent(usize::MAX);
    assert_eq!(ws.transport_action(&tx), TransportAction::Drop);
}
