//! Class C: decompression: bombs, limits on the wrong number, and unnegotiated compression.

use barews::deflate::Inflate;
use barews::{Config, Error, Event, Input, Kind};

use crate::support::bits::BitWriter;
use crate::support::endpoint::{SIDES, Side};
use crate::support::event::Ev;
use crate::support::inflated::{JUNK, Outcome, RSV1, Receiver, compressed, context, memory, run};

/// The outcome of binary `wire` with this limit on inflated bytes.
fn limited(side: Side, wire: &[u8], limit: u64, room: usize) -> Outcome {
    let context = context(15, true);
    let mut memory = memory(context);
    let inflate = Inflate::new(context, &mut memory).unwrap().max_message_len(limit);
    let mut receiver = Receiver::new(side, Config::new(), inflate);
    receiver.read(wire, &mut [room].into_iter().cycle());
    receiver.seen
}

/// Matches of 258 bytes.
fn repeat(stream: &mut BitWriter, count: usize, distance: u32) {
    for _ in 0..count {
        stream.repeat(258, distance);
    }
}

/// Empty blocks.
fn nothing(stream: &mut BitWriter, count: usize) {
    for _ in 0..count {
        stream.stored(false, b"");
    }
}

/// One literal, then matches of 258 bytes in 13 bits each.
fn bomb(matches: usize) -> Vec<u8> {
    let mut stream = BitWriter::new();
    stream.fixed(false).literals(b"-");
    repeat(&mut stream, matches, 1);
    stream.end().message()
}

/// Expects only the first `limit` bytes of a message, and the error.
#[track_caller]
fn stops_at(limit: usize, seen: &Outcome) {
    assert_eq!((seen.error, seen.open.len()), (Some(Error::MessageTooLong), limit));
    assert_eq!(seen.messages, [], "a message was completed");
}

/// A 600:1 bomb in one frame stops exactly at the limit.
fn one_frame(side: Side) {
    let wire = compressed(side, Kind::Binary, &[&bomb(10_000)]);
    assert!(wire.len() < 17_000);
    stops_at(1 << 20, &limited(side, &wire, 1 << 20, 4096));
    assert_eq!(limited(side, &wire, 258 * 10_000 + 1, 4096).error, None, "exactly at the limit");
}

/// websockets, CVE-2018-1000518: a compressed message inflated without a limit.
#[test]
fn websockets_cve_2018_1000518_a_bomb_for_the_server() {
    one_frame(Side::Server);
}

/// Tornado, issue 2391: the same.
#[test]
fn tornado_2391_a_bomb_for_the_client() {
    one_frame(Side::Client);
}

/// eventlet, GHSA-9p9m-jm8w-94p2: the same, in many frames.
#[test]
fn eventlet_ghsa_9p9m_a_bomb_in_fragments() {
    let message = bomb(10_000);
    for (side, len) in SIDES.iter().flat_map(|side| [1, 2, 100, 5000].map(|len| (*side, len))) {
        let parts: Vec<_> = message.chunks(len).collect();
        let wire = compressed(side, Kind::Binary, &parts);
        stops_at(100_000, &limited(side, &wire, 100_000, 999));
    }
}

/// undici, CVE-2026-1526: again no limit, eight years later.
#[test]
fn undici_cve_2026_1526_there_is_a_limit_by_default() {
    let limit = 64 << 20;
    let wire = compressed(Side::Client, Kind::Binary, &[&bomb(limit / 258 + 1)]);
    let context = context(15, true);
    let mut memory = memory(context);
    let inflate = Inflate::new(context, &mut memory).unwrap();
    let mut receiver = Receiver::new(Side::Client, Config::new(), inflate);
    receiver.read(&wire, &mut [1 << 20].into_iter().cycle());
    stops_at(limit, &receiver.seen);
}

/// `WeeChat`, WSA-2026-1: the same, after valid messages that the bomb refers to.
#[test]
fn weechat_wsa_2026_1_each_message_of_many_has_the_limit() {
    let side = Side::Client;
    let message = bomb(100);
    let len = 258 * 100 + 1;
    let sound = compressed(side, Kind::Binary, &[&message]).repeat(20);
    assert_eq!(limited(side, &sound, len, 500).messages.len(), 20);
    // With context takeover, the second message refers to the first and is a bomb all the same.
    let mut second = BitWriter::new();
    second.fixed(false);
    repeat(&mut second, 101, 20_000);
    let more = compressed(side, Kind::Binary, &[&second.end().message()]);
    let seen = limited(side, &[sound, more].concat(), len, 500);
    assert_eq!((seen.messages.len(), seen.error), (20, Some(Error::MessageTooLong)));
}

