//! S7, S8, S10: the end of a session.

use barews::handshake::client::Handshake;
use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session};
use barews::{
    CloseCode, Config, Connection, Error, MaskKeys, NoKey, RecvBuffer, SendBuffer, SendError,
    State, TransportAction,
};

use crate::turn::{Seen, client, masked, open_server, plain, secs, server, server_with};

#[test]
fn s7_a_server_answers_a_close_and_ends_after_the_client() {
    let mut end = open_server();
    end.receive(&masked(0x88, &[0x03, 0xE8]));
    assert_eq!(end.seen, [Seen::Close(Some(1000))]);
    assert_eq!(end.take_written(), plain(0x88, &[0x03, 0xE8]));
    assert!(end.transport.is_half_closed && !end.transport.is_dropped);
    assert_eq!(end.ws.state(), State::Closed);
    end.ends();
    assert!(end.transport.is_dropped);
    assert_eq!(end.seen.len(), 1);
}

/// A serial line has no end of file: the close deadline ends the session, and that is no failure.
#[test]
fn s7_a_client_after_both_closes_ends_without_an_end_of_file() {
    let mut end = client(&Handshake::new(*b"the sample nonce", "example.com", "/"));
    end.receive(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    end.ws.close(CloseCode::NORMAL, "", &mut end.tx, end.now).unwrap();
    end.receive(&plain(0x88, &[0x03, 0xE8]));
    assert!(!end.transport.is_dropped);
    end.sleep_until(secs(11));
    assert!(end.transport.is_dropped);
    assert_eq!(end.seen, [Seen::Opened, Seen::Close(Some(1000))]);
}

/// The deadline runs from the moment when the Close is queued, not when it is written.
#[test]
fn s7_the_close_deadline_runs_while_the_close_is_blocked() {
    let mut end = open_server();
    end.transport.window = 0;
    end.ws.close(CloseCode::GOING_AWAY, "", &mut end.tx, end.now).unwrap();
    end.sleep_until(secs(9));
    assert!(!end.transport.is_dropped);
    end.sleep_until(secs(11));
    assert!(end.transport.is_dropped);
    assert_eq!(end.seen, [Seen::Failed(Failure::Expired(Reason::Close))]);
}

/// A peer that ends its own direction at once still gets the echoes and the Close.
#[test]
fn s7_what_is_unsent_at_the_end_of_the_transport_is_written() {
    for close in [masked(0x88, &[0x03, 0xE8]), masked(0x83, b""), vec![]] {
        let mut end = open_server();
        end.echoes = true;
        end.transport.window = 10;
        end.transport.is_ended = true;
        end.receive(&[masked(0x82, &[7; 100]), close.clone()].concat());
        assert!(!end.ws.wants_read() && !end.transport.is_dropped);
        end.transport.window = usize::MAX;
        end.turns();
        assert!(end.transport.is_dropped);
        let written = end.take_written();
        assert!(written.starts_with(&plain(0x82, &[7; 100])));
        assert_eq!(written.len(), 102 + if close.is_empty() { 0 } else { 4 });
    }
    // One that does not read either is not waited for longer than for a Close.
    let mut end = open_server();
    end.transport.window = 10;
    end.ws.send_binary(&[7; 100], &mut end.tx).unwrap();
    end.ends();
    end.sleep_until(secs(9));
    assert!(!end.transport.is_dropped);
    end.sleep_until(secs(11));
    assert!(end.transport.is_dropped);
}

/// A layer above rejects what the peer sent.
#[test]
fn s8_the_caller_fails_a_session() {
    let mut end = open_server();
    end.receive(&masked(0x82, b"no image"));
    end.ws.fail(Error::InvalidUtf8, &mut end.tx, end.now);
    end.receive(&masked(0x82, b"not delivered"));
    let failed = Seen::Failed(Failure::Protocol(Error::InvalidUtf8));
    assert_eq!(end.seen, [Seen::data(b"no image"), failed]);
    assert_eq!(end.take_written(), plain(0x88, &1007_u16.to_be_bytes()));
    assert!(end.transport.is_half_closed);
    // No effect once the peer has closed, or before it could have sent anything.
    end = open_server();
    end.receive(&masked(0x88, &[0x03, 0xE8]));
    end.ws.fail(Error::InvalidUtf8, &mut end.tx, end.now);
    end.ends();
    assert_eq!(end.seen, [Seen::Close(Some(1000))]);
    end = server();
    end.ws.fail(Error::InvalidUtf8, &mut end.tx, end.now);
    end.open();
}

#[test]
fn s7_data_arrives_after_this_sides_close() {
    let mut end = open_server();
    end.ws.close(CloseCode::NORMAL, "bye", &mut end.tx, end.now).unwrap();
    end.receive(&[masked(0x81, b"late"), masked(0x88, &[0x03, 0xE8])].concat());
    assert_eq!(end.seen, [Seen::data(b"late"), Seen::Close(Some(1000))]);
    assert_eq!(end.take_written(), plain(0x88, b"\x03\xE8bye"));
}

#[test]
fn s8_the_close_is_queued_before_the_failure_is_returned() {
    for (bytes, error) in [
        (plain(0x81, b"unmasked"), Error::Unmasked),
        (masked(0x83, b""), Error::ReservedOpcode),
        (masked(0x81, b"\xFF"), Error::InvalidUtf8),
        (masked(0x88, b"x"), Error::CloseTooShort),
    ] {
        let mut end = open_server();
        let spare = end.rx.spare_mut();
        spare[..bytes.len()].copy_from_slice(&bytes);
        end.rx.advance(bytes.len());
        let event = end.ws.receive(&mut end.rx, &mut end.tx, end.now).map(Seen::of);
        assert_eq!(event, Some(Seen::Failed(Failure::Protocol(error))));
        let code = error.close_code().as_u16().to_be_bytes();
        assert_eq!(end.tx.unsent(), plain(0x88, &code), "{error:?}");
        end.turns();
        assert!(end.transport.is_half_closed && end.seen.is_empty());
    }
}

#[test]
fn s8_an_end_without_a_close_is_reported_once() {
    let mut end = open_server();
    end.receive(&masked(0x01, b"half a mess"));
    end.ends();
    end.turns();
    let half = Seen::Data { payload: b"half a mess".to_vec(), fin: false };
    let failed = Seen::Failed(Failure::Protocol(Error::UnexpectedEof));
    assert_eq!(end.seen, [half, failed]);
    assert!(end.transport.is_dropped);
}

/// A peer that only closes its own half gets all that is queued for it.
#[test]
fn s7_what_is_queued_at_the_end_of_the_transport_is_still_sent() {
    for reads in [true, false] {
        let mut end = open_server();
        end.transport.window = 0;
        end.ws.send_binary(&[7; 1000], &mut end.tx).unwrap();
        end.ends();
        assert_eq!(end.seen, [Seen::Failed(Failure::Protocol(Error::UnexpectedEof))]);
        assert!(!end.transport.is_dropped && !end.ws.wants_read());
        // Under the deadline of the closing handshake.
        end.sleep_until(secs(9));
        // Nothing is unread: the buffer may be replaced.
        end.rx = RecvBuffer::new(vec![]);
        end.transport.window = if reads { usize::MAX } else { 0 };
        end.sleep_until(secs(11));
        assert!(end.transport.is_dropped);
        assert_eq!(end.take_written().len(), if reads { 1004 } else { 0 });
        assert_eq!(end.seen.len(), 1);
    }
}

#[test]
fn s10_a_closed_session_takes_anything_and_does_nothing() {
    let mut end = open_server();
    end.receive(&masked(0x88, b""));
    assert_eq!(end.take_seen(), [Seen::Close(None)]);
    let written = end.take_written();
    end.receive(&[masked(0x81, b"late"), masked(0x89, b""), vec![0xFF; 5000]].concat());
    assert_eq!(
        (end.ws.send_text("late", &mut end.tx), end.ws.send_ping(b"", &mut end.tx)),
        (Ok(()), Ok(()))
    );
    end.ws.close(CloseCode::NORMAL, "again", &mut end.tx, end.now).unwrap();
    end.ws.answer(Err(barews::handshake::Error::OriginRefused), &mut end.tx, end.now).unwrap();
    end.turns();
    assert_eq!((end.take_seen(), end.take_written(), end.rx.len()), (vec![], vec![], 0));
    assert_eq!(written, plain(0x88, b""));
    end.sleep_until(secs(11));
    assert!(end.transport.is_dropped);
    let late = end.ws.receive(&mut end.rx, &mut end.tx, end.now).map(Seen::of);
    assert_eq!((late, end.ws.deadline()), (None, None));
}

#[test]
fn s10_no_event_follows_an_expired_session() {
    let timeouts = Timeouts::new().idle_within(Some(secs(20)));
    let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
    end.open();
    end.sleep_until(secs(21));
    assert_eq!(end.take_seen(), [Seen::Failed(Failure::Expired(Reason::Idle))]);
    end.receive(&[masked(0x81, b"late"), masked(0x89, b""), masked(0x88, b"")].concat());
    assert_eq!(end.seen, []);
    assert_eq!(end.take_written(), plain(0x88, &1001_u16.to_be_bytes()));
    end.ends();
    assert!(end.transport.is_dropped);
}

/// A source of masking keys that has none.
struct NoKeys;

impl MaskKeys for NoKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        Err(NoKey)
    }
}

