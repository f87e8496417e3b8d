//! What an end has sent and received on one connection, to be compared with the ledger of the peer.

use barews::{CloseCode, Error};

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The numbers of messages completely sent and completely received.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// The number of the last Ping sent, and of the last Ping received.
    pub(crate) sent_ping: u64,
    pub(crate) received_ping: u64,
    /// The last Ping whose Pong was sent, and the last whose Pong was received.
    pub(crate) sent_pong: u64,
    pub(crate) received_pong: u64,
    /// The Ping whose Pong is pending.
    pub(crate) pending_pong: Option<u64>,
    /// The error that the peer must report, after an invalid frame was sent on purpose.
    pub(crate) violation: Option<Error>,
    /// The error that this end has reported.
    pub(crate) failed: Option<Error>,
    /// The code that its Close must carry for that error.
    pub(crate) close_code: Option<CloseCode>,
    pub(crate) sent_close: bool,
    pub(crate) received_close: bool,
    /// The peer's Close has the code that a client sends once all messages are exchanged. A client
    /// receives it in reply to its own Close, so the server has received everything.
    pub(crate) is_complete: bool,
}

impl Ledger {
    /// The pending Pong was written.
    pub(crate) fn pong_written(&mut self) {
        self.sent_pong = self.pending_pong.take().unwrap_or(self.sent_pong);
    }

    /// Checks what must hold between the two ledgers at any time.
    pub(crate) fn check(&self, peer: &Self) {
        assert!(self.received <= peer.sent, "a message that was not sent: {self:?}, {peer:?}");
        assert!(
            self.received_ping <= peer.sent_ping,
            "a Ping that was not sent: {self:?}, {peer:?}"
        );
        assert!(
            self.received_pong <= peer.sent_pong,
            "a Pong that was not sent: {self:?}, {peer:?}"
        );
        if self.received_close {
            // RFC 6455 §5.5.1: a Close is the last frame, so everything before it has arrived.
            assert!(peer.sent_close, "a Close that was not sent: {self:?}, {peer:?}");
            assert_eq!(self.received, peer.sent, "messages before the Close: {self:?}, {peer:?}");
            assert_eq!(
                self.received_ping, peer.sent_ping,
                "Pings before the Close: {self:?}, {peer:?}"
            );
            assert_eq!(
                self.received_pong, peer.sent_pong,
                "Pongs before the Close: {self:?}, {peer:?}"
            );
        }
    }
}
