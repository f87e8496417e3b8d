//! The memory that a session itself takes.

use barews::Server;
use barews::session::Session;

#[cfg(target_pointer_width = "64")]
#[test]
fn a_server_takes_at_most_384_bytes() {
    assert!(size_of::<Session<Server>>() <= 384, "{}", size_of::<Session<Server>>());
}
