//! Ours.

use std::any::Any;

use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort, Flush, Inflate};
use barews::{Compressed, Config, Connection, Event, MIN_BUFFER_LEN, RecvBuffer};

use super::Codecs;
use crate::columns::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Row, Tally, Work};
use crate::transport::Source;

pub const COLUMNS: [(&Column, Option<Codecs>); 3] = [
    (
        &Column {
            name: "barews deflate fast",
            start: |row| start(row, Effort::FAST),
            note: "Effort::FAST, pieces as they arrive",
            ..OURS
        },
        Some(|| codecs(Effort::FAST)),
    ),
    (
        &Column {
            name: "barews deflate small",
            start: |row| start(row, Effort::SMALL),
            note: "Effort::SMALL",
            ..OURS
        },
        Some(|| codecs(Effort::SMALL)),
    ),
    (
        &Column {
            name: "barews deflate best",
            start: |row| start(row, Effort::BEST),
            note: "Effort::BEST",
            ..OURS
        },
        Some(|| codecs(Effort::BEST)),
    ),
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

fn open(params: DeflateParams, effort: Effort) -> (Inflate<Vec<u8>>, Deflate<Vec<u8>>) {
    let memory = |len| vec![0; len];
    let (client, server): (CompressionContext, CompressionContext) =
        (params.client(), params.server());
    let inflate = Inflate::new(client, memory(Inflate::memory(client)));
    let deflate = Deflate::new(server, effort, memory(Deflate::memory(server, effort)));
    (
        inflate.expect("the memory has the required length"),
        deflate.expect("the memory has the required length"),
    )
}

fn codecs(effort: Effort) -> Box<dyn Any> {
    // All memory is allocated from the start.
    Box::new(open(DeflateParams::DEFAULT, effort))
}

fn start(row: &'static Row, effort: Effort) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    let params = DeflateParams {
        server_no_context_takeover: !echo.takeover,
        client_no_context_takeover: !echo.takeover,
        ..DeflateParams::DEFAULT
    };
    let (mut inflate, mut deflate) = open(params, effort);
    let mut ws = Connection::server(Config::new().deflate(true));
    let mut source = Source::new(&echo.bytes, row.read);
    let mut rx = RecvBuffer::new(vec![0; row.read + MIN_BUFFER_LEN]);
    let mut piece = vec![0; 16 << 10];
    // Send the whole message in one frame, as the others do.
    let mut reply = vec![0; Deflate::max_len(row.size)];
    let mut len = 0;
    run(move || {
        let mut tally = Tally::default();
        echo.replies.clear();
        while !source.ended() {
            let n = source.receive(rx.spare_mut());
            rx.advance(n);
            let mut input = rx.input();
            loop {
                match ws.receive(&mut input).map_err(text)? {
                    Event::Data(mut data) => {
                        while let Some(piece) = inflate.push(&mut data, &mut piece).map_err(text)? {
                            tally.piece(piece.payload, piece.fin);
                            let flush = if piece.fin { Flush::Finish } else { Flush::None };
                            let deflated = deflate.push(piece.payload, flush, &mut reply[len..]);
                            if !deflated.done {
                                return Err("the reply is too long".into());
                            }
                            len += deflated.written;
                            if piece.fin {
                                let reply = &mut reply[..std::mem::take(&mut len)];
                                let header = ws.send_in_place(Compressed(piece.kind), true, reply);
                                echo.replies.write(&[&header.map_err(text)?, reply]);
                            }
                        }
                    }
                    Event::NeedMore(_) => break,
                    Event::Ping(_) | Event::Pong(_) => {
                        let mut out = [0; MIN_BUFFER_LEN];
                        let n = ws.transmit(&mut out).map_err(text)?;
                        echo.replies.write(&[&out[..n]]);
                    }
                    Event::Close(_) => return Err(CLOSED.into()),
                }
            }
        }
        Ok(tally)
    })
}
