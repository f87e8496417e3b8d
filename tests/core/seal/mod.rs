//! Sealed state: the bytes of version 1, and how any bytes are judged.

mod connection;
mod judged;
mod keepalive;
mod limits;

#[path = "../../support/hex.rs"]
mod digits;

pub(crate) use digits::{hex, to_hex};

/// All states whose bytes are not the expected ones.
#[derive(Default)]
pub(crate) struct Golden(Vec<String>);

impl Golden {
    pub(crate) fn check(&mut self, name: &str, bytes: &[u8], golden: &str) {
        if to_hex(bytes) != golden.replace(' ', "") {
            self.0.push(format!("{name}: {}, not {golden}", to_hex(bytes)));
        }
    }

    pub(crate) fn end(self) {
        assert!(self.0.is_empty(), "{:#?}", self.0);
    }
}