/// libsoup, CVE-2026-15709: the same, as text.
#[test]
fn libsoup_cve_2026_15709_a_bomb_of_text() {
    for side in SIDES {
        let wire = compressed(side, Kind::Text, &[&bomb(1000)]);
        stops_at(10_000, &limited(side, &wire, 10_000, 77));
    }
}

/// Bandit, CVE-2026-39804: the same, after empty blocks.
#[test]
fn bandit_cve_2026_39804_empty_blocks_and_then_a_bomb() {
    let mut stream = BitWriter::new();
    nothing(&mut stream, 50_000);
    stream.fixed(false).literals(b"-");
    repeat(&mut stream, 100, 1);
    let wire = compressed(Side::Client, Kind::Binary, &[&stream.end().message()]);
    stops_at(1000, &limited(Side::Client, &wire, 1000, 64));
}

/// Autobahn-Python, CVE-2026-77528: the limit was compared with the compressed length.
#[test]
fn autobahn_python_cve_2026_77528_few_compressed_bytes_are_many() {
    let message = bomb(100);
    let wire = compressed(Side::Server, Kind::Binary, &[&message]);
    let limit = 1000;
    assert!(message.len() < limit);
    stops_at(limit, &limited(Side::Server, &wire, limit as u64, 100));
}

/// faye permessage-deflate, CVE-2026-54464 and CVE-2026-54490: the same, which also refused
/// messages that are longer compressed than inflated.
#[test]
fn faye_cve_2026_54464_many_compressed_bytes_are_few() {
    let mut stream = BitWriter::new();
    nothing(&mut stream, 100);
    let message = stream.stored(false, b"ten bytes.").message();
    assert!(message.len() > 500);
    let wire = compressed(Side::Client, Kind::Binary, &[&message]);
    let seen = limited(Side::Client, &wire, 10, 100);
    assert_eq!(seen, Outcome::whole(&[(Kind::Binary, b"ten bytes.")]));
    stops_at(9, &limited(Side::Client, &wire, 9, 100));
}

/// uws in 2016: the same. The connection's limit counts bytes on the wire and lets this message
/// pass; the inflater has its own limit.
#[test]
fn uws_2016_the_wire_limit_is_separate() {
    let message = bomb(100);
    let limit = message.len();
    let wire = compressed(Side::Client, Kind::Binary, &[&message]);
    let config = Config::new().deflate(true).max_message_len(limit as u64);
    let passed = Ev::binary(&message);
    assert_eq!(Side::Client.ws(config).feed(&wire)[0], passed);
    stops_at(limit, &limited(Side::Client, &wire, limit as u64, 100));
    let config = config.max_frame_len(limit as u64 - 1);
    assert_eq!(Side::Client.ws(config).feed(&wire), [Ev::Fail(Error::FrameTooLong)]);
}

/// Autobahn-Python, CVE-2026-116579: a frame was inflated as a whole before its length was checked.
#[test]
fn autobahn_python_cve_2026_116579_nothing_is_written_past_the_limit() {
    let wire = compressed(Side::Client, Kind::Binary, &[&bomb(1000)]);
    let context = context(15, true);
    let mut memory = memory(context);
    let mut inflate = Inflate::new(context, &mut memory).unwrap().max_message_len(300);
    let mut ws = Side::Client.ws(Config::new().deflate(true));
    let mut bytes = wire.clone();
    let Ok(Event::Data(mut data)) = ws.receive(&mut Input::new(&mut bytes)) else { panic!() };
    let mut out = vec![JUNK; 100_000];
    let mut len = 0;
    while let Ok(Some(piece)) = inflate.push(&mut data, &mut out[len..]) {
        len += piece.payload.len();
    }
    assert_eq!(len, 300);
    assert!(out[300..].iter().all(|byte| *byte == JUNK));
}

/// undici, CVE-2026-85024: the code run at the limit removed the error handler, and a malformed
/// byte right after it ended the process.
#[test]
fn undici_cve_2026_85024_a_malformed_byte_after_the_limit() {
    for side in SIDES {
        for limit in 9..=11 {
            let mut stream = BitWriter::new();
            stream.fixed(false).literals(b"0123456789").end().bits(3 << 1, 3);
            let wire = compressed(side, Kind::Binary, &[&stream.message(), b"\xFF\xFF", b"\x07"]);
            let wire = [wire, compressed(side, Kind::Binary, &[b"\x07"])].concat();
            for size in [1, 9, 10, 11, 100] {
                let seen = limited(side, &wire, limit, size);
                let error = if limit == 9 { Error::MessageTooLong } else { Error::InvalidDeflate };
                assert_eq!((seen.error, seen.open.len()), (Some(error), limit.min(10) as usize));
            }
        }
    }
}

