//! Tests of the built examples as processes, over loopback sockets.
#![allow(
    clippy::large_stack_arrays,
    clippy::unchecked_time_subtraction,
    reason = "tests may panic"
)]

mod client;
#[cfg(unix)]
mod deflate;
mod echo;
mod example;
#[cfg(unix)]
mod faults;
mod faulty_server;
#[cfg(all(target_os = "linux", feature = "redis"))]
mod feed;
#[cfg(target_os = "linux")]
mod handover;
#[cfg(target_os = "linux")]
mod handover_messages;
#[cfg(unix)]
mod lifecycle;
#[cfg(target_os = "linux")]
mod limits;
mod load;
#[cfg(unix)]
mod reconnect;
#[cfg(all(target_os = "linux", feature = "redis"))]
mod redis;
mod relay;
mod relay_ends;

#[path = "../support"]
mod support {
    #[cfg(unix)]
    pub(crate) mod bits;
    pub(crate) mod frame;
    #[cfg(unix)]
    pub(crate) mod strict_inflate;
}
