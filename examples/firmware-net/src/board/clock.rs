//! The time of `embassy-time`: milliseconds, counted by the interrupt of the system timer.
//!
//! A product that has to save power would use a timer that compares instead of one that ticks.

use core::cell::RefCell;
use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

/// Of the processor.
const HZ: u32 = 25_000_000;

/// The milliseconds that pass at each tick.
const TICK: u64 = if cfg!(feature = "fast-clock") { 120 } else { 1 };

struct State {
    now: u64,
    /// When the first task is to be woken.
    next: u64,
    queue: Queue,
}

struct Clock(Mutex<RefCell<State>>);

time_driver_impl!(static CLOCK: Clock = Clock(Mutex::new(RefCell::new(State {
    now: 0,
    next: u64::MAX,
    queue: Queue::new(),
}))));

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|token| self.0.borrow_ref(token).now)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|token| {
            let mut state = self.0.borrow_ref_mut(token);
            if state.queue.schedule_wake(at, waker) {
                state.next = state.next.min(at);
            }
        });
    }
}

impl Clock {
    fn tick(&self) {
        critical_section::with(|token| {
            let mut state = self.0.borrow_ref_mut(token);
            state.now = state.now.wrapping_add(TICK);
            let now = state.now;
            if state.next <= now {
                state.next = state.queue.next_expiration(now);
            }
        });
    }
}

pub(super) fn start(timer: &mut SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(HZ / 1000 - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// The ticks of the processor's clock since the start, modulo 2^32, for measurements.
#[cfg(feature = "count")]
pub(super) fn ticks() -> u32 {
    critical_section::with(|token| {
        let millis = CLOCK.0.borrow_ref(token).now;
        let part = (HZ / 1000 - 1).wrapping_sub(SYST::get_current());
        let millis = u32::try_from(millis & u64::from(u32::MAX)).unwrap_or_default();
        millis.wrapping_mul(HZ / 1000).wrapping_add(part)
    })
}

#[exception]
fn SysTick() {
    CLOCK.tick();
}
