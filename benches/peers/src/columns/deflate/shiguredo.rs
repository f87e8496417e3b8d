//! shiguredo_websocket: `WebSocketServerConnection`, which is sans-IO.

use std::any::Any;

use shiguredo_websocket::{
    ConnectionEvent, ConnectionOutput, PerMessageDeflate, PerMessageDeflateConfig,
    ServerConnectionOptions, WebSocketServerConnection,
};

use super::{Codecs, HELLO};
use crate::columns::{CLOSED, Column, Group, Run, run, text};
use crate::echo::Echo;
use crate::streams::{Row, Tally, Work};
use crate::transport::Source;

pub const COLUMN: (&Column, Option<Codecs>) = (
    &Column {
        name: "shiguredo_websocket deflate",
        package: "shiguredo_websocket",
        group: Group::Peer,
        unmasks: true,
        protocol: true,
        utf8: true,
        note: "sans-IO; noflate, which has one level; sends messages below 64 bytes uncompressed",
        start,
    },
    Some(codecs),
);

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: server.example.com\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

fn config(takeover: bool) -> PerMessageDeflateConfig {
    let config = PerMessageDeflateConfig::new();
    match takeover {
        true => config,
        false => config.server_no_context_takeover().client_no_context_takeover(),
    }
}

fn codecs() -> Box<dyn Any> {
    let mut codecs = PerMessageDeflate::new_server(config(true));
    let _ = codecs.compress(b"Hello");
    let _ = codecs.decompress(HELLO, 5);
    Box::new(codecs)
}

fn open(echo: &Echo) -> Result<WebSocketServerConnection, shiguredo_websocket::Error> {
    let options = ServerConnectionOptions::new().deflate(config(echo.takeover)).ping_interval(0);
    let mut ws = WebSocketServerConnection::new(options);
    ws.feed_recv_buf(REQUEST.as_bytes())?;
    ws.accept_handshake_auto()?;
    while ws.poll_output().is_some() {}
    while ws.poll_event().is_some() {}
    Ok(ws)
}

fn start(row: &'static Row) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    let mut ws = open(echo).ok()?;
    let mut source = Source::new(&echo.bytes, row.read);
    run(move || {
        let mut tally = Tally::default();
        echo.replies.clear();
        while !source.ended() {
            ws.feed_recv_buf(source.lend(row.read)).map_err(text)?;
            while let Some(event) = ws.poll_event() {
                match event {
                    ConnectionEvent::TextMessage(message) => {
                        tally.message(message.as_bytes());
                        ws.send_text(&message).map_err(text)?;
                    }
                    ConnectionEvent::BinaryMessage(message) => {
                        tally.message(&message);
                        ws.send_binary(&message).map_err(text)?;
                    }
                    ConnectionEvent::Close { .. } => return Err(CLOSED.into()),
                    _ => {}
                }
                while let Some(output) = ws.poll_output() {
                    if let ConnectionOutput::SendData(frame) = output {
                        echo.replies.write(&[&frame]);
                    }
                }
            }
        }
        Ok(tally)
    })
}
