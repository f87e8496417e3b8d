//! Feeds any bytes to a server.
#![no_main]

use barews::Connection;
use barews_fuzz::watch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watch::run(data, true, Connection::server));
