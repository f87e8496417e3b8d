//! RFC 6455 §6: sending and receiving data, and refused calls that change nothing.

use barews::{Assembler, Config, Connection, Event, Input, Kind, Message, SendError, State};
use proptest::prelude::*;

use crate::support::endpoint::{Call, Keys, SIDES, Side, Ws};
use crate::support::event::{Ev, joined};
use crate::support::frame::{frame, plain, written};

/// All calls that send data.
const DATA: [Call<'_>; 4] = [
    Call::Text("t"),
    Call::Binary(b"b"),
    Call::Fragment(Kind::Text, true, b"f"),
    Call::Fragment(Kind::Binary, false, b"f"),
];

#[test]
fn r6_1_01_data_is_sent_while_open_only() {
    for side in SIDES {
        let open = || side.ws(Config::new());
        let mut local = open();
        local.sent(Call::Close(1000, ""));
        let mut remote = open();
        remote.push(&side.frame(0x88, b""));
        let mut failed = open();
        failed.push(&[0x70]);
        let mut lost = open();
        assert!(lost.eof().is_err());
        let mut both = open();
        both.sent(Call::Close(1000, ""));
        both.push(&side.frame(0x88, b""));
        for (ws, state) in [
            (&mut local, State::LocalClosed),
            (&mut remote, State::RemoteClosed),
            (&mut failed, State::RemoteClosed),
            (&mut lost, State::Closed),
            (&mut both, State::Closed),
        ] {
            let keys = ws.keys();
            assert_eq!(ws.state(), state);
            for call in DATA {
                assert_eq!(ws.refused(call), SendError::Closed);
            }
            assert_eq!(ws.in_place(Kind::Text, true, &mut []), Err(SendError::Closed));
            assert_eq!(ws.begin(Kind::Text, true, 0), Err(SendError::Closed));
            assert_eq!(ws.keys(), keys);
        }
    }
}

#[test]
fn r6_1_01_a_close_that_comes_while_a_frame_is_sent_lets_that_frame_be_finished() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let mut wire = ws.begin(Kind::Binary, false, 4).unwrap().to_vec();
        let mut send = |ws: &mut Ws, bytes: [u8; 2]| {
            let mut bytes = bytes;
            ws.mask_next(&mut bytes).unwrap();
            wire.extend(bytes);
        };
        send(&mut ws, *b"ab");
        ws.push(&side.frame(0x88, b"\x03\xE9"));
        assert_eq!(ws.refused(Call::Fragment(Kind::Binary, true, b"")), SendError::Closed);
        send(&mut ws, *b"cd");
        assert_eq!(ws.begin(Kind::Binary, true, 4), Err(SendError::Closed));
        wire.extend(ws.sent(Call::Transmit));
        assert_eq!(plain(&wire), [(0x02, b"abcd".to_vec()), (0x88, vec![0x03, 0xE9])]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Data in one frame or in the caller's fragments is received unchanged.
    #[test]
    fn r6_1_02_what_is_sent_in_fragments_is_received_as_one_message(
        payload in proptest::collection::vec(any::<u8>(), 0..700),
        step in 1_usize..300,
        cut in 1_usize..50,
    ) {
        for (side, peer) in [(Side::Server, Side::Client), (Side::Client, Side::Server)] {
            let mut ws = side.ws(Config::new());
            let mut wire = ws.sent(Call::Binary(&payload));
            let mut chunks = payload.chunks(step).peekable();
            while let Some(chunk) = chunks.next() {
                wire.extend(ws.sent(Call::Fragment(Kind::Binary, chunks.peek().is_none(), chunk)));
            }
            let message = Ev::binary(&payload);
            let expected = vec![message; if payload.is_empty() { 1 } else { 2 }];
            prop_assert_eq!(joined(&peer.ws(Config::new()).push(&wire)), expected.clone());
            prop_assert_eq!(peer.ws(Config::new()).push_by(cut, &wire), expected);
        }
    }

    #[test]
    fn r6_1_04_the_last_frame_alone_has_fin(sizes in proptest::collection::vec(0_usize..200, 1..8)) {
        for side in SIDES {
            let mut ws = side.ws(Config::new());
            let mut wire = Vec::new();
            for (n, size) in sizes.iter().enumerate() {
                let fin = n + 1 == sizes.len();
                wire.extend(ws.sent(Call::Fragment(Kind::Text, fin, "x".repeat(*size).as_bytes())));
            }
            let firsts: Vec<u8> = written(&wire).iter().map(|frame| frame.first).collect();
            let mut expected = vec![0x00; sizes.len()];
            expected[0] = 0x01;
            *expected.last_mut().unwrap() |= 0x80;
            prop_assert_eq!(firsts, expected);
        }
    }
}

