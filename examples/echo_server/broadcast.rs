//! Broadcast: every message from a client goes to all clients, compressed once for all of them.

use std::io;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use barews::deflate::{CompressionContext, Deflate, Flush, InflateAssembler};
use barews::frame::Content;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, Kind, Message, RecvBuffer, SendBuffer, Server};

use crate::memory::Memory;
use crate::service;
use crate::settings::Settings;

/// The least cost of a message, in bytes.
const LEAST_COST: usize = 4 << 10;

/// A message to broadcast, shared by all clients of all threads.
#[derive(Clone)]
pub(crate) struct BroadcastMessage(Arc<Payloads>);

struct Payloads {
    kind: Kind,
    plain: Vec<u8>,
    /// For clients that negotiated compression.
    compressed: Option<Vec<u8>>,
}

impl BroadcastMessage {
    /// How much memory it takes, in bytes; a short one counts more, because of the time that it takes
    /// to send it to all clients.
    pub(crate) fn cost(&self) -> usize {
        let Payloads { plain, compressed, .. } = &*self.0;
        (plain.len() + compressed.as_ref().map_or(0, Vec::len)).max(LEAST_COST)
    }

    pub(crate) fn content(&self, compressed: bool) -> (Content, &[u8]) {
        let Payloads { kind, plain, compressed: deflated } = &*self.0;
        match deflated {
            Some(deflated) if compressed => (Content::new(*kind, true), deflated),
            _ => (Content::new(*kind, false), plain),
        }
    }
}

/// Compresses messages to broadcast. There is one per thread.
pub(crate) struct Encoder(Option<Deflate<Memory>>);

impl Encoder {
    pub(crate) fn new(settings: &Settings) -> io::Result<Self> {
        let window_bits = settings.deflate.filter(|_| settings.broadcast);
        let context =
            window_bits.map(|bits| CompressionContext { window_bits: bits, takeover: false });
        Ok(Self(context.map(service::deflater).transpose()?))
    }

    pub(crate) fn encode(&mut self, message: Message<'_>) -> BroadcastMessage {
        let plain = message.as_bytes().to_vec();
        let compressed = self.0.as_mut().map(|deflate| {
            let mut out = vec![0; Deflate::max_len(plain.len())];
            let deflated = deflate.push(&plain, Flush::Finish, &mut out);
            out.truncate(deflated.written);
            out
        });
        BroadcastMessage(Arc::new(Payloads { kind: message.kind(), plain, compressed }))
    }
}

/// The message that a client is sending, so far.
pub(crate) enum Publisher {
    Plain(Assembler<Memory>),
    Compressed(Box<InflateAssembler<Memory, Memory>>),
}

impl Publisher {
    pub(crate) fn new(messages: Option<InflateAssembler<Memory, Memory>>) -> Self {
        match messages {
            None => Self::Plain(Assembler::new(Memory::default())),
            Some(messages) => Self::Compressed(Box::new(messages)),
        }
    }

    /// Whether the client accepts compressed messages.
    pub(crate) fn is_compressed(&self) -> bool {
        matches!(self, Self::Compressed(_))
    }

    pub(crate) fn receive<'b>(
        &'b mut self,
        ws: &mut Session<Server>,
        rx: &'b mut RecvBuffer<Memory>,
        tx: &mut SendBuffer<Memory>,
        now: Duration,
    ) -> Option<SessionEvent<'b, Message<'b>>> {
        match self {
            Self::Plain(messages) => ws.receive_message(rx, messages, tx, now),
            Self::Compressed(messages) => ws.receive_message(rx, &mut **messages, tx, now),
        }
    }

    /// Exchanges the storage, unless it holds an incomplete message.
    pub(crate) fn exchange(&mut self, storage: &mut Memory) {
        let other = match self {
            Self::Plain(messages) if messages.is_empty() => messages.grow(take(storage)),
            Self::Compressed(messages) if messages.is_empty() => messages.grow(take(storage)),
            _ => return,
        };
        *storage = other.unwrap_or_else(|refused| refused);
    }
}
