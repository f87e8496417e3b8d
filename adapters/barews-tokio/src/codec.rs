//! Assembly and compression of messages. What no connection needs between messages, the
//! connections of the process share.

use barews::deflate::{
    CompressionContext, Deflate, DeflateParams, Effort, Inflate, InflateAssembler,
};
use barews::{Assembler, Kind, StorageFull};
use bytes::Bytes;

use crate::pool::{self, Pool};

type Inflater = InflateAssembler<Vec<u8>, Vec<u8>>;
type Deflater = Deflate<Vec<u8>>;

/// About 7 MiB at most: a window of 32 KiB and the storage of [`KEPT`] bytes each.
static INFLATERS: Pool<(CompressionContext, u64, Box<Inflater>)> = Pool::new(64);
/// About 10 MiB at most with [`Effort::FAST`].
static DEFLATERS: Pool<(CompressionContext, Effort, Box<Deflater>)> = Pool::new(64);

/// Longer storage for messages is not kept.
const KEPT: usize = 64 << 10;

/// Where messages that arrive in parts are assembled.
pub(crate) enum Incoming {
    Plain(Assembler<Vec<u8>>),
    Compressed { context: CompressionContext, longest: u64, inflater: Option<Box<Inflater>> },
}

impl Incoming {
    pub(crate) fn new(params: Option<DeflateParams>, is_server: bool, longest: u64) -> Self {
        match params {
            None => Self::Plain(Assembler::new(Vec::new())),
            Some(params) => {
                let context = if is_server { params.client() } else { params.server() };
                Self::Compressed { context, longest, inflater: None }
            }
        }
    }

    /// Makes sure that a compressed message can be received.
    pub(crate) fn lend(&mut self) -> Result<(), StorageFull> {
        if let Self::Compressed { context, longest, inflater: inflater @ None } = self {
            *inflater = Some(inflate(*context, *longest)?);
        }
        Ok(())
    }

    /// A message continues: makes space for a long one, if there is some.
    pub(crate) fn lend_more(&mut self) {
        if let Self::Plain(messages) = self
            && messages.len() >= pool::BUFFER / 2
            && let Some(longer) = pool::long_buffer(messages.len().saturating_mul(2))
            && let Ok(shorter) = messages.grow(longer)
        {
            pool::keep(shorter);
        }
    }

    /// The message of `len` bytes that was assembled last, in the storage where it lies if it fills half
    /// of it.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        // The next message may be as long.
        let storage = self.replace(pool::long_buffer(len).unwrap_or_default());
        debug_assert!(storage.len() >= len, "a message was assembled");
        if storage.len() / 2 <= len {
            return pool::Lent::new(storage, len).into();
        }
        let message = Bytes::copy_from_slice(storage.get(..len).unwrap_or_default());
        pool::keep(self.replace(storage));
        message
    }

    /// Replaces the storage, which holds nothing.
    fn replace(&mut self, storage: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Plain(messages) => messages.grow(storage),
            Self::Compressed { inflater: Some(inflater), .. } => inflater.grow(storage),
            Self::Compressed { inflater: None, .. } => Err(storage),
        }
        .unwrap_or_default()
    }

    /// Gives back what is not needed between messages.
    pub(crate) fn give_back(&mut self) {
        match self {
            Self::Plain(messages) => {
                if let Ok(storage) = messages.grow(Vec::new()) {
                    pool::keep(storage);
                }
            }
            Self::Compressed { context, longest, inflater } if !context.takeover => {
                if let Some(idle) = inflater.take() {
                    shared(*context, *longest, idle);
                }
            }
            Self::Compressed { inflater: Some(inflater), .. } => {
                drop(inflater.grow(Vec::new()));
            }
            Self::Compressed { inflater: None, .. } => {}
        }
    }
}

fn inflate(context: CompressionContext, longest: u64) -> Result<Box<Inflater>, StorageFull> {
    if !context.takeover
        && let Some((_, _, inflater)) =
            INFLATERS.take(|(its, most, _)| (*its, *most) == (context, longest))
    {
        return Ok(inflater);
    }
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)])?;
    Ok(Box::new(InflateAssembler::new(inflate.max_message_len(longest), Vec::new())))
}

fn shared(context: CompressionContext, longest: u64, mut inflater: Box<Inflater>) {
    match inflater.grow(Vec::new()) {
        Ok(storage) if storage.len() <= KEPT => drop(inflater.grow(storage)),
        _ => {}
    }
    INFLATERS.give((context, longest, inflater));
}

/// Compresses messages, if that was negotiated.
pub(crate) struct Outgoing {
    context: CompressionContext,
    effort: Effort,
    deflater: Option<Box<Deflater>>,
    /// The kind of the message that is sent in chunks.
    kind: Kind,
}

impl Outgoing {
    pub(crate) fn new(params: DeflateParams, is_server: bool, effort: Effort) -> Self {
        let context = if is_server { params.server() } else { params.client() };
        Self { context, effort, deflater: None, kind: Kind::Text }
    }

    /// Whether a chunk of this kind may come next.
    pub(crate) fn may_continue(&mut self, kind: Kind, is_inside: bool) -> bool {
        let is_first = !is_inside;
        if is_first {
            self.kind = kind;
        }
        self.kind == kind
    }

    /// Lends the compressor. It stays here if it is needed later.
    pub(crate) fn with<U>(
        &mut self,
        is_unfinished: bool,
        send: impl FnOnce(&mut Deflater) -> U,
    ) -> Result<U, StorageFull> {
        let mut lent = match self.deflater.take() {
            Some(own) => own,
            None => deflate(self.context, self.effort)?,
        };
        let result = send(&mut lent);
        if self.context.takeover || is_unfinished {
            self.deflater = Some(lent);
        } else {
            DEFLATERS.give((self.context, self.effort, lent));
        }
        Ok(result)
    }
}

fn deflate(context: CompressionContext, effort: Effort) -> Result<Box<Deflater>, StorageFull> {
    if !context.takeover
        && let Some((_, _, deflater)) =
            DEFLATERS.take(|(its, most, _)| (*its, *most) == (context, effort))
    {
        return Ok(deflater);
    }
    Deflate::new(context, effort, vec![0; Deflate::memory(context, effort)]).map(Box::new)
}
