//! Compression with windows of 512 bytes in both directions. No message is stored: each piece is
//! inflated, compressed again and sent before the next one, so messages may have any length.

use barews::deflate::{
    CompressionContext, Deflate, DeflateParams, Deflated, Effort, Flush, Inflate, WindowBits,
};
use barews::handshake::deflate::DeflateConfig;
use barews::session::Session;
use barews::{Compressed, Data, SendError, Server, StorageFull};

use crate::board::Uart;
use crate::{NOW, Unsent, write};

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
const PIECE_LEN: usize = 128;

/// An offer without `client_max_window_bits` is declined: its client may use a window of 32 KiB.
pub(crate) const WILLING: DeflateConfig =
    DeflateConfig::new().server_max_window_bits(WINDOW_BITS).client_max_window_bits(WINDOW_BITS);

/// The codecs of both directions, and how many compressed bytes each has processed.
pub(crate) struct Codecs {
    inflate: Inflate<[u8; WINDOW_LEN]>,
    deflate: Deflate<[u8; MEMORY_LEN]>,
    pub(crate) received: usize,
    pub(crate) sent: usize,
}

/// The size of a codec itself, and of the memory that it uses.
pub(crate) struct Size {
    pub(crate) own: usize,
    pub(crate) memory: usize,
}

impl Size {
    const fn of<Codec>(memory: usize) -> Self {
        Self { own: size_of::<Codec>() - memory, memory }
    }
}

/// How many bytes of a message were echoed, and whether that was its end.
#[derive(Default)]
pub(crate) struct Echoed {
    pub(crate) bytes: usize,
    pub(crate) fin: bool,
}

impl Codecs {
    pub(crate) const INFLATE: Size = Size::of::<Inflate<[u8; WINDOW_LEN]>>(WINDOW_LEN);
    pub(crate) const DEFLATE: Size = Size::of::<Deflate<[u8; MEMORY_LEN]>>(MEMORY_LEN);

    /// The codecs for the negotiated parameters, or `None` without compression. Not inlined, so
    /// that its stack frame is freed before messages are processed.
    #[inline(never)]
    pub(crate) fn new(agreed: Option<DeflateParams>) -> Result<Option<Self>, StorageFull> {
        let Some(agreed) = agreed else { return Ok(None) };
        Ok(Some(Self {
            inflate: Inflate::new(agreed.client(), [0; WINDOW_LEN])?,
            deflate: Deflate::new(agreed.server(), EFFORT, [0; MEMORY_LEN])?,
            received: 0,
            sent: 0,
        }))
    }

    /// Echoes a compressed piece. If it cannot be inflated, the next `receive` returns the error.
    pub(crate) fn echo(
        &mut self,
        mut data: Data<'_>,
        ws: &mut Session<Server>,
        tx: &mut Unsent,
        uart: &mut Uart,
    ) -> Result<Echoed, SendError> {
        self.received += data.payload.len();
        let mut echoed = Echoed::default();
        let mut room = [0; PIECE_LEN];
        loop {
            match self.inflate.push(&mut data, &mut room) {
                Ok(Some(piece)) => {
                    echoed.bytes += piece.payload.len();
                    echoed.fin = piece.fin;
                    self.send(&piece, ws, tx, uart)?;
                }
                Ok(None) => return Ok(echoed),
                Err(error) => {
                    ws.fail(error, tx, NOW);
                    return Ok(echoed);
                }
            }
        }
    }

    /// Compresses a piece, and sends the output as fragments.
    fn send(
        &mut self,
        piece: &Data<'_>,
        ws: &mut Session<Server>,
        tx: &mut Unsent,
        uart: &mut Uart,
    ) -> Result<(), SendError> {
        let mut rest = &*piece.payload;
        let mut out = [0; PIECE_LEN];
        let flush = if piece.fin { Flush::Finish } else { Flush::None };
        loop {
            let Deflated { consumed, written, done } = self.deflate.push(rest, flush, &mut out);
            rest = &rest[consumed..];
            let fin = piece.fin && done;
            // The compressor buffers short pieces.
            if written > 0 || fin {
                let payload = &mut out[..written];
                ws.send_in_place(Compressed(piece.kind), fin, payload, tx)?;
                write(uart, tx);
                uart.write(payload);
                self.sent += written;
            }
            if done {
                return Ok(());
            }
        }
    }
}
