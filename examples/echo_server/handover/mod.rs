//! Replaces the process and keeps the connections: `--handover PATH`.
//!
//! A server listens on the Unix socket at PATH. A second process with the same arguments, its
//! successor, connects there, and they exchange these frames:
//!
//! | from the successor | from the predecessor |
//! |---|---|
//! | [`HELLO`]: the newest version that it reads | |
//! | | [`WELCOME`]: the version of what follows, with the Unix listener |
//! | | its threads stop; for each one a [`LISTENER`], and a [`CLIENT`] for each of its clients |
//! | | [`FEED`] and [`END`] |
//! | [`TAKEN`]: it has understood all of it | |
//!
//! Until `TAKEN`, the successor neither reads nor writes a connection, and the predecessor keeps all
//! of them: if the successor dies, hangs or does not understand, the predecessor goes on. After
//! `TAKEN`, it drops them and ends.
//!
//! A connection is a file descriptor, its sealed [`Session`](barews::session::Session), its unread
//! and unsent bytes, and what its service keeps, inside a message what has arrived of it. Clients that
//! are being sent a page, or told that their request is wrong, stay with the predecessor, which ends
//! after them.
//!
//! - `gate`: the Unix socket at PATH. `socket`: frames, with file descriptors. `body`: what is in them.
//!   `feed`: the feed of the server alone; one from Redis is read anew.
//! - `predecessor`, `successor`: the two sides. The part of a thread is in `worker::handover`, that of
//!   a client in `client::handover` and `service::handover`.

mod body;
mod feed;
pub(crate) mod gate;
pub(crate) mod predecessor;
mod socket;
mod successor;

use std::time::Duration;

pub(crate) use body::{Body, Parts, invalid};
pub(crate) use predecessor::Part;
pub(crate) use socket::Socket;
pub(crate) use successor::{Origin, take_over};

/// The version of the frames and of their bodies. A server hands over in its own version, and takes
/// over from all versions up to its own. In version 1, no client was inside a message that is
/// compressed or to be broadcast.
const VERSION: u8 = 2;

/// How long one side waits for the other one. The clients wait as long if a successor hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kinds of frames. Their numbers never change.
const HELLO: u8 = 0;
const REFUSED: u8 = 1;
const WELCOME: u8 = 2;
pub(crate) const LISTENER: u8 = 3;
pub(crate) const CLIENT: u8 = 4;
const FEED: u8 = 5;
const END: u8 = 6;
const TAKEN: u8 = 7;
