//! Heads as bytes: every cut, every limit, every fault, and the writers' output.

mod cuts;
mod faults;
mod limits;
mod writers;

use barews::handshake::client::Handshake;
use barews::handshake::deflate::DeflateOffer;
use barews::handshake::server::RequestReader;
use barews::handshake::{Error, Status};
use proptest::prelude::ProptestConfig;

const REQUEST: &[u8] =
    b"GET /chat?x HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: null\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const TAIL: &[u8] = b"\x81\x02hi\r\n\r\n";
const OFFERS: [DeflateOffer; 1] = [DeflateOffer::new()];

fn client() -> Handshake<'static> {
    Handshake::new(*b"the sample nonce", "example.com", "/").protocols(&["a", "b"]).deflate(&OFFERS)
}

/// The number of cases of each property.
fn cases() -> ProptestConfig {
    ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() }
}

/// The result of a reader in a comparable form.
type Outcome = Result<Status<String>, Error>;

fn described<T: core::fmt::Debug>(status: Result<Status<T>, Error>) -> Outcome {
    status.map(|status| match status {
        Status::NeedMore(more) => Status::NeedMore(more),
        Status::Complete(outcome) => Status::Complete(format!("{outcome:?}")),
    })
}

fn read(reader: &mut RequestReader, bytes: &[u8]) -> Outcome {
    described(reader.read(bytes))
}

fn response(handshake: &mut Handshake<'_>, bytes: &[u8]) -> Outcome {
    described(handshake.read_response(bytes))
}

/// Passes `bytes`, cut at `cuts`, to a reader and returns the last outcome. Checks every
/// `NeedMore`.
fn pieces(
    mut machine: impl FnMut(&[u8]) -> Outcome,
    bytes: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> Outcome {
    let mut least = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        let outcome = machine(&bytes[..cut]);
        match outcome {
            Ok(Status::NeedMore(more)) => {
                assert!(cut + more.get() >= least, "`NeedMore` asked for too many bytes");
                least = cut + more.get();
            }
            Ok(Status::Complete(_)) => {
                assert!(cut >= least, "complete with {cut} of {least} bytes");
            }
            Err(_) => {}
        }
        if !matches!(outcome, Ok(Status::NeedMore(_))) && cut < bytes.len() {
            // The outcome is final: more bytes do not change it.
            assert_eq!(machine(bytes), outcome);
            return outcome;
        }
        if cut == bytes.len() {
            return outcome;
        }
    }
    panic!("no outcome")
}

/// Checks that the bytes whole, cut once at every place, and byte by byte give the same outcome.
fn every_cut(machine: impl Fn() -> Box<dyn FnMut(&[u8]) -> Outcome>, bytes: &[u8]) -> Outcome {
    let whole = pieces(machine(), bytes, []);
    for cut in 0..=bytes.len() {
        assert_eq!(pieces(machine(), bytes, [cut]), whole, "cut at {cut}");
    }
    assert_eq!(pieces(machine(), bytes, 0..bytes.len()), whole);
    whole
}

fn server_cuts(bytes: &[u8]) -> Outcome {
    every_cut(
        || {
            let mut reader = RequestReader::new();
            Box::new(move |bytes| read(&mut reader, bytes))
        },
        bytes,
    )
}

fn client_cuts(bytes: &[u8]) -> Outcome {
    every_cut(
        || {
            let mut handshake = client();
            Box::new(move |bytes| response(&mut handshake, bytes))
        },
        bytes,
    )
}
