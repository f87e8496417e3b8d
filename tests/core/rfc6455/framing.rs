//! RFC 6455 §5.1 to §5.3: masking, lengths and headers. `header_table.rs` covers all headers.

use barews::Status;
use barews::frame::{Header, Lead, Opcode};
use barews::{Config, Error, Kind, SendError, mask};
use proptest::prelude::*;

use crate::support::endpoint::{Call, Keys, SIDES, Side};
use crate::support::event::{Ev, joined};
use crate::support::frame::{KEY, frame, header, header_in, plain, written, xor};

const OPEN: Config =
    Config::new().max_frame_len(Config::UNLIMITED).max_message_len(Config::UNLIMITED);

/// One of each writing call, in an order in which all are allowed.
const CALLS: [Call<'_>; 9] = [
    Call::Text("text"),
    Call::Text(""),
    Call::Binary(&[0; 300]),
    Call::Binary(b""),
    Call::Fragment(Kind::Binary, false, b"first"),
    Call::Ping(b"ping"),
    Call::Pong(b""),
    Call::Fragment(Kind::Binary, true, b""),
    Call::Close(1000, "bye"),
];

/// Every kind of frame that this side can write, as bytes.
fn everything(side: Side) -> (Vec<u8>, u32) {
    let mut ws = side.ws(Config::new());
    let mut wire = Vec::new();
    ws.push(&side.frame(0x89, b"?"));
    wire.extend(ws.sent(Call::Transmit));
    let mut payload = *b"in place";
    wire.extend(&*ws.in_place(Kind::Text, true, &mut payload).unwrap());
    wire.extend(payload);
    wire.extend(&*ws.begin(Kind::Binary, true, 3).unwrap());
    for byte in b"abc" {
        let mut chunk = [*byte];
        ws.mask_next(&mut chunk).unwrap();
        wire.extend(chunk);
    }
    for call in CALLS {
        wire.extend(ws.sent(call));
    }
    let mut keys = ws.keys();
    // The answer to a Close, and the Close after a protocol error.
    for incoming in [side.frame(0x88, &[0x03, 0xE8]), vec![0xFF]] {
        let mut ws = side.ws(Config::new());
        ws.push(&incoming);
        wire.extend(ws.sent(Call::Transmit));
        keys += ws.keys();
    }
    (wire, keys)
}

#[test]
fn r5_1_01_a_client_masks_every_frame_with_the_key_it_drew() {
    let (wire, keys) = everything(Side::Client);
    let frames = written(&wire);
    assert_eq!((frames.len(), keys), (14, 14));
    for (n, frame) in frames.iter().enumerate() {
        // The last two come from separate connections.
        let n = if n < 12 { n as u32 } else { 0 };
        assert_eq!(frame.key, Some(Keys::nth(n)), "frame {n}");
    }
    assert_eq!(frames[1].payload, b"in place");
    assert_eq!(frames[2].payload, b"abc");
    assert_eq!(frames[11].payload, b"\x03\xE8bye");
}

#[test]
fn r5_1_03_a_server_masks_nothing() {
    let (wire, keys) = everything(Side::Server);
    let frames = written(&wire);
    assert_eq!((frames.len(), keys), (14, 0));
    assert!(frames.iter().all(|frame| frame.key.is_none()));
    // Apart from the mask, both sides write the same.
    assert_eq!(plain(&wire), plain(&everything(Side::Client).0));
}

#[test]
fn r5_2_03_the_top_bit_of_a_length_is_refused_at_its_byte() {
    for (side, first) in SIDES.into_iter().flat_map(|side| [(side, 0x81), (side, 0x02)]) {
        for top in 0..=255 {
            let bytes = [first, if side == Side::Server { 0xFF } else { 0x7F }, top];
            let mut ws = side.ws(OPEN);
            assert_eq!(ws.push(&bytes[..2]), []);
            let expected = if top < 0x80 { vec![] } else { vec![Ev::Fail(Error::LengthTopBit)] };
            assert_eq!(ws.push(&[top]), expected, "{top:#x}");
            assert_eq!(side.ws(OPEN).push(&bytes), expected, "{top:#x}");
        }
    }
}

