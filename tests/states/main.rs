//! Every state of a client and a server, and of the bytes between them.
//!
//! The state of an endpoint is what it seals to, so two histories that lead to the same bytes are one
//! state, and there are finitely many. `connections` has two `Connection`s, `sessions` two `Session`s
//! with their deadlines. A walk takes every step from every state, and shows that
//!
//! - no step is a fault of an honest peer, and each event is the next that was sent;
//! - once a Close was sent, both sides end in a bounded number of steps, in any order; sessions
//!   also when a deadline has passed or the network is dead;
//! - no state is a dead end.
//!
//! `BAREWS_EXHAUSTIVE=1 cargo test -p barews --features deflate --test states` walks further, which takes some minutes.

/// A call to a connection or session of either role.
macro_rules! on {
    ($side:expr, $ws:ident => $call:expr) => {
        match $side {
            Side::Client($ws) => $call,
            Side::Server($ws) => $call,
        }
    };
}

mod connections;
mod end;
mod graph;
#[cfg(feature = "handshake")]
mod sessions;
mod wire;

/// Whether to walk far.
fn is_exhaustive() -> bool {
    std::env::var_os("BAREWS_EXHAUSTIVE").is_some()
}
