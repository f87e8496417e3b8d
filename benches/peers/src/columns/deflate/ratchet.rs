//! ratchet: `WebSocket` over an always-ready transport, without a runtime.

use bytes::BytesMut;
use futures::executor::block_on;
use ratchet_core::{Message, PayloadType, Role, WebSocket, WebSocketConfig};
use ratchet_deflate::{Compression, Deflate, DeflateConfig, DeflateExtProvider};
use ratchet_ext::{ExtensionProvider, HeaderMap, HeaderValue};

use super::Codecs;
use crate::columns::{CLOSED, Column, Group, Run, run, text};
use crate::echo::Pipe;
use crate::streams::{Row, Tally, Work};

pub const COLUMNS: [(&Column, Option<Codecs>); 2] = [
    (
        &Column {
            name: "ratchet deflate 1",
            start: |row| start(row, 1),
            note: "level 1, its default, flate2; its default is no context takeover",
            ..RATCHET
        },
        Some(|| Box::new(open(1, true))),
    ),
    (
        &Column {
            name: "ratchet deflate 6",
            start: |row| start(row, 6),
            note: "the same at level 6",
            ..RATCHET
        },
        Some(|| Box::new(open(6, true))),
    ),
];

const RATCHET: Column = Column {
    name: "",
    package: "ratchet_core",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: false,
    note: "",
    start: |_| None,
};

fn open(level: u32, takeover: bool) -> Option<Deflate> {
    let config = DeflateConfig {
        accept_no_context_takeover: !takeover,
        compression_level: Compression::new(level),
        ..DeflateConfig::default()
    };
    let offer = match takeover {
        true => "permessage-deflate",
        false => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    };
    let mut headers = HeaderMap::new();
    headers.insert("sec-websocket-extensions", HeaderValue::from_static(offer));
    let (deflate, _) =
        DeflateExtProvider::with_config(config).negotiate_server(&headers).ok()??;
    Some(deflate)
}

fn start(row: &'static Row, level: u32) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    let mut ws = WebSocket::from_upgraded(
        WebSocketConfig::default(),
        Pipe::new(echo, row.read),
        open(level, echo.takeover),
        BytesMut::new(),
        Role::Server,
    );
    let mut message = BytesMut::new();
    run(move || {
        echo.replies.clear();
        block_on(async {
            let mut tally = Tally::default();
            while tally.messages < row.truth.messages {
                let kind = match ws.read(&mut message).await.map_err(text)? {
                    Message::Text => PayloadType::Text,
                    Message::Binary => PayloadType::Binary,
                    Message::Ping(_) | Message::Pong(_) => continue,
                    Message::Close(_) => return Err(CLOSED.into()),
                };
                tally.message(&message);
                ws.write(&message, kind).await.map_err(text)?;
                message.clear();
            }
            Ok(tally)
        })
    })
}