#[test]
fn r5_2_04_non_minimal_lengths_are_refused() {
    for side in SIDES {
        let key = side.key();
        for len in 0..=300 {
            let bytes = header_in(2, 0x82, key, len);
            let mut ws = side.ws(OPEN);
            assert_eq!(ws.push(&bytes[..3]), []);
            let expected = if len < 126 { vec![Ev::Fail(Error::NonMinimalLength)] } else { vec![] };
            assert_eq!(ws.push(&bytes[3..4]), expected, "{len}");
        }
        for len in (0..65_536).chain([65_536, 65_537, 1 << 24, 1 << 32, (1 << 63) - 1]) {
            let bytes = header_in(8, 0x82, key, len);
            let mut ws = side.ws(OPEN);
            assert_eq!(ws.push(&bytes[..7]), []);
            // Six zero bytes leave only lengths below 65,536.
            let expected =
                if len < 65_536 { vec![Ev::Fail(Error::NonMinimalLength)] } else { vec![] };
            assert_eq!(ws.push(&bytes[7..8]), expected, "{len}");
        }
    }
}

#[test]
fn r5_2_04_written_lengths_are_minimal() {
    let zeros = vec![0; 66_000];
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for len in (0..=300).chain(65_530..=65_540) {
            let wire = ws.sent(Call::Binary(&zeros[..len]));
            let key = (side == Side::Client).then(|| Keys::nth(ws.keys() - 1));
            assert_eq!(wire, frame(0x82, key, &zeros[..len]), "{len}");
        }
    }
    // Lengths that no buffer can hold.
    for len in [0xFFFF, 0x1_0000, 1 << 32, (1 << 63) - 1] {
        for masking_key in [None, Some(KEY)] {
            let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
            let bytes = Header { lead, masking_key, payload_len: len }.encode();
            assert_eq!(*bytes, header(0x82, masking_key, len));
        }
    }
}

#[test]
fn r5_2_05_the_length_counts_application_data_alone() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let mut bytes = side.frame(0x82, b"12345");
        bytes.extend(side.frame(0x82, b"6"));
        let expected = [Ev::binary(b"12345"), Ev::binary(b"6")];
        assert_eq!(ws.push(&bytes), expected);
        assert_eq!(ws.sent(Call::Binary(b"12345")).len(), 2 + side.key_len() + 5);
    }
}

#[test]
fn r5_2_06_a_header_of_2_to_14_bytes_may_be_cut_anywhere() {
    // The length 0x0102_0304_0506_0708 shows the byte order.
    for (side, len) in SIDES
        .into_iter()
        .flat_map(|side| [5, 0x0102, 0x0102_0304_0506_0708].into_iter().map(move |len| (side, len)))
    {
        let head = header(0x82, side.key(), len);
        for cuts in 0..1_u32 << (head.len() - 1) {
            let mut ws = side.ws(OPEN);
            let mut start = 0;
            for end in 1..=head.len() {
                if end == head.len() || cuts >> (end - 1) & 1 == 1 {
                    assert_eq!(ws.push(&head[start..end]), []);
                    start = end;
                }
            }
            assert_eq!(ws.need, 1);
            let events = ws.push(&[side.key().map_or(b'x', |key| b'x' ^ key[0])]);
            let payload = b"x".to_vec();
            let expected =
                Ev::Data { kind: Kind::Binary, payload, first: true, fin: false, left: len - 1 };
            assert_eq!(events, [expected], "{side:?} {len:#x} {cuts:b}");
        }
    }
}

