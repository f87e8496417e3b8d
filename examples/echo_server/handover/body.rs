//! The body of a frame: parts, each with its length.

use std::io::{self, ErrorKind};

/// A body to send.
#[derive(Debug, Default)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    pub(crate) fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend((bytes.len() as u64).to_le_bytes());
        self.0.extend(bytes);
        self
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.part(&number.to_le_bytes())
    }

    /// A number, or an empty part.
    pub(crate) fn option(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            None => self.part(&[]),
            Some(number) => self.number(number),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The parts of a body that have not been read.
pub(crate) struct Parts<'a>(pub(crate) &'a [u8]);

impl<'a> Parts<'a> {
    pub(crate) fn part(&mut self) -> io::Result<&'a [u8]> {
        let (len, rest) = self.0.split_first_chunk().ok_or_else(invalid)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| invalid())?;
        let (part, rest) = rest.split_at_checked(len).ok_or_else(invalid)?;
        self.0 = rest;
        Ok(part)
    }

    pub(crate) fn number(&mut self) -> io::Result<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(crate) fn option(&mut self) -> io::Result<Option<u64>> {
        let part = self.part()?;
        let number = part.try_into().map(u64::from_le_bytes);
        if part.is_empty() { Ok(None) } else { number.map(Some).map_err(|_| invalid()) }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.part()?.try_into().map_err(|_| invalid())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn end(&self) -> io::Result<()> {
        if self.is_empty() { Ok(()) } else { Err(invalid()) }
    }
}

pub(crate) fn invalid() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the other server has sent something invalid")
}
