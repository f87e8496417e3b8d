//! How a connection ended, and which ends RFC 6455 requires.

use std::fmt;

use barews::CloseCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The server sent a Close with this code and closed the transport.
    Close(CloseCode),
    /// The server sent a Close with this code but did not close the transport.
    Lingers(CloseCode),
    /// The server closed the transport without a Close.
    Eof,
    /// The server reset the transport without a Close.
    Reset,
    /// The handshake was rejected with this status.
    Refused(u16),
    /// The server violated the protocol, or an honest echo was wrong.
    Wrong,
    /// The connection was still open at the end of its round.
    Timeout,
    /// This side ended it, as planned.
    Own,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close(code) => write!(f, "Close {code}"),
            Self::Lingers(code) => write!(f, "Close {code} without EOF"),
            Self::Eof => f.write_str("EOF"),
            Self::Reset => f.write_str("reset"),
            Self::Refused(status) => write!(f, "status {status}"),
            Self::Wrong => f.write_str("WRONG"),
            Self::Timeout => f.write_str("timeout"),
            Self::Own => f.write_str("by us"),
        }
    }
}

/// The ends that are correct.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wants {
    /// The reply to our Close with code 1000. The reply "typically" has the same code (RFC 6455
    /// §5.5.1).
    Answer,
    /// A Close with this code, for a violation (§7.4.1).
    Close(CloseCode),
    /// A Close with 1008 or 1009 because of a limit (§10.4), or, from a server whose limit is
    /// higher, the reply to our Close.
    Limit,
    /// Any Close, or the end of the stream: the bytes may mean anything, and the client
    /// half-closes.
    AnEnd,
    /// RFC 6455 sets no time limit, so the server may wait or give up. But there can be no Close
    /// before the handshake is done.
    NoWebSocket,
    /// The same for an open WebSocket.
    Anything,
    /// A status 4xx (RFC 9110 §15.5), or a Close with 1002 if the body was parsed as frames.
    Refusal,
    /// The client ends the connection itself.
    Own,
}

impl Wants {
    pub(crate) fn is_met(self, ended: Ended) -> bool {
        match (self, ended) {
            (Self::Close(wanted), Ended::Close(code)) => code == wanted,
            (Self::Answer, Ended::Close(CloseCode::NORMAL | CloseCode::NO_STATUS))
            | (
                Self::Limit,
                Ended::Close(CloseCode::NORMAL | CloseCode::TOO_BIG | CloseCode::POLICY),
            )
            | (Self::AnEnd, Ended::Close(_) | Ended::Eof | Ended::Reset)
            | (
                Self::NoWebSocket,
                Ended::Timeout | Ended::Eof | Ended::Reset | Ended::Refused(408),
            )
            | (Self::Refusal, Ended::Refused(400..=499) | Ended::Close(CloseCode::PROTOCOL))
            | (Self::Anything, Ended::Close(_) | Ended::Eof | Ended::Reset | Ended::Timeout)
            | (Self::Own, Ended::Own) => true,
            _ => false,
        }
    }

    /// Whether a Close with this code is correct only as the reply to ours.
    pub(crate) fn is_answer(self, code: CloseCode) -> bool {
        let normal = code == CloseCode::NORMAL || code == CloseCode::NO_STATUS;
        normal && matches!(self, Self::Answer | Self::Limit)
    }
}
