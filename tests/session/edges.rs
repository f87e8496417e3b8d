//! The edges of S2, S6, S9 and S10: calls too early and too late, buffers too short, texts.

use std::time::Duration;

use barews::handshake::client::Handshake;
use barews::handshake::{self, BuildError};
use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    AssembleError, Assembler, CloseCode, Config, Connection, Error, Kind, MaskKeys, Message, NoKey,
    RecvBuffer, SendBuffer, SendError, State, Storage, StorageFull, TransportAction,
};

use crate::deadlines::expired;
use crate::turn::{End, KEY, REQUEST, Seen, client, masked, open_server, plain, secs};
use crate::turn::{server, server_with};

#[test]
fn errors_have_texts() {
    let failures = [
        (Failure::Handshake(handshake::Error::HeadTooLong), "head is too long"),
        (Failure::Protocol(Error::TooSlow), "a message exceeds the time limit"),
        (Failure::Expired(Reason::Pong), "nothing was received after a Ping"),
        (Failure::StorageFull, "a frame or message is longer than the storage"),
        (Failure::Send(SendError::NotOpen), "the opening handshake is not complete"),
    ];
    for (failure, text) in failures {
        assert_eq!(failure.to_string(), text);
    }
    let offers = "too many subprotocols or offers of compression";
    assert_eq!(BuildError::TooManyOffers.to_string(), offers);
    let missing = "an earlier chunk of the message is missing";
    assert_eq!(AssembleError::Incomplete.to_string(), missing);
    assert_eq!(Error::TooSlow.close_code(), CloseCode::POLICY);
}

#[test]
fn a_message_has_a_kind_and_bytes() {
    let messages = [Message::Text("a"), Message::Binary(b"b")];
    assert_eq!(messages.map(|message| message.kind()), [Kind::Text, Kind::Binary]);
    assert_eq!(messages.map(|message| message.as_bytes()), [b"a", b"b"]);
}

#[test]
fn fixed_storage_is_as_long_as_it_is() {
    let mut array = [0; 4];
    assert_eq!((array.try_grow(4), array.try_grow(5)), (Ok(()), Err(StorageFull { needed: 5 })));
    let mut lent = &mut array[..];
    assert_eq!(Storage::max_len(&lent), 4);
    assert_eq!(Storage::try_grow(&mut lent, 5), Err(StorageFull { needed: 5 }));
}

#[test]
fn s1_pieces_that_are_pushed_and_an_end_that_is_said() {
    let mut end = server();
    for piece in REQUEST.as_bytes().chunks(7) {
        end.rx.push(piece).unwrap();
        end.events();
    }
    end.rx.push(&[]).unwrap();
    assert_eq!(end.take_seen(), [Seen::Upgrade("/chat".to_owned())]);
    end.rx.end();
    end.events();
    assert_eq!(end.take_seen(), [Seen::Failed(Failure::Protocol(Error::UnexpectedEof))]);
    // A fixed buffer refuses what does not fit, and keeps the rest.
    let mut rx = RecvBuffer::new([0; 4]);
    assert_eq!(rx.push(b"abc"), Ok(()));
    assert_eq!(rx.push(b"de"), Err(StorageFull { needed: 5 }));
    rx.consume(2);
    assert_eq!((rx.push(b"de"), rx.unread()), (Ok(()), &b"cde"[..]));
}

#[test]
fn s10_calls_before_the_session_is_open() {
    let mut end = server();
    assert_eq!((end.ws.state(), end.ws.frame_left()), (State::Open, 0));
    assert_eq!(end.ws.mask_next(&mut []), Err(SendError::NotOpen));
    assert_eq!(end.ws.send_ping(b"", &mut end.tx), Err(SendError::NotOpen));
    assert_eq!(end.ws.respond(404, &[], b"", &mut end.tx, end.now), Ok(()));
    end.ws.fail(Error::InvalidUtf8, &mut end.tx, end.now);
    assert!(end.tx.is_empty());
    end.ws.close(CloseCode::NORMAL, "", &mut end.tx, end.now).unwrap();
    assert_eq!((end.ws.state(), end.ws.deadline()), (State::Closed, None));
    assert_eq!(end.ws.send_text("late", &mut end.tx), Ok(()));
    assert_eq!(end.ws.mask_next(&mut []), Err(SendError::Closed));
    assert_eq!(end.ws.transport_action(&end.tx), TransportAction::Drop);
}

