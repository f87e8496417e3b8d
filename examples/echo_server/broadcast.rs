//! Broadcast: every message from a client goes to all clients. It is reassembled, then encoded
//! once for all of them.

use std::sync::Arc;

use barews::deflate::DeflateParams;
use barews::frame::{self, Opcode};
use barews::{AssembleError, Assembler, CloseCode, Connection, Data, Message, Server};

use crate::codec::{Deflater, Inflater};
use crate::session::{Replies, control};
use crate::settings::Settings;

/// The longest message to broadcast. It is reassembled in memory first.
const MAX_LEN: usize = 1 << 20;

/// Encoded frames, shared by all clients of all threads.
pub(crate) type Frames = Arc<[u8]>;

/// A message to broadcast.
#[derive(Clone)]
pub(crate) struct BroadcastMessage {
    plain: Frames,
    /// For clients that negotiated compression.
    compressed: Option<Frames>,
}

impl BroadcastMessage {
    pub(crate) fn frames(&self, compressed: bool) -> &[u8] {
        match &self.compressed {
            Some(frames) if compressed => frames,
            _ => &self.plain,
        }
    }
}

/// Encodes messages to broadcast. There is one per thread.
pub(crate) struct Encoder {
    deflater: Option<Box<Deflater>>,
}

impl Encoder {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { deflater: Deflater::for_broadcast(settings).map(Box::new) }
    }

    fn encode(&mut self, opcode: Opcode, payload: &[u8]) -> BroadcastMessage {
        BroadcastMessage {
            plain: encoded(opcode, payload).into(),
            compressed: self.deflater.as_mut().map(|deflater| {
                let mut frames = Vec::new();
                deflater.encode(opcode, payload, &mut frames);
                frames.into()
            }),
        }
    }
}

/// A client whose messages are broadcast.
pub(crate) struct Publisher {
    /// Whether it accepts compressed messages.
    pub(crate) is_compressed: bool,
    /// The message that it is sending, so far.
    fragments: Assembler<Box<[u8]>>,
    /// Used instead of `fragments` if compression was negotiated.
    inflater: Option<Box<Inflater>>,
}

impl Default for Publisher {
    fn default() -> Self {
        Self { is_compressed: false, fragments: Assembler::new(Box::default()), inflater: None }
    }
}

impl Publisher {
    pub(crate) fn compressed(agreed: DeflateParams) -> Self {
        let inflater = Inflater::new(agreed, MAX_LEN);
        Self { is_compressed: true, inflater: Some(Box::new(inflater)), ..Self::default() }
    }

    /// Takes a piece of a message. The last piece queues the message to be broadcast.
    pub(crate) fn receive(
        &mut self,
        ws: &mut Connection<Server>,
        data: &mut Data<'_>,
        replies: &mut Replies,
    ) {
        if let Some(inflater) = &mut self.inflater {
            let opcode = Opcode::from(data.kind);
            match inflater.push(data) {
                Ok(None) => {}
                Ok(Some(message)) => {
                    replies.broadcasts.push(replies.encoder.encode(opcode, message));
                }
                Err(error) => ws.fail(error),
            }
            inflater.shrink();
            return;
        }
        let opcode = Opcode::from(data.kind);
        let fragments = &mut self.fragments;
        let held = fragments.len() + data.payload.len();
        let message = match fragments.push(data) {
            Err(AssembleError::StorageFull(full)) if full.needed > MAX_LEN => {
                return control(&mut replies.last, |out| {
                    ws.send_close(CloseCode::TOO_BIG, "", out)
                });
            }
            Err(AssembleError::StorageFull(_)) => {
                // Grow by what has arrived, not by the length that a header announces, and double
                // each time: a message may arrive in pieces of one byte.
                if fragments.grow(vec![0; held.next_power_of_two()].into_boxed_slice()).is_err() {
                    unreachable!("the new buffer is longer");
                }
                fragments.push(data)
            }
            done => done,
        };
        match message {
            Ok(Some(Message::Text(text))) => {
                replies.broadcasts.push(replies.encoder.encode(opcode, text.as_bytes()));
            }
            Ok(Some(Message::Binary(bytes))) => {
                replies.broadcasts.push(replies.encoder.encode(opcode, bytes));
            }
            Ok(None) => return,
            Err(error) => unreachable!("there is room, and the text is valid: {error}"),
        }
        *fragments = Assembler::new(Box::default());
    }
}

/// One unmasked frame.
pub(crate) fn encoded(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; payload.len() + frame::MAX_HEADER_LEN];
    let n = frame::encode(opcode, true, payload, &mut out).expect("the buffer has room");
    out.truncate(n);
    out
}
