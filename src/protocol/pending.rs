//! The queued control frame, and how far the sending direction is closed (RFC 6455 §5.5). The
//! receiving direction queues replies, the sending direction writes them.

mod seal;

pub(crate) use self::seal::MAX_LEN;
use crate::protocol::closing::{Local, LocalEvent};
use crate::protocol::config::Config;
use crate::protocol::event::{ControlPayload, Event};
use crate::wire::close::CloseCode;
use crate::wire::error::Error;
use crate::wire::frame::Opcode;

/// The one control frame that is queued.
#[derive(Debug)]
pub(crate) struct PendingControl {
    pub(crate) reply: Reply,
    pub(crate) payload: ControlPayload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// To the latest Ping (§5.5.3).
    Pong,
    /// To the peer's Close or protocol error; replaces a Pong.
    Close,
}

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) due: Option<PendingControl>,
    pub(crate) local: Local,
    auto_pong: bool,
    auto_close: bool,
    auto_fail: bool,
}

impl Pending {
    pub(crate) const fn new(config: &Config) -> Self {
        let Config { auto_pong, auto_close, auto_fail, .. } = *config;
        Self { due: None, local: Local::Open, auto_pong, auto_close, auto_fail }
    }

    /// The event for a Ping or Pong. With `auto_pong`, a Ping queues its Pong, which replaces an
    /// older one (§5.5.3).
    ///
    /// Event and reply are filled in place: moving a half-written struct stalls store forwarding.
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
            self.queue(Reply::Pong).fill(payload, key);
        }
        event
    }

    /// Queues the Close that reports an error to the peer (§7.1.7), unless the transport has ended.
    #[cold]
    pub(crate) fn fault(&mut self, error: Error) {
        if error == Error::UnexpectedEof {
            self.abandon();
        } else {
            let event = LocalEvent::Failed { auto_fail: self.auto_fail };
            self.close(event, Some(error.close_code()));
        }
    }

    /// The peer's Close was received. The reply "typically echoes the status code" (§5.5.1).
    pub(crate) fn close_received(&mut self, code: Option<CloseCode>) {
        self.close(LocalEvent::CloseReceived { auto_close: self.auto_close }, code);
    }

    /// The caller queues the Close that is held, if one is.
    pub(crate) fn release(&mut self, code: Option<CloseCode>) {
        self.close(LocalEvent::Released, code);
    }

    /// Queues or holds a Close, if `event` asks for one. It replaces a Pong.
    fn close(&mut self, event: LocalEvent, code: Option<CloseCode>) {
        let local = self.local.next(event);
        if local == self.local {
            return;
        }
        self.local = local;
        if self.is_held() {
            self.due = None;
            return;
        }
        let body = self.queue(Reply::Close);
        if let Some(code) = code {
            body.fill(&code.as_u16().to_be_bytes(), [0; 4]);
        }
    }

    /// Queues a reply with an empty payload in place of what was queued, and returns the payload.
    #[inline]
    fn queue(&mut self, reply: Reply) -> &mut ControlPayload {
        &mut self.due.insert(PendingControl { reply, payload: ControlPayload::new() }).payload
    }

    /// The transport has ended: nothing can be sent.
    fn abandon(&mut self) {
        self.due = None;
        self.local = self.local.next(LocalEvent::TransportLost);
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// Whether a Close waits for the caller.
    pub(crate) const fn is_held(&self) -> bool {
        matches!(self.local, Local::Held)
    }
}
