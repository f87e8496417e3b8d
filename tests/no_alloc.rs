//! The crate allocates nothing: whole sessions of both roles under a counting allocator.

use std::hint::black_box;

use allocation_counter::measure;
use barews::{
    Assembler, CloseCode, Config, Connection, ControlOrder, Delivery, Event, Kind, MaskKeys,
    Message, RecvBuffer, Role, State, TransportAction,
};

/// Counts of what one side received.
#[derive(Default)]
struct Seen {
    texts: usize,
    binaries: usize,
    bytes: usize,
    pings: usize,
    pongs: usize,
    closes: usize,
}

/// Receives `wire` through the buffer of `ws`; returns the length of the replies in `out`.
fn take<R: Role>(
    ws: &mut Connection<R>,
    rx: &mut RecvBuffer<[u8; 512]>,
    messages: &mut Assembler<[u8; 1024]>,
    seen: &mut Seen,
    mut wire: &[u8],
    out: &mut [u8],
) -> usize {
    let mut answered = 0;
    while !wire.is_empty() {
        let spare = rx.spare_mut();
        let n = spare.len().min(wire.len()).min(100);
        spare[..n].copy_from_slice(&wire[..n]);
        rx.advance(n);
        wire = &wire[n..];
        let mut input = rx.input();
        loop {
            match ws.receive(&mut input).unwrap() {
                Event::Data(data) => match messages.push(&data).unwrap() {
                    Some(Message::Text(text)) => {
                        seen.texts += 1;
                        seen.bytes += text.len();
                    }
                    Some(Message::Binary(bytes)) => {
                        seen.binaries += 1;
                        seen.bytes += bytes.len();
                    }
                    None => {}
                },
                Event::Ping(_) => seen.pings += 1,
                Event::Pong(_) => seen.pongs += 1,
                Event::Close(close) => seen.closes += close.map_or(0, |close| close.reason.len()),
                Event::NeedMore(n) => {
                    rx.reserve(n.get()).unwrap();
                    break;
                }
            }
            answered += ws.transmit(&mut out[answered..]).unwrap();
        }
    }
    answered
}

/// Calls each sending method; returns the length of the output.
fn send<R: Role>(ws: &mut Connection<R>, out: &mut [u8]) -> usize {
    let mut n = ws.send_text("text, \u{e4}", out).unwrap();
    n += ws.send_binary(&[7; 200], &mut out[n..]).unwrap();
    n += ws.send_ping(b"ping", &mut out[n..]).unwrap();
    n += ws.send_fragment(Kind::Text, false, "\u{e4}".as_bytes(), &mut out[n..]).unwrap();
    n += ws.send_pong(&[1; 125], &mut out[n..]).unwrap();
    n += ws.send_fragment(Kind::Text, true, b"end", &mut out[n..]).unwrap();
    let mut payload = [3; 300];
    let header = ws.send_in_place(Kind::Binary, false, &mut payload).unwrap();
    out[n..n + header.len()].copy_from_slice(&header);
    n += header.len();
    out[n..n + 300].copy_from_slice(&payload);
    n += 300;
    let header = ws.begin_frame(Kind::Binary, true, 20).unwrap();
    out[n..n + header.len()].copy_from_slice(&header);
    n += header.len();
    for _ in 0..2 {
        ws.mask_next(&mut payload[..10]).unwrap();
        out[n..n + 10].copy_from_slice(&payload[..10]);
        n += 10;
    }
    n
}

fn session(delivery: Delivery, order: ControlOrder) {
    let config = Config::new().delivery(delivery).control_order(order);
    let mut key = 0_u32;
    let keys = || {
        key += 1;
        key.to_le_bytes()
    };
    let mut client = Connection::client(config, keys);
    let mut server = Connection::server(config);
    let mut client_rx = (RecvBuffer::new([0; 512]), Assembler::new([0; 1024]), Seen::default());
    let mut server_rx = (RecvBuffer::new([0; 512]), Assembler::new([0; 1024]), Seen::default());
    let (mut there, mut back) = ([0; 2048], [0; 2048]);

    for _ in 0..3 {
        let n = send(&mut client, &mut there);
        let (rx, messages, seen) = &mut server_rx;
        let mut m = take(&mut server, rx, messages, seen, &there[..n], &mut back);
        m += send(&mut server, &mut back[m..]);
        let (rx, messages, seen) = &mut client_rx;
        let n = take(&mut client, rx, messages, seen, &back[..m], &mut there);
        let (rx, messages, seen) = &mut server_rx;
        assert_eq!(take(&mut server, rx, messages, seen, &there[..n], &mut back), 0);
    }
    close(&mut client, &mut server, &mut client_rx, &mut server_rx);
    for seen in [&client_rx.2, &server_rx.2] {
        assert_eq!((seen.texts, seen.binaries, seen.pings, seen.pongs), (6, 6, 3, 6));
        assert_eq!(seen.bytes, 3 * (8 + 200 + 5 + 320));
    }
    assert_eq!((client_rx.2.closes, server_rx.2.closes), (0, 3));
}

