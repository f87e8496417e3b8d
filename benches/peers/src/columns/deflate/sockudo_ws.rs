//! sockudo-ws: `CompressedProtocol`, its sans-IO layer, with our driver around its `BytesMut`.

use std::any::Any;

use bytes::BytesMut;
use sockudo_ws::deflate::{DeflateConfig, DeflateContext};
use sockudo_ws::protocol::{CompressedProtocol, Message};

use super::{Codecs, HELLO};
use crate::columns::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Row, Tally, Work};
use crate::transport::Source;

pub const COLUMNS: [(&Column, Option<Codecs>); 2] = [
    (
        &Column {
            name: "sockudo-ws deflate 1",
            start: |row| start(row, 1),
            note: "level 1, inflates with zlib-rs, compresses with flate2",
            ..SOCKUDO_WS
        },
        Some(|| codecs(1)),
    ),
    (
        &Column {
            name: "sockudo-ws deflate 6",
            start: |row| start(row, 6),
            note: "the same at level 6, its default",
            ..SOCKUDO_WS
        },
        Some(|| codecs(6)),
    ),
];

const SOCKUDO_WS: Column = Column {
    name: "",
    package: "sockudo-ws",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "",
    start: |_| None,
};

const MAX: usize = 64 << 20;

fn config(level: u32, takeover: bool) -> DeflateConfig {
    DeflateConfig {
        server_no_context_takeover: !takeover,
        client_no_context_takeover: !takeover,
        compression_level: level,
        compression_threshold: 0,
        ..DeflateConfig::default()
    }
}

fn codecs(level: u32) -> Box<dyn Any> {
    let mut codecs = DeflateContext::server(config(level, true));
    let _ = codecs.compress(b"Hello");
    let _ = codecs.decompress(HELLO, 5);
    Box::new(codecs)
}

fn start(row: &'static Row, level: u32) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    let mut ws = CompressedProtocol::server(MAX, MAX, config(level, echo.takeover));
    let mut source = Source::new(&echo.bytes, row.read);
    let mut buffer = BytesMut::with_capacity(row.read);
    let mut messages = Vec::new();
    let mut out = BytesMut::with_capacity(row.size + 14);
    run(move || {
        let mut tally = Tally::default();
        echo.replies.clear();
        while !source.ended() {
            buffer.extend_from_slice(source.lend(row.read));
            ws.process_into(&mut buffer, &mut messages).map_err(text)?;
            for message in messages.drain(..) {
                match &message {
                    Message::Text(bytes) | Message::Binary(bytes) => tally.message(bytes),
                    Message::Ping(_) | Message::Pong(_) => continue,
                    Message::Close(_) => return Err(CLOSED.into()),
                }
                out.clear();
                ws.encode_message(&message, &mut out).map_err(text)?;
                echo.replies.write(&[&out]);
            }
        }
        Ok(tally)
    })
}
