//! The memory that a session itself takes.

use barews::Server;
use barews::session::Session;

#[cfg(target_pointer_width = "64")]
#[test]
fn a_server_takes_at_most_352_bytes() {
    assert!(size_of::<Session<Server>>() <= 352, "{}", size_of::<Session<Server>>());
}
