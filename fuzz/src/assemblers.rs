//! `Assembler` and `InflateAssembler` against the messages that were sent, with storage that refuses at
//! random.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use barews::deflate::{Deflate, DeflateParams, Effort, Flush, Inflate, InflateAssembler};
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    AssembleError, Assembler, Config, Connection, Event, Kind, Message, RecvBuffer, SendBuffer,
};

use crate::buffers::{Flaky, Source};
use crate::memory::Memory;

/// A message: what it is, and its payload, cut into frames.
struct Sent {
    kind: Kind,
    bytes: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

fn cut(u: &mut Unstructured<'_>, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    for _ in 0..u8::arbitrary(u)? % 4 {
        let (frame, after) = rest.split_at(usize::from(u8::arbitrary(u)?).min(rest.len()));
        frames.push(frame.to_vec());
        rest = after;
    }
    frames.push(rest.to_vec());
    Ok(frames)
}

/// Some messages, with payloads of 0 to 1,020 bytes.
fn messages(u: &mut Unstructured<'_>) -> Result<Vec<(Kind, Vec<u8>)>> {
    let mut source = Source::new();
    let mut messages = Vec::new();
    for _ in 0..u8::arbitrary(u)? % 8 {
        let [how, len] = <[u8; 2]>::arbitrary(u)?;
        let len = usize::from(len) * usize::from(how % 5);
        let (kind, bytes) = if how & 0x80 == 0 {
            (Kind::Binary, source.bytes(len))
        } else {
            (Kind::Text, source.bytes(len).iter().map(|byte| b'a' + byte % 4).collect())
        };
        messages.push((kind, bytes));
    }
    Ok(messages)
}

