//! `barews::keepalive` on tokio's clock, for outputs that another task writes.

use std::time::Duration;

use barews::keepalive::{Action, Keepalive, Timeouts};
use barews_runtimes::Failure;
use tokio::time::{Instant, sleep_until};

/// What is to be done when, and how far the outputs are.
pub(crate) struct Clock {
    pub(crate) keepalive: Keepalive,
    /// What the instants of `keepalive` are counted from.
    start: Instant,
    /// How many outputs the writer was given.
    queued: u64,
    /// The number of the output with a Ping that has not left.
    ping: Option<u64>,
}

impl Clock {
    /// Starts behind the opening handshake.
    pub(crate) fn start(timeouts: Timeouts) -> Self {
        let mut keepalive = Keepalive::new(timeouts, Duration::ZERO);
        keepalive.on_open(Duration::ZERO);
        Self { keepalive, start: Instant::now(), queued: 0, ping: None }
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns when [`poll`](Self::poll) has something to say.
    pub(crate) async fn deadline(&self) {
        match self.keepalive.next_deadline() {
            Some(due) => sleep_until(self.start + due).await,
            None => std::future::pending().await,
        }
    }

    /// Whether a Ping is to be sent with the next output.
    pub(crate) fn poll(&mut self) -> Result<bool, Failure> {
        match self.keepalive.poll(self.now()) {
            Action::None => Ok(false),
            Action::SendPing => {
                self.ping = Some(self.queued + 1);
                Ok(true)
            }
            Action::Expired(reason) => Err(format!("expired: {reason:?}").into()),
        }
    }

    /// The writer was given an output.
    pub(crate) fn on_queued(&mut self) {
        self.queued += 1;
    }

    /// The writer has written so many outputs.
    pub(crate) fn on_written(&mut self, written: u64) {
        let now = self.now();
        self.keepalive.on_written();
        if written < self.queued {
            self.keepalive.on_blocked(now);
        }
        if self.ping.take_if(|ping| *ping <= written).is_some() {
            self.keepalive.on_ping_flushed(now);
        }
    }
}
