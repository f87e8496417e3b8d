//! Deadlines, whose instants are relative.

use std::num::NonZero;
use std::time::Duration;

use barews::keepalive::{Action, Keepalive, Reason, Timeouts};
use barews::{SealError, UnsealError};

use super::{Golden, hex, to_hex};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn sealed(keepalive: &Keepalive, now: Duration) -> Vec<u8> {
    let mut out = [0; Keepalive::MAX_SEALED_LEN];
    let n = keepalive.seal(now, &mut out).unwrap();
    let short = keepalive.seal(now, &mut out[..n - 1]);
    assert_eq!(short, Err(SealError::BufferTooSmall { needed: n }));
    out[..n].to_vec()
}

/// Deadlines in each state at 1000 s, and their bytes in version 1.
#[test]
fn deadlines_of_version_1() {
    let timeouts =
        Timeouts::new().idle_within(Some(secs(100))).message_rate(NonZero::new(3000).unwrap());
    let new = || Keepalive::new(timeouts, secs(1000));
    let open = || {
        let mut keepalive = new();
        keepalive.on_open(secs(1000));
        keepalive
    };
    let asked = || {
        let mut keepalive = open();
        assert_eq!(keepalive.poll(secs(1030)), Action::SendPing);
        keepalive
    };
    let mut awaited = asked();
    awaited.on_ping_flushed(secs(1030));
    let mut expired = asked();
    expired.on_ping_flushed(secs(1030));
    assert_eq!(expired.poll(secs(1050)), Action::Expired(Reason::Pong));
    let mut message = open();
    message.on_partial(secs(1000));
    message.on_progress(5);
    message.on_blocked(secs(1000));
    message.on_paused(true);
    let mut closing = asked();
    closing.on_close(secs(1001));
    let cases = [
        ("opening", new(), 1000, "01 04 00 01 a09c01"),
        ("open", open(), 1000, "01 04 01 03 e0d403 c09a0c"),
        ("asked", asked(), 1031, "01 04 05 0a 90b608 90c503"),
        ("awaited", awaited, 1031, "01 04 09 03 f0a802 90b608"),
        ("expired", expired, 1052, "01 04 29 03 a11f 80ee05"),
        ("message", message, 1000, "01 04 81 1f e0d403 c09a0c c2a907 e0d403 d00f"),
        ("closing", closing, 1001, "01 04 02 01 a09c01"),
    ];
    let mut states = Golden::default();
    for (name, keepalive, now, golden) in cases {
        let bytes = sealed(&keepalive, secs(now));
        states.check(name, &bytes, golden);
        // Another clock.
        let again = Keepalive::unseal(timeouts, &bytes, secs(77)).expect(name);
        assert_eq!(sealed(&again, secs(77)), bytes, "{name}");
        let left = |keepalive: &Keepalive, now: u64| {
            keepalive.next_deadline().map(|at| at.saturating_sub(secs(now)))
        };
        assert_eq!(left(&again, 77), left(&keepalive, now), "{name}");
    }
    states.end();
}

#[test]
fn new_timeouts_shorten_what_is_running() {
    let mut old = Keepalive::new(Timeouts::none(), secs(1));
    old.on_open(secs(1));
    let bytes = sealed(&old, secs(1));
    let again = Keepalive::unseal(Timeouts::new(), &bytes, secs(5)).unwrap();
    assert_eq!(again.next_deadline(), Some(secs(35)));

    let mut old = Keepalive::new(Timeouts::new(), secs(1));
    old.on_open(secs(1));
    let bytes = sealed(&old, secs(11));
    let longer = Timeouts::new().ping_after(Some(secs(500)));
    let again = Keepalive::unseal(longer, &bytes, secs(5)).unwrap();
    assert_eq!(again.next_deadline(), Some(secs(25)));
    let shorter = Timeouts::new().ping_after(Some(secs(3)));
    let again = Keepalive::unseal(shorter, &bytes, secs(5)).unwrap();
    assert_eq!(again.next_deadline(), Some(secs(8)));

    let mut old = Keepalive::new(Timeouts::none(), secs(1));
    old.on_open(secs(1));
    old.on_blocked(secs(1));
    let idle = Timeouts::none().idle_within(Some(secs(3)));
    let again = Keepalive::unseal(idle, &sealed(&old, secs(1)), secs(5)).unwrap();
    assert_eq!(again.next_deadline(), Some(secs(8)));

    let timeouts = Timeouts::none().write_within(Some(secs(30)));
    let mut old = Keepalive::new(timeouts, secs(1));
    old.on_open(secs(1));
    old.on_blocked(secs(1));
    let shorter = timeouts.write_within(Some(secs(3)));
    let again = Keepalive::unseal(shorter, &sealed(&old, secs(1)), secs(5)).unwrap();
    assert_eq!(again.next_deadline(), Some(secs(8)));
}

