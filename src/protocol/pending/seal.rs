//! The queued control frame, and how far the sending direction is closed, as bytes.

use super::{Pending, Reply};
use crate::bytes::seal::{Reader, UnsealError, Writer, allowed, valid};
use crate::protocol::closing::{Local, Remote};
use crate::wire::close::CloseCode;
use crate::wire::error::Error;
use crate::wire::frame::MAX_CONTROL_LEN;

/// The most bytes of [`Pending::seal`].
pub(crate) const MAX_LEN: usize = 1 + MAX_CONTROL_LEN;

/// The local state and what is queued, in three bits.
mod local {
    pub(super) const OPEN: u8 = 0;
    /// A Pong is queued.
    pub(super) const PONG: u8 = 1;
    pub(super) const HELD: u8 = 2;
    /// A Close is queued.
    pub(super) const QUEUED: u8 = 3;
    pub(super) const CLOSED: u8 = 4;
    pub(super) const BROKEN: u8 = 5;
}

impl Pending {
    /// A number of three bits that tells how [`seal`](Self::seal) goes on.
    pub(crate) const fn doing(&self) -> u8 {
        match self.local {
            Local::Open if self.is_due() => local::PONG,
            Local::Open => local::OPEN,
            Local::Held => local::HELD,
            Local::Queued => local::QUEUED,
            Local::Closed => local::CLOSED,
            Local::Broken => local::BROKEN,
        }
    }

    /// The Close after an error is that of the error.
    pub(crate) fn seal(&self, remote_error: Option<Error>, writer: &mut Writer<'_>) {
        match (&self.due, self.local) {
            (Some(due), Local::Open) => {
                writer.byte(u8::try_from(due.payload.len()).unwrap_or(u8::MAX));
                writer.bytes(&due.payload);
            }
            (Some(due), Local::Queued) if remote_error.is_none() => {
                let code = due.payload.first_chunk().copied().map_or(0, u16::from_be_bytes);
                writer.int(code.into());
            }
            _ => {}
        }
    }

    /// Reads the state into this one, which is new. `doing` has three bits.
    pub(crate) fn unseal(
        &mut self,
        doing: u8,
        is_server: bool,
        remote: Remote,
        error: Option<Error>,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let is_open = remote == Remote::Open;
        // After a lost transport nothing is sent.
        let is_lost = error == Some(Error::UnexpectedEof);
        self.local = match doing {
            local::OPEN | local::PONG => {
                valid(error.is_none())?;
                // Nobody else sends the reply.
                allowed(is_open || !self.auto_close)?;
                Local::Open
            }
            local::HELD => {
                valid(error.is_some() && !is_lost)?;
                allowed(!self.auto_fail)?;
                Local::Held
            }
            local::QUEUED => {
                valid(!is_open && !is_lost)?;
                Local::Queued
            }
            local::CLOSED => Local::Closed,
            local::BROKEN => {
                valid(!is_server && !is_lost)?;
                Local::Broken
            }
            _ => return Err(UnsealError::Invalid),
        };
        if doing == local::PONG {
            let len = usize::from(reader.byte()?);
            valid(len <= MAX_CONTROL_LEN)?;
            self.queue(Reply::Pong).fill(reader.bytes(len)?, [0; 4]);
        }
        if doing == local::QUEUED {
            let code = match error {
                Some(error) => Some(error.close_code()),
                None => echo(reader.small()?)?,
            };
            let body = self.queue(Reply::Close);
            if let Some(code) = code {
                body.fill(&code.as_u16().to_be_bytes(), [0; 4]);
            }
        }
        Ok(())
    }
}

/// The code of a reply, which is that of the peer's Close; 0 is none.
fn echo(code: u16) -> Result<Option<CloseCode>, UnsealError> {
    let code = (code != 0).then_some(CloseCode::new(code));
    valid(code.is_none_or(CloseCode::is_receivable))?;
    Ok(code)
}
