//! A decompressor with the message that it has decompressed in part.

use std::time::Duration;

use barews::deflate::{Inflate, InflateAssembler};
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Client, Config, Connection, Message, RecvBuffer, SealError, SendBuffer, UnsealError};

use super::{CONTEXT, FIRST, Golden, SECOND, inflate, push};

type Key = fn() -> [u8; 4];
type Messages = InflateAssembler<[u8; 16], Vec<u8>>;

const NOW: Duration = Duration::from_secs(1);

struct Peer {
    ws: Session<Client<Key>>,
    rx: RecvBuffer<[u8; 64]>,
    tx: SendBuffer<[u8; 64]>,
}

impl Peer {
    fn new() -> Self {
        let connection = Connection::client(Config::new().deflate(true), (|| [0; 4]) as Key);
        let ws = Session::opened(connection, Timeouts::none(), NOW);
        Self { ws, rx: RecvBuffer::new([0; 64]), tx: SendBuffer::new([0; 64]) }
    }

    /// Receives bytes, and returns the messages that are complete; `None` if one does not fit.
    fn receive(&mut self, messages: &mut Messages, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let Self { ws, rx, tx } = self;
        rx.push(bytes).unwrap();
        let mut all = Vec::new();
        while let Some(event) = ws.receive_message(rx, messages, tx, NOW) {
            match event {
                SessionEvent::Data(Message::Binary(bytes)) => all.push(bytes.to_vec()),
                SessionEvent::Failed(_) => return None,
                _ => {}
            }
        }
        Some(all)
    }
}

fn assembler() -> Messages {
    InflateAssembler::new(inflate(CONTEXT), [0; 16])
}

fn sealed(messages: &Messages) -> Vec<u8> {
    let Err(SealError::BufferTooSmall { needed }) = messages.seal(&mut []) else { panic!() };
    let mut out = vec![0; needed];
    assert_eq!(messages.seal(&mut out), Ok(needed));
    out
}

fn unsealed(bytes: &[u8]) -> Result<Messages, UnsealError> {
    InflateAssembler::unseal(bytes, [0; 16], vec![0; 256])
}

#[test]
fn messages_of_version_1() {
    // Two compressed messages, the second one in two fragments; one that is not compressed.
    let first = [0xC2, FIRST[1]];
    let second = b"\x42\x02\xF2\x00\x80\x03\x11\x00\x00\x02\x01a\x80\x01b";
    let wire = [&first[..], &FIRST[2..], second].concat();
    let mut golden = Golden::default();
    let (mut peer, mut messages, mut all) = (Peer::new(), assembler(), Vec::new());
    for (at, byte) in (1..).zip(&wire) {
        all.extend(peer.receive(&mut messages, &[*byte]).unwrap());
        let bytes = sealed(&messages);
        let expected = match at {
            2 => "0108 00 08",
            4 => "0108 01 48 48 06 01 05 09 00 48",
            7 => "0108 04 48656c6c 48 06 04 05 19 00 48656c6c",
            9 => "0108 00 08 48656c6c6f",
            14 => "0108 01 48 48 06 01 05 00 00 48656c6c6f48",
            21 => "0108 01 61 08 48656c6c6f48656c6c6f",
            _ => "",
        };
        if !expected.is_empty() {
            golden.check(&at.to_string(), &bytes, expected);
        }
        messages = unsealed(&bytes).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(sealed(&messages), bytes);
    }
    golden.end();
    assert_eq!(all, [b"Hello".to_vec(), b"Hello".to_vec(), b"ab".to_vec()]);
}

/// The byte that did not fit is not held, and the session has failed.
#[test]
fn a_message_that_did_not_fit() {
    let mut bomb = b"\xC2\x0B\x00\x14\x00\xEB\xFF".to_vec();
    bomb.extend([7; 20]);
    bomb[1] = 25;
    let mut messages = assembler();
    assert_eq!(Peer::new().receive(&mut messages, &bomb), None);
    assert_eq!(messages.len(), 16);
    let bytes = sealed(&messages);
    assert_eq!(sealed(&unsealed(&bytes).unwrap()), bytes);
}

/// The caller reads the message in chunks.
#[test]
fn a_message_that_is_not_held() {
    let mut messages = assembler();
    assert_eq!(push(messages.inflate(), b"\x42\x07\x00\x05\x00\xFA\xFFHe", 64), Ok(b"He".to_vec()));
    let bytes = sealed(&messages);
    assert_eq!(bytes, b"\x01\x08\x00\x48\x02\x02\x00\x03He");
    let mut again = unsealed(&bytes).unwrap();
    let bytes = super::in_message::rest(again.inflate(), b"llo\x00");
    assert_eq!(bytes, Ok(b"llo".to_vec()));
}

#[test]
fn a_limit_is_set_again() {
    let mut messages = unsealed(b"\x01\x08\x00\x08Hello").unwrap().max_message_len(4);
    assert!(push(messages.inflate(), SECOND, 64).is_err());
}

#[test]
fn what_is_refused() {
    let refused = [
        (&b"\x01\x08"[..], UnsealError::Invalid),
        (b"\x01\x08\x01", UnsealError::Invalid),
        (b"\x02\x08\x00\x08", UnsealError::Version),
        (b"\x01\x05\x00\x08", UnsealError::OtherType),
        (b"\x01\x08\x00\x09", UnsealError::StorageFull { needed: 512 }),
        (b"\x01\x08\x11aaaaaaaaaaaaaaaaa\x08", UnsealError::StorageFull { needed: 17 }),
        (b"\x01\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x08", UnsealError::Invalid),
        // More is held than was decompressed, or less.
        (b"\x01\x08\x03Hel\x48\x02\x02\x00\x03He", UnsealError::Invalid),
        (b"\x01\x08\x01H\x48\x02\x03\x00\x03Hel", UnsealError::Invalid),
    ];
    for (bytes, error) in refused {
        assert_eq!(unsealed(bytes).unwrap_err(), error, "{bytes:?}");
    }
    assert!(unsealed(b"\x01\x08\x01H\x48\x02\x02\x00\x03He").is_ok());
    assert!(unsealed(b"\x01\x08\x02ab\x18\x10").is_ok(), "after an error");
    assert_eq!(Inflate::memory(CONTEXT), 256);
}
