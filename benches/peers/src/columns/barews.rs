//! Ours.

use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::{
    Assembler, Config, Connection, ControlOrder, Delivery, Event, Kind, MIN_BUFFER_LEN, Message,
    RecvBuffer,
};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMNS: [&Column; 3] = [
    &Column {
        name: "barews",
        start: |row| start(row, Config::new().control_order(ControlOrder::Ahead)),
        note: "pieces as they arrive, Ping and Pong ahead of data (the default)",
        ..OURS
    },
    &Column {
        name: "barews wire",
        start: |row| start(row, Config::new().control_order(ControlOrder::Wire)),
        note: "pieces as they arrive, in wire order",
        ..OURS
    },
    &Column {
        name: "barews message",
        start: whole,
        note: "whole messages (Delivery::Frames, Assembler), for sizes from 16 KiB and `mix`",
        ..OURS
    },
];

const OURS: Column = Column {
    name: "",
    package: "barews",
    group: Group::Ours,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "",
    start: |_| None,
};

fn keys() -> impl FnMut() -> [u8; 4] {
    let mut keys = fastrand::Rng::new();
    move || keys.u32(..).to_ne_bytes()
}

fn start(row: &'static Row, config: Config) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let source = Source::new(bytes, row.read);
            match role {
                Role::Server => pieces(Connection::server(config), source, row.read),
                Role::Client => pieces(Connection::client(config, keys()), source, row.read),
            }
        }
        // The order of control frames makes no difference below.
        _ if config != Config::new() => None,
        Work::Send { role, payload, count } => match role {
            Role::Server => send(Connection::server(config), payload, *count),
            Role::Client => send(Connection::client(config, keys()), payload, *count),
        },
        Work::Header { payload, count } => in_place(Connection::server(config), payload, *count),
        Work::InPlace { payload, count } => {
            in_place(Connection::client(config, keys()), payload, *count)
        }
        Work::Accept { request, count } => {
            let mut out = [0; 512];
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let read = RequestReader::new().read(request).map_err(text)?;
                    let Status::Complete(Incoming::Upgrade(upgrade)) = read else {
                        return Err("no upgrade".into());
                    };
                    let accept = upgrade.accept(Origins::Any).map_err(text)?;
                    let n = accept.write(&mut out).map_err(text)?;
                    accepted(&mut tally, &out[..n])?;
                }
                Ok(tally)
            })
        }
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}

/// Receives messages in pieces.
fn pieces<R: barews::Role + 'static>(
    mut ws: Connection<R>,
    mut source: Source,
    read: usize,
) -> Option<Run> {
    let mut rx = RecvBuffer::new(vec![0; read + MIN_BUFFER_LEN]);
    let mut out = [0; MIN_BUFFER_LEN];
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            let n = source.receive(rx.spare_mut());
            rx.advance(n);
            let mut input = rx.input();
            loop {
                match ws.receive(&mut input) {
                    Ok(Event::Data(data)) => tally.piece(data.payload, data.fin),
                    Ok(Event::NeedMore(_)) => break,
                    Ok(Event::Ping(_)) => {
                        std::hint::black_box(ws.transmit(&mut out).map_err(text)?);
                    }
                    Ok(Event::Pong(_)) => {}
                    Ok(Event::Close(_)) => return Err(CLOSED.into()),
                    Err(error) => return Err(text(error)),
                }
            }
        }
        Ok(tally)
    })
}

/// Receives whole messages.
fn whole(row: &'static Row) -> Option<Run> {
    let Work::Decode { role, bytes } = &row.work else { return None };
    if row.size < 16384 && row.name != "mix" {
        return None;
    }
    let config = Config::new().delivery(Delivery::Frames);
    let source = Source::new(bytes, row.read);
    match role {
        Role::Server => frames(Connection::server(config), source, row.read),
        Role::Client => frames(Connection::client(config, keys()), source, row.read),
    }
}

fn frames<R: barews::Role + 'static>(
    mut ws: Connection<R>,
    mut source: Source,
    read: usize,
) -> Option<Run> {
    let mut rx = RecvBuffer::new(vec![0; read + MIN_BUFFER_LEN]);
    let mut messages = Assembler::new(vec![0; 64 << 10]);
    let mut out = [0; MIN_BUFFER_LEN];
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            let n = source.receive(rx.spare_mut());
            rx.advance(n);
            let mut input = rx.input();
            let missing = loop {
                match ws.receive(&mut input) {
                    // A message in one frame needs no assembling.
                    Ok(Event::Data(data)) if data.first && data.fin => tally.message(data.payload),
                    Ok(Event::Data(data)) => match messages.push(&data).map_err(text)? {
                        Some(Message::Text(text)) => tally.message(text.as_bytes()),
                        Some(Message::Binary(bytes)) => tally.message(bytes),
                        None => {}
                    },
                    Ok(Event::NeedMore(missing)) => break missing.get(),
                    Ok(Event::Ping(_)) => {
                        std::hint::black_box(ws.transmit(&mut out).map_err(text)?);
                    }
                    Ok(Event::Pong(_)) => {}
                    Ok(Event::Close(_)) => return Err(CLOSED.into()),
                    Err(error) => return Err(text(error)),
                }
            };
            if let Err(full) = rx.reserve(missing) {
                let _ = rx.grow(vec![0; full.needed]);
            }
        }
        Ok(tally)
    })
}

fn send<R: barews::Role + 'static>(
    mut ws: Connection<R>,
    payload: &'static [u8],
    count: u64,
) -> Option<Run> {
    let mut out = vec![0; payload.len() + barews::frame::MAX_HEADER_LEN];
    run(move || {
        let mut tally = Tally::default();
        for _ in 0..count {
            let n = ws.send_binary(payload, &mut out).map_err(text)?;
            std::hint::black_box(&out[..n]);
            tally.frame(n);
        }
        Ok(tally)
    })
}

fn in_place<R: barews::Role + 'static>(
    mut ws: Connection<R>,
    payload: &'static [u8],
    count: u64,
) -> Option<Run> {
    let mut payload = payload.to_vec();
    run(move || {
        let mut tally = Tally::default();
        for _ in 0..count {
            let payload = std::hint::black_box(&mut payload[..]);
            let header = ws.send_in_place(Kind::Binary, true, payload).map_err(text)?;
            std::hint::black_box(payload);
            tally.frame(std::hint::black_box(header).len());
        }
        Ok(tally)
    })
}
