//! Compression (RFC 7692), for clients that ask for it.

use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort, Flush, Inflate};
use barews::frame::{Header, Lead, Opcode};
use barews::handshake::deflate::{DeflateAnswer, DeflateConfig};
use barews::handshake::server::Upgrade;
use barews::{Config, Connection, Data, Error, Server};

use crate::broadcast::encoded;
use crate::session::may_follow;
use crate::settings::Settings;

/// The longest frame of a compressed message.
const FRAGMENT: usize = 64 << 10;
/// Room for a frame header.
const HEADER_LEN: usize = 10;
/// The first size of the message buffer.
const LEAST: usize = 4 << 10;
/// The message buffer is shrunk to this size after each message.
const KEPT: usize = 64 << 10;
const EFFORT: Effort = Effort::FAST;

/// The answer to the client's best offer. `None` means no compression.
pub(crate) fn negotiate(upgrade: &Upgrade<'_>, settings: &Settings) -> Option<DeflateAnswer> {
    let bits = settings.deflate?;
    let config = DeflateConfig::new().server_max_window_bits(bits).client_max_window_bits(bits);
    // A broadcast message is compressed once for all clients: it must not depend on earlier
    // messages, and no client may have a smaller window.
    let config = if settings.broadcast {
        config.server_no_context_takeover(true).server_min_window_bits(bits)
    } else {
        config
    };
    upgrade.negotiate_deflate(&config)
}

/// The configuration of a connection with compression. Its limits count compressed bytes, and
/// incompressible data grows a little. [`Inflater`] enforces the limit on the inflated length.
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

    /// Takes a piece of a message. The last piece appends the echo of the message.
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

/// Inflates and reassembles the messages of a client.
pub(crate) struct Inflater {
    inflate: Inflate<Vec<u8>>,
    max_message_len: usize,
    message: Vec<u8>,
    /// The length of the message so far; the rest of `message` is free.
    len: usize,
}

impl Inflater {
    pub(crate) fn new(agreed: DeflateParams, max_message_len: usize) -> Self {
        let context = agreed.client();
        let inflate = Inflate::new(context, vec![0; Inflate::memory(context)]);
        let inflate = inflate.expect("the memory has the required length");
        let inflate = inflate.max_message_len(max_message_len as u64);
        Self { inflate, max_message_len, message: Vec::new(), len: 0 }
    }

    /// Takes a piece of a message, compressed or not. The last piece returns the message.
    pub(crate) fn push(&mut self, data: &mut Data<'_>) -> Result<Option<&[u8]>, Error> {
        loop {
            if self.len == self.message.len() {
                // Doubling keeps the copying linear. One byte more than the limit is enough to
                // detect that the message is too long.
                let most = self.max_message_len.saturating_add(1);
                self.message.resize(most.min((2 * self.len).max(LEAST)), 0);
            }
            let Some(piece) = self.inflate.push(data, &mut self.message[self.len..])? else {
                return Ok(None);
            };
            let fin = piece.fin;
            self.len += piece.payload.len();
            // An uncompressed message; `Inflate` checks the length of compressed ones.
            if self.len > self.max_message_len {
                return Err(Error::MessageTooLong);
            }
            if fin {
                let len = std::mem::take(&mut self.len);
                return Ok(Some(&self.message[..len]));
            }
        }
    }

    /// Frees the memory of a long message once it has ended.
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
        Self(Deflate::new(context, EFFORT, memory).expect("the memory has the required length"))
    }

    /// For frames that every client with compression can read.
    pub(crate) fn for_broadcast(settings: &Settings) -> Option<Self> {
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
            let deflated = self.0.push(rest, Flush::Finish, &mut out[body..]);
            rest = &rest[deflated.consumed..];
            most -= deflated.written;

            let opcode = if first { opcode } else { Opcode::Continuation };
            // RFC 7692 §6.1: RSV1 is set on the first frame of a message only.
            let lead = Lead { fin: deflated.done, rsv1: first, opcode };
            let header = Header { lead, masking_key: None, payload_len: deflated.written as u64 };
            let header = header.encode();
            // The length of the header is known only now.
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