#[test]
fn s10_an_open_session_answers_no_request() {
    let mut end = open_server();
    end.ws.respond(200, &[], b"page", &mut end.tx, end.now).unwrap();
    assert!(end.tx.is_empty() && end.ws.is_open());
}

/// A refusal that the peer does not read yet, and whose transport ends meanwhile.
#[test]
fn s8_a_refusal_is_written_before_the_drop() {
    let mut end = server();
    end.transport.window = 0;
    end.receive(b"NONSENSE\r\n\r\n");
    end.ends();
    assert!(!end.transport.is_dropped);
    assert_eq!(end.ws.state(), State::Closed);
    end.transport.window = usize::MAX;
    end.turns();
    end.turns();
    assert!(end.take_written().starts_with(b"HTTP/1.1 400 ") && end.transport.is_dropped);
}

/// The send buffer is too short for a refusal.
#[test]
fn s8_a_refusal_without_space_just_ends() {
    let (rx, tx) = (vec![0; 512].into_boxed_slice(), vec![0; 16].into());
    let mut end = server_with(Config::new(), Timeouts::new(), rx, tx);
    end.receive(b"NONSENSE\r\n\r\n");
    assert!(matches!(end.seen[..], [Seen::Failed(Failure::Handshake(_))]));
    assert!(end.transport.is_dropped);
}

/// All events of a server and a client, in whole messages.
#[test]
fn s9_every_event_comes_with_whole_messages_too() {
    fn receive<R: crate::turn::Handles>(end: &mut End<R, Vec<u8>>, bytes: &[u8]) -> Option<String> {
        end.rx.push(bytes).unwrap();
        let mut messages = Assembler::new(Vec::new());
        let event = end.ws.receive_message(&mut end.rx, &mut messages, &mut end.tx, end.now);
        event.map(|event| format!("{event:?}").split(['(', '{']).next().unwrap().to_owned())
    }
    let mut end = server();
    let page = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(receive(&mut end, page).as_deref(), Some("Request"));
    let mut end = open_server();
    assert_eq!(receive(&mut end, &masked(0x8A, b"")).as_deref(), Some("Pong"));
    assert_eq!(receive(&mut end, &masked(0x88, b"")).as_deref(), Some("Close"));
    let mut end = open_server();
    assert_eq!(receive(&mut end, &masked(0x83, b"")).as_deref(), Some("Failed"));
    let request = Handshake::new(*b"the sample nonce", "example.com", "/");
    let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_eq!(receive(&mut client(&request), head).as_deref(), Some("Opened"));
    let head = b"HTTP/1.1 404 Not Found\r\n\r\n";
    assert_eq!(receive(&mut client(&request), head).as_deref(), Some("Rejected"));
}

fn opened<S: Storage + Default>(tx: SendBuffer<S>, timeouts: Timeouts) -> End<barews::Server, S> {
    let ws = Session::opened(Connection::server(Config::new()), timeouts, secs(0));
    End::new(ws, RecvBuffer::new(S::default()), tx)
}

/// The send buffer is shorter than a Pong.
#[test]
fn s6_a_send_buffer_that_is_shorter_than_a_control_frame_fails_the_session() {
    let mut ws = Session::opened(Connection::server(Config::new()), Timeouts::new(), secs(0));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 256]), SendBuffer::new([0; 64]));
    rx.push(&masked(0x89, &[7; 100])).unwrap();
    let ping = ws.receive(&mut rx, &mut tx, secs(0)).map(Seen::of);
    assert_eq!(ping, Some(Seen::Ping(vec![7; 100])));
    let failed = ws.receive(&mut rx, &mut tx, secs(0)).map(Seen::of);
    let needed = Failure::Send(SendError::BufferTooSmall { needed: 102 });
    assert_eq!(failed, Some(Seen::Failed(needed)));
    assert_eq!(ws.transport_action(&tx), TransportAction::Drop);
}

