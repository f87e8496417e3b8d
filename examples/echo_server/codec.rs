//! Compression (RFC 7692): what a client that asked for it has more than the others.

use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort, Inflate};
use barews::frame::{Header, Lead, Opcode};
use barews::handshake::deflate::{DeflateAnswer, DeflateConfig};
use barews::handshake::server::Upgrade;
use barews::{Config, Connection, Data, Error, Server};

use crate::broadcast::encoded;
use crate::session::may_follow;
use crate::settings::Settings;

/// The longest frame of a compressed message.
const FRAGMENT: usize = 64 << 10;
/// Room for the header of such a frame.
const HEADER_LEN: usize = 10;
/// Memory for messages begins with so much; between two of them no more than the second is kept.
const LEAST: usize = 4 << 10;
const KEPT: usize = 64 << 10;
const EFFORT: Effort = Effort::FAST;

/// The answer to the best offer of a client; `None` is to go on without compression.
pub(crate) fn negotiate(upgrade: &Upgrade<'_>, settings: &Settings) -> Option<DeflateAnswer> {
    let bits = settings.deflate?;
    let config = DeflateConfig::new().server_max_window_bits(bits).client_max_window_bits(bits);
    // What everybody gets refers to no message before it, and nobody may have a smaller window.
    let config = if settings.broadcast {
        config.server_no_context_takeover(true).server_min_window_bits(bits)
    } else {
        config
    };
    upgrade.negotiate_deflate(&config)
}

/// For a connection with compression. The limits count compressed bytes then, and what cannot be compressed gets a little
/// longer; how long a message is, [`Inflater`] judges.
pub(crate) fn config(settings: &Settings) -> Config {
    let max_len = Deflate::max_len(settings.max_message_len) as u64;
    settings.config.max_frame_len(max_len).max_message_len(max_len).deflate(true)
}

/// Both directions of one client.
pub(crate) struct Codec {
    inflater: Inflater,
    deflater: Deflater,
}

impl Codec {
    pub(crate) fn new(agreed: DeflateParams, settings: &Settings) -> Self {
        Self {
            inflater: Inflater::new(agreed, settings.max_message_len),
            deflater: Deflater::new(agreed.server()),
        }
    }

    /// Takes a piece; with the last of a message, appends its echo.
    pub(crate) fn echo(
        &mut self,
        ws: &mut Connection<Server>,
        data: &mut Data<'_>,
        out: &mut Vec<u8>,
    ) {
        let (opcode, compressed) = (Opcode::from(data.kind), data.compressed);
        match self.inflater.push(data) {
            Ok(None) => {}
            Ok(Some(_)) if !may_follow(ws) => {}
            Ok(Some(message)) if compressed => self.deflater.encode(opcode, message, out),
            Ok(Some(message)) => out.extend(encoded(opcode, message)),
            Err(error) => ws.fail(error),
        }
        self.inflater.shrink();
    }
}

/// Puts the messages of a client together, inflated.
pub(crate) struct Inflater {
    inflate: Inflate<Vec<u8>>,
    max_message_len: usize,
    message: Vec<u8>,
    /// So much of the message is here; the memory behind it is for more.
    len: usize,
}

impl Inflater {
    pub(crate) fn new(agreed: DeflateParams, max_message_len: usize) -> Self {
        let context = agreed.client();
        let inflate = Inflate::new(context, vec![0; Inflate::memory(context)]);
        let inflate = inflate.expect("it has as much as it asks for");
        let inflate = inflate.max_message_len(max_message_len as u64);
        Self { inflate, max_message_len, message: Vec::new(), len: 0 }
    }

    /// Takes a piece, compressed or not; gives the message with its last.
    pub(crate) fn push(&mut self, data: &mut Data<'_>) -> Result<Option<&[u8]>, Error> {
        loop {
            if self.len == self.message.len() {
                // Twice as much each time, so that no byte is copied more than twice; one byte more than what is allowed
                // is enough to see that it is too much.
                let most = self.max_message_len.saturating_add(1);
                self.message.resize(most.min((2 * self.len).max(LEAST)), 0);
            }
            let Some(piece) = self.inflate.push(data, &mut self.message[self.len..])? else {
                return Ok(None);
            };
            let fin = piece.fin;
            self.len += piece.payload.len();
            // A plain message: of the others `Inflate` has judged.
            if self.len > self.max_message_len {
                return Err(Error::MessageTooLong);
            }
            if fin {
                let len = std::mem::take(&mut self.len);
                return Ok(Some(&self.message[..len]));
            }
        }
    }

    /// Gives back what a long message has taken, behind its end.
    pub(crate) fn shrink(&mut self) {
        if self.len == 0 {
            self.message.truncate(KEPT);
            self.message.shrink_to(KEPT);
        }
    }
}

/// Compresses messages into frames.
pub(crate) struct Deflater(Deflate<Vec<u8>>);

impl Deflater {
    fn new(context: CompressionContext) -> Self {
        let memory = vec![0; Deflate::memory(context, EFFORT)];
        Self(Deflate::new(context, EFFORT, memory).expect("it has as much as it asks for"))
    }

    /// For frames that everybody can read with whom compression was agreed on.
    pub(crate) fn for_everybody(settings: &Settings) -> Option<Self> {
        let window_bits = settings.deflate.filter(|_| settings.broadcast)?;
        Some(Self::new(CompressionContext { window_bits, takeover: false }))
    }

    /// Appends a message: one frame, or fragments if it is long.
    pub(crate) fn encode(&mut self, opcode: Opcode, message: &[u8], out: &mut Vec<u8>) {
        let mut rest = message;
        let mut most = Deflate::max_len(message.len());
        let mut first = true;
        loop {
            let start = out.len();
            let body = start + HEADER_LEN;
            out.resize(body + most.min(FRAGMENT), 0);
            let deflated = self.0.push(rest, true, &mut out[body..]);
            rest = &rest[deflated.consumed..];
            most -= deflated.written;

            let opcode = if first { opcode } else { Opcode::Continuation };
            // RFC 7692, 6.1: RSV1 is for the first frame of a message.
            let lead = Lead { fin: deflated.done, rsv1: first, opcode };
            let header = Header { lead, masking_key: None, payload_len: deflated.written as u64 };
            let header = header.encode();
            // Its length was not known before.
            out.copy_within(body..body + deflated.written, start + header.len());
            out[start..start + header.len()].copy_from_slice(&header);
            out.truncate(start + header.len() + deflated.written);
            if deflated.done {
                return;
            }
            first = false;
        }
    }
}