#[test]
fn r5_2_06_payload_that_looks_like_frames_is_payload_at_any_cut() {
    // Read as frames, these bytes would be Pings, Pongs and a Close.
    let payload = [0x89, 0x00, 0x8A, 0x00, 0x89, 0x80, 1, 2, 3, 4, 0x88, 0x00].repeat(6_000);
    for (side, len) in SIDES.into_iter().flat_map(|side| [(side, 120), (side, 300), (side, 72_000)])
    {
        // The wire carries exactly these bytes, even if the receiver unmasks them.
        let mut bytes = header(0x82, side.key(), len as u64);
        let head = bytes.len();
        bytes.extend(&payload[..len]);
        let mut expected = payload[..len].to_vec();
        if let Some(key) = side.key() {
            xor(&mut expected, key);
        }
        for cut in 1..head + 3 {
            for step in 1..4 {
                let mut ws = side.ws(Config::new());
                let mut events = ws.push(&bytes[..cut]);
                for chunk in bytes[cut..head + 20].chunks(step) {
                    events.extend(ws.push(chunk));
                }
                events.extend(ws.push(&bytes[head + 20..]));
                assert_eq!(joined(&events), [Ev::binary(&expected)], "{len} at {cut}");
                assert!(!ws.wants_write());
            }
        }
    }
}

#[test]
fn r5_3_01_the_mask_bit_is_set_and_the_key_precedes_the_payload() {
    for len in [0, 125, 126, 65_535, 65_536] {
        let payload = vec![b'p'; len];
        let mut ws = Side::Client.ws(Config::new());
        let wire = ws.sent(Call::Binary(&payload));
        let field = if len < 126 { 0 } else { [2, 8][usize::from(len > 65_535)] };
        assert_eq!(wire[1] & 0x80, 0x80);
        assert_eq!(wire[2 + field..6 + field], Keys::nth(0));
        let mut masked = payload.clone();
        xor(&mut masked, Keys::nth(0));
        assert_eq!(wire[6 + field..], masked);
    }
}

#[test]
fn p12_r5_3_02_one_fresh_key_is_drawn_for_each_frame_and_none_for_a_refusal() {
    let mut ws = Side::Client.ws(Config::new());
    let mut drawn = 0;
    for call in CALLS {
        // With one byte too little room no key is drawn; the retry writes the frame with that key.
        let mut out = [0; 400];
        let Err(SendError::BufferTooSmall { needed }) = ws.call(call, &mut []) else { panic!() };
        let short = ws.call(call, &mut out[..needed - 1]);
        assert_eq!(short, Err(SendError::BufferTooSmall { needed }));
        assert_eq!(ws.keys(), drawn);
        assert_eq!(ws.call(call, &mut out[..needed]), Ok(needed));
        assert_eq!(written(&out[..needed])[0].key, Some(Keys::nth(drawn)));
        drawn += 1;
        assert_eq!(ws.keys(), drawn);
    }
    // The pending Pong and the next frame each take a key.
    let mut ws = Side::Client.ws(Config::new());
    ws.push(&Side::Client.frame(0x89, b"due"));
    assert_eq!(ws.keys(), 0);
    let frames = written(&ws.sent(Call::Text("t")));
    let keys: Vec<_> = frames.iter().map(|frame| frame.key).collect();
    assert_eq!(keys, [Some(Keys::nth(0)), Some(Keys::nth(1))]);
    assert_eq!(ws.keys(), 2);
}

