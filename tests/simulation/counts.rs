//! How often each kind of event happened, which shows that the simulation covers its scenarios.

use std::fmt;
use std::ops::AddAssign;

macro_rules! counts {
    ($($name:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Count { $($name),* }

        const ALL: &[Count] = &[$(Count::$name),*];
    };
}

counts! {
    Events, Connections, Opened, OpenedWithDeflate, ReconnectsThatResume, RefusedConnects,
    RejectedHandshakes, Messages, PayloadBytes, WireBytes, LongMessages, CompressedMessages,
    FragmentedMessages, FramesFromSlices, FramesInPlace, FramesBegun, SlicesTooShort,
    ControlDueFirst, RefusedCalls, Pings, KeepalivePings, Pongs, PongsByCaller, ClosesByClients,
    ClosesByServers, CleanEnds, BuffersGrown, AssemblersGrown, WritesInPart, WritesBlocked,
    ReadsStopped, HalfCloseActions, Resets, ResetsInHandshake, Cuts, CutsInHandshake, Losses,
    LossesInHandshake, LossesOfOneWay, HalfCloses, Hangs, ReadPauses, Pauses, ClockJumps, Crashes,
    CrashesInHandshake, ServerCrashes, TakenOver, InvalidFrames, InvalidDeflate, FailedConnections,
    KeysThatFail, ExpiredHandshakes, ExpiredPongs, ExpiredIdle, ExpiredMessages, ExpiredWrites,
    ExpiredCloses,
}

impl Count {
    /// Whether it cannot happen in this build.
    fn is_off(self) -> bool {
        let of_deflate = matches!(
            self,
            Self::OpenedWithDeflate | Self::CompressedMessages | Self::InvalidDeflate
        );
        of_deflate && !cfg!(feature = "deflate")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts([u64; ALL.len()]);

impl Counts {
    pub(crate) const fn new() -> Self {
        Self([0; ALL.len()])
    }

    pub(crate) fn one(&mut self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn add(&mut self, count: Count, n: usize) {
        self.0[count as usize] += n as u64;
    }

    /// Of these kinds, those that did not happen.
    pub(crate) fn missing_of(&self, kinds: &[Count]) -> Vec<Count> {
        kinds.iter().copied().filter(|count| self.0[*count as usize] == 0).collect()
    }

    /// The kinds that could have happened in this build but did not.
    pub(crate) fn missing(&self) -> Vec<Count> {
        ALL.iter()
            .copied()
            .filter(|count| self.0[*count as usize] == 0 && !count.is_off())
            .collect()
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        for (to, from) in self.0.iter_mut().zip(other.0) {
            *to += from;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, n) in ALL.iter().zip(self.0) {
            writeln!(f, "{:<22} {n:>14}", format!("{count:?}"))?;
        }
        Ok(())
    }
}
