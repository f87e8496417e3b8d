//! wtx: `WebSocket` over an always-ready transport, without a runtime.

use std::any::Any;

use futures::executor::block_on;
use wtx::collection::Vector;
use wtx::http::GenericHeader;
use wtx::rng::{Xorshift64, simple_seed};
use wtx::stream::{StreamReader, StreamWriter};
use wtx::web_socket::compression::{
    CompressionLevel, DeflateConfig, Flate2, NegotiatedFlate2, WindowBits,
};
use wtx::web_socket::{
    Compression, Frame, OpCode, WebSocketBuffer, WebSocketOwned, WebSocketPayloadOrigin,
};

use super::{Codecs, HELLO};
use crate::columns::{CLOSED, Column, Group, Run, run, text};
use crate::echo::Pipe;
use crate::streams::{Row, Tally, Work};

pub const COLUMNS: [(&Column, Option<Codecs>); 2] = [
    (
        &Column {
            name: "wtx deflate 1",
            start: |row| start(row, CompressionLevel::One),
            note: "level 1, windows of 15 bits, flate2; no context takeover",
            ..WTX
        },
        Some(|| codecs(CompressionLevel::One)),
    ),
    (
        &Column {
            name: "wtx deflate 6",
            start: |row| start(row, CompressionLevel::Six),
            note: "the same at level 6; its defaults are level 5 and 12 bits",
            ..WTX
        },
        Some(|| codecs(CompressionLevel::Six)),
    ),
];

const WTX: Column = Column {
    name: "",
    package: "wtx",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "",
    start: |_| None,
};

/// The offer of a client.
struct Offer;

impl GenericHeader for Offer {
    fn name(&self) -> &[u8] {
        b"sec-websocket-extensions"
    }

    fn value(&self) -> &[u8] {
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    }
}

impl StreamReader for Pipe {
    async fn read(&mut self, to: &mut [u8]) -> wtx::Result<usize> {
        Ok(std::io::Read::read(self, to)?)
    }
}

impl StreamWriter for Pipe {
    async fn write_all(&mut self, from: &[u8]) -> wtx::Result<()> {
        Ok(std::io::Write::write_all(self, from)?)
    }

    async fn write_all_vectored(&mut self, from: &[&[u8]]) -> wtx::Result<()> {
        for from in from {
            std::io::Write::write_all(self, from)?;
        }
        Ok(())
    }
}

fn open(level: CompressionLevel) -> Option<NegotiatedFlate2> {
    let config = DeflateConfig {
        client_max_window_bits: WindowBits::Fifteen,
        compression_level: level,
        server_max_window_bits: WindowBits::Fifteen,
    };
    Compression::<false>::negotiate(Flate2::from(config), std::iter::once(Offer)).ok()?
}

fn codecs(level: CompressionLevel) -> Box<dyn Any> {
    use wtx::web_socket::compression::NegotiatedCompression;

    let mut codecs = open(level);
    let mut out = [0; 64];
    let _ = codecs.compress(b"Hello", &mut out, |out| Ok(&mut out[..]), |out, _| Ok(&mut out[..]));
    let _ = codecs.decompress(HELLO, &mut out, |out| Ok(&mut out[..]), |out, _| Ok(&mut out[..]));
    Box::new(codecs)
}

fn start(row: &'static Row, level: CompressionLevel) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    if echo.takeover {
        return None;
    }
    let keys = Xorshift64::from(simple_seed());
    let pipe = Pipe::new(echo, row.read);
    let mut ws: WebSocketOwned<_, _, _, false> =
        WebSocketOwned::new(open(level)?, false, keys, pipe, WebSocketBuffer::new());
    let mut buffer = Vector::new();
    let mut reply = Vec::new();
    run(move || {
        echo.replies.clear();
        block_on(async {
            let mut tally = Tally::default();
            while tally.messages < row.truth.messages {
                let frame = ws
                    .read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive)
                    .await
                    .map_err(text)?;
                let kind = frame.op_code();
                match kind {
                    OpCode::Text | OpCode::Binary => {
                        tally.message(frame.payload());
                        // The frame borrows the connection, so the payload must be copied.
                        reply.clear();
                        reply.extend_from_slice(frame.payload());
                        buffer.clear();
                        let mut reply = Frame::<_, false>::new_fin(kind, &mut reply[..]);
                        ws.write_frame(&mut reply).await.map_err(text)?;
                    }
                    OpCode::Ping | OpCode::Pong => {}
                    OpCode::Close | OpCode::Continuation => return Err(CLOSED.into()),
                }
            }
            Ok(tally)
        })
    })
}
