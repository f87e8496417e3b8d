//! What anybody says, to everybody: put together, and made into frames once.

use std::sync::Arc;

use barews::deflate::DeflateParams;
use barews::frame::{self, Opcode};
use barews::{AssembleError, Assembler, CloseCode, Connection, Data, Message, Server};

use crate::codec::{Deflater, Inflater};
use crate::session::{Replies, control};
use crate::settings::Settings;

/// What everybody is to get is put together first; this long it may be.
const MAX_LEN: usize = 1 << 20;

/// Encoded frames, the same for all clients of all threads.
pub(crate) type Frames = Arc<[u8]>;

/// A message for everybody.
#[derive(Clone)]
pub(crate) struct Said {
    plain: Frames,
    /// For those who agreed on compression.
    compressed: Option<Frames>,
}

impl Said {
    pub(crate) fn frames(&self, compressed: bool) -> &[u8] {
        match &self.compressed {
            Some(frames) if compressed => frames,
            _ => &self.plain,
        }
    }
}

/// Makes frames for everybody, one for all clients of a thread.
pub(crate) struct Encoder {
    deflater: Option<Box<Deflater>>,
}

impl Encoder {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { deflater: Deflater::for_everybody(settings).map(Box::new) }
    }

    fn encode(&mut self, opcode: Opcode, payload: &[u8]) -> Said {
        Said {
            plain: encoded(opcode, payload).into(),
            compressed: self.deflater.as_mut().map(|deflater| {
                let mut frames = Vec::new();
                deflater.encode(opcode, payload, &mut frames);
                frames.into()
            }),
        }
    }
}

/// One who says something to everybody.
pub(crate) struct Speaker {
    /// Whether it can read compressed messages.
    pub(crate) is_compressed: bool,
    /// Of its own message so far.
    fragments: Assembler<Vec<u8>>,
    /// The same, if compression was agreed on.
    inflater: Option<Box<Inflater>>,
}

impl Default for Speaker {
    fn default() -> Self {
        Self { is_compressed: false, fragments: Assembler::new(Vec::new()), inflater: None }
    }
}

impl Speaker {
    pub(crate) fn compressed(agreed: DeflateParams) -> Self {
        let inflater = Inflater::new(agreed, MAX_LEN);
        Self { is_compressed: true, inflater: Some(Box::new(inflater)), ..Self::default() }
    }

    /// Takes a piece; with the last of a message, that is said.
    pub(crate) fn say(
        &mut self,
        ws: &mut Connection<Server>,
        data: &mut Data<'_>,
        replies: &mut Replies,
    ) {
        if let Some(inflater) = &mut self.inflater {
            let opcode = Opcode::from(data.kind);
            match inflater.push(data) {
                Ok(None) => {}
                Ok(Some(message)) => replies.said.push(replies.encoder.encode(opcode, message)),
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
                // For what is here, not for what a header only promises; and twice as much each time, as a message may
                // come in pieces of one byte.
                if fragments.grow(vec![0; held.next_power_of_two()]).is_err() {
                    unreachable!("it is longer than what is there");
                }
                fragments.push(data)
            }
            done => done,
        };
        match message {
            Ok(Some(Message::Text(text))) => {
                replies.said.push(replies.encoder.encode(opcode, text.as_bytes()));
            }
            Ok(Some(Message::Binary(bytes))) => {
                replies.said.push(replies.encoder.encode(opcode, bytes));
            }
            Ok(None) => return,
            Err(error) => unreachable!("there is room, and text was checked: {error}"),
        }
        *fragments = Assembler::new(Vec::new());
    }
}

/// One frame, the same for all clients.
pub(crate) fn encoded(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; payload.len() + frame::MAX_HEADER_LEN];
    let n = frame::encode(opcode, true, payload, &mut out).expect("it has room");
    out.truncate(n);
    out
}
