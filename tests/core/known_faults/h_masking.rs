//! Class H: masking keys that repeat, are predictable or are missing.

use barews::{
    Client, Config, Connection, ControlOrder, Delivery, Error, Kind, MaskKeys, NoKey, SendError,
};

use crate::support::endpoint::{Call, Keys, Side};
use crate::support::event::Ev;
use crate::support::frame::written;

use super::fault;

/// One of each call that writes a frame.
const CALLS: [Call<'_>; 6] = [
    Call::Text("text"),
    Call::Binary(b"binary"),
    Call::Fragment(Kind::Text, false, b"a"),
    Call::Ping(b"ping"),
    Call::Pong(b"pong"),
    Call::Fragment(Kind::Text, true, b"b"),
];

/// curl, CVE-2025-10148: one key for all frames of a connection.
#[test]
fn curl_cve_2025_10148_a_new_key_for_each_frame() {
    let mut ws = Side::Client.ws(Config::new());
    let wire: Vec<u8> = (0..50).flat_map(|_| CALLS.map(|call| ws.sent(call)).concat()).collect();
    let mut keys: Vec<_> = written(&wire).iter().map(|frame| frame.key.unwrap()).collect();
    assert_eq!((keys.len(), ws.keys()), (300, 300));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 300, "a key repeats");
}

/// gorilla/websocket, GO-2026-6278: keys came from a weak generator.
#[test]
fn gorilla_go_2026_6278_the_key_comes_from_the_source() {
    let mut ws = Side::Client.ws(Config::new());
    for (n, call) in (0..).zip(CALLS) {
        assert_eq!(written(&ws.sent(call))[0].key, Some(Keys::nth(n)));
    }
}

/// ws, commit 7253f06 of 2016: the same; the handshake nonce must be random as well.
#[cfg(feature = "handshake")]
#[test]
fn ws_7253f06_the_nonce_comes_from_the_caller() {
    use barews::handshake::client::Handshake;
    use barews::handshake::key::Key;

    for nonce in [[0; 16], [0xFF; 16], *b"the sample nonce"] {
        let mut out = [0; 256];
        let len = Handshake::new(nonce, "a", "/").write_request(&mut out).unwrap();
        let head = core::str::from_utf8(&out[..len]).unwrap();
        let line = format!("\r\nSec-WebSocket-Key: {}\r\n", Key::new(nonce).as_str());
        assert!(head.contains(&line), "{head}");
    }
}

/// HTTP.jl, issue 437: the same. The quality of keys depends on the caller's source, but every
/// frame takes a new one from it: in every way of sending, and for pending frames.
#[test]
fn http_jl_437_every_way_of_sending_draws_a_key() {
    let mut ws = Side::Client.ws(Config::new());
    let mut payload = *b"in place";
    let header = ws.in_place(Kind::Binary, true, &mut payload).unwrap();
    assert_eq!(header[2..6], Keys::nth(0));
    let header = ws.begin(Kind::Binary, true, 3).unwrap();
    assert_eq!(header[2..6], Keys::nth(1));
    ws.mask_next(&mut [0; 3]).unwrap();
    ws.push(&Side::Client.frame(0x89, b"p"));
    let frames = written(&ws.sent(Call::Text("x")));
    assert_eq!([frames[0].key, frames[1].key], [Some(Keys::nth(2)), Some(Keys::nth(3))]);
    ws.push(&Side::Client.frame(0x88, b""));
    assert_eq!(written(&ws.sent(Call::Transmit))[0].key, Some(Keys::nth(4)));
    assert_eq!(ws.keys(), 5);
}

/// A source of a few keys, then none.
struct Few(u8);

impl MaskKeys for Few {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        self.0 = self.0.checked_sub(1).ok_or(NoKey)?;
        Ok([self.0; 4])
    }
}

