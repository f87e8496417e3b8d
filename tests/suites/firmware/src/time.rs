//! Deadlines and delays.

use core::num::NonZero;
use core::time::Duration;

use barews::backoff::Backoff;
use barews::keepalive::{Keepalive, Timeouts};

use crate::opaque::{any, bytes, flag, long, number, seen};

pub fn timeouts() -> Timeouts {
    let base = if flag() { Timeouts::new() } else { Timeouts::none() };
    base.handshake_within(any(None))
        .ping_after(any(None))
        .pong_within(any(None))
        .idle_within(any(None))
        .message_within(any(None))
        .message_rate(any(NonZero::<u32>::MIN))
        .write_within(any(None))
        .close_within(any(None))
}

pub fn all() {
    let mut keepalive = any(Keepalive::new(timeouts(), now()));
    while flag() {
        match number() {
            0 => keepalive.on_open(now()),
            1 => keepalive.on_receive(now()),
            2 => keepalive.on_partial(now()),
            3 => keepalive.on_message(now()),
            8 => keepalive.on_whole(),
            9 => keepalive.on_sent(now()),
            4 => keepalive.on_ping_flushed(now()),
            5 => keepalive.on_blocked(now()),
            6 => keepalive.on_written(),
            7 => keepalive.on_progress(long()),
            10 => keepalive.on_paused(flag()),
            _ => keepalive.on_close(now()),
        }
        seen((
            keepalive.next_deadline(),
            keepalive.expiring(now()),
            keepalive.poll(now()),
        ));
    }
    seen(keepalive.seal(now(), bytes()));
    if let Ok(keepalive) = any(Keepalive::unseal(timeouts(), bytes(), now())) {
        seen(keepalive.next_deadline());
    }
    let mut backoff = any(Backoff::new(now(), now()).stable_after(now()));
    seen((backoff.ceiling(), backoff.next_delay(long()), backoff.attempts()));
    backoff.on_lost(now());
}

fn now() -> Duration {
    any(Duration::ZERO)
}
