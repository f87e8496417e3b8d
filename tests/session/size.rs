//! The memory that a session itself takes.

use barews::Server;
use barews::session::Session;

#[test]
fn a_server_takes_at_most_352_bytes() {
    assert!(size_of::<Session<Server>>() <= 352, "{}", size_of::<Session<Server>>());
}