/// aiohttp, PYSEC-2026-3547: a compressed message was accepted without negotiated compression.
#[test]
fn aiohttp_pysec_2026_3547_rsv1_without_agreement() {
    for side in SIDES {
        let wire = compressed(side, Kind::Text, &[b"\xF2\x48\xCD\xC9\xC9\x07\x00"]);
        assert_eq!(side.ws(Config::new()).feed(&wire[..1]), [Ev::Fail(Error::ReservedBits)]);
        assert_eq!(side.ws(Config::new()).feed(&wire), [Ev::Fail(Error::ReservedBits)]);
        // With negotiated compression, a Ping is still never compressed.
        let ping = side.frame(RSV1 | 0x89, b"p");
        let agreed = Config::new().deflate(true);
        assert_eq!(side.ws(agreed).feed(&ping), [Ev::Fail(Error::ReservedBits)]);
    }
}

/// libwebsockets, CVE-2025-1866: a pointer into the extension's buffer was misplaced.
#[test]
fn libwebsockets_cve_2025_1866_only_the_slice_and_the_window_are_written() {
    let wire = compressed(Side::Client, Kind::Binary, &[&bomb(20)]);
    let context = context(8, true);
    for size in 1..300 {
        // The memory after the window and after the slice belongs to the caller.
        let mut memory = vec![JUNK; Inflate::memory(context) + 64];
        let mut inflate = Inflate::new(context, &mut memory).unwrap();
        let mut ws = Side::Client.ws(Config::new().deflate(true));
        let mut bytes = wire.clone();
        let Ok(Event::Data(mut data)) = ws.receive(&mut Input::new(&mut bytes)) else { panic!() };
        let mut out = [JUNK; 400];
        let mut len = 0;
        while let Ok(Some(piece)) = inflate.push(&mut data, &mut out[..size]) {
            len += piece.payload.len();
        }
        assert_eq!(len, 258 * 20 + 1);
        assert!(out[size..].iter().chain(&memory[256..]).all(|byte| *byte == JUNK), "{size}");
    }
}

/// Jetty, issue 6050: joining inflated pieces corrupted valid text, depending on the cuts.
#[test]
fn jetty_6050_valid_text_is_valid_at_any_cut() {
    let text = "Grüße, 世界 😀 ".repeat(20);
    let mut stream = BitWriter::new();
    stream.stored(false, &text.as_bytes()[..101]);
    let message = stream.fixed(false).literals(&text.as_bytes()[101..]).end().message();
    for (side, len) in SIDES.iter().flat_map(|side| [1, 7, 50, 1000].map(|len| (*side, len))) {
        let parts: Vec<_> = message.chunks(len).collect();
        let wire = compressed(side, Kind::Text, &parts);
        for (step, size) in [(1, 1), (3, 2), (5, 3), (7, 1000), (10_000, 5)] {
            let cuts: Vec<_> = (step..wire.len()).step_by(step).collect();
            let seen = run(side, context(15, true), &wire, &cuts, &[size]);
            assert_eq!(seen, Outcome::whole(&[(Kind::Text, text.as_bytes())]), "{step} {size}");
        }
    }
}

/// undici, CVE-2026-2229: an invalid `server_max_window_bits` in the response was passed to zlib,
/// and the resulting exception was not caught.
#[cfg(feature = "handshake")]
#[test]
fn undici_cve_2026_2229_an_impossible_window_fails_the_handshake() {
    use barews::handshake::client::Handshake;
    use barews::handshake::deflate::{DeflateOffer, WindowBits};
    use barews::handshake::{Error, Field};

    let offers = [DeflateOffer::new().server_max_window_bits(WindowBits::MAX)];
    let answer = |value: &str| {
        let head = format!(
            "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits{value}\r\n\r\n"
        );
        let mut handshake = Handshake::new(*b"the sample nonce", "a", "/").deflate(&offers);
        handshake.read_response(head.as_bytes()).map(drop)
    };
    for value in
        ["", "=0", "=7", "=16", "=256", "=08", "=015", "=-1", "=8.5", "=1e1", "=99999999999"]
    {
        assert_eq!(answer(value), Err(Error::DeflateParameters), "{value}");
    }
    for value in ["=", "=\"\"", "=1 5", "=+8;"] {
        assert_eq!(answer(value), Err(Error::Invalid(Field::Extensions)), "{value}");
    }
    assert_eq!(answer("=8"), Ok(()));
}
