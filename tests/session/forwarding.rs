//! `forward`: one session sends what another has received.

use std::time::Duration;

use barews::handshake::client::Handshake;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{
    Client, CloseCode, Config, Connection, Error, Kind, RecvBuffer, SendBuffer, SendError, Server,
    State, TransportAction,
};

use crate::turn::{
    End, Keys, REQUEST, Seen, client, masked, open_client, plain, secs, server, server_with,
};

type Front = End<Server, Vec<u8>>;
type Back = End<Client<Keys>, Vec<u8>>;

/// The two sides of a proxy.
fn legs() -> (Front, Back) {
    let mut front = server_with(Config::proxy(), Timeouts::new(), Vec::new(), Vec::new());
    front.open();
    (front, open_client(Config::proxy()))
}

/// `bytes` arrive at `front`, and what they are goes to `back`.
fn pass(front: &mut Front, back: &mut Back, bytes: &[u8]) {
    front.rx.reserve(bytes.len()).unwrap();
    let mut bytes = bytes;
    loop {
        let spare = front.rx.spare_mut();
        let n = spare.len().min(bytes.len());
        spare[..n].copy_from_slice(&bytes[..n]);
        if n > 0 {
            front.rx.advance(n);
        }
        bytes = &bytes[n..];
        while let Some(event) = front.ws.receive(&mut front.rx, &mut front.tx, Duration::ZERO) {
            back.ws.forward(&event, CloseCode::INTERNAL, &mut back.tx, Duration::ZERO);
        }
        if bytes.is_empty() {
            return;
        }
    }
}

/// The same in the other direction.
fn pass_back(back: &mut Back, front: &mut Front, bytes: &[u8]) {
    back.rx.spare_mut()[..bytes.len()].copy_from_slice(bytes);
    back.rx.advance(bytes.len());
    while let Some(event) = back.ws.receive(&mut back.rx, &mut back.tx, Duration::ZERO) {
        front.ws.forward(&event, CloseCode::BAD_GATEWAY, &mut front.tx, Duration::ZERO);
    }
}

#[test]
fn s2_every_frame_is_forwarded_as_it_is_however_it_arrives() {
    let frames = [
        masked(0x81, "Gr\u{FC}\u{DF}e".as_bytes()),
        masked(0x01, b""),
        masked(0x89, b"between"),
        masked(0x00, &[b'x'; 200]),
        masked(0x8A, b""),
        masked(0x80, b""),
        masked(0x82, &[0xF5; 130]),
        masked(0x88, b"\x0F\xA0bye"),
    ]
    .concat();
    for step in 1..=frames.len() {
        let (mut front, mut back) = legs();
        for part in frames.chunks(step) {
            pass(&mut front, &mut back, part);
        }
        assert_eq!(back.tx.unsent(), frames, "{step}");
        assert!(front.tx.is_empty());
        // The far end answers with a Close of its own.
        pass_back(&mut back, &mut front, &plain(0x81, b"late"));
        pass_back(&mut back, &mut front, &plain(0x88, b"\x0F\xA1"));
        let answered = [plain(0x81, b"late"), plain(0x88, b"\x0F\xA1")].concat();
        assert_eq!(front.tx.unsent(), answered);
        assert_eq!((front.ws.state(), back.ws.state()), (State::Closed, State::Closed));
    }
}

/// With fixed buffers, of which the output is a little longer, and a far end that reads now and then.
#[test]
fn s6_a_paused_proxy_loses_nothing_and_never_lacks_space() {
    let mut random = fastrand::Rng::with_seed(16);
    for _ in 0..200 {
        let (mut front, mut back) = (legs().0.ws, legs().1.ws);
        let (mut rx, mut unused) = (RecvBuffer::new([0; 300]), SendBuffer::new([0; 160]));
        let mut tx = SendBuffer::with_marks([0; 460], 0, usize::MAX);
        let mut bytes = Vec::new();
        for _ in 0..random.usize(1..40) {
            let len = [random.usize(..126), random.usize(..4000)][random.usize(..2)];
            match random.u8(..3) {
                0 => bytes.extend(masked(0x89, &vec![b'p'; len.min(125)])),
                1 => bytes.extend(masked(0x82, &vec![0xFE; len])),
                _ => {
                    bytes.extend(masked(0x01, &vec![b'a'; len]));
                    bytes.extend(masked(0x80, b""));
                }
            }
        }
        let (mut incoming, mut passed) = (&bytes[..], Vec::<u8>::new());
        while passed.len() < bytes.len() {
            front.pause(!tx.is_empty());
            while let Some(event) = front.receive(&mut rx, &mut unused, Duration::ZERO) {
                back.forward(&event, CloseCode::INTERNAL, &mut tx, Duration::ZERO);
            }
            let n = random.usize(..=tx.len());
            passed.extend(&tx.unsent()[..n]);
            tx.sent(n);
            if front.wants_read() {
                let spare = rx.spare_mut();
                let n = random.usize(..=spare.len().min(incoming.len()));
                spare[..n].copy_from_slice(&incoming[..n]);
                if n > 0 {
                    rx.advance(n);
                }
                incoming = &incoming[n..];
            }
        }
        assert!(passed == bytes && unused.is_empty());
    }
}

