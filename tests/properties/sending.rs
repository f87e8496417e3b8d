//! Properties of sending; `docs/properties.md` lists all properties.
//!
//! Short cases are tested exhaustively; `BAREWS_EXHAUSTIVE=1` includes longer ones.

use barews::Status;
use barews::frame::{self, Header, Kind, Opcode};
use barews::{CloseCode, Config, Connection, ControlOrder, Delivery, Role, SendError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::endpoint::{Call, SIDES, Side, Ws};
use crate::support::event::{Ev, joined};
use crate::support::reference;
use crate::support::short::{exhaustive, rules, short_streams};
use crate::support::stream;
use crate::support::transcript::Rules;

/// A message or control frame to send.
#[derive(Clone, Debug)]
enum Sent {
    Message(Kind, Vec<u8>, Vec<Index>, u8),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let text = "[aä€😀]{0,40}".prop_map(|text| (Kind::Text, text.into_bytes()));
    let binary = vec(any::<u8>(), 0..300).prop_map(|bytes| (Kind::Binary, bytes));
    let cuts = vec(any::<Index>(), 0..4);
    prop_oneof![
        4 => (prop_oneof![text, binary], cuts, 0..4_u8)
            .prop_map(|((kind, bytes), cuts, way)| Sent::Message(kind, bytes, cuts, way)),
        1 => vec(any::<u8>(), 0..=125).prop_map(Sent::Ping),
        1 => vec(any::<u8>(), 0..=125).prop_map(Sent::Pong),
    ]
}

/// Sends a fragment with one of the three APIs.
fn fragment(ws: &mut Ws, way: u8, kind: Kind, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    match way % 3 {
        0 => ws.sent(Call::Fragment(kind, fin, &payload)),
        1 => [&ws.in_place(kind, fin, &mut payload).unwrap()[..], &payload].concat(),
        _ => {
            let head = ws.begin(kind, fin, payload.len() as u64).unwrap();
            for chunk in payload.chunks_mut(7) {
                ws.mask_next(chunk).unwrap();
            }
            [&head[..], &payload].concat()
        }
    }
}

proptest! {
    /// P3: one side receives exactly the messages and control frames that the other sends.
    #[test]
    fn p03_sent_messages_are_received_unchanged(
        all in vec(sent(), 0..8),
        step in 1..200_usize,
    ) {
        for (side, peer) in [(Side::Server, Side::Client), (Side::Client, Side::Server)] {
            let mut ws = side.ws(Config::new());
            let (mut wire, mut wanted) = (Vec::new(), Vec::new());
            for one in &all {
                match one {
                    Sent::Ping(payload) => {
                        wire.extend(ws.sent(Call::Ping(payload)));
                        wanted.push(Ev::Ping(payload.clone()));
                    }
                    Sent::Pong(payload) => {
                        wire.extend(ws.sent(Call::Pong(payload)));
                        wanted.push(Ev::Pong(payload.clone()));
                    }
                    Sent::Message(kind, bytes, cuts, way) => {
                        let mut cuts: Vec<_> =
                            cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
                        cuts.sort_unstable();
                        let mut start = 0;
                        for (n, end) in cuts.iter().copied().chain([bytes.len()]).enumerate() {
                            let fin = n == cuts.len();
                            wire.extend(fragment(&mut ws, *way, *kind, fin, &bytes[start..end]));
                            start = end;
                        }
                        wanted.push(Ev::piece(*kind, bytes, true, true, 0));
                    }
                }
            }
            let config = Config::new().control_order(ControlOrder::Wire);
            prop_assert_eq!(peer.ws(config).push_by(step, &wire), wanted);
        }
    }

    /// P4, at random.
    #[test]
    fn p04_a_received_stream_sent_again_is_identical(
        (bytes, rules) in stream::rules().prop_flat_map(|rules| (stream::stream(rules), Just(rules))),
    ) {
        let side = if rules.server { Side::Server } else { Side::Client };
        resend(side, &bytes);
    }
}

/// Receives the complete valid frames at the start of `bytes`, sends them again and compares.
fn resend(side: Side, bytes: &[u8]) {
    let rules = Rules { max_fragments: u32::MAX, ..rules(side, true) };
    let (mut ends, mut keys) = (vec![0], Vec::new());
    while let Some(&end) = ends.last()
        && let Ok(Status::Complete((header, len))) = Header::parse(&bytes[end..])
        && let Some(next) = (end + len).checked_add(usize::try_from(header.payload_len).unwrap())
        && next <= bytes.len()
    {
        keys.extend(header.masking_key);
        ends.push(next);
    }
    let sound = |end: &&usize| {
        let (outcome, whole) = reference::decode(&bytes[..**end], &rules);
        outcome.error.is_none() && whole == **end
    };
    let end = *ends.iter().rev().find(sound).unwrap();
    let config = Config::new().delivery(Delivery::Frames).control_order(ControlOrder::Wire);
    let mut out = vec![0; bytes.len() + 200];
    let mut wire = Vec::new();
    let (mut server, mut keys) = (Connection::server(Config::new()), keys.into_iter());
    let mut client = Connection::client(Config::new(), || keys.next().unwrap());
    for event in side.ws(config).push(&bytes[..end]) {
        let n = match side {
            Side::Client => send(&mut server, &event, &mut out),
            Side::Server => send(&mut client, &event, &mut out),
        };
        wire.extend_from_slice(&out[..n]);
    }
    assert_eq!(wire, bytes[..end], "{side:?}");
}

fn send<R: Role>(ws: &mut Connection<R>, event: &Ev, out: &mut [u8]) -> usize {
    let sent = match event {
        Ev::Data { kind, fin, payload, .. } => ws.send_fragment(*kind, *fin, payload, out),
        Ev::Ping(payload) => ws.send_ping(payload, out),
        Ev::Pong(payload) => ws.send_pong(payload, out),
        Ev::Close(Some((code, reason))) => ws.send_close((*code).into(), reason, out),
        Ev::Close(None) => ws.send_close(CloseCode::NO_STATUS, "", out),
        Ev::More(_) | Ev::Fail(_) => panic!("{event:?}"),
    };
    match (event, sent) {
        // RFC 6455 §7.4.1: only a client sends 1010. A server refuses to send it, but a client
        // accepts it.
        (Ev::Close(Some((1010, reason))), Err(SendError::InvalidCloseCode)) => {
            let body = [&1010_u16.to_be_bytes()[..], reason.as_bytes()].concat();
            frame::encode(Opcode::Close, true, &body, out).unwrap()
        }
        (_, sent) => sent.unwrap(),
    }
}

#[test]
fn p04_every_short_stream_sent_again_is_identical() {
    for (side, most) in [(Side::Client, 12), (Side::Server, 24)] {
        for bytes in short_streams(side, most) {
            resend(side, &bytes);
        }
    }
}

/// A call on a connection, allowed or not; its output is appended to `wire`.
type Step = fn(&mut Ws, Side, &mut Vec<u8>);

fn call(ws: &mut Ws, call: Call<'_>, room: usize, wire: &mut Vec<u8>) {
    let mut out = [0xEE; 160];
    if let Ok(n) = ws.call(call, &mut out[..room]) {
        wire.extend_from_slice(&out[..n]);
    }
}

fn next(ws: &mut Ws, mut chunk: Vec<u8>, wire: &mut Vec<u8>) {
    if ws.mask_next(&mut chunk).is_ok() {
        wire.extend(chunk);
    }
}

const STEPS: [Step; 20] = [
    |ws, _, wire| call(ws, Call::Text("ä"), 160, wire),
    |ws, _, wire| call(ws, Call::Binary(b"\xFF"), 4, wire),
    |ws, _, wire| call(ws, Call::Fragment(Kind::Text, false, b"\xC3"), 160, wire),
    |ws, _, wire| call(ws, Call::Fragment(Kind::Text, true, b"\xA4"), 160, wire),
    |ws, _, wire| call(ws, Call::Fragment(Kind::Binary, false, b""), 160, wire),
    |ws, _, wire| call(ws, Call::Fragment(Kind::Binary, true, b"b"), 160, wire),
    |ws, _, wire| call(ws, Call::Ping(b"p"), 160, wire),
    |ws, _, wire| call(ws, Call::Pong(&[1; 126]), 160, wire),
    |ws, _, wire| call(ws, Call::Close(1000, "bye"), 160, wire),
    |ws, _, wire| call(ws, Call::Close(1010, ""), 160, wire),
    |ws, _, wire| call(ws, Call::Close(1005, ""), 160, wire),
    |ws, _, wire| call(ws, Call::Transmit, 160, wire),
    |ws, _, wire| {
        let mut payload = *b"\xC3\xA4";
        if let Ok(head) = ws.in_place(Kind::Text, true, &mut payload) {
            wire.extend(head.iter().chain(&payload));
        }
    },
    |ws, _, wire| wire.extend(ws.begin(Kind::Text, true, 3).iter().flat_map(|head| head.iter())),
    |ws, _, wire| wire.extend(ws.begin(Kind::Binary, false, 0).iter().flat_map(|head| head.iter())),
    |ws, _, wire| next(ws, b"a\xC3".to_vec(), wire),
    |ws, _, wire| next(ws, b"\xA4".to_vec(), wire),
    |ws, side, _| assert!(!ws.push(&side.frame(0x89, b"ping")).contains(&Ev::Ping(vec![]))),
    |ws, side, _| assert!(ws.push(&side.frame(0x88, b"\x03\xE9")).len() <= 1),
    |ws, _, _| assert!(ws.push(b"\x70").len() <= 1),
];

/// Checks the output of every sequence of four calls, or of five if exhaustive.
fn sequences(mut check: impl FnMut(Side, &[usize], &[u8])) {
    let len = if exhaustive() { 5 } else { 4 };
    for (side, number) in
        SIDES.iter().flat_map(|side| (0..STEPS.len().pow(len)).map(|n| (*side, n)))
    {
        let steps: Vec<_> =
            (0..len).map(|place| number / STEPS.len().pow(place) % STEPS.len()).collect();
        let (mut ws, mut wire) = (side.ws(Config::new()), Vec::new());
        for step in &steps {
            STEPS[*step](&mut ws, side, &mut wire);
        }
        check(side, &steps, &wire);
    }
}

/// P10: no frame follows a Close.
#[test]
fn p10_no_sequence_of_calls_writes_after_a_close() {
    let mut closes = 0;
    sequences(|side, steps, wire| {
        let mut rest = wire;
        while let Ok(Status::Complete((header, len))) = Header::parse(rest) {
            let frame_len = len + usize::try_from(header.payload_len).unwrap();
            rest = rest.get(frame_len..).unwrap_or_default();
            if header.lead.opcode == Opcode::Close {
                assert_eq!(rest, [], "{side:?} {steps:?}");
                closes += 1;
            }
        }
    });
    assert!(closes > 50_000, "{closes}");
}

/// P18: the peer accepts the output of every sequence of calls.
#[test]
fn p18_no_sequence_of_calls_writes_a_frame_that_the_peer_rejects() {
    let mut written = 0;
    sequences(|side, steps, wire| {
        let peer = if side == Side::Server { Side::Client } else { Side::Server };
        let events = joined(&peer.ws(Config::new()).push(wire));
        assert!(!matches!(events.last(), Some(Ev::Fail(_))), "{side:?} {steps:?} {events:?}");
        written += events.len();
    });
    assert!(written > 300_000, "{written}");
}
