//! The faults, and how many connections have each.

/// What a connection does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Honest,
    SlowHandshake,
    SlowFrame,
    Reset,
    HalfClose,
    PingFlood,
    PongFlood,
    TinyFragments,
    EndlessMessage,
    DeafInMessage,
    HugeLength,
    EmptyPromise,
    BitFlips,
    Junk,
    Body,
    Storm,
}

/// In the order of their discriminants.
pub(crate) const ALL: [Fault; 16] = [
    Fault::Honest,
    Fault::SlowHandshake,
    Fault::SlowFrame,
    Fault::Reset,
    Fault::HalfClose,
    Fault::PingFlood,
    Fault::PongFlood,
    Fault::TinyFragments,
    Fault::EndlessMessage,
    Fault::DeafInMessage,
    Fault::HugeLength,
    Fault::EmptyPromise,
    Fault::BitFlips,
    Fault::Junk,
    Fault::Body,
    Fault::Storm,
];

/// The faults of every twenty-four connections: eight are honest, two are resets, one of each other.
pub(crate) const SLOTS: [Fault; 24] = {
    use Fault::{
        BitFlips, Body, DeafInMessage, EmptyPromise, EndlessMessage, HalfClose, Honest, HugeLength,
        Junk, PingFlood, PongFlood, Reset, SlowFrame, SlowHandshake, Storm, TinyFragments,
    };
    [
        Honest,
        SlowHandshake,
        SlowFrame,
        Honest,
        Reset,
        HalfClose,
        Honest,
        PingFlood,
        TinyFragments,
        Honest,
        HugeLength,
        BitFlips,
        Honest,
        Junk,
        Body,
        Honest,
        Storm,
        Reset,
        Honest,
        Honest,
        PongFlood,
        EndlessMessage,
        DeafInMessage,
        EmptyPromise,
    ]
};

impl Fault {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest traffic",
            Self::SlowHandshake => "slow handshake",
            Self::SlowFrame => "slow frame",
            Self::Reset => "reset in a frame",
            Self::HalfClose => "half-close",
            Self::PingFlood => "Ping flood",
            Self::PongFlood => "Pong flood",
            Self::EndlessMessage => "endless message",
            Self::DeafInMessage => "deaf in a message",
            Self::EmptyPromise => "empty promise",
            Self::TinyFragments => "tiny fragments",
            Self::HugeLength => "huge length",
            Self::BitFlips => "bit flips",
            Self::Junk => "junk after request",
            Self::Body => "request with a body",
            Self::Storm => "reconnect storm",
        }
    }
}
