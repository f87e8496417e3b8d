//! How long to wait before the next attempt to connect: exponential, with full jitter, without a clock.
//!
//! RFC 6455 section 7.2.3 asks for a random delay before the first reconnection and longer ones after it, because all
//! clients of a server lose it in the same moment.
//!
//! ```
//! use core::time::Duration;
//! use barews::backoff::Backoff;
//!
//! let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
//! // Any random number: the delay is anywhere from nothing to 1 s, then to 2 s, 4 s, ... 60 s.
//! assert!(backoff.next_delay(0x9E37_79B9_7F4A_7C15) <= Duration::from_secs(1));
//! assert!(backoff.next_delay(0x3C6E_F372_FE94_F82A) <= Duration::from_secs(2));
//!
//! // A connection that was up for longer than the greatest delay was a good one: it begins anew.
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
    /// Up to `base` before the first attempt, twice as much before each further one, never more than `cap`.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, stable: cap, attempts: 0 }
    }

    /// How long a connection must have been up for its loss to begin the delays anew; `cap` unless said otherwise.
    ///
    /// Without it, a server that accepts and closes at once would be asked again and again at the shortest delay.
    #[must_use]
    pub const fn stable_after(self, stable: Duration) -> Self {
        Self { stable, ..self }
    }

    /// The delay before the next attempt, from a `random` number of 0 to 2^64 - 1, each as likely.
    #[must_use]
    pub fn next_delay(&mut self, random: u64) -> Duration {
        let most = self.ceiling();
        self.attempts = self.attempts.saturating_add(1);
        // random / 2^64 of `most`, in whole nanoseconds.
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let product = (u128::from(nanos) * u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(product).unwrap_or(u64::MAX))
    }

    /// The longest that the next delay can be.
    #[must_use]
    pub fn ceiling(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// How many delays were given since the last good connection.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// A connection that was `up` for so long was lost.
    pub fn on_lost(&mut self, up: Duration) {
        if up >= self.stable {
            self.attempts = 0;
        }
    }
}
