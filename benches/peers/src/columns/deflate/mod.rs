//! The columns that compress: each receives compressed messages as a server and sends them back compressed.

use std::any::Any;

use super::Column;

mod barews;
#[cfg(feature = "zlib")]
mod ratchet;
mod shiguredo;
mod sockudo_ws;
mod wtx;
mod yawc;
mod zlib;

pub fn all() -> Vec<&'static Column> {
    codecs().into_iter().map(|(column, _)| column).collect()
}

/// RFC 7692, 7.2.3.1: the payload of "Hello".
const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

/// What a connection keeps to compress and inflate, with takeover where the crate has it, after its first message. It
/// lives as long as the box.
pub type Codecs = fn() -> Box<dyn Any>;

/// All columns, in the order of the tables, and the codecs of those that give them out.
pub fn codecs() -> Vec<(&'static Column, Option<Codecs>)> {
    let mut all = Vec::new();
    all.extend(barews::COLUMNS);
    all.extend(sockudo_ws::COLUMNS);
    all.extend(yawc::COLUMNS);
    all.extend(wtx::COLUMNS);
    all.push(shiguredo::COLUMN);
    #[cfg(feature = "zlib")]
    all.extend(ratchet::COLUMNS);
    all.extend(zlib::COLUMNS);
    all
}
