#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "tests may panic"
)]

use std::net::{TcpListener, TcpStream as StdStream};

use barews::deflate::DeflateParams;
use barews::session::SessionEvent;
use barews::{Connection, Kind, Message};

use super::*;
use crate::broadcast::Publisher;
use crate::buffers::Buffers;
use crate::feed::Place;
use crate::memory::Pool;
use crate::service::{Codec, deflater, inflater};

const NOW: Duration = Duration::from_secs(1000);

/// What each version hands over of these clients. A newer version still takes it. In version 1, some of
/// them stay with the predecessor; where a later one has nothing, it hands over the same.
const CLIENTS: [(&str, &str, &str); 10] = [
    (
        "opening, with a part of its request",
        "01000000000000000000000000000000000800000000000000282300000000000008000000000000\
         00474554202f2048540000000000000000010000000000000000",
        "",
    ),
    (
        "idle",
        "0100000000000000000c00000000000000010300000101e0d4030000000000000000000000000000\
         0000000000010000000000000000",
        "",
    ),
    (
        "a text in assembly, an unread header, an unsent frame",
        "010000000000000004150000000000000001030400010200010de0d403c0a907e0d4031000000200\
         000000000000808108000000000000008106756e73656e7401000000000000000001000000000000\
         00010800000000000000000000000000000002000000000000006162",
        "",
    ),
    (
        "after the end of the stream",
        "0100000000000000010d0000000000000001034e25068201a09c0100000000000000000000000000\
         000000000000010000000000000000",
        "",
    ),
    (
        "compression, after a message",
        "0100000000000000000c00000000000000010301800101e0d4030000000000000000000000000000\
         0000000000010000000000000001030000000000000001060f080000000000000001050f48656c6c\
         6f",
        "0100000000000000000c00000000000000010301800101e0d4030000000000000000000000000000\
         0000000000010000000000000005030000000000000001060f09000000000000000108000f48656c\
         6c6f",
    ),
    (
        "feed",
        "0100000000000000000c00000000000000010300000101e0d4030000000000000000000000000000\
         000000000001000000000000000408000000000000000000000000010000",
        "",
    ),
    (
        "inside a compressed message",
        "",
        "0100000000000000001200000000000000010305020103800105e0d403c0a9070000000000000000\
         0000000000000000000000010000000000000005030000000000000001060f0d0000000000000001\
         080248654f06020519004865",
    ),
    (
        "broadcast",
        "0100000000000000000c00000000000000010300000101e0d4030000000000000000000000000000\
         0000000000010000000000000002",
        "0100000000000000000c00000000000000010300000101e0d4030000000000000000000000000000\
         000000000001000000000000000602000000000000000107",
    ),
    (
        "inside a message to broadcast",
        "",
        "0100000000000000001200000000000000010304000102000105e0d403c0a9070000000000000000\
         0000000000000000000000010000000000000006040000000000000001076162",
    ),
    (
        "inside a compressed message to broadcast",
        "",
        "0100000000000000001200000000000000010305020103800105e0d403c0a9070000000000000000\
         00000000000000000000000100000000000000070d0000000000000001080248654f060205190048\
         65",
    ),
];

/// A part of a compressed text in two fragments.
const HELLO: &[u8] = b"\x41\x83\0\0\0\0\xF2\x48\xCD";

fn settings() -> Settings {
    let arguments = lexopt::Parser::from_args(["--deflate", "--timeout", "handshake=9000"]);
    Settings::parse(arguments).unwrap().unwrap()
}

