//! Compression with windows of 512 bytes in both directions. No message is stored: each piece is
//! inflated, compressed again and sent before the next one.

use barews::deflate::{
    CompressionContext, Deflate, DeflateParams, Deflated, Effort, Flush, Inflate, WindowBits,
};
use barews::handshake::deflate::DeflateConfig;
use barews::session::Session;
use barews::{Compressed, Data, Error, SendError, Server};

use super::Unsent;

const WINDOW_BITS: WindowBits = match WindowBits::new(9) {
    Some(bits) => bits,
    None => WindowBits::MIN,
};

/// No negotiated parameters need more memory than these.
const MOST: CompressionContext = CompressionContext { window_bits: WINDOW_BITS, takeover: true };

const EFFORT: Effort = Effort::TINY.window_bits(WINDOW_BITS).table_bits(8).block_bits(8);

const WINDOW_LEN: usize = Inflate::memory(MOST);
const MEMORY_LEN: usize = Deflate::memory(MOST, EFFORT);

/// The longest inflated piece of a message, and the longest fragment sent.
pub(super) const PIECE_LEN: usize = 128;

/// An offer without `client_max_window_bits` is declined: its client may use a window of 32 KiB.
pub(super) const WILLING: DeflateConfig =
    DeflateConfig::new().server_max_window_bits(WINDOW_BITS).client_max_window_bits(WINDOW_BITS);

/// The codecs of both directions, if compression was negotiated.
#[derive(Default)]
pub(super) struct Codecs {
    inflate: Option<Inflate<[u8; WINDOW_LEN]>>,
    deflate: Option<Deflate<[u8; MEMORY_LEN]>>,
}

impl Codecs {
    /// Creates the codecs for the negotiated parameters.
    pub(super) fn start(&mut self, agreed: Option<DeflateParams>) {
        if let Some(agreed) = agreed {
            self.start_inflate(agreed.client());
            self.start_deflate(agreed.server());
        }
    }

    // Each takes its memory once more on the stack. Not inlined, so that both use the same.
    // There is no error: nothing that was negotiated needs more memory.

    #[inline(never)]
    fn start_inflate(&mut self, context: CompressionContext) {
        self.inflate = Inflate::new(context, [0; WINDOW_LEN]).ok();
    }

    #[inline(never)]
    fn start_deflate(&mut self, context: CompressionContext) {
        self.deflate = Deflate::new(context, EFFORT, [0; MEMORY_LEN]).ok();
    }

    /// The next piece of the message, or `None` if more input is needed.
    pub(super) fn inflate<'o>(
        &mut self,
        data: &mut Data<'_>,
        piece: &'o mut [u8],
    ) -> Result<Option<Data<'o>>, Error> {
        // Only what was negotiated arrives compressed.
        let Some(inflate) = &mut self.inflate else { return Ok(None) };
        inflate.push(data, piece)
    }

    /// Compresses `rest`, the end of a piece, and queues at most one fragment. Returns what was not
    /// compressed yet, and whether the piece is done.
    pub(super) fn echo<'p>(
        &mut self,
        piece: &Data<'_>,
        rest: &'p [u8],
        ws: &mut Session<Server>,
        tx: &mut Unsent,
    ) -> Result<(&'p [u8], bool), SendError> {
        let Some(deflate) = &mut self.deflate else { return Ok((&[], true)) };
        let mut out = [0; PIECE_LEN];
        let flush = if piece.fin { Flush::Finish } else { Flush::None };
        let Deflated { consumed, written, done } = deflate.push(rest, flush, &mut out);
        let (fin, fragment) = (piece.fin && done, out.get(..written).unwrap_or_default());
        // The compressor buffers short pieces.
        if written > 0 || fin {
            ws.send_fragment(Compressed(piece.kind), fin, fragment, tx)?;
        }
        Ok((rest.get(consumed..).unwrap_or_default(), done))
    }
}
