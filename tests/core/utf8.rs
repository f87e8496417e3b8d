//! UTF-8 validation against `core::str`: all strings of up to three bytes at every cut, and of four
//! bytes at the byte values where the rules of RFC 3629 change, or all of them with
//! `BAREWS_EXHAUSTIVE=1`.

use barews::{CloseFrame, Config, Connection, Error, Event, Input, Kind};

/// The index of the first invalid byte. For a text that ends inside a character, that is its last
/// byte.
fn first_bad(text: &[u8]) -> Option<usize> {
    let error = core::str::from_utf8(text).err()?;
    let start = error.valid_up_to();
    match error.error_len() {
        // The first byte of a character may be valid where the next one is not.
        Some(len) if matches!(text[start], 0xC2..=0xF4) => Some(start + len),
        Some(_) => Some(start),
        None => Some(text.len() - 1),
    }
}

/// The same for an unfinished text.
fn first_bad_so_far(text: &[u8]) -> Option<usize> {
    let open = core::str::from_utf8(text).is_err_and(|error| error.error_len().is_none());
    if open { None } else { first_bad(text) }
}

/// The number of bytes that a client accepts of a text in these chunks, and whether it is complete.
///
/// With `frames`, each piece is a fragment; otherwise the pieces are reads of one frame.
fn taken(pieces: &[&[u8]], frames: bool) -> (usize, bool) {
    let mut ws = Connection::client(Config::new(), || [0; 4]);
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    let (mut taken, mut whole) = (0, false);
    for (n, piece) in pieces.iter().enumerate() {
        let mut bytes = [0; 127];
        let (first, last) = (n == 0, n + 1 == pieces.len());
        let head = match (frames, first) {
            (true, _) => {
                bytes[0] = if last { 0x80 } else { 0x00 } | u8::from(first);
                bytes[1] = u8::try_from(piece.len()).unwrap();
                2
            }
            (false, true) => {
                bytes[0] = 0x81;
                bytes[1] = u8::try_from(total).unwrap();
                2
            }
            (false, false) => 0,
        };
        bytes[head..head + piece.len()].copy_from_slice(piece);
        let mut input = Input::new(&mut bytes[..head + piece.len()]);
        loop {
            match ws.receive(&mut input) {
                Ok(Event::Data(data)) => {
                    taken += data.payload.len();
                    whole |= data.fin;
                }
                Ok(Event::NeedMore(_)) => break,
                Err(Error::InvalidUtf8) => return (taken, false),
                other => panic!("{other:?}"),
            }
        }
    }
    (taken, whole)
}

fn check(text: &[u8], pieces: &[&[u8]], frames: bool) {
    let mut expected = first_bad(text).map_or((text.len(), true), |bad| (bad, false));
    // A text that ends inside a character fails at its last byte, or at an empty final piece after
    // it.
    if pieces.last().is_some_and(|piece| piece.is_empty()) && first_bad_so_far(text).is_none() {
        expected.0 = text.len();
    }
    assert_eq!(taken(pieces, frames), expected, "{text:02X?} as {pieces:02X?}");
}

/// Every cut of a text, as fragments and as reads.
fn check_all_cuts(text: &[u8]) {
    for cuts in 0..1_u32 << text.len().saturating_sub(1) {
        let mut pieces = Vec::new();
        let mut start = 0;
        for end in 1..=text.len() {
            if end == text.len() || cuts >> (end - 1) & 1 == 1 {
                pieces.push(&text[start..end]);
                start = end;
            }
        }
        check(text, &pieces, true);
        check(text, &pieces, false);
    }
}

#[test]
fn p16_r8_1_01_all_texts_of_up_to_two_bytes_at_every_cut() {
    check(b"", &[b""], true);
    for a in 0..=255 {
        check_all_cuts(&[a]);
        for b in 0..=255 {
            check_all_cuts(&[a, b]);
            // With empty fragments between the bytes and at the end.
            check(&[a, b], &[&[], &[a], &[], &[b], &[]], true);
        }
    }
}

/// All texts of three bytes whose first byte is in `firsts`.
///
/// After an invalid byte the rest of the text makes no difference, so one text per invalid prefix
/// is enough.
fn three_bytes(firsts: impl Iterator<Item = u8>) {
    for (a, b) in firsts.flat_map(|a| (0..=255).map(move |b| (a, b))) {
        let one = first_bad_so_far(&[a]).is_none() || b == 0;
        let two = first_bad_so_far(&[a, b]).is_none();
        for c in 0..=255 {
            let text = [a, b, c];
            let expected = first_bad(&text).map_or((3, true), |bad| (bad, false));
            assert_eq!(taken(&[&text], false), expected, "{text:02X?}");
            if one {
                assert_eq!(taken(&[&[a], &[b, c]], false), expected, "{text:02X?} at 1");
            }
            if two || c == 0 {
                assert_eq!(taken(&[&[a, b], &[c]], true), expected, "{text:02X?} at 2");
                assert_eq!(taken(&[&[a], &[b], &[c]], false), expected, "{text:02X?} at 1, 2");
            }
        }
    }
}

#[test]
fn p16_r8_1_01_all_texts_of_three_bytes_at_every_cut_lower_half() {
    three_bytes(0..0x58);
}