#[test]
fn r6_1_03_the_first_frame_names_the_kind_and_the_rest_are_continuations() {
    for (side, kind, opcode, other) in SIDES
        .into_iter()
        .flat_map(|side| [(side, Kind::Text, 1, Kind::Binary), (side, Kind::Binary, 2, Kind::Text)])
    {
        let mut ws = side.ws(Config::new());
        let mut firsts = vec![ws.sent(Call::Fragment(kind, false, b"1"))[0]];
        let (keys, mut payload) = (ws.keys(), *b"unchanged");
        // Each of these would start a message inside the open one.
        assert_eq!(ws.refused(Call::Text("t")), SendError::MessageInProgress);
        assert_eq!(ws.refused(Call::Binary(b"b")), SendError::MessageInProgress);
        assert_eq!(ws.refused(Call::Fragment(other, true, b"")), SendError::MessageInProgress);
        assert_eq!(ws.begin(other, true, 1), Err(SendError::MessageInProgress));
        assert_eq!(ws.in_place(other, true, &mut payload), Err(SendError::MessageInProgress));
        assert_eq!((ws.keys(), &payload), (keys, b"unchanged"));
        // The three ways to write a frame can continue each other's message.
        firsts.push(ws.begin(kind, false, 0).unwrap()[0]);
        firsts.push(ws.in_place(kind, false, &mut []).unwrap()[0]);
        firsts.push(ws.sent(Call::Fragment(kind, true, b""))[0]);
        firsts.push(ws.begin(kind, true, 0).unwrap()[0]);
        assert_eq!(firsts, [opcode, 0x00, 0x00, 0x80, 0x80 | opcode]);
    }
}

#[test]
fn r6_1_05_each_fragment_of_a_client_is_masked_with_a_key_of_its_own() {
    let mut ws = Side::Client.ws(Config::new());
    let mut wire = ws.sent(Call::Fragment(Kind::Text, false, b"a"));
    wire.extend(ws.sent(Call::Fragment(Kind::Text, false, b"")));
    wire.extend(ws.sent(Call::Fragment(Kind::Text, true, b"a")));
    let keys: Vec<_> = written(&wire).iter().map(|frame| frame.key).collect();
    assert_eq!(keys, [0, 1, 2].map(|n| Some(Keys::nth(n))));
}

/// Bring a connection into various states before the refused call.
fn scenes() -> [fn(&mut Ws, Side); 8] {
    [
        |_, _| {},
        |ws, side| assert_eq!(ws.push(&side.frame(0x89, b"due")).len(), 1),
        |ws, _| assert!(!ws.sent(Call::Fragment(Kind::Text, false, b"\xE2\x82")).is_empty()),
        |ws, _| assert!(!ws.sent(Call::Fragment(Kind::Binary, false, b"\xE2\x82")).is_empty()),
        |ws, side| assert_eq!(ws.push(&side.frame(0x88, b"\x03\xE8")).len(), 1),
        |ws, _| assert_eq!(ws.push(&[0xFF]).len(), 1),
        |ws, _| assert!(!ws.sent(Call::Close(1000, "bye")).is_empty()),
        |ws, _| assert!(ws.begin(Kind::Text, true, 3).is_ok()),
    ]
}