#[test]
fn s7_an_empty_close_stays_empty_and_nothing_follows_it() {
    let (mut front, mut back) = legs();
    pass(&mut front, &mut back, &masked(0x88, b""));
    assert_eq!(back.tx.unsent(), masked(0x88, b""));
    let (mut other, _) = legs();
    for late in [masked(0x01, b"late"), masked(0x89, b""), masked(0x88, b"")] {
        pass(&mut other, &mut back, &late);
    }
    assert_eq!(back.tx.unsent(), masked(0x88, b""));
    assert!(back.ws.receive(&mut back.rx, &mut back.tx, Duration::ZERO).is_none());
}

/// Only a client starts with 1010; a server may echo it.
#[test]
fn s7_the_code_1010_is_forwarded_where_it_may_be_sent() {
    let missing = 1010_u16.to_be_bytes();
    let (mut front, mut back) = legs();
    pass(&mut front, &mut back, &masked(0x88, &missing));
    assert_eq!(back.tx.unsent(), masked(0x88, &missing));
    pass_back(&mut back, &mut front, &plain(0x88, &missing));
    assert_eq!(front.tx.unsent(), plain(0x88, &missing));

    let (mut front, mut back) = legs();
    pass_back(&mut back, &mut front, &plain(0x88, &missing));
    assert_eq!(front.tx.unsent(), plain(0x88, &1014_u16.to_be_bytes()));
}

#[test]
fn s7_when_one_side_fails_the_other_is_closed_and_its_answers_come_first() {
    let (mut front, mut back) = legs();
    let bytes = [masked(0x81, b"valid"), plain(0x81, b"not masked")].concat();
    pass(&mut front, &mut back, &bytes);
    let lost = [masked(0x81, b"valid"), masked(0x88, &1011_u16.to_be_bytes())].concat();
    assert_eq!(back.tx.unsent(), lost);
    assert_eq!((front.ws.state(), front.tx.len()), (State::RemoteClosed, 0));
    let answers = [plain(0x01, b"ans"), plain(0x80, b"wer")].concat();
    pass_back(&mut back, &mut front, &answers);
    // The code is that of the error.
    pass_back(&mut back, &mut front, &plain(0x88, &1011_u16.to_be_bytes()));
    let answers = [answers, plain(0x88, &1002_u16.to_be_bytes())].concat();
    assert_eq!(front.tx.unsent(), answers);
    assert_eq!(front.ws.state(), State::Closed);
}

/// What `to` reports, which sends nothing more.
fn failed<R: SessionRole>(to: &mut End<R, Vec<u8>>) -> Failure {
    let unsent = to.tx.len();
    let failure = match to.ws.receive(&mut to.rx, &mut to.tx, Duration::ZERO) {
        Some(SessionEvent::Failed(failure)) => failure,
        event => panic!("{event:?}"),
    };
    to.ws.forward(&SessionEvent::Close(None), CloseCode::INTERNAL, &mut to.tx, Duration::ZERO);
    assert_eq!((to.tx.len(), to.ws.transport_action(&to.tx)), (unsent, TransportAction::Drop));
    assert!(to.ws.receive(&mut to.rx, &mut to.tx, Duration::ZERO).is_none());
    failure
}

