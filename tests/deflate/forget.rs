//! What was compressed and then not sent: `Deflate::forget` keeps both sides in step.

use std::cell::Cell;

use barews::deflate::{CompressionContext, Deflate, Effort, Flush, Inflate};
use barews::{Config, Connection, Event, Input};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::roundtrip::{Decoders, EFFORTS, context, effort, memory, message};
use crate::support::shrinking::Shrinking;
use crate::support::strict_inflate::StrictInflate;

fn compress<S: AsRef<[u8]> + AsMut<[u8]>>(deflate: &mut Deflate<S>, message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; Deflate::max_len(message.len())];
    let deflated = deflate.push(message, Flush::Finish, &mut out);
    assert!(deflated.done);
    out.truncate(deflated.written);
    out
}

fn fresh(context: CompressionContext, effort: Effort) -> Deflate<Vec<u8>> {
    Deflate::new(context, effort, memory(context, effort)).unwrap()
}

/// A sender may find only after compression that a message is shorter without it.
#[test]
fn a_message_that_was_not_sent_is_forgotten() {
    let noise = b"q8Zx0vR2mLw7TkYc";
    for effort in EFFORTS {
        let context = context(15, true);
        let mut deflate = fresh(context, effort);
        assert!(compress(&mut deflate, noise).len() >= noise.len());
        // The peer has not seen it, so it cannot inflate a message that refers to it.
        let unreadable = compress(&mut deflate, noise);
        assert!(unreadable.len() < noise.len());
        assert!(StrictInflate::new(15, true).message(&unreadable).is_err());

        deflate.forget();
        let payload = compress(&mut deflate, noise);
        assert_eq!(StrictInflate::new(15, true).message(&payload).unwrap(), noise);
        assert_eq!(payload, compress(&mut fresh(context, effort), noise));
    }
}

/// The peer's window contains the broadcast, that of the connection's own compressor does not.
#[test]
fn a_broadcast_may_come_between_the_messages_of_a_connection() {
    let (own, shared) = (b"some text, and the same text", b"a broadcast with a text of its own");
    for effort in EFFORTS {
        let context = context(15, true);
        let mut broadcasts = fresh(crate::roundtrip::context(15, false), effort);
        let mut deflate = fresh(context, effort);
        let mut decoders = Decoders::new(context);
        for _ in 0..3 {
            for _ in 0..2 {
                decoders.check(&compress(&mut deflate, own), own);
            }
            decoders.check(&compress(&mut broadcasts, shared), shared);
            deflate.forget();
        }
    }
}

/// In the middle of blocks of all types, flushes and ends.
#[test]
fn a_message_is_forgotten_at_every_byte_of_its_output() {
    let mut random = fastrand::Rng::with_seed(5);
    let messages = [
        (0..300).map(|_| random.u8(..)).collect(),
        (0..900).map(|_| random.u8(..).min(random.u8(..)) / 4).collect(),
        b"fixed codes, fixed codes".to_vec(),
    ];
    for effort in EFFORTS {
        for takeover in [true, false] {
            let context = context(15, takeover);
            let mut deflate = fresh(context, effort);
            let wanted = compress(&mut fresh(context, effort), b"Hello, hello, hello");
            for message in &messages {
                for flush in [Flush::None, Flush::Sync, Flush::Finish] {
                    for len in 0..Deflate::max_len(message.len()) + 4 {
                        let _ = deflate.push(message, flush, &mut vec![0; len]);
                        deflate.forget();
                        assert_eq!(compress(&mut deflate, b"Hello, hello, hello"), wanted);
                        deflate.forget();
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn p03_messages_round_trip_between_forgotten_ones(
        effort in effort(),
        bits in 8..=15_u8,
        takeover: bool,
        messages in vec((message(), prop::option::of(0..2000_usize)), 1..12),
    ) {
        let context = context(bits, takeover);
        let mut deflate = fresh(context, effort);
        let mut decoders = Decoders::new(context);
        for (message, forgotten) in &messages {
            match forgotten {
                Some(room) => {
                    let _ = deflate.push(message, Flush::Sync, &mut vec![0; *room]);
                    deflate.forget();
                }
                None => decoders.check(&compress(&mut deflate, message), message),
            }
        }
    }
}

/// Positions have 16 bits, so the tables are rebased while messages are forgotten.
#[test]
fn forgetting_never_ends() {
    for effort in EFFORTS {
        let context = context(9, true);
        let mut deflate = fresh(context, effort);
        let mut random = fastrand::Rng::with_seed(2);
        let noise: Vec<u8> = (0..1000).map(|_| random.u8(..)).collect();
        let wanted = compress(&mut fresh(context, effort), &noise);
        for _ in 0..300 {
            assert!(compress(&mut deflate, &noise) == wanted);
            deflate.forget();
            deflate.forget();
        }
    }
}

/// Even if the storage cannot be touched at the time of the call.
#[test]
fn a_storage_that_has_shrunk_does_not_remember() {
    for effort in EFFORTS {
        let context = context(15, true);
        let needed = Deflate::memory(context, effort);
        let len = Cell::new(needed);
        let mut deflate = Deflate::new(context, effort, Shrinking(vec![0; needed], &len)).unwrap();
        compress(&mut deflate, b"Hello");
        len.set(0);
        deflate.forget();
        len.set(needed);
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(compress(&mut deflate, b"Hello"), hello);
    }
}

/// Both windows hold the bytes of earlier messages, which do not belong in a log.
#[test]
fn a_window_is_not_printed() {
    let context = context(15, true);
    let mut deflate = fresh(context, Effort::BEST);
    let payload = compress(&mut deflate, b"secret");
    let printed = format!("{deflate:?}");
    assert!(printed.starts_with("Deflate { effort: Effort {") && printed.len() < 400, "{printed}");
    let mut inflate = Inflate::new(context, vec![0; Inflate::memory(context)]).unwrap();
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    let mut wire = [&[0xC2, u8::try_from(payload.len()).unwrap()], &payload[..]].concat();
    let Ok(Event::Data(mut data)) = ws.receive(&mut Input::new(&mut wire)) else { panic!() };
    assert!(inflate.push(&mut data, &mut [0; 9]).unwrap().is_some());
    let printed = "Inflate { takeover: true, max_message_len: 67108864, failed: None, .. }";
    assert_eq!(format!("{inflate:?}"), printed);
}
