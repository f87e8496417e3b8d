//! Sealed state: the bytes of version 1, and how any bytes are judged.

mod connection;
mod judged;
mod keepalive;

/// Bytes from hexadecimal digits, with spaces between fields.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// The reverse of [`hex`], without spaces.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

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
