//! The columns with compression: each receives compressed messages as a server and echoes them
//! compressed.

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

/// RFC 7692 §7.2.3.1: the payload of "Hello".
const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

/// The codecs of a connection after the first message, with context takeover if the crate supports
/// it. Their memory is freed with the box.
pub type Codecs = fn() -> Box<dyn Any>;

/// All columns, in the order of the tables, with the codecs of those that expose them.
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
