//! The delay before the next attempt to connect: exponential backoff with full jitter,
//! without a clock.
//!
//! RFC 6455 §7.2.3 requires a random delay before the first reconnection and longer delays after
//! it, since all clients of a server lose their connections at the same moment.
//!
//! ```
//! use core::time::Duration;
//! use barews::backoff::Backoff;
//!
//! let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
//! // From any random number: a delay of 0 to 1 s, then to 2 s, 4 s, ... 60 s.
//! assert!(backoff.next_delay(0x9E37_79B9_7F4A_7C15) <= Duration::from_secs(1));
//! assert!(backoff.next_delay(0x3C6E_F372_FE94_F82A) <= Duration::from_secs(2));
//!
//! // A connection that was up for at least `cap` resets the delays.
//! backoff.on_lost(Duration::from_secs(3600));
//! assert_eq!(backoff.attempts(), 0);
//! ```

use core::time::Duration;

/// The delays between attempts to connect.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    stable: Duration,
    attempts: u32,
}

impl Backoff {
    /// Creates the delays: up to `base` before the first attempt, up to twice as much before each
    /// further one, never more than `cap`.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, stable: cap, attempts: 0 }
    }

    /// Sets how long a connection must have been up for its loss to reset the delays; the
    /// default is `cap`.
    ///
    /// Without such a time, a server that accepts and closes at once would be retried at
    /// the shortest delay.
    #[must_use]
    pub const fn stable_after(self, stable: Duration) -> Self {
        Self { stable, ..self }
    }

    /// Returns the delay before the next attempt, from a uniformly distributed `random` number.
    #[must_use]
    pub fn next_delay(&mut self, random: u64) -> Duration {
        let most = self.ceiling();
        self.attempts = self.attempts.saturating_add(1);
        // `most * random / 2^64`, in whole nanoseconds.
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let product = (u128::from(nanos) * u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(product).unwrap_or(u64::MAX))
    }

    /// The upper limit of the next delay.
    #[must_use]
    pub fn ceiling(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// The number of delays since the last reset.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Reports that a connection was lost after it was `up` for this long.
    pub fn on_lost(&mut self, up: Duration) {
        if up >= self.stable {
            self.attempts = 0;
        }
    }
}