/// An idle session has no space for its Close.
#[test]
fn s6_an_idle_session_without_space_for_a_close_ends() {
    let timeouts = Timeouts::new().idle_within(Some(secs(10))).ping_after(None).write_within(None);
    let mut ws = Session::opened(Connection::server(Config::new()), timeouts, secs(0));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 64]), SendBuffer::with_marks([0; 64], 64, 64));
    tx.push(&[0; 62]).unwrap();
    let mut seen = None;
    for n in 0..100 {
        let _ = (rx.spare_mut().len(), tx.unsent().len());
        let now = secs(11) + Duration::from_millis(10 * n);
        seen = ws.receive(&mut rx, &mut tx, now).map(Seen::of);
        if seen.is_some() {
            break;
        }
    }
    assert_eq!(seen, Some(expired(Reason::Idle)));
    assert_eq!(ws.transport_action(&tx), TransportAction::Drop);
}

#[test]
fn s2_sends_make_space_for_themselves() {
    let mut end = opened(SendBuffer::new(Vec::new()), Timeouts::new());
    end.ws.close(CloseCode::NORMAL, "", &mut end.tx, end.now).unwrap();
    assert_eq!(end.tx.unsent(), plain(0x88, &[3, 232]));
    // A Pong that waited for the end of a frame goes before the next header, and needs more space.
    let mut end = opened(SendBuffer::new(vec![0; 40]), Timeouts::new());
    end.ws.begin_frame(Kind::Binary, true, 1, &mut end.tx).unwrap();
    end.receive(&masked(0x89, &[7; 120]));
    end.ws.mask_next(&mut [0]).unwrap();
    end.tx.push(&[0]).unwrap();
    end.ws.send_in_place(Kind::Binary, true, &mut [1], &mut end.tx).unwrap();
    let written = [end.take_written(), end.tx.unsent().to_vec()].concat();
    let expected = [plain(0x82, &[0]), plain(0x8A, &[7; 120]), plain(0x82, &[])].concat();
    assert_eq!(written[..written.len() - 1], expected[..expected.len() - 1]);
}

#[test]
fn s2_what_does_not_fit_is_refused_and_can_be_sent_later() {
    let mut ws = Session::opened(Connection::server(Config::new()), Timeouts::new(), secs(0));
    let mut tx = SendBuffer::new([0; 20]);
    tx.push(&[0; 18]).unwrap();
    let full = |needed| Err(SendError::BufferTooSmall { needed });
    assert_eq!(ws.send_binary(&[1; 10], &mut tx), full(30));
    assert_eq!(ws.close(CloseCode::NORMAL, "", &mut tx, secs(0)), full(22));
    assert_eq!(ws.send_in_place(Kind::Binary, true, &mut [1], &mut tx), full(32));
    assert_eq!(ws.send_ping(&[0; 126], &mut tx), Err(SendError::ControlTooLong));
    tx.sent(18);
    assert_eq!(ws.send_binary(&[1; 10], &mut tx), Ok(()));
}

/// Two keys, and then none.
struct Keys2(u8);

impl MaskKeys for Keys2 {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        self.0 = self.0.checked_sub(1).ok_or(NoKey)?;
        Ok(KEY)
    }
}

#[test]
fn s2_without_a_masking_key_nothing_is_sent() {
    let connection = Connection::client(Config::new(), Keys2(1));
    let mut ws = Session::opened(connection, Timeouts::new(), secs(0));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 64]), SendBuffer::new([0; 64]));
    ws.send_text("one", &mut tx).unwrap();
    rx.push(&plain(0x89, b"")).unwrap();
    let mut seen = Vec::new();
    while let Some(event) = ws.receive(&mut rx, &mut tx, secs(0)) {
        seen.push(Seen::of(event));
    }
    assert_eq!(seen.last(), Some(&Seen::Failed(Failure::Send(SendError::NoMaskingKey))));
    assert_eq!(tx.unsent(), masked(0x81, b"one"));
}

