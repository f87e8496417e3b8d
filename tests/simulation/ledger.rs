//! What an end has sent and received on one connection, to be held against what the other end says.

use barews::{CloseCode, Error};

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Messages that were sent to their end, and those that were received to theirs.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// The number of the last Ping that was sent, and of the last that was received.
    pub(crate) pinged: u64,
    pub(crate) heard_ping: u64,
    /// The last Ping whose Pong was written, and the last whose Pong was received.
    pub(crate) answered: u64,
    pub(crate) heard_pong: u64,
    /// The Ping whose Pong is due.
    pub(crate) owed: Option<u64>,
    /// It has sent a frame that is not valid, on purpose; the fault that the other end must find.
    pub(crate) spoiled: Option<Error>,
    /// What it has found itself.
    pub(crate) failed: Option<Error>,
    /// The code that its Close must have for that.
    pub(crate) tells: Option<CloseCode>,
    pub(crate) has_closed: bool,
    pub(crate) heard_close: bool,
    /// The other end's Close has the code that a client gives when it has sent and received all that there is:
    /// for a client it is the answer to its own, so the server has all.
    pub(crate) is_complete: bool,
}

impl Ledger {
    /// The Pong that was due was written.
    pub(crate) fn pong_written(&mut self) {
        self.answered = self.owed.take().unwrap_or(self.answered);
    }

    /// What must be true of this end's account beside the other's, at any time.
    pub(crate) fn check(&self, peer: &Self) {
        assert!(self.received <= peer.sent, "a message that was not sent: {self:?}, {peer:?}");
        assert!(self.heard_ping <= peer.pinged, "a Ping that was not sent: {self:?}, {peer:?}");
        assert!(self.heard_pong <= peer.answered, "a Pong that was not sent: {self:?}, {peer:?}");
        if self.heard_close {
            // Nothing follows a Close (5.5.1), and what was before it is here.
            assert!(peer.has_closed, "a Close that was not sent: {self:?}, {peer:?}");
            assert_eq!(self.received, peer.sent, "messages before the Close: {self:?}, {peer:?}");
            assert_eq!(self.heard_ping, peer.pinged, "Pings before the Close: {self:?}, {peer:?}");
            assert_eq!(
                self.heard_pong, peer.answered,
                "Pongs before the Close: {self:?}, {peer:?}"
            );
        }
    }
}
