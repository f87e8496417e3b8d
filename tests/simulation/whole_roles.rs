//! What the ends of a whole `Session` are given and remember, and what differs between the roles.

use std::time::Duration;

use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{Client, CloseCode, Error, SendBuffer, Server};

use super::content::Stream;
use super::counts::Count;
use super::network::Net;
use super::roles::Keys;

/// The directions of one client as one end sees them.
pub(crate) struct Talk<'a> {
    pub(crate) outgoing: &'a Stream,
    pub(crate) incoming: &'a mut Stream,
    pub(crate) is_calm: bool,
}

/// What an end has sent and received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) sent_ping: u64,
    pub(crate) received_ping: u64,
    pub(crate) received_pong: u64,
    /// The error that it has caused in the peer on purpose.
    pub(crate) violation: Option<Error>,
    pub(crate) failed: Option<Failure>,
    pub(crate) received_close: Option<CloseCode>,
    pub(crate) has_closed: bool,
    /// It had not closed when it failed.
    pub(crate) tells: bool,
}

impl Own {
    pub(crate) fn check(&self, peer: &Self) {
        assert!(self.received <= peer.sent, "a message that was not sent: {self:?} {peer:?}");
        assert!(self.received_ping <= peer.sent_ping, "{self:?} {peer:?}");
        assert!(self.received_pong <= self.sent_ping, "{self:?} {peer:?}");
        if self.received_close.is_some() {
            assert!(peer.has_closed, "a Close that was not sent: {self:?} {peer:?}");
            assert_eq!(
                (self.received, self.received_ping),
                (peer.sent, peer.sent_ping),
                "before the Close: {self:?} {peer:?}"
            );
        }
        if let Some(Failure::Protocol(error)) = self.failed
            && error != Error::UnexpectedEof
        {
            assert_eq!(Some(error), peer.violation, "{self:?} {peer:?}");
            // S8: its Close says so.
            let told = peer.received_close.filter(|_| self.tells);
            assert!(told.is_none_or(|code| code == error.close_code()), "{self:?} {peer:?}");
        }
    }
}

/// What a role does with the events of the opening handshake.
pub(crate) trait WholeRole: SessionRole + Sized {
    /// Returns the number of the last message that the peer has received, once that is known.
    fn open<D>(
        ws: &mut Session<Self>,
        event: &SessionEvent<'_, D>,
        tx: &mut SendBuffer<Vec<u8>>,
        talk: &Talk<'_>,
        net: &mut Net,
        now: Duration,
    ) -> Option<u64>;
}

impl WholeRole for Server {
    fn open<D>(
        ws: &mut Session<Self>,
        event: &SessionEvent<'_, D>,
        tx: &mut SendBuffer<Vec<u8>>,
        talk: &Talk<'_>,
        net: &mut Net,
        now: Duration,
    ) -> Option<u64> {
        let SessionEvent::Upgrade(upgrade) = event else { return None };
        if !talk.is_calm && net.rng.u8(..24) == 0 {
            ws.respond(503, &[("Retry-After", "1")], b"later", tx, now).expect("a valid response");
            return None;
        }
        let query = upgrade.request().query().and_then(|query| query.strip_prefix("after="));
        let seen = talk.incoming.seen.to_string();
        let headers = [("X-Seen", seen.as_str())];
        let accept = upgrade.accept(barews::handshake::server::Origins::Any);
        ws.answer(accept.map(|accept| accept.headers(&headers)), tx, now).expect("a valid 101");
        Some(query.and_then(|seen| seen.parse().ok()).expect("the query has the number"))
    }
}

impl WholeRole for Client<Keys> {
    fn open<D>(
        _: &mut Session<Self>,
        event: &SessionEvent<'_, D>,
        _: &mut SendBuffer<Vec<u8>>,
        _: &Talk<'_>,
        net: &mut Net,
        _: Duration,
    ) -> Option<u64> {
        match event {
            SessionEvent::Opened(accepted) => {
                let seen = accepted.header("X-Seen").next().expect("the response has the number");
                Some(std::str::from_utf8(seen).ok()?.parse().expect("a number"))
            }
            SessionEvent::Rejected(rejected) => {
                assert_eq!(rejected.status(), 503);
                net.counts.one(Count::RejectedHandshakes);
                None
            }
            _ => None,
        }
    }
}