#[cfg(feature = "deflate")]
#[test]
fn s2_a_compressed_message_too_early_too_late_and_without_a_key() {
    use barews::deflate::{Deflate, DeflateParams, Effort};

    use crate::turn::Keys;

    let context = DeflateParams::DEFAULT.client();
    let storage = vec![0; Deflate::memory(context, Effort::FAST)];
    let mut deflate = Deflate::new(context, Effort::FAST, storage).unwrap();
    let text = "again ".repeat(100);
    let message = Message::Text(&text);
    let request = Handshake::new(*b"the sample nonce", "example.com", "/");
    let mut end = client(&request);
    let before = end.tx.len();
    let early = end.ws.send_compressed(message, &mut deflate, &mut end.tx);
    assert_eq!((early, end.tx.len()), (Err(SendError::NotOpen), before));
    end.ws.close(CloseCode::NORMAL, "", &mut end.tx, end.now).unwrap();
    assert_eq!(end.ws.send_compressed(message, &mut deflate, &mut end.tx), Ok(()));
    let config = Config::new().deflate(true);
    let mut ws = Session::opened(Connection::client(config, Keys2(0)), Timeouts::new(), secs(0));
    let mut tx = SendBuffer::new(Vec::new());
    let sent = ws.send_compressed(message, &mut deflate, &mut tx);
    assert_eq!((sent, tx.len()), (Err(SendError::NoMaskingKey), 0));
    let keys: Keys = || KEY;
    let plain = Connection::client(Config::new(), keys);
    let mut ws = Session::opened(plain, Timeouts::new(), secs(0));
    let sent = ws.send_compressed(message, &mut deflate, &mut tx);
    assert_eq!(sent, Err(SendError::NotNegotiated));
    // Too little space, before anything is compressed.
    let connection = Connection::client(config, keys);
    let mut ws = Session::opened(connection, Timeouts::new(), secs(0));
    let sent = ws.send_compressed(message, &mut deflate, &mut SendBuffer::new([0; 32]));
    assert!(matches!(sent, Err(SendError::BufferTooSmall { .. })));
}

/// Only what concerns the connection is passed on.
#[test]
fn s2_a_request_is_not_forwarded() {
    let mut from = server();
    let mut to = open_server();
    from.rx.push(REQUEST.as_bytes()).unwrap();
    let event = from.ws.receive(&mut from.rx, &mut from.tx, secs(0)).unwrap();
    assert!(matches!(event, SessionEvent::Upgrade(_)));
    to.ws.forward(&event, CloseCode::BAD_GATEWAY, &mut to.tx, secs(0));
    assert!(to.tx.is_empty());
}

/// The keepalive's Ping finds no space, and is sent when there is some.
#[test]
fn s3_a_ping_without_space_is_sent_later() {
    let timeouts = Timeouts::new().write_within(None);
    let mut ws = Session::opened(Connection::server(Config::new()), timeouts, secs(0));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 64]), SendBuffer::with_marks([0; 64], 64, 64));
    tx.push(&[0; 63]).unwrap();
    for n in 30..40 {
        let _ = (rx.spare_mut().len(), tx.unsent().len());
        assert!(ws.receive(&mut rx, &mut tx, secs(n)).is_none());
    }
    assert_eq!(tx.len(), 63);
    tx.sent(63);
    assert!(ws.receive(&mut rx, &mut tx, secs(40)).is_none());
    assert_eq!(tx.unsent(), plain(0x89, b""));
}

/// Every turn comes long after its deadline: the machine is overloaded, or always suspended.
#[test]
fn s4_a_silent_peer_ends_even_if_every_turn_is_late() {
    let mut end = open_server();
    for n in 1..60 {
        end.now = secs(60 * n);
        end.turns();
    }
    assert_eq!(end.seen, [expired(Reason::Pong)]);
}

/// Every standstill gives the message more time, but only so often.
#[test]
fn s5_a_message_ends_even_if_the_process_always_stands_still() {
    let mut end = open_server();
    end.receive(&masked(0x02, b"begins"));
    for n in 1..60 {
        end.transport.incoming.extend(masked(0x00, b"x"));
        end.stopped_until(secs(100 * n));
    }
    assert!(end.seen.contains(&expired(Reason::Message)), "{:?}", end.seen.last());
}

/// The Close that reports an error waits for the caller, and nothing else waits before it.
#[test]
fn s7_a_held_close_takes_no_space_before_that_of_the_caller() {
    let mut ws = Connection::server(Config::new().auto_fail(false));
    let mut bytes = masked(0x83, b"");
    assert!(ws.receive(&mut barews::Input::new(&mut bytes)).is_err());
    let mut out = [0; 4];
    assert_eq!(ws.send_close(CloseCode::new(4000), "", &mut out), Ok(4));
    // The code is that of the error.
    assert_eq!(out, [0x88, 2, 3, 234]);
}