#[test]
fn s10_no_event_follows_a_session_without_masking_keys() {
    let failed = Seen::Failed(Failure::Send(SendError::NoMaskingKey));
    // A Pong cannot be sent, and neither can the Ping of a silent connection.
    for bytes in [[plain(0x89, b"?"), plain(0x81, b"late")].concat(), vec![]] {
        let connection = Connection::client(Config::new(), NoKeys);
        let mut ws = Session::opened(connection, Timeouts::new(), secs(0));
        let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 100]), SendBuffer::new(vec![0; 100]));
        rx.spare_mut()[..bytes.len()].copy_from_slice(&bytes);
        if !bytes.is_empty() {
            rx.advance(bytes.len());
        }
        let mut seen = Vec::new();
        while let Some(event) = ws.receive(&mut rx, &mut tx, secs(31)) {
            seen.push(Seen::of(event));
        }
        assert_eq!(seen.pop(), Some(failed.clone()));
        assert_eq!(seen, if bytes.is_empty() { vec![] } else { vec![Seen::Ping(b"?".to_vec())] });
        assert_eq!(ws.transport_action(&tx), TransportAction::Drop);
    }
}

/// The reply of the caller's choice: `auto_close` off.
#[test]
fn s7_the_caller_answers_a_close_itself() {
    let config = Config::new().auto_close(false);
    let mut end = server_with(config, Timeouts::new(), vec![], vec![]);
    end.open();
    end.receive(&masked(0x88, &[0x03, 0xE8]));
    assert_eq!((end.take_seen(), end.take_written()), (vec![Seen::Close(Some(1000))], vec![]));
    end.ws.send_text("last words", &mut end.tx).unwrap();
    end.ws.close(CloseCode::new(4000), "", &mut end.tx, end.now).unwrap();
    end.turns();
    let written = [plain(0x81, b"last words"), plain(0x88, &4000_u16.to_be_bytes())].concat();
    assert_eq!(end.take_written(), written);
    assert!(end.transport.is_half_closed);
}
