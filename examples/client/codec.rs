//! Compression (RFC 7692).

use barews::deflate::{Deflate, DeflateParams, Effort, Flush, Inflate};
use barews::{Data, Error, StorageFull};

/// Both directions.
pub(crate) struct Codec {
    inflate: Inflate<Vec<u8>>,
    deflate: Deflate<Vec<u8>>,
    /// Holds an inflated piece of a received message, or a whole compressed message to send.
    room: Vec<u8>,
}

impl Codec {
    pub(crate) fn new(agreed: DeflateParams) -> Result<Self, StorageFull> {
        let (ours, theirs) = (agreed.client(), agreed.server());
        let memory = vec![0; Deflate::memory(ours, Effort::BEST)];
        Ok(Self {
            inflate: Inflate::new(theirs, vec![0; Inflate::memory(theirs)])?,
            deflate: Deflate::new(ours, Effort::BEST, memory)?,
            room: vec![0; 16 << 10],
        })
    }

    /// Returns the next piece of a message, compressed or not; `None` if that needs more data.
    pub(crate) fn inflate(&mut self, data: &mut Data<'_>) -> Result<Option<Data<'_>>, Error> {
        self.inflate.push(data, &mut self.room)
    }

    /// Returns a message, compressed.
    pub(crate) fn deflate(&mut self, text: &str) -> &[u8] {
        self.room.resize(self.room.len().max(Deflate::max_len(text.len())), 0);
        let deflated = self.deflate.push(text.as_bytes(), Flush::Finish, &mut self.room);
        &self.room[..deflated.written]
    }
}