#[test]
fn r6_1_07_a_refused_call_has_changed_nothing() {
    let long = [0; 200];
    let reason = "r".repeat(130);
    let calls = [
        Call::Text("text"),
        Call::Binary(&long),
        Call::Fragment(Kind::Text, true, b"\xAC"),
        Call::Fragment(Kind::Text, true, b"\xFF"),
        Call::Fragment(Kind::Text, false, b"x"),
        Call::Fragment(Kind::Binary, true, b""),
        Call::Ping(&long),
        Call::Ping(b"ping"),
        Call::Pong(b""),
        Call::Close(1005, ""),
        Call::Close(1005, "why"),
        Call::Close(1006, ""),
        Call::Close(1000, &reason),
        Call::Close(4000, "why"),
        Call::Transmit,
    ];
    for side in SIDES {
        for scene in scenes() {
            for (refused, last) in calls.iter().flat_map(|a| calls.iter().map(move |b| (*a, *b))) {
                let (mut ws, mut twin) = (side.ws(Config::new()), side.ws(Config::new()));
                scene(&mut ws, side);
                scene(&mut twin, side);
                let keys = ws.keys();
                // The call is invalid in itself, or has too little room.
                let mut out = [0xEE; 300];
                let size = match twin.call(refused, &mut out) {
                    Err(error) => {
                        let mut out = [0xEE; 300];
                        assert_eq!(ws.call(refused, &mut out), Err(error));
                        assert_eq!(out, [0xEE; 300], "{refused:?} wrote");
                        0
                    }
                    Ok(0) => 0,
                    Ok(needed) => {
                        let mut out = [0xEE; 300];
                        for room in 0..needed {
                            let result = ws.call(refused, &mut out[..room]);
                            assert_eq!(result, Err(SendError::BufferTooSmall { needed }));
                        }
                        assert_eq!(out, [0xEE; 300], "{refused:?} wrote");
                        needed
                    }
                };
                assert_eq!(ws.keys(), keys);
                // A fresh twin that never refused a call behaves the same from here on.
                let mut twin = side.ws(Config::new());
                scene(&mut twin, side);
                assert_eq!((ws.state(), ws.wants_write()), (twin.state(), twin.wants_write()));
                if size > 0 {
                    let (mut a, mut b) = (vec![0; size], vec![0; size]);
                    assert_eq!(ws.call(refused, &mut a), Ok(size));
                    assert_eq!(twin.call(refused, &mut b), Ok(size));
                    assert_eq!(a, b);
                }
                let (mut a, mut b) = ([0; 300], [0; 300]);
                assert_eq!(ws.call(last, &mut a), twin.call(last, &mut b), "{refused:?} {last:?}");
                assert_eq!(ws.call(Call::Transmit, &mut a), twin.call(Call::Transmit, &mut b));
                assert_eq!((a, ws.keys(), ws.state()), (b, twin.keys(), twin.state()));
            }
        }
    }
}

#[test]
fn r6_1_07_a_refused_chunk_of_a_frame_has_changed_nothing() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let mut wire = ws.begin(Kind::Text, true, 6).unwrap().to_vec();
        for (chunk, result) in [
            (&b"a\xE2"[..], Ok(())),
            (b"\x28", Err(SendError::InvalidUtf8)),
            (b"\x82\xAC\x61\x62\x63", Err(SendError::PastFrameEnd)),
            (b"\x82\xAC\xC2\xC2", Err(SendError::InvalidUtf8)),
            (b"\x82\xAC\x61\xC2", Err(SendError::InvalidUtf8)),
            (b"", Ok(())),
            (b"\x82\xAC\x61\x62", Ok(())),
            (b"x", Err(SendError::PastFrameEnd)),
        ] {
            let mut bytes = chunk.to_vec();
            assert_eq!(ws.mask_next(&mut bytes), result);
            match result {
                Ok(()) => wire.extend(bytes),
                Err(_) => assert_eq!(bytes, chunk),
            }
        }
        assert_eq!(plain(&wire), [(0x81, "a€ab".as_bytes().to_vec())]);
        assert_eq!(ws.keys(), u32::from(side == Side::Client));
        let mut bad = *b"\xC0";
        assert_eq!(ws.in_place(Kind::Text, false, &mut bad), Err(SendError::InvalidUtf8));
        assert_eq!((bad, ws.keys()), (*b"\xC0", u32::from(side == Side::Client)));
    }
}

#[test]
fn r6_1_07_frames_are_written_in_call_order() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let mut out = [0; 4096];
        let mut end = 0;
        for n in 0..100 {
            end += ws.call(Call::Binary(&[n; 7]), &mut out[end..]).unwrap();
        }
        let expected: Vec<_> = (0..100).map(|n| (0x82, vec![n; 7])).collect();
        assert_eq!(plain(&out[..end]), expected);
    }
}

#[test]
fn r6_2_01_bytes_are_parsed_as_frames_one_after_the_other() {
    for side in SIDES {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for len in [0, 1, 125, 126, 127, 200, 65_535, 65_536, 3] {
            let payload = vec![0x55; len];
            bytes.extend(side.frame(0x82, &payload));
            expected.push(Ev::binary(&payload));
            bytes.extend(side.frame(0x81, b"between"));
            expected.push(Ev::text(b"between"));
        }
        for step in [1, 2, 3, 7, 64, 1000, bytes.len()] {
            let mut ws = side.ws(Config::new());
            assert_eq!(ws.push_by(step, &bytes), expected, "{step}");
            assert_eq!(ws.consumed, bytes.len());
        }
    }
}

