//! A client and a server back to back in memory: whole connections, every order of closing, the
//! transport ending at any moment, and `state` and `transport_action` at each step.

use barews::{
    Client, CloseCode, Config, Connection, Error, Event, Input, Kind, NoKey, SendError, Server,
    State, TransportAction,
};

use crate::support::endpoint::{Call, Either, Keys, Side, Ws};
use crate::support::event::Ev;
use crate::support::frame::{CLOSE, PING};

const OPEN: (State, TransportAction) = (State::Open, TransportAction::Keep);
const LOCAL: (State, TransportAction) = (State::LocalClosed, TransportAction::Keep);
const REMOTE: (State, TransportAction) = (State::RemoteClosed, TransportAction::Keep);
/// Both Closes are exchanged: a server closes the transport, a client waits for that.
const SERVER_CLOSED: (State, TransportAction) = (State::Closed, TransportAction::HalfClose);
const CLIENT_CLOSED: (State, TransportAction) = (State::Closed, TransportAction::AwaitEnd);
const GONE: (State, TransportAction) = (State::Closed, TransportAction::Drop);

fn pair() -> (Ws, Ws) {
    (Side::Client.ws_of_one_key(Config::new()), Side::Server.ws(Config::new()))
}

fn at(ws: &Ws) -> (State, TransportAction) {
    (ws.state(), ws.transport_action())
}

fn close(ws: &mut Ws, code: u16, reason: &str) -> Vec<u8> {
    ws.sent(Call::Close(code, reason))
}

fn text(ws: &mut Ws, text: &str) -> Vec<u8> {
    ws.sent(Call::Text(text))
}

fn server(ws: &mut Ws) -> &mut Connection<Server> {
    let Either::Server(ws) = &mut ws.either else { panic!("a client") };
    ws
}

fn client(ws: &mut Ws) -> &mut Connection<Client<Keys>> {
    let Either::Client(ws) = &mut ws.either else { panic!("a server") };
    ws
}

#[test]
fn a_whole_connection_closed_by_the_client() {
    let (mut client, mut server) = pair();
    assert_eq!((at(&client), at(&server)), (OPEN, OPEN));
    assert_eq!(server.feed(&text(&mut client, "hello")), [Ev::text(b"hello"), Ev::More(6)]);
    assert_eq!(client.feed(&text(&mut server, "hi")), [Ev::text(b"hi"), Ev::More(2)]);
    assert_eq!((at(&client), at(&server)), (OPEN, OPEN));

    let bye = close(&mut client, 1000, "bye");
    assert_eq!(at(&client), LOCAL);
    // Data in flight still arrives.
    assert_eq!(client.feed(&text(&mut server, "late"))[0], Ev::text(b"late"));
    assert_eq!(at(&client), LOCAL);
    assert_eq!(server.feed(&bye), [Ev::closed(1000, "bye"), Ev::More(1)]);
    assert_eq!((at(&server), server.wants_write()), (REMOTE, true));
    let answer = server.sent(Call::Transmit);
    assert_eq!((at(&server), server.wants_write()), (SERVER_CLOSED, false));
    assert_eq!(client.feed(&answer), [Ev::closed(1000, ""), Ev::More(1)]);
    // RFC 6455 §7.1.1: the server closes the transport first.
    assert_eq!((at(&client), client.wants_write()), (CLIENT_CLOSED, false));
    assert_eq!((client.eof(), at(&client)), (Ok(()), GONE));
    assert_eq!((server.eof(), at(&server)), (Ok(()), GONE));
    // Repeated calls return the same.
    assert_eq!((client.eof(), server.eof()), (Ok(()), Ok(())));
    assert_eq!(server.feed(b"anything"), [Ev::More(1)]);
    assert_eq!((at(&client), at(&server)), (GONE, GONE));
}

#[test]
fn a_whole_connection_closed_by_the_server() {
    let (mut client, mut server) = pair();
    let bye = close(&mut server, 1001, "restart");
    assert_eq!(at(&server), LOCAL);
    assert_eq!(client.feed(&bye), [Ev::closed(1001, "restart"), Ev::More(1)]);
    assert_eq!((at(&client), client.wants_write()), (REMOTE, true));
    let answer = client.sent(Call::Transmit);
    assert_eq!(at(&client), CLIENT_CLOSED);
    assert_eq!(server.feed(&answer), [Ev::closed(1001, ""), Ev::More(1)]);
    assert_eq!((at(&server), server.wants_write()), (SERVER_CLOSED, false));
    assert_eq!((client.eof(), at(&client)), (Ok(()), GONE));
    assert_eq!((server.eof(), at(&server)), (Ok(()), GONE));
}