/// A frame of a server.
fn frame(wire: &mut Vec<u8>, first: u8, payload: &[u8]) {
    wire.push(first);
    match payload.len() {
        len @ 0..126 => wire.push(u8::try_from(len).unwrap()),
        len => {
            wire.push(126);
            wire.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
    }
    wire.extend(payload);
}

fn frames(wire: &mut Vec<u8>, sent: &Sent, rsv1: u8) {
    for (index, payload) in sent.frames.iter().enumerate() {
        let fin = if index + 1 == sent.frames.len() { 0x80 } else { 0 };
        let opcode = match (index, sent.kind) {
            (0, Kind::Text) => 1 | rsv1,
            (0, Kind::Binary) => 2 | rsv1,
            _ => 0,
        };
        frame(wire, fin | opcode, payload);
    }
}

fn is(message: &Message<'_>, kind: Kind, bytes: &[u8]) -> bool {
    match message {
        Message::Text(text) => kind == Kind::Text && text.as_bytes() == bytes,
        Message::Binary(binary) => kind == Kind::Binary && *binary == bytes,
    }
}

/// Chunks that are refused are pushed again into more memory, or not at all.
pub fn assemble(u: &mut Unstructured<'_>) -> Result<()> {
    let refuses = Rc::new(Cell::new(false));
    let [memory, read] = <[u8; 2]>::arbitrary(u)?;
    let mut wire = Vec::new();
    let mut all = Vec::new();
    for (kind, bytes) in messages(u)? {
        let sent = Sent { kind, frames: cut(u, &bytes)?, bytes };
        frames(&mut wire, &sent, 0);
        all.push(sent);
    }
    let mut rest = &wire[..];
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let mut rx = RecvBuffer::new(vec![0; 131 + usize::from(read)].into_boxed_slice());
    let mut messages = Assembler::new(Flaky::new(Memory::new(memory), &refuses));
    let (mut at, mut lost) = (0, false);
    loop {
        let mut input = rx.input();
        match ws.receive(&mut input).expect("the stream is valid") {
            Event::Data(data) => {
                let [flag, more] = <[u8; 2]>::arbitrary(u).unwrap_or_default();
                refuses.set(flag & 1 == 1);
                lost &= !data.first;
                if flag & 6 == 6 && !data.first {
                    // The caller does not push it.
                    lost |= !data.payload.is_empty();
                    at += usize::from(data.fin);
                    continue;
                }
                let held = messages.len();
                let mut outcome = messages.push(&data).map(|message| message.map(|m| copy(&m)));
                if let Err(AssembleError::StorageFull(full)) = outcome {
                    assert!(!lost);
                    assert_eq!(messages.len(), if data.first { 0 } else { held });
                    let memory = Memory::new(more);
                    if flag & 8 == 0 && memory.as_ref().len() >= messages.len() {
                        let _ = messages.grow(Flaky::new(memory, &refuses));
                        outcome = messages.push(&data).map(|message| message.map(|m| copy(&m)));
                    } else if flag & 16 == 0 {
                        let exact = Memory::Fixed(vec![0; full.needed].into());
                        let grown = messages.grow(Flaky::new(exact, &refuses)).is_ok();
                        assert!(grown, "a storage of `needed` bytes holds what was held");
                        outcome = messages.push(&data).map(|message| message.map(|m| copy(&m)));
                        assert!(outcome.is_ok(), "`needed` bytes are enough");
                    }
                }
                let sent = &all[at];
                match outcome {
                    Ok(Some((kind, bytes))) => {
                        assert!(data.fin && !lost, "a message with a gap");
                        assert!((kind, &bytes) == (sent.kind, &sent.bytes));
                    }
                    Ok(None) => assert!(!data.fin && !lost),
                    Err(AssembleError::Incomplete) => assert!(lost),
                    Err(AssembleError::StorageFull(_)) => lost |= !data.payload.is_empty(),
                    Err(error) => panic!("{error:?}"),
                }
                at += usize::from(data.fin);
            }
            Event::NeedMore(_) => {
                let spare = rx.spare_mut();
                let n = spare.len().min(rest.len());
                if n == 0 {
                    break;
                }
                spare[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                rx.advance(n);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(at, all.len());
    Ok(())
}

fn copy(message: &Message<'_>) -> (Kind, Vec<u8>) {
    match message {
        Message::Text(text) => (Kind::Text, text.as_bytes().to_vec()),
        Message::Binary(bytes) => (Kind::Binary, bytes.to_vec()),
    }
}

/// Messages through a session, compressed or not: those that fit arrive, and the first that does not
/// ends the session.
pub fn inflate(u: &mut Unstructured<'_>) -> Result<()> {
    const NOW: Duration = Duration::ZERO;
    let refuses = Rc::new(Cell::new(false));
    let [memory, read, limit] = <[u8; 3]>::arbitrary(u)?;
    let context = DeflateParams::DEFAULT.server();
    let mut deflate =
        Deflate::new(context, Effort::SMALL, vec![0; Deflate::memory(context, Effort::SMALL)])
            .expect("enough memory");
    let mut wire = Vec::new();
    let mut all = Vec::new();
    for (kind, bytes) in messages(u)? {
        let is_compressed = u8::arbitrary(u)? % 4 > 0;
        let mut payload = bytes.clone();
        if is_compressed {
            payload = vec![0; Deflate::max_len(bytes.len())];
            let len = deflate.push(&bytes, Flush::Finish, &mut payload).written;
            payload.truncate(len);
        }
        let sent = Sent { kind, frames: cut(u, &payload)?, bytes };
        frames(&mut wire, &sent, if is_compressed { 0x40 } else { 0 });
        all.push((sent, is_compressed));
    }
    let most = if limit < 64 { u64::from(limit) * 4 } else { 1 << 20 };
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)]).expect("enough memory");
    let storage = Memory::new(memory);
    let capacity = storage.most();
    let mut messages =
        InflateAssembler::new(inflate.max_message_len(most), Flaky::new(storage, &refuses));
    let connection = Connection::client(Config::new().deflate(true), || [0; 4]);
    let mut ws = Session::opened(connection, Timeouts::new(), NOW);
    let mut rx = RecvBuffer::new(vec![0; 131 + usize::from(read) * 8].into_boxed_slice());
    let mut tx = SendBuffer::new(Vec::new());
    let (mut rest, mut at, mut has_refused) = (&wire[..], 0, false);
    loop {
        let flag = u8::arbitrary(u).unwrap_or_default();
        refuses.set(flag & 3 == 3);
        has_refused |= refuses.get();
        match ws.receive_message(&mut rx, &mut messages, &mut tx, NOW) {
            Some(SessionEvent::Data(message)) => {
                let (sent, is_compressed) = &all[at];
                assert!(is(&message, sent.kind, &sent.bytes), "another message, or a part of one");
                let len = sent.bytes.len();
                assert!(u64::try_from(len).unwrap() <= most);
                assert!(!is_compressed || len <= capacity);
                at += 1;
            }
            Some(SessionEvent::Failed(failure)) => {
                let len = all[at].0.bytes.len();
                match failure {
                    Failure::StorageFull => assert!(has_refused || len > capacity, "{len}"),
                    Failure::Protocol(barews::Error::MessageTooLong) => {
                        assert!(u64::try_from(len).unwrap() > most);
                    }
                    other => panic!("{other:?}"),
                }
                // The peer is told, and nothing is delivered any more.
                assert_eq!(tx.unsent()[..2], [0x88, 0x82]);
                for _ in 0..3 {
                    let again = ws.receive_message(&mut rx, &mut messages, &mut tx, NOW);
                    assert!(!matches!(
                        again,
                        Some(SessionEvent::Data(_) | SessionEvent::Failed(_))
                    ));
                }
                return Ok(());
            }
            Some(other) => panic!("{other:?}"),
            None => {
                let spare = rx.spare_mut();
                let n = spare.len().min(rest.len());
                if n == 0 {
                    break;
                }
                spare[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                rx.advance(n);
            }
        }
    }
    assert_eq!(at, all.len(), "a message is missing");
    Ok(())
}