/// Java-WebSocket, issue 1132: the same. A source without a good key says so, and none is made up.
#[test]
fn java_websocket_1132_without_a_key_nothing_is_sent() {
    let mut ws: Connection<Client<Few>> = Connection::client(Config::new(), Few(2));
    let mut out = [0xEE; 64];
    assert_eq!(ws.send_text("one", &mut out), Ok(9));
    assert_eq!(ws.send_text("two", &mut out), Ok(9));
    out = [0xEE; 64];
    for _ in 0..3 {
        assert_eq!(ws.send_text("three", &mut out), Err(SendError::NoMaskingKey));
        assert_eq!(ws.transmit(&mut out), Err(SendError::NoMaskingKey));
    }
    assert_eq!(out, [0xEE; 64]);
    assert_eq!(ws.transport_action(), barews::TransportAction::Drop);
}

/// Boost.Beast, in Bishop Fox's report: the same. A key is drawn only when its frame is written, so
/// it cannot be known earlier or used for another frame.
#[test]
fn beast_bishop_fox_a_refused_call_draws_no_key() {
    let mut ws = Side::Client.ws(Config::new());
    assert!(ws.call(Call::Text("long"), &mut [0; 9]).is_err());
    assert_eq!(ws.refused(Call::Ping(&[0; 126])), SendError::ControlTooLong);
    assert_eq!(ws.refused(Call::Fragment(Kind::Text, true, b"\xFF")), SendError::InvalidUtf8);
    assert_eq!(ws.keys(), 0);
}

/// ws, commit 5edb460: a frame without payload was sent unmasked.
#[test]
fn ws_5edb460_an_empty_frame_is_masked() {
    for call in [Call::Text(""), Call::Binary(b""), Call::Ping(b""), Call::Pong(b"")] {
        let wire = Side::Client.ws(Config::new()).sent(call);
        assert_eq!((wire.len(), wire[1]), (6, 0x80), "{call:?}");
    }
    let mut ws = Side::Client.ws(Config::new());
    ws.push(&Side::Client.frame(0x88, b""));
    assert_eq!(ws.sent(Call::Transmit).len(), 6, "the answer to an empty Close is masked as well");
}

/// ws, issue 1681: until 2020 a wrong mask bit was accepted.
#[test]
fn ws_1681_a_wrong_mask_bit_is_refused_at_its_byte() {
    for first in [0x81, 0x82, 0x01, 0x02, 0x88, 0x89, 0x8A] {
        for len in 0..=125 {
            let server = Side::Server.ws(Config::new()).push(&[first, len]);
            assert_eq!(server, [Ev::Fail(Error::Unmasked)]);
            let client = Side::Client.ws(Config::new()).push(&[first, 0x80 | len]);
            assert_eq!(client, [Ev::Fail(Error::Masked)]);
        }
    }
}

/// NATS has a mode without masking, which violates the RFC.
#[test]
fn nats_no_masking_no_option_disables_masking() {
    for delivery in [Delivery::Chunks, Delivery::Frames] {
        for order in [ControlOrder::Ahead, ControlOrder::Wire] {
            for pong in [true, false] {
                let config =
                    super::UNLIMITED.delivery(delivery).control_order(order).auto_pong(pong);
                assert_eq!(fault(Side::Server, config, b"\x81\x01a"), Error::Unmasked);
                let wire = Side::Client.ws(config).sent(Call::Text("a"));
                assert_eq!(wire[1], 0x81);
            }
        }
    }
}

/// Huang, Chen, Barth and others, "Talking to Yourself for Fun and Profit", 2011: a proxy mistook
/// data that a page had its client send for a request, and cached the answer for others.
#[test]
fn talking_to_yourself_2011_what_is_sent_is_not_what_is_on_the_wire() {
    let request = "GET /script.js HTTP/1.1\r\nHost: target.com\r\n\r\n";
    let mut ws = Side::Client.ws(Config::new());
    let forms = [
        ws.sent(Call::Text(request)),
        ws.sent(Call::Binary(request.as_bytes())),
        ws.sent(Call::Ping(request.as_bytes())),
        ws.sent(Call::Close(1000, request)),
    ];
    for wire in forms {
        assert!(!wire.windows(4).any(|bytes| bytes == b"GET " || bytes == b"HTTP"));
    }
    // Sent twice, the same text gives different bytes.
    let mut ws = Side::Client.ws(Config::new());
    assert_ne!(ws.sent(Call::Text(request))[6..], ws.sent(Call::Text(request))[6..]);
}