type Rx = (RecvBuffer<[u8; 512]>, Assembler<[u8; 1024]>, Seen);

fn close<A: Role, B: Role>(
    client: &mut Connection<A>,
    server: &mut Connection<B>,
    client_rx: &mut Rx,
    server_rx: &mut Rx,
) {
    let (mut there, mut back) = ([0; 64], [0; 64]);
    let n = client.send_close(CloseCode::NORMAL, "bye", &mut there).unwrap();
    let (rx, messages, seen) = server_rx;
    let m = take(server, rx, messages, seen, &there[..n], &mut back);
    let (rx, messages, seen) = client_rx;
    assert_eq!(take(client, rx, messages, seen, &back[..m], &mut there), 0);
    client.receive_eof().unwrap();
    server.receive_eof().unwrap();
    assert_eq!((client.state(), server.state()), (State::Closed, State::Closed));
    assert_eq!(
        (client.transport_action(), server.transport_action()),
        (TransportAction::Drop, TransportAction::Drop)
    );
}

/// A protocol error of the peer, the Close that reports it, and the error's text.
fn fault<K: MaskKeys>(keys: K) {
    use core::fmt::Write;

    struct Nowhere;
    impl Write for Nowhere {
        fn write_str(&mut self, _: &str) -> core::fmt::Result {
            Ok(())
        }
    }
    let mut client = Connection::client(Config::new(), keys);
    let mut rx = RecvBuffer::new([0; 131]);
    rx.spare_mut()[..3].copy_from_slice(b"\x81\x01\xFF");
    rx.advance(3);
    let error = client.receive(&mut rx.input()).unwrap_err();
    write!(Nowhere, "{error} {error:?} {client:?}").unwrap();
    assert_eq!(client.transmit(&mut [0; 131]), Ok(8));
}

/// Both sides of the opening handshake, a plain response and a rejection.
#[cfg(feature = "handshake")]
fn handshake() {
    use barews::handshake::client::{Handshake, Response};
    use barews::handshake::deflate::{DeflateConfig, DeflateOffer};
    use barews::handshake::server::{Incoming, Origins, RequestReader, respond};
    use barews::handshake::{Error, Status};

    let (mut there, mut back) = ([0; 1024], [0; 1024]);
    let offers = [DeflateOffer::new()];
    let mut client = Handshake::new([7; 16], "example.com", "/chat")
        .protocols(&["chat", "superchat"])
        .origin("https://example.com")
        .deflate(&offers)
        .headers(&[("Cookie", "a=b")]);
    let n = client.write_request(&mut there).unwrap();
    let mut reader = RequestReader::new();
    assert!(matches!(reader.read(&there[..n - 1]), Ok(Status::NeedMore(_))));
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = reader.read(&there[..n]) else {
        unreachable!("the request is an upgrade")
    };
    assert_eq!(upgrade.protocols().count(), 2);
    let deflate = upgrade.negotiate_deflate(&DeflateConfig::new()).unwrap();
    let accept = upgrade.accept(Origins::List(&["https://example.com"])).unwrap();
    let n = accept.protocol("chat").deflate(deflate).write(&mut back).unwrap();
    let answer = client.read_response(&back[..n]).unwrap();
    assert!(matches!(answer, Status::Complete(Response::Accepted(_))));
    respond(200, &[("Content-Type", "text/html")], b"a page", &mut back).unwrap();
    Error::UnsupportedVersion.respond(&mut back).unwrap();
}

#[test]
#[cfg(feature = "handshake")]
fn the_opening_handshake_allocates_nothing() {
    assert_eq!(measure(handshake).count_total, 0);
}