#[test]
fn both_close_at_once() {
    let (mut client, mut server) = pair();
    let (from_client, from_server) =
        (close(&mut client, 1000, "done"), close(&mut server, 1001, "away"));
    assert_eq!((at(&client), at(&server)), (LOCAL, LOCAL));
    assert_eq!(server.feed(&from_client), [Ev::closed(1000, "done"), Ev::More(1)]);
    assert_eq!(client.feed(&from_server), [Ev::closed(1001, "away"), Ev::More(1)]);
    // Each side has sent its Close, so neither owes an answer.
    assert_eq!((client.sent(Call::Transmit), server.sent(Call::Transmit)), (vec![], vec![]));
    assert_eq!((at(&client), at(&server)), (CLIENT_CLOSED, SERVER_CLOSED));
    assert_eq!((client.eof(), server.eof()), (Ok(()), Ok(())));
    assert_eq!((at(&client), at(&server)), (GONE, GONE));
}

#[test]
fn a_close_without_a_code_is_answered_without_one() {
    let (mut client, mut server) = pair();
    assert_eq!(server.feed(&Side::Server.frame(CLOSE, &[]))[0], Ev::Close(None));
    assert_eq!(server.sent(Call::Transmit), [CLOSE, 0]);
    assert_eq!(client.feed(&[CLOSE, 0])[0], Ev::Close(None));
    assert_eq!(client.sent(Call::Transmit), Side::Server.frame(CLOSE, &[]));
}

/// The stages of a closing handshake, for the side that starts it and for the other.
#[test]
fn the_end_of_the_transport_at_every_moment() {
    let lost = Err(Error::UnexpectedEof);
    assert_eq!(Error::UnexpectedEof.close_code(), CloseCode::ABNORMAL);
    for server_starts in [false, true] {
        let sides = || {
            let (client, server) = pair();
            if server_starts { (server, client) } else { (client, server) }
        };
        // Before any byte: 1006.
        let (start, other) = sides();
        for mut ws in [start, other] {
            assert_eq!((ws.eof(), at(&ws)), (lost, GONE));
            assert_eq!((ws.wants_write(), ws.sent(Call::Transmit)), (false, vec![]));
            let refused = ws.call(Call::Text(""), &mut [0; 64]);
            assert_eq!(refused, Err(SendError::Closed));
            assert_eq!(ws.feed(b"\x81"), [Ev::Fail(Error::UnexpectedEof)]);
            assert_eq!(ws.eof(), lost);
        }
        // After this side's Close, before the peer's: 1006.
        let (mut start, mut other) = sides();
        let bye = close(&mut start, 1000, "");
        assert_eq!((start.eof(), at(&start)), (lost, GONE));
        // Inside the Close frame: 1006.
        let part = &bye[..bye.len() - 1];
        assert!(matches!(other.feed(part)[..], [Ev::More(1)]));
        assert_eq!((other.eof(), at(&other)), (lost, GONE));
        // After the peer's Close, before the answer is written: clean. The answer stays pending
        // because the other half of the transport may still be open.
        let (_, mut other) = sides();
        assert_eq!(other.feed(&bye)[0], Ev::closed(1000, ""));
        assert_eq!((other.eof(), at(&other), other.wants_write()), (Ok(()), REMOTE, true));
        assert!(!other.sent(Call::Transmit).is_empty());
        assert_eq!(at(&other), GONE);
        // After both Closes: clean, as in the whole connections above.
    }
}

#[test]
fn the_end_inside_a_frame_or_message_is_not_clean() {
    let wire = [Side::Server.frame(0x01, b"frag"), Side::Server.frame(0x80, b"ment")].concat();
    for end in 0..=wire.len() {
        let (_, mut server) = pair();
        server.feed(&wire[..end]);
        assert_eq!(server.eof(), Err(Error::UnexpectedEof), "{end}");
        assert_eq!(at(&server), GONE);
    }
}