#[test]
fn p16_r8_1_01_all_texts_of_three_bytes_at_every_cut_upper_half() {
    three_bytes(0x58..=0xFF);
}

/// Byte values at which a rule of RFC 3629 §4 begins or ends.
const EDGES: [u8; 24] = [
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
];

#[test]
fn p16_r8_1_01_texts_of_four_bytes() {
    let exhaustive = std::env::var_os("BAREWS_EXHAUSTIVE").is_some_and(|value| value == "1");
    let all: Vec<u8> = (0..=255).collect();
    let values = if exhaustive { &all[..] } else { &EDGES[..] };
    for (a, b) in values.iter().flat_map(|a| values.iter().map(move |b| (*a, *b))) {
        for c in values {
            // Prefixes invalid within three bytes are covered above, so one text for each is
            // enough.
            let dead = exhaustive && first_bad_so_far(&[a, b, *c]).is_some();
            for d in values.iter().take(if dead { 1 } else { 256 }) {
                let text = [a, b, *c, *d];
                if exhaustive {
                    check(&text, &[&text], false);
                    check(&text, &[&text[..2], &text[2..]], true);
                } else {
                    check_all_cuts(&text);
                }
            }
        }
    }
}

/// Receives the text in one frame, from a client or a server.
fn check_whole(text: &[u8], masked: bool) {
    let expected = first_bad(text).map_or((text.len(), true), |bad| (bad, false));
    let key = [0x80, 0x01, 0xFF, 0x00];
    let mut bytes = match u8::try_from(text.len()) {
        Ok(len @ ..126) => vec![0x81, len],
        _ => [&[0x81, 126], &u16::try_from(text.len()).unwrap().to_be_bytes()[..]].concat(),
    };
    if masked {
        bytes[1] |= 0x80;
        bytes.extend(key);
        bytes.extend(text.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    } else {
        bytes.extend(text);
    }
    let mut server = Connection::server(Config::new());
    let mut client = Connection::client(Config::new(), || [0; 4]);
    let mut input = Input::new(&mut bytes);
    let mut found = (0, false);
    loop {
        let event = if masked { server.receive(&mut input) } else { client.receive(&mut input) };
        match event {
            Ok(Event::Data(data)) => {
                assert_eq!(data.kind, Kind::Text);
                assert_eq!(data.payload, &text[found.0..found.0 + data.payload.len()]);
                found = (found.0 + data.payload.len(), data.fin);
            }
            Ok(Event::NeedMore(_)) | Err(Error::InvalidUtf8) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, expected, "{text:02X?}");
}

#[test]
fn r8_1_01_a_character_at_every_place_of_a_long_text() {
    // The ASCII fast path must neither skip a byte nor lose its position.
    let characters: [&[u8]; 9] = [
        "µ".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\x80",
        b"\xC0\x80",
        b"\xE0\x9F\x80",
        b"\xED\xA0\x80",
        b"\xF0\x8F\x80\x80",
        b"\xF4\x90\x80\x80",
    ];
    for (character, masked) in characters.into_iter().flat_map(|c| [(c, false), (c, true)]) {
        for place in 0..=70 {
            for len in [place, place + 1, 70, 90, 300] {
                let mut text = vec![b'a'; place];
                text.extend(character);
                text.resize(text.len().max(len), b'z');
                check_whole(&text, masked);
            }
        }
    }
}

#[test]
fn r8_1_01_a_repeated_byte() {
    for byte in 0..=u8::MAX {
        for len in 1..=70 {
            for masked in [false, true] {
                check_whole(&vec![byte; len], masked);
            }
        }
    }
}

/// The validator combines several words before testing them: two invalid bytes must not cancel out.
#[test]
fn r8_1_01_two_bytes_in_a_long_text() {
    let mut text = [b'a'; 90];
    for (one, other) in (0..90).flat_map(|one| (0..one).map(move |other| (one, other))) {
        text[one] = 0xFF;
        text[other] = 0xFF;
        for masked in [false, true] {
            check_whole(&text, masked);
        }
        text[one] = b'a';
        text[other] = b'a';
    }
}

#[test]
fn r8_1_01_all_close_reasons_of_two_bytes() {
    for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
        let body = [0x03, 0xE8, a, b];
        match core::str::from_utf8(&body[2..]) {
            Ok(reason) => assert_eq!(CloseFrame::parse(&body).unwrap().unwrap().reason, reason),
            Err(_) => assert_eq!(CloseFrame::parse(&body), Err(Error::InvalidUtf8)),
        }
    }
}

/// Runs of ASCII are skipped in bulk, but not after an incomplete character.
#[test]
fn p16_a_cut_character_before_or_after_long_ascii() {
    let ascii = [b'a'; 70];
    for character in ["é", "串", "😀"].map(str::as_bytes) {
        for kept in 0..=character.len() {
            for (before, behind) in (0..40).flat_map(|n| [0, 1, 31, 32, 33, 64, 70].map(|m| (n, m)))
            {
                let text = [&ascii[..before], &character[..kept], &ascii[..behind]].concat();
                check(&text, &[&text], true);
                let (head, tail) = text.split_at(before + kept / 2);
                check(&text, &[head, tail], true);
                check(&text, &[head, tail], false);
            }
        }
    }
}
