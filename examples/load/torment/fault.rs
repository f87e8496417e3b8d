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
    TinyFragments,
    HugeLength,
    BitFlips,
    Junk,
    Body,
    Storm,
}

/// In the order of their discriminants.
pub(crate) const ALL: [Fault; 12] = [
    Fault::Honest,
    Fault::SlowHandshake,
    Fault::SlowFrame,
    Fault::Reset,
    Fault::HalfClose,
    Fault::PingFlood,
    Fault::TinyFragments,
    Fault::HugeLength,
    Fault::BitFlips,
    Fault::Junk,
    Fault::Body,
    Fault::Storm,
];

/// The faults of every twenty connections: eight are honest, two are resets, one of each other.
pub(crate) const SLOTS: [Fault; 20] = {
    use Fault::{
        BitFlips, Body, HalfClose, Honest, HugeLength, Junk, PingFlood, Reset, SlowFrame,
        SlowHandshake, Storm, TinyFragments,
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
            Self::TinyFragments => "tiny fragments",
            Self::HugeLength => "huge length",
            Self::BitFlips => "bit flips",
            Self::Junk => "junk after request",
            Self::Body => "request with a body",
            Self::Storm => "reconnect storm",
        }
    }
}