#[test]
fn p15_r5_3_03_masking_is_the_naive_loop_at_every_offset_length_and_alignment() {
    let key = [0x11, 0x82, 0xF4, 0x08];
    let source: Vec<u8> = (0..=255).map(|n: u8| n.wrapping_mul(29) ^ 0x5A).collect();
    for offset in 0..4 {
        let turned =
            [key[offset], key[(offset + 1) % 4], key[(offset + 2) % 4], key[(offset + 3) % 4]];
        for len in 0..=130 {
            let mut naive = source[..len].to_vec();
            for (i, byte) in naive.iter_mut().enumerate() {
                *byte ^= key[(offset + i) % 4];
            }
            for align in 0..16 {
                #[repr(align(16))]
                struct Block([u8; 160]);
                let mut block = Block([0xEE; 160]);
                let bytes = &mut block.0[align..align + len];
                bytes.copy_from_slice(&source[..len]);
                let after = mask::mask(bytes, turned);
                assert_eq!(bytes, naive, "{offset} {len} {align}");
                assert_eq!(after[0], key[(offset + len) % 4]);
                assert_eq!(after[3], key[(offset + len + 3) % 4]);
                assert!(block.0[..align].iter().all(|byte| *byte == 0xEE));
                assert!(block.0[align + len..].iter().all(|byte| *byte == 0xEE));
            }
        }
    }
}

#[test]
fn r5_3_03_a_server_unmasks_any_cut_as_the_naive_loop() {
    for len in 0..=130 {
        let payload: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(7)).collect();
        let bytes = Side::Server.frame(0x82, &payload);
        for step in 1..=20 {
            let mut ws = Side::Server.ws(Config::new());
            assert_eq!(ws.push_by(step, &bytes), [Ev::binary(&payload)], "{len} {step}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A client writes the same bytes in pieces as at once, with the length unchanged.
    #[test]
    fn p15_r5_3_03_masking_in_pieces_is_masking_at_once(
        payload in proptest::collection::vec(any::<u8>(), 1..600),
        step in 1_usize..70,
    ) {
        let mut ws = Side::Client.ws(Config::new());
        let mut pieces = ws.begin(Kind::Binary, true, payload.len() as u64).unwrap().to_vec();
        for chunk in payload.chunks(step) {
            let mut chunk = chunk.to_vec();
            ws.mask_next(&mut chunk).unwrap();
            pieces.extend(chunk);
        }
        let at_once = frame(0x82, Some(Keys::nth(0)), &payload);
        prop_assert_eq!(&pieces, &at_once);
        let mut in_place = payload.clone();
        let mut ws = Side::Client.ws(Config::new());
        let head = ws.in_place(Kind::Binary, true, &mut in_place).unwrap();
        prop_assert_eq!([&*head, &in_place].concat(), at_once);
    }

    /// Every possible header, through the stateless functions.
    #[test]
    fn r5_2_06_headers_survive_a_round_trip(
        first in prop_oneof![Just(0x00_u8), Just(0x81), Just(0xC2), Just(0x42)],
        masking_key in any::<Option<[u8; 4]>>(),
        bits in 0_u32..63,
        low in any::<u64>(),
    ) {
        let len = low >> (63 - bits) >> 1;
        let bytes = header(first, masking_key, len);
        let Ok(Status::Complete((parsed, n))) = Header::parse(&bytes) else { panic!() };
        prop_assert_eq!((parsed.payload_len, parsed.masking_key, n), (len, masking_key, bytes.len()));
        prop_assert_eq!(&*parsed.encode(), &bytes[..]);
        for cut in 0..bytes.len() {
            prop_assert!(matches!(Header::parse(&bytes[..cut]), Ok(Status::NeedMore(_))));
        }
    }
}

#[test]
fn r5_3_02_a_source_without_a_key_ends_sending() {
    struct Empty;
    impl barews::MaskKeys for Empty {
        fn next_key(&mut self) -> Result<[u8; 4], barews::NoKey> {
            Err(barews::NoKey)
        }
    }
    let mut ws = barews::Connection::client(Config::new(), Empty);
    let mut out = [0; 64];
    assert_eq!(ws.send_text("t", &mut out), Err(SendError::NoMaskingKey));
    assert_eq!(out, [0; 64]);
    assert_eq!(ws.send_ping(b"", &mut out), Err(SendError::NoMaskingKey));
    assert_eq!(ws.transmit(&mut out), Err(SendError::NoMaskingKey));
    assert_eq!(ws.transport_action(), barews::TransportAction::Drop);
}