/// What the bytes have earned beyond whole milliseconds, in units of the rate, is less than one.
#[test]
fn a_rest_is_less_than_the_rate() {
    let with_rest = hex("01 04 01 14 02 05");
    for (rate, expected) in
        [(6, &with_rest[..]), (5, &hex("01 04 01 04 02")), (0, &hex("01 04 01 04 02"))]
    {
        let timeouts =
            NonZero::new(rate).map_or(Timeouts::none(), |rate| Timeouts::none().message_rate(rate));
        let again = Keepalive::unseal(timeouts, &with_rest, secs(9)).unwrap();
        assert_eq!(to_hex(&sealed(&again, secs(9))), to_hex(expected), "{rate}");
    }
}

/// An instant beyond all times is one, not none.
#[test]
fn an_instant_at_the_end_of_time() {
    let bytes = hex("01 04 01 01 904e");
    let again = Keepalive::unseal(Timeouts::none(), &bytes, Duration::MAX).unwrap();
    assert!(again.next_deadline().is_some());
}

/// A clock that has just started shows less than the time since an instant.
#[test]
fn what_is_overdue_stays_overdue() {
    let mut old = Keepalive::new(Timeouts::new(), secs(1));
    old.on_open(secs(1));
    let bytes = sealed(&old, secs(1_000_000));
    let mut again = Keepalive::unseal(Timeouts::new(), &bytes, secs(0)).unwrap();
    assert_eq!(again.poll(secs(0)), Action::SendPing);
}

#[test]
fn what_is_refused() {
    let cases = [
        ("01 04", UnsealError::Invalid),
        ("01 01 00 00", UnsealError::OtherType),
        ("02 04 00 00", UnsealError::Version),
        ("01 04 03 00", UnsealError::Invalid),
        ("01 04 0d 00", UnsealError::Invalid),
        ("01 04 71 00", UnsealError::Invalid),
        // A Ping before the handshake; a deadline of a Pong that is not awaited; after the Close.
        ("01 04 04 00", UnsealError::Invalid),
        ("01 04 05 01 02", UnsealError::Invalid),
        ("01 04 06 00", UnsealError::Invalid),
        ("01 04 02 02 02", UnsealError::Invalid),
        ("01 04 02 04 02", UnsealError::Invalid),
        ("01 04 00 02 02", UnsealError::Invalid),
        ("01 04 20 00", UnsealError::Invalid),
        ("01 04 12 00", UnsealError::Invalid),
        ("01 04 52 00", UnsealError::Invalid),
        ("01 04 02 08 02", UnsealError::Invalid),
        ("01 04 61 00", UnsealError::Invalid),
        // A rest without a message, or of 0; unknown bits; an instant too far, or past and now.
        ("01 04 01 10 02", UnsealError::Invalid),
        ("01 04 01 14 02 00", UnsealError::Invalid),
        ("01 04 01 20", UnsealError::Invalid),
        ("01 04 01 01 808080808040", UnsealError::Invalid),
        ("01 04 01 01 01", UnsealError::Invalid),
        ("01 04 01 01 02 00", UnsealError::Invalid),
    ];
    for (text, error) in cases {
        let refused = Keepalive::unseal(Timeouts::none(), &hex(text), secs(9)).unwrap_err();
        assert_eq!(refused, error, "{text}");
    }
}
