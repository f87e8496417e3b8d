//! `barews::keepalive` on tokio's clock. Another task writes the output.

use std::time::Duration;

use barews::keepalive::{Action, Keepalive, Timeouts};
use barews_runtimes::Failure;
use tokio::time::{Instant, sleep_until};

/// The deadlines, and the progress of the writer.
pub(crate) struct Clock {
    pub(crate) keepalive: Keepalive,
    /// The origin of the times in `keepalive`.
    start: Instant,
    /// How many outputs were queued for the writer.
    queued: u64,
    /// The number of the output that contains a Ping, until it is written.
    ping: Option<u64>,
}

impl Clock {
    /// Starts after the opening handshake.
    pub(crate) fn start(timeouts: Timeouts) -> Self {
        let mut keepalive = Keepalive::new(timeouts, Duration::ZERO);
        keepalive.on_open(Duration::ZERO);
        Self { keepalive, start: Instant::now(), queued: 0, ping: None }
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until [`poll`](Self::poll) must be called.
    pub(crate) async fn deadline(&self) {
        match self.keepalive.next_deadline() {
            Some(due) => sleep_until(self.start + due).await,
            None => std::future::pending().await,
        }
    }

    /// Returns whether to send a Ping with the next output.
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

    /// An output was queued for the writer.
    pub(crate) fn on_queued(&mut self) {
        self.queued += 1;
    }

    /// The writer has written this many outputs in total.
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
