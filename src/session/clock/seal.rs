//! The clock of an open session as bytes.

use core::time::Duration;

use super::{ADJOURNMENTS, Clock, Ping, Whole};
use crate::bytes::seal::{Bits, Reader, UnsealError, Writer, valid};
#[cfg(reseal)]
use crate::time::keepalive::Timeouts;
use crate::time::keepalive::{self, INSTANT_LEN, instant, read_instant};
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

    /// Reads the state into this one, which is new.
    pub(crate) fn restore(
        &mut self,
        now: Duration,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        self.keepalive.restore(now, reader)?;
        valid(!self.keepalive.is_opening())?;
        let now = floor(now);
        let (seen, counted) = (Bits::of(reader.byte()?), Bits::of(reader.byte()?));
        self.last = low(now).wrapping_sub(reader.small()?);
        // An idle clock is as it is when new.
        if !seen.are_zero() {
            self.restore_seen(seen)?;
        }
        if !counted.are_zero() {
            self.restore_counts(counted, now, reader)?;
        }
        Ok(())
    }

    /// What was seen since the last tick, or is the case.
    #[inline(never)]
    fn restore_seen(&mut self, mut bits: Bits) -> Result<(), UnsealError> {
        self.ping = match bits.take(2) {
            0 => Ping::None,
            1 => Ping::Due,
            2 => Ping::Queued,
            _ => return Err(UnsealError::Invalid),
        };
        self.whole = match bits.take(2) {
            0 => Whole::Nothing,
            1 => Whole::Control,
            2 => Whole::Message,
            _ => return Err(UnsealError::Invalid),
        };
        (self.is_blocked, self.is_behind) = (bits.take_flag(), bits.take_flag());
        (self.only_writes, self.has_sent) = (bits.take_flag(), bits.take_flag());
        Ok(())
    }

    /// What is kept of deadlines that have passed, and of standstills.
    #[inline(never)]
    fn restore_counts(
        &mut self,
        mut bits: Bits,
        now: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let (has_verdict, has_standstill) = (bits.take_flag(), bits.take_flag());
        let has_counts = bits.take_flag();
        bits.end()?;
        self.verdict = if has_verdict { read_instant(now, reader)? } else { NONE };
        self.standstill = if has_standstill { reader.small()? } else { 0 };
        let mut counts = Bits::of(if has_counts { reader.byte()? } else { 0 });
        (self.adjourned, self.extended) = (counts.take(4), counts.take(4));
        valid((self.standstill > 0) == has_standstill)?;
        valid(((self.adjourned, self.extended) != (0, 0)) == has_counts)?;
        valid(self.adjourned <= ADJOURNMENTS && self.extended <= ADJOURNMENTS)
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
