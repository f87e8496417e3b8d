//! What this side owes the peer: the one control frame that is due, and how far the closing of this
//! direction is. The receiving direction makes replies due, the sending direction writes them.

use crate::protocol::closing::{Local, LocalEvent};
use crate::protocol::event::{ControlPayload, Event};
use crate::wire::close::CloseCode;
use crate::wire::error::Error;
use crate::wire::frame::Opcode;

/// The one control frame that waits to be written.
#[derive(Debug)]
pub(crate) struct PendingControl {
    pub(crate) answer: Reply,
    pub(crate) payload: ControlPayload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// To the newest Ping (5.5.3).
    Pong,
    /// To the peer's Close or its fault; outranks a Pong.
    Close,
}

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) due: Option<PendingControl>,
    pub(crate) local: Local,
    auto_pong: bool,
}

impl Pending {
    pub(crate) const fn new(auto_pong: bool) -> Self {
        Self { due: None, local: Local::Open, auto_pong }
    }

    /// The event for a Ping or Pong; the Pong that answers a Ping becomes due, if that is this side's to
    /// do, and takes the place of an older one (5.5.3).
    ///
    /// The payload is written where it is to be, for the event and for the answer: half-written words
    /// that are moved at once make the processor wait.
    #[inline(never)]
    pub(crate) fn control<'b>(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        key: [u8; 4],
    ) -> Result<Event<'b>, Error> {
        let empty = ControlPayload::new();
        let mut event = Ok(match opcode {
            Opcode::Ping => Event::Ping(empty),
            _ => Event::Pong(empty),
        });
        if let Ok(Event::Ping(to) | Event::Pong(to)) = &mut event {
            to.fill(payload, key);
        }
        if opcode == Opcode::Ping && self.local == Local::Open && self.auto_pong {
            self.make_due(Reply::Pong).fill(payload, key);
        }
        event
    }

    /// Makes the Close due that tells the peer of its fault (7.1.7), if it is there to be told.
    #[cold]
    pub(crate) fn fault(&mut self, error: Error) {
        if error == Error::UnexpectedEof {
            self.abandon();
        } else {
            self.close(Some(error.close_code()));
        }
    }

    /// Makes a Close due, unless there was one. It answers the peer's and "typically echoes the status
    /// code" (5.5.1).
    pub(crate) fn close(&mut self, code: Option<CloseCode>) {
        if self.local == Local::Open {
            let body = self.make_due(Reply::Close);
            if let Some(code) = code {
                body.fill(&code.as_u16().to_be_bytes(), [0; 4]);
            }
            self.local = self.local.next(LocalEvent::CloseRequested);
        }
    }

    /// The payload, empty still, of an answer that takes the place of what was due.
    #[inline]
    fn make_due(&mut self, answer: Reply) -> &mut ControlPayload {
        &mut self.due.insert(PendingControl { answer, payload: ControlPayload::new() }).payload
    }

    /// The transport is gone: nothing can be sent.
    fn abandon(&mut self) {
        self.due = None;
        self.local = self.local.next(LocalEvent::TransportLost);
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.due.is_some()
    }
}
