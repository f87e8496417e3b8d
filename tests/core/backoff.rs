//! `backoff`: delays before reconnecting (RFC 6455 §7.2.3).

use std::time::Duration;

use barews::backoff::Backoff;
use proptest::prelude::*;

const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(10);

#[test]
fn r7_2_3_01_the_delays_grow_to_the_cap() {
    let mut backoff = Backoff::new(BASE, CAP);
    for factor in [1, 2, 4, 8, 16, 32, 64, 100, 100, 100] {
        assert_eq!(backoff.ceiling(), BASE * factor);
        let longest = backoff.next_delay(u64::MAX);
        assert!(longest < BASE * factor && longest + Duration::from_nanos(2) > BASE * factor);
    }
    assert_eq!(backoff.next_delay(0), Duration::ZERO);
}

/// If a server loses all its clients at once, half of them return in the first half of the
/// interval.
#[test]
fn r7_2_3_01_the_delays_are_spread_evenly() {
    let count = 1 << 12;
    let early =
        (0..count).filter(|i| Backoff::new(BASE, CAP).next_delay(i << 52) < BASE / 2).count();
    assert_eq!(early, 2048);
}

#[test]
fn only_a_stable_connection_resets_the_delay() {
    let mut backoff = Backoff::new(BASE, CAP).stable_after(Duration::from_secs(5));
    for _ in 0..3 {
        let _ = backoff.next_delay(7);
    }
    backoff.on_lost(Duration::from_millis(4999));
    assert_eq!(backoff.attempts(), 3);
    backoff.on_lost(Duration::from_secs(5));
    assert_eq!((backoff.attempts(), backoff.ceiling()), (0, BASE));
}

proptest! {
    #[test]
    fn never_over_the_cap(
        base in any::<u64>(), cap in any::<u64>(), randoms in prop::collection::vec(any::<u64>(), 0..80),
    ) {
        let cap = Duration::from_nanos(cap);
        let mut backoff = Backoff::new(Duration::from_nanos(base), cap);
        let mut last = Duration::ZERO;
        for random in randoms {
            let ceiling = backoff.ceiling();
            prop_assert!(ceiling >= last && ceiling <= cap);
            prop_assert!(backoff.next_delay(random) <= ceiling);
            last = ceiling;
        }
    }
}