#[test]
fn s7_a_frame_whose_sender_fails_cannot_be_closed() {
    let (mut front, mut back) = legs();
    pass(&mut front, &mut back, &masked(0x81, b"ok and more")[..8]);
    let event = SessionEvent::Failed(Failure::Protocol(Error::UnexpectedEof));
    back.ws.forward(&event, CloseCode::INTERNAL, &mut back.tx, Duration::ZERO);
    assert_eq!(failed(&mut back), Failure::Send(SendError::FrameInProgress));
}

#[test]
fn s7_what_cannot_be_forwarded_ends_the_session() {
    let ping = masked(0x89, b"");
    // Before the opening handshake is complete.
    let (mut front, _) = legs();
    let mut back = client(&Handshake::new(*b"the sample nonce", "example.com", "/"));
    pass(&mut front, &mut back, &ping);
    assert_eq!(failed(&mut back), Failure::Send(SendError::NotOpen));
    // Inside a message of its own.
    let (mut front, mut back) = legs();
    back.ws.send_fragment(Kind::Text, false, b"own", &mut back.tx).unwrap();
    pass(&mut front, &mut back, &masked(0x82, b""));
    assert_eq!(failed(&mut back), Failure::Send(SendError::MessageInProgress));
    // Without space: the other side was not paused.
    let (mut front, mut tx) = (legs().0, SendBuffer::new([0; 160]));
    let mut back = Session::opened(
        Connection::client(Config::proxy(), || [0; 4]),
        Timeouts::new(),
        Duration::ZERO,
    );
    front.rx.push(&masked(0x82, &[7; 200])).unwrap();
    while let Some(event) = front.ws.receive(&mut front.rx, &mut front.tx, Duration::ZERO) {
        back.forward(&event, CloseCode::INTERNAL, &mut tx, Duration::ZERO);
    }
    let mut unused = RecvBuffer::new([0; 160]);
    let event = back.receive(&mut unused, &mut tx, Duration::ZERO);
    assert!(matches!(event, Some(SessionEvent::Failed(Failure::StorageFull))), "{event:?}");
}

#[cfg(feature = "deflate")]
#[test]
fn s7_compression_on_one_side_only_ends_the_session() {
    let (mut front, mut back) = legs();
    let compressed = Connection::server(Config::proxy().deflate(true));
    front.ws = Session::opened(compressed, Timeouts::new(), Duration::ZERO);
    pass(&mut front, &mut back, &masked(0xC1, b"\xF2\x48\xCD\xC9\xC9\x07\x00"));
    assert_eq!(failed(&mut back), Failure::Send(SendError::NotNegotiated));
}

#[test]
fn s1_a_client_is_refused_as_the_server_has_refused() {
    let request = Handshake::new(*b"the sample nonce", "example.com", "/");
    let mut back = client(&request);
    let response = b"HTTP/1.1 403 Forbidden\r\nVia: 1.1 a\r\nContent-Length: 4\r\n\r\nbody";
    back.rx.spare_mut()[..response.len()].copy_from_slice(response);
    back.rx.advance(response.len());
    let event = back.ws.receive(&mut back.rx, &mut back.tx, Duration::ZERO);
    let Some(SessionEvent::Rejected(rejected)) = event else { panic!("{event:?}") };

    let mut front = server();
    // Nothing was asked.
    front.ws.reject_as(&rejected, &mut front.tx, Duration::ZERO).unwrap();
    front.is_silent = true;
    front.receive(REQUEST.as_bytes());
    assert!(front.take_written().is_empty());
    front.ws.reject_as(&rejected, &mut front.tx, Duration::ZERO).unwrap();
    front.turns();
    let refusal = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\
        Via: 1.1 a\r\n\r\n";
    assert_eq!(String::from_utf8(front.take_written()).unwrap(), refusal);
    assert!(front.transport.is_half_closed);
}

/// If nobody says when, the Close that reports an error is sent before the end.
#[test]
fn s8_a_close_that_is_held_back_is_not_lost() {
    let (mut front, _) = legs();
    front.receive(&plain(0x81, b"not masked"));
    assert_eq!(front.take_seen(), [Seen::Failed(Failure::Protocol(Error::Unmasked))]);
    front.sleep_until(secs(9));
    assert!(front.transport.written.is_empty() && !front.transport.is_dropped);
    front.sleep_until(secs(11));
    assert_eq!(front.take_written(), plain(0x88, &1002_u16.to_be_bytes()));
    assert!(front.transport.is_dropped && front.take_seen().is_empty());
}
