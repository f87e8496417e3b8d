//! Compressed messages with windows of 512 bytes, in and out. Whatever its length, no message is held: a piece that is
//! inflated is compressed and sent before the next one.

use barews::deflate::{CompressionContext, Deflate, DeflateParams, Deflated, Effort, Inflate, WindowBits};
use barews::handshake::deflate::DeflateConfig;
use barews::{Compressed, Connection, Data, SendError, Server, StorageFull};

use crate::board::Uart;

const WINDOW_BITS: WindowBits = match WindowBits::new(9) {
    Some(bits) => bits,
    None => WindowBits::MIN,
};

/// What is agreed on takes no more memory than that.
const MOST: CompressionContext = CompressionContext { window_bits: WINDOW_BITS, takeover: true };

const EFFORT: Effort = Effort::TINY.window_bits(WINDOW_BITS).table_bits(8).block_bits(8);

const WINDOW_LEN: usize = Inflate::memory(MOST);
const MEMORY_LEN: usize = Deflate::memory(MOST, EFFORT);

/// Room for a piece of a message, and for one of what is sent. A fragment is no longer.
const PIECE_LEN: usize = 128;

/// An offer without `client_max_window_bits` is declined: that client may need a window of 32 KiB.
pub(crate) const WILLING: DeflateConfig =
    DeflateConfig::new().server_max_window_bits(WINDOW_BITS).client_max_window_bits(WINDOW_BITS);

/// Both directions of a connection, and how many compressed bytes each had.
pub(crate) struct Codecs {
    inflate: Inflate<[u8; WINDOW_LEN]>,
    deflate: Deflate<[u8; MEMORY_LEN]>,
    pub(crate) received: usize,
    pub(crate) sent: usize,
}

/// The bytes of a codec itself, and of the memory that is lent to it.
pub(crate) struct Size {
    pub(crate) own: usize,
    pub(crate) memory: usize,
}

impl Size {
    const fn of<Codec>(memory: usize) -> Self {
        Self { own: size_of::<Codec>() - memory, memory }
    }
}

/// So many bytes of a message went back, and whether it ended with them.
#[derive(Default)]
pub(crate) struct Echoed {
    pub(crate) bytes: usize,
    pub(crate) fin: bool,
}

impl Codecs {
    pub(crate) const INFLATE: Size = Size::of::<Inflate<[u8; WINDOW_LEN]>>(WINDOW_LEN);
    pub(crate) const DEFLATE: Size = Size::of::<Deflate<[u8; MEMORY_LEN]>>(MEMORY_LEN);

    /// For what was agreed on, if anything was. A call of its own, so that what it takes on the stack is free again.
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

    /// Sends back what `data` inflates to. A fault in it is what the connection receives next.
    pub(crate) fn echo(
        &mut self,
        mut data: Data<'_>,
        ws: &mut Connection<Server>,
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
                    self.send(&piece, ws, uart)?;
                }
                Ok(None) => return Ok(echoed),
                Err(error) => {
                    ws.fail(error);
                    return Ok(echoed);
                }
            }
        }
    }

    /// Compresses a piece, and sends what comes of it in fragments.
    fn send(
        &mut self,
        piece: &Data<'_>,
        ws: &mut Connection<Server>,
        uart: &mut Uart,
    ) -> Result<(), SendError> {
        let mut rest = &*piece.payload;
        let mut out = [0; PIECE_LEN];
        loop {
            let Deflated { consumed, written, done } = self.deflate.push(rest, piece.fin, &mut out);
            rest = &rest[consumed..];
            let fin = piece.fin && done;
            // Short pieces wait inside for the next ones.
            if written > 0 || fin {
                let payload = &mut out[..written];
                let header = ws.send_in_place(Compressed(piece.kind), fin, payload)?;
                uart.write(&header);
                uart.write(payload);
                self.sent += written;
            }
            if done {
                return Ok(());
            }
        }
    }
}