#[test]
fn a_fault_of_the_client() {
    let (mut client, mut server) = pair();
    assert_eq!(server.feed(b"\x83\x80\0\0\0\0"), [Ev::Fail(Error::ReservedOpcode)]);
    // RFC 6455 §7.1.7: a Close gives the reason; the endpoint that failed the connection closes it.
    assert_eq!((at(&server), server.wants_write()), (REMOTE, true));
    let why = server.sent(Call::Transmit);
    assert_eq!(at(&server), SERVER_CLOSED);
    assert_eq!(client.feed(&why)[0], Ev::closed(1002, ""));
    assert_eq!(client.feed(b""), [Ev::More(1)]);
    assert_eq!(at(&client), REMOTE);
    let answer = client.sent(Call::Transmit);
    assert_eq!(at(&client), CLIENT_CLOSED);
    // The server no longer reads the answer.
    assert_eq!(server.feed(&answer), [Ev::Fail(Error::ReservedOpcode)]);
    assert_eq!((client.eof(), at(&client)), (Ok(()), GONE));
    assert_eq!((server.eof(), at(&server)), (Err(Error::ReservedOpcode), GONE));
}

#[test]
fn a_fault_of_the_server() {
    let (mut client, mut server) = pair();
    assert_eq!(client.feed(b"\x81\x01\xFF"), [Ev::Fail(Error::InvalidUtf8)]);
    assert_eq!((at(&client), client.wants_write()), (REMOTE, true));
    let why = client.sent(Call::Transmit);
    // A client that failed the connection does not wait for the server to close.
    assert_eq!(at(&client), (State::Closed, TransportAction::HalfClose));
    assert_eq!(server.feed(&why)[0], Ev::closed(1007, ""));
    server.sent(Call::Transmit);
    assert_eq!(at(&server), SERVER_CLOSED);
    assert_eq!((client.eof(), at(&client)), (Err(Error::InvalidUtf8), GONE));
}

#[test]
fn the_end_after_a_fault_before_the_close_is_written() {
    for (mut ws, bad) in [(pair().0, &b"\x83\x00"[..]), (pair().1, b"\x83\x80\0\0\0\0")] {
        assert_eq!(ws.feed(bad), [Ev::Fail(Error::ReservedOpcode)]);
        assert_eq!((ws.eof(), at(&ws)), (Err(Error::ReservedOpcode), REMOTE));
        assert!(!ws.sent(Call::Transmit).is_empty());
        assert_eq!(at(&ws), GONE);
        assert_eq!(ws.feed(bad), [Ev::Fail(Error::ReservedOpcode)]);
    }
}

#[test]
fn the_end_after_the_data_before_a_fault_returns_the_fault() {
    // The valid part of the text is delivered; the next call reports the fault.
    let (_, mut ws) = pair();
    let mut bytes = Side::Server.frame(0x81, b"good\xFFbad");
    let mut input = Input::new(&mut bytes);
    assert_eq!(ws.next(&mut input), Ev::piece(Kind::Text, b"good", true, false, 4));
    assert_eq!((ws.eof(), at(&ws)), (Err(Error::InvalidUtf8), REMOTE));
    assert_eq!(ws.sent(Call::Transmit), [CLOSE, 2, 0x03, 0xEF]);
    assert_eq!((at(&ws), ws.eof()), (GONE, Err(Error::InvalidUtf8)));
}

#[test]
fn a_fault_after_this_sides_close() {
    let (mut client, mut server) = pair();
    close(&mut server, 1000, "");
    close(&mut client, 1000, "");
    assert_eq!(server.feed(b"\x81\x00"), [Ev::Fail(Error::Unmasked)]);
    assert_eq!(client.feed(b"\x81\x80\0\0\0\0"), [Ev::Fail(Error::Masked)]);
    // Its Close was already written, so no second one follows.
    for ws in [&mut server, &mut client] {
        assert_eq!((ws.wants_write(), ws.sent(Call::Transmit)), (false, vec![]));
        assert_eq!(at(ws), (State::Closed, TransportAction::HalfClose));
    }
}