/// Messages through an `Inflate`: fixed, dynamic and stored blocks, a plain and an invalid message.
#[cfg(feature = "deflate")]
fn inflate() {
    use barews::deflate::{CompressionContext, Inflate, WindowBits};
    use barews::{Error, Input};

    const CONTEXT: CompressionContext =
        CompressionContext { window_bits: WindowBits::MIN, takeover: true };
    let mut memory = [0; Inflate::memory(CONTEXT)];
    let mut inflate = Inflate::new(CONTEXT, &mut memory).unwrap();
    let mut ws = Connection::client(Config::new().deflate(true), || [0; 4]);
    let mut wire = *b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\
        \x41\x05\xF2\x00\x11\x00\x00\x89\x00\x80\x00\
        \xC2\x0B\x00\x05\x00\xFA\xFFHello\x00\
        \xC2\x4F\
        \xAC\x8C\x57\x15\x80\x30\x0C\x45\xAD\x3C\x05\x18\x40\x4D\x0B\xE9\x60\x34\xDD\x05\xD4\x93\
        \x83\x06\xBE\xEF\xA8\x8E\x90\x9A\x5F\x76\xE8\xCC\x23\xC0\xF0\x85\xAD\x9D\xB1\x80\x3B\x65\
        \x54\xC1\x87\x7A\x6E\xAC\x6C\x67\x44\x25\xDE\x79\x43\x8B\x34\x7C\x75\x30\xBE\x93\xA0\x87\
        \x02\x0E\x9F\x1A\x67\x69\x6D\x99\xBE\xEC\xFF\xEB\x0B\
        \x81\x05plain\
        \xC1\x01\x07";
    let mut input = Input::new(&mut wire);
    let mut seen = [0; 3];
    let error = loop {
        match ws.receive(&mut input) {
            Ok(Event::Data(mut data)) => {
                let mut out = [0; 3];
                loop {
                    match inflate.push(&mut data, &mut out) {
                        Ok(Some(piece)) => {
                            seen[0] += piece.payload.len();
                            seen[1] += usize::from(piece.fin);
                        }
                        Ok(None) => break,
                        Err(error) => {
                            ws.fail(error);
                            break;
                        }
                    }
                }
            }
            Ok(_) => seen[2] += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error, seen), (Error::InvalidDeflate, [4 * 5 + 172, 5, 1]));
    assert_eq!(ws.transmit(&mut [0; 16]), Ok(8));
}

#[test]
#[cfg(feature = "deflate")]
fn inflating_allocates_nothing() {
    assert_eq!(measure(inflate).count_total, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(Box::new([0_u8; 10])))).count_total, 1);
}

#[test]
fn p06_a_whole_session_of_both_roles_allocates_nothing() {
    for delivery in [Delivery::Chunks, Delivery::Frames] {
        for order in [ControlOrder::Ahead, ControlOrder::Wire] {
            assert_eq!(measure(|| session(delivery, order)).count_total, 0);
        }
    }
    assert_eq!(measure(|| fault(|| [1, 2, 3, 4])).count_total, 0);
}

#[cfg(feature = "handshake")]
#[test]
fn a_whole_session_with_its_opening_allocates_nothing() {
    use std::time::Duration;

    use barews::handshake::client::Handshake;
    use barews::handshake::server::Origins;
    use barews::keepalive::Timeouts;
    use barews::session::{Session, SessionEvent};
    use barews::{SendBuffer, Storage};

    fn deliver<T: Storage, S: Storage>(tx: &mut SendBuffer<T>, rx: &mut RecvBuffer<S>) {
        let n = tx.len().min(rx.spare_mut().len());
        rx.spare_mut()[..n].copy_from_slice(&tx.unsent()[..n]);
        tx.sent(n);
        rx.advance(n);
    }

    let talk = || {
        let (now, timeouts) = (Duration::ZERO, Timeouts::new());
        let protocols = ["chat"];
        let request = Handshake::new([7; 16], "example.com", "/").protocols(&protocols);
        let (mut up, mut down) = (SendBuffer::new([0; 1024]), SendBuffer::new([0; 1024]));
        let (mut client_rx, mut server_rx) = (RecvBuffer::new([0; 512]), RecvBuffer::new([0; 512]));
        let (config, keys) = (Config::new(), || [1, 2, 3, 4]);
        let mut client = Session::client(config, timeouts, keys, &request, &mut up, now).unwrap();
        let mut server = Session::server(config, timeouts, now);
        let mut messages = Assembler::new([0; 256]);
        let mut seen = 0;
        while !(client.state() == State::Closed && server.state() == State::Closed) {
            deliver(&mut up, &mut server_rx);
            while let Some(event) =
                server.receive_message(&mut server_rx, &mut messages, &mut down, now)
            {
                seen += 1;
                match event {
                    SessionEvent::Upgrade(upgrade) => {
                        let accept = upgrade.accept(Origins::Any);
                        let accept = accept.map(|accept| accept.protocol("chat"));
                        server.answer(accept, &mut down, now).unwrap();
                    }
                    SessionEvent::Data(message) => server.send_message(message, &mut down).unwrap(),
                    _ => {}
                }
            }
            deliver(&mut down, &mut client_rx);
            while let Some(event) = client.receive(&mut client_rx, &mut up, now) {
                seen += 1;
                if let SessionEvent::Opened(_) = event {
                    client.send_fragment(Kind::Text, false, b"in two ", &mut up).unwrap();
                    client.send_ping(b"p", &mut up).unwrap();
                    client.send_fragment(Kind::Text, true, b"pieces", &mut up).unwrap();
                    client.close(CloseCode::NORMAL, "", &mut up, now).unwrap();
                }
            }
        }
        // Upgrade, Ping, message, Close; Opened, Pong, message, Close.
        assert_eq!(seen, 8);
    };
    let allocated = measure(talk);
    assert_eq!(allocated.count_total, 0);
}
