//! How a connection ended, and which ends RFC 6455 wants.

use std::fmt;

use barews::CloseCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The server sent a Close with this code and closed the transport.
    Close(CloseCode),
    /// The server sent a Close with this code, and nobody closed the transport.
    Lingers(CloseCode),
    /// The server closed the transport without a Close.
    Eof,
    /// The server reset the transport without a Close.
    Reset,
    /// The handshake was answered with this status.
    Refused(u16),
    /// The server broke the protocol, or an honest echo was wrong.
    Wrong,
    /// Nobody ended it in its round.
    Timeout,
    /// This side ended it, as it meant to.
    Own,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close(code) => write!(f, "Close {code}"),
            Self::Lingers(code) => write!(f, "Close {code} and no end"),
            Self::Eof => f.write_str("EOF"),
            Self::Reset => f.write_str("reset"),
            Self::Refused(status) => write!(f, "status {status}"),
            Self::Wrong => f.write_str("WRONG"),
            Self::Timeout => f.write_str("timeout"),
            Self::Own => f.write_str("by us"),
        }
    }
}

/// The ends that are right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wants {
    /// The answer to our Close, which has code 1000 and "typically" the answer, too (5.5.1).
    Answer,
    /// The Close for what was wrong (7.4.1).
    Close(CloseCode),
    /// 10.4: a limit, and then a Close with 1009 or 1008. What is below it is served to the end.
    Limit,
    /// Any Close, or the mere end: behind bytes that may mean anything, and the end of the stream.
    AnEnd,
    /// RFC 6455 sets no time, so a server that waits and one that has enough are both right. But
    /// there can be no Close before the handshake is done.
    NoWebSocket,
    /// The same for a WebSocket that is open.
    Anything,
    /// A status of 400 and up (RFC 9110 section 15.5), or, if the body was taken for frames, a
    /// Close with 1002.
    Refusal,
    /// That this side gets to do what it meant to.
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

    /// Whether a Close with this code is right only as the answer to ours.
    pub(crate) fn is_answer(self, code: CloseCode) -> bool {
        let normal = code == CloseCode::NORMAL || code == CloseCode::NO_STATUS;
        normal && matches!(self, Self::Answer | Self::Limit)
    }
}
