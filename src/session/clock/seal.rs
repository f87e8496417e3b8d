//! The clock of an open session as bytes.

use core::time::Duration;

use super::{ADJOURNMENTS, Clock, Ping, Whole};
use crate::bytes::seal::{Bits, Reader, UnsealError, Writer, valid};
use crate::time::keepalive::{self, INSTANT_LEN, Keepalive, Timeouts, instant, read_instant};
use crate::time::{NONE, floor};

/// The most bytes of [`Clock::seal`].
pub(crate) const MAX_LEN: usize = keepalive::MAX_LEN + 1 + 1 + INSTANT_LEN + 5 + 5 + 1;

impl Clock {
    pub(crate) fn seal(&self, now: Duration, writer: &mut Writer<'_>) {
        let now = floor(now);
        self.keepalive.seal_into(now, writer);
        let ping = match self.ping {
            Ping::None => 0,
            Ping::Due => 1,
            Ping::Queued => 2,
        };
        let whole = match self.whole {
            Whole::Nothing => 0,
            Whole::Control => 1,
            Whole::Message => 2,
        };
        let bits = Bits::new().with(2, ping).with(2, whole);
        let bits = bits.with_flag(self.is_blocked).with_flag(self.is_behind);
        writer.byte(bits.with_flag(self.only_writes).with_flag(self.has_sent).byte());
        let has_verdict = self.verdict != NONE;
        let has_counts = (self.adjourned, self.extended) != (0, 0);
        let bits = Bits::new().with_flag(has_verdict).with_flag(self.standstill > 0);
        writer.byte(bits.with_flag(has_counts).byte());
        writer.int(low(now).wrapping_sub(self.last).into());
        if has_verdict {
            instant(self.verdict, now, writer);
        }
        if self.standstill > 0 {
            writer.int(self.standstill.into());
        }
        if has_counts {
            writer.byte(Bits::new().with(4, self.adjourned).with(4, self.extended).byte());
        }
    }

    pub(crate) fn unseal(
        timeouts: Timeouts,
        now: Duration,
        reader: &mut Reader<'_>,
    ) -> Result<Self, UnsealError> {
        let keepalive = Keepalive::unseal_from(timeouts, now, reader)?;
        valid(!keepalive.is_opening())?;
        let now = floor(now);
        let mut bits = Bits::of(reader.byte()?);
        let ping = match bits.take(2) {
            0 => Ping::None,
            1 => Ping::Due,
            2 => Ping::Queued,
            _ => return Err(UnsealError::Invalid),
        };
        let whole = match bits.take(2) {
            0 => Whole::Nothing,
            1 => Whole::Control,
            2 => Whole::Message,
            _ => return Err(UnsealError::Invalid),
        };
        let (is_blocked, is_behind) = (bits.take_flag(), bits.take_flag());
        let (only_writes, has_sent) = (bits.take_flag(), bits.take_flag());
        let mut bits = Bits::of(reader.byte()?);
        let (has_verdict, has_standstill) = (bits.take_flag(), bits.take_flag());
        let has_counts = bits.take_flag();
        bits.end()?;
        let last = low(now).wrapping_sub(reader.small()?);
        let verdict = if has_verdict { read_instant(now, reader)? } else { NONE };
        let standstill = if has_standstill { reader.small()? } else { 0 };
        let mut counts = Bits::of(if has_counts { reader.byte()? } else { 0 });
        let (adjourned, extended) = (counts.take(4), counts.take(4));
        valid((standstill > 0) == has_standstill)?;
        valid(((adjourned, extended) != (0, 0)) == has_counts)?;
        valid(adjourned <= ADJOURNMENTS && extended <= ADJOURNMENTS)?;
        Ok(Self {
            keepalive,
            ping,
            verdict,
            adjourned,
            last,
            standstill,
            extended,
            is_blocked,
            is_behind,
            only_writes,
            whole,
            has_sent,
        })
    }

    /// The timeouts.
    #[cfg(reseal)]
    pub(crate) const fn timeouts(&self) -> Timeouts {
        self.keepalive.timeouts()
    }
}

/// Milliseconds modulo 2^32.
fn low(millis: u64) -> u32 {
    u32::try_from(millis & u64::from(u32::MAX)).unwrap_or_default()
}