/// The client of a row of the table.
fn example(row: usize) -> Client {
    let settings = settings();
    let Settings { config, timeouts, .. } = settings;
    let Buffers { mut rx, mut tx } = Lender::new(&settings).buffers();
    let (mut service, mut partial, mut flags) = (Service::Echo, None, Flags::default());
    let connection = Connection::server(config.deflate([4, 6, 9].contains(&row)));
    let mut ws = Session::opened(connection, timeouts, NOW);
    match row {
        0 => {
            ws = Session::server(config, timeouts, NOW);
            rx.push(b"GET / HT").unwrap();
        }
        2 => {
            rx.push(b"\x01\x82\0\0\0\0ab\x80\x81").unwrap();
            let received = ws.receive(&mut rx, &mut tx, NOW);
            let text = partial.insert(Partial::new(Kind::Text));
            if let Some(SessionEvent::Data(data)) = received {
                text.push(&data, &mut Pool::default()).unwrap();
            }
            ws.send_text("unsent", &mut tx).unwrap();
        }
        3 => {
            flags.ended = true;
            rx.end();
        }
        4 => {
            let params = DeflateParams::DEFAULT;
            let mut messages = inflater(params, &settings).unwrap();
            rx.push(b"\xC1\x87\0\0\0\0\xF2\x48\xCD\xC9\xC9\x07\0").unwrap();
            let message = ws.receive_message(&mut rx, &mut messages, &mut tx, NOW);
            assert!(matches!(message, Some(SessionEvent::Data(Message::Text("Hello")))));
            let deflate = deflater(params.server()).unwrap();
            service = Service::Deflate(Box::new(Codec { messages, deflate }));
        }
        5 => service = Service::Feed { place: Place::new(Some(1 << 40)) },
        6 => {
            let params = DeflateParams::DEFAULT;
            let mut messages = inflater(params, &settings).unwrap();
            rx.push(HELLO).unwrap();
            assert!(ws.receive_message(&mut rx, &mut messages, &mut tx, NOW).is_none());
            let deflate = deflater(params.server()).unwrap();
            service = Service::Deflate(Box::new(Codec { messages, deflate }));
        }
        7.. => {
            let params = (row == 9).then_some(DeflateParams::DEFAULT);
            let messages = params.map(|params| inflater(params, &settings).unwrap());
            let mut publisher = Publisher::new(messages);
            rx.push([&b""[..], b"\x01\x82\0\0\0\0ab", HELLO][row - 7]).unwrap();
            assert!(publisher.receive(&mut ws, &mut rx, &mut tx, NOW).is_none());
            service = Service::Broadcast(Box::new(publisher));
        }
        _ => {}
    }
    while row != 0 && ws.receive(&mut rx, &mut tx, NOW).is_some() {}
    let state = State { service, buffers: Buffers { rx, tx }, partial };
    Client {
        ws,
        state: Some(Box::new(state)),
        stream: TcpStream::from_std(stream().into()),
        scheduled: Scheduled::default(),
        is_queued: false,
        flags,
    }
}

fn stream() -> OwnedFd {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    StdStream::connect(listener.local_addr().unwrap()).unwrap().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn clients_of_each_version_are_taken_over() {
    let sealed = |mut client: Client| hex(client.seal(NOW).unwrap().as_bytes());
    let newest = CLIENTS.map(|(_, old, new)| if new.is_empty() { old } else { new });
    let found: Vec<String> = (0..CLIENTS.len()).map(|row| sealed(example(row))).collect();
    assert_eq!(found, newest);
    for ((what, version_1, version_2), newest) in CLIENTS.into_iter().zip(newest) {
        for body in [version_1, version_2].into_iter().filter(|body| !body.is_empty()) {
            let client = Client::unseal(stream(), &bytes(body), &settings(), NOW).unwrap();
            assert_eq!(sealed(client), newest, "{what}");
        }
    }
}

/// Nothing that another server sends ends this one otherwise than with an error.
#[test]
fn any_client_is_judged() {
    for hex in CLIENTS.into_iter().flat_map(|(_, version_1, version_2)| [version_1, version_2]) {
        let body = bytes(hex);
        for len in 0..body.len() {
            let cut = Client::unseal(stream(), &body[..len], &settings(), NOW);
            assert!(cut.is_err(), "{len} bytes of {hex}");
        }
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut body = body.clone();
                body[at] ^= 1 << bit;
                let _ = Client::unseal(stream(), &body, &settings(), NOW);
            }
        }
    }
}