#[test]
fn r6_2_02_control_frames_are_not_data() {
    for side in SIDES {
        let mut bytes = side.frame(0x81, b"a");
        bytes.extend(side.frame(0x89, b"i"));
        bytes.extend(side.frame(0x8A, b"o"));
        bytes.extend(side.frame(0x81, b"b"));
        bytes.extend(side.frame(0x88, b""));
        let (asked, answered) = (Ev::Ping(b"i".to_vec()), Ev::Pong(b"o".to_vec()));
        let (a, b) = (Ev::text(b"a"), Ev::text(b"b"));
        for step in 1..=bytes.len() {
            let config = Config::new().control_order(barews::ControlOrder::Wire);
            let events = side.ws(config).push_by(step, &bytes);
            let wire = [a.clone(), asked.clone(), answered.clone(), b.clone(), Ev::Close(None)];
            assert_eq!(events, wire);
        }
        let events = side.ws(Config::new()).push(&bytes);
        assert_eq!(events, [asked, answered, a, b, Ev::Close(None)]);
    }
}

#[test]
fn r6_2_03_a_message_is_the_concatenation_of_its_fragments() {
    let parts = ["Wer ", "ernten ", "", "will, ", "muß", " säen"];
    let mut wire = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let first = u8::from(n == 0) | if n + 1 == parts.len() { 0x80 } else { 0 };
        wire.extend(Side::Client.frame(first, part.as_bytes()));
    }
    for step in 1..=wire.len() {
        let mut ws = Connection::client(Config::new(), || [0; 4]);
        let mut messages = Assembler::new([0; 64]);
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for chunk in wire.chunks(step) {
            unread.extend(chunk);
            let mut input = Input::new(&mut unread);
            while let Ok(Event::Data(data)) = ws.receive(&mut input) {
                assert_eq!(data.kind, Kind::Text);
                if let Some(Message::Text(text)) = messages.push(&data).unwrap() {
                    found.push(text.to_owned());
                }
            }
            let consumed = input.consumed();
            unread.drain(..consumed);
        }
        assert_eq!(found, [parts.concat()], "{step}");
    }
}

#[test]
fn r6_2_04_after_the_last_fragment_a_new_message_begins() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for (kind, first) in
            [(Kind::Text, 1), (Kind::Binary, 2), (Kind::Binary, 2), (Kind::Text, 1)]
        {
            assert_eq!(ws.push(&side.frame(first, b"1")), [Ev::piece(kind, b"1", true, false, 0)]);
            assert_eq!(ws.push(&side.frame(0, b"2")), [Ev::piece(kind, b"2", false, false, 0)]);
            assert_eq!(ws.push(&side.frame(0x80, b"3")), [Ev::piece(kind, b"3", false, true, 0)]);
            assert_eq!(ws.push(&side.frame(0x80 | first, b"4")), [Ev::whole(kind, b"4")]);
        }
    }
}

#[test]
fn r6_2_05_a_server_removes_the_mask() {
    for key in [[0; 4], [1, 2, 3, 4], [0xFF; 4], [0x80, 0, 0, 0]] {
        let payload: Vec<u8> = (0..200).collect();
        let bytes = frame(0x82, Some(key), &payload);
        for step in [1, 3, 16, 208] {
            let mut ws = Side::Server.ws(Config::new());
            assert_eq!(ws.push_by(step, &bytes), [Ev::binary(&payload)]);
        }
        for opcode in [0x89, 0x8A] {
            let bytes = frame(opcode, Some(key), &payload[..125]);
            let mut ws = Side::Server.ws(Config::new());
            let payload = payload[..125].to_vec();
            let expected = if opcode == 0x89 { Ev::Ping(payload) } else { Ev::Pong(payload) };
            assert_eq!(ws.push(&bytes), [expected]);
        }
    }
}

#[test]
fn r6_1_07_a_frame_of_more_than_2_63_bytes_is_refused() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for len in [1 << 63, u64::MAX] {
            assert_eq!(ws.begin(Kind::Binary, true, len), Err(SendError::FrameTooLong));
            assert_eq!(ws.keys(), 0);
        }
        // No message was begun, so either kind may begin.
        let header = ws.begin(Kind::Text, false, (1 << 63) - 1).unwrap();
        assert_eq!(header[2..10], [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
}