#[test]
fn a_client_without_keys_is_to_be_dropped() {
    struct Empty;
    impl barews::MaskKeys for Empty {
        fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
            Err(NoKey)
        }
    }
    let mut client = Connection::client(Config::new(), Empty);
    let mut out = [0; 64];
    assert_eq!(client.send_text("a", &mut out), Err(SendError::NoMaskingKey));
    assert_eq!(client.transport_action(), TransportAction::Drop);
    for _ in 0..2 {
        assert_eq!(client.send_ping(b"", &mut out), Err(SendError::NoMaskingKey));
        assert_eq!(client.transmit(&mut out), Err(SendError::NoMaskingKey));
        let refused = client.send_close(CloseCode::NORMAL, "", &mut out);
        assert_eq!(refused, Err(SendError::NoMaskingKey));
        assert_eq!(client.mask_next(&mut out), Err(SendError::NoMaskingKey));
    }
    assert_eq!(out, [0; 64], "unmasked bytes were written");
    // A frame that was already pending is never written.
    let mut client = Connection::client(Config::new(), Empty);
    let mut ping = *b"\x89\x00";
    assert!(matches!(client.receive(&mut Input::new(&mut ping)), Ok(Event::Ping(_))));
    assert!(client.wants_write());
    assert_eq!(client.transmit(&mut out), Err(SendError::NoMaskingKey));
    assert!(!client.wants_write());
}

/// Until the fault is returned, the state shows none: a caller may drop the transport once the peer
/// has closed and no output is pending.
#[test]
fn a_fault_after_valid_text_shows_when_it_is_returned() {
    let mut server = Connection::server(Config::new());
    let mut bytes = *b"\x81\x83\0\0\0\0ab\xFF";
    let mut input = Input::new(&mut bytes);
    assert!(matches!(server.receive(&mut input), Ok(Event::Data(data)) if data.payload == b"ab"));
    assert_eq!((server.state(), server.wants_write()), (State::Open, false));
    assert_eq!(server.send_text("ab", &mut [0; 8]), Ok(4));
    for _ in 0..2 {
        assert!(matches!(server.receive(&mut input), Err(Error::InvalidUtf8)));
        assert_eq!((server.state(), server.wants_write()), (State::RemoteClosed, true));
    }
    let mut server = Connection::server(Config::new());
    let mut bytes = *b"\x81\x83\0\0\0\0ab\xFF";
    assert!(matches!(server.receive(&mut Input::new(&mut bytes)), Ok(Event::Data(_))));
    assert_eq!(server.receive_eof(), Err(Error::InvalidUtf8));
    assert_eq!((server.state(), server.wants_write()), (State::RemoteClosed, true));
}

#[test]
fn a_frame_in_progress_when_the_peer_closes() {
    let (mut a, mut b) = pair();
    let head = client(&mut a).begin_frame(Kind::Binary, true, 2).unwrap().to_vec();
    let bye = close(&mut b, 1000, "");
    assert_eq!(a.feed(&bye)[0], Ev::closed(1000, ""));
    assert_eq!((at(&a), a.wants_write(), a.sent(Call::Transmit)), (REMOTE, false, vec![]));
    let mut payload = [7, 8];
    client(&mut a).mask_next(&mut payload).unwrap();
    assert_eq!((at(&a), a.wants_write()), (REMOTE, true));
    let rest = a.sent(Call::Transmit);
    assert_eq!(at(&a), CLIENT_CLOSED);
    let got = b.feed(&[head, payload.to_vec(), rest].concat());
    assert_eq!(got, [Ev::binary(&[7, 8]), Ev::closed(1000, ""), Ev::More(1)]);
    assert_eq!((at(&b), server(&mut b).frame_left()), (SERVER_CLOSED, 0));
}

#[test]
fn pings_both_ways_while_messages_are_open() {
    let (mut a, mut b) = pair();
    let mut out = [0; 131];
    let n = client(&mut a).send_fragment(Kind::Text, false, b"open", &mut out).unwrap();
    b.feed(&out[..n]);
    let n = server(&mut b).send_fragment(Kind::Binary, false, b"open", &mut out).unwrap();
    a.feed(&out[..n]);
    for round in 0..3 {
        let n = client(&mut a).send_ping(&[round], &mut out).unwrap();
        assert_eq!(b.feed(&out[..n])[0], Ev::ping(&[round]));
        let pong = b.sent(Call::Transmit);
        assert_eq!(a.feed(&pong)[0], Ev::pong(&[round]));
        assert_eq!(a.feed(&[PING, 1, round])[0], Ev::ping(&[round]));
        let pong = a.sent(Call::Transmit);
        assert_eq!(b.feed(&pong)[0], Ev::pong(&[round]));
    }
    assert_eq!((at(&a), at(&b)), (OPEN, OPEN));
}
