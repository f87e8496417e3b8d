//! Instants and times in whole milliseconds.

use core::time::Duration;

/// No timeout.
pub(crate) const NEVER: u32 = u32::MAX;

/// No deadline.
pub(crate) const NONE: u64 = u64::MAX;

/// The first millisecond that is at least `time` milliseconds after `now`.
pub(crate) const fn after(now: Duration, time: u32) -> u64 {
    if time == NEVER { NONE } else { ceil(now).saturating_add(widen(time)) }
}

/// The deadline at `millis`.
pub(crate) fn deadline(millis: u64) -> Option<Duration> {
    (millis != NONE).then(|| Duration::from_millis(millis))
}

/// `None`, and any time as long, is [`NEVER`].
pub(crate) const fn millis(time: Option<Duration>) -> u32 {
    match time {
        None => NEVER,
        Some(time) => saturate(ceil(time)),
    }
}

/// The last second whose milliseconds are below [`NONE`].
const LAST: u64 = NONE / 1000 - 1;

/// Milliseconds, rounded down; below [`NONE`].
pub(crate) const fn floor(time: Duration) -> u64 {
    let secs = if time.as_secs() < LAST { time.as_secs() } else { LAST };
    secs.wrapping_mul(1000).wrapping_add(widen(time.subsec_millis()))
}

/// Milliseconds, rounded up.
const fn ceil(time: Duration) -> u64 {
    let rest = if time.subsec_nanos().is_multiple_of(1_000_000) { 0 } else { 1 };
    floor(time).saturating_add(rest)
}

#[expect(clippy::as_conversions, reason = "u32 to u64, in a const fn")]
pub(crate) const fn widen(n: u32) -> u64 {
    n as u64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the range is checked first"
)]
pub(crate) const fn saturate(n: u64) -> u32 {
    if n >= widen(NEVER) { NEVER } else { n as u32 }
}
