//! Feeds any bytes to a client.
#![no_main]

use barews::Connection;
use barews_fuzz::watch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watch::run(data, false, |config| {
    Connection::client(config, || [0x37, 0xFA, 0x21, 0x3D])
}));
