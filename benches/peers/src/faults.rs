//! Violations of RFC 6455, one by one, to find out which columns reject them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::columns::{CLOSED, Column};
use crate::streams::{Role, Row, Tally, Wire, Work};

/// Every violation as a row, followed by a valid message.
pub fn all() -> Vec<&'static Row> {
    let all = plain();
    #[cfg(feature = "deflate")]
    let all = [all, compressed()].concat();
    all
}

fn plain() -> Vec<&'static Row> {
    let raw = |role, bytes: &[u8]| {
        let mut wire = Wire::new(role);
        wire.bytes.extend(bytes);
        wire
    };
    let long = {
        let mut text = vec![b'x'; 5000];
        text[4000] = 0xFF;
        text
    };
    [
        ("a reserved bit", frames(&[(0xC2, b"x")])),
        ("a reserved opcode", frames(&[(0x83, b"x")])),
        ("an unmasked frame to a server", raw(Role::Server, b"\x82\x01x")),
        ("a masked frame to a client", raw(Role::Client, b"\x82\x81\x01\x02\x03\x04x")),
        ("a length that is not minimal", raw(Role::Client, b"\x82\x7E\x00\x01x")),
        ("a Ping in fragments", frames(&[(0x09, b"x"), (0x80, b"x")])),
        ("a Ping of 126 bytes", frames(&[(0x89, &[b'x'; 126])])),
        ("a continuation without a message", frames(&[(0x80, b"x")])),
        ("a message inside another", frames(&[(0x02, b"x"), (0x82, b"x")])),
        ("a Close with one byte", frames(&[(0x88, b"\x03")])),
        ("a Close with code 1005", frames(&[(0x88, b"\x03\xED")])),
        ("a Close whose reason is not UTF-8", frames(&[(0x88, b"\x03\xE8\xFF")])),
        ("a text that is not UTF-8", frames(&[(0x81, b"x\xFF")])),
        ("a text that ends inside a character", frames(&[(0x81, b"x\xE6\x9D")])),
        ("a fragmented text that is not UTF-8", frames(&[(0x01, b"x\xE6"), (0x80, b"x")])),
        ("a text that is not UTF-8, split by a read", frames(&[(0x81, &long)])),
    ]
    .into_iter()
    .map(|(name, wire)| row(name, wire, |wire| Work::Decode { role: wire.role, bytes: wire.bytes }))
    .collect()
}

/// Violations of RFC 7692, for columns with compression.
#[cfg(feature = "deflate")]
fn compressed() -> Vec<&'static Row> {
    let mut text = Vec::new();
    crate::zlib::Compressor::new(6).message(b"x\xFF", &mut text);
    [
        ("a compressed text that is not UTF-8", frames(&[(0xC1, &text)])),
        ("a compressed message that is not deflate", frames(&[(0xC1, b"\x07")])),
        // The second "Hello" of RFC 7692 §7.2.3.2, which refers to the first one.
        ("a distance before the first byte", frames(&[(0xC1, b"\xF2\x00\x11\x00\x00")])),
        ("a compressed message that ends inside a block", frames(&[(0xC1, b"\xF2\x48\xCD")])),
        ("RSV1 on the second fragment only", frames(&[(0x01, b"x"), (0xC0, b"\x02\x00")])),
        ("RSV1 on a Ping", frames(&[(0xC9, b"x")])),
        ("RSV2, with compression", frames(&[(0xA1, b"x")])),
    ]
    .into_iter()
    .map(|(name, wire)| {
        row(name, wire, |wire| Work::Echo(crate::echo::Echo::of_frames(wire.bytes)))
    })
    .collect()
}

/// Frames to a server.
fn frames(frames: &[(u8, &[u8])]) -> Wire {
    let mut wire = Wire::new(Role::Server);
    for (first, payload) in frames {
        wire.frame(*first, payload);
    }
    wire
}

fn row(name: &str, mut wire: Wire, work: impl FnOnce(Wire) -> Work) -> &'static Row {
    wire.message(0x82, b"good");
    Box::leak(Box::new(Row {
        name: name.into(),
        read: 4096,
        size: 16384,
        work: work(wire),
        // Columns that receive message by message stop after this many.
        truth: Tally { messages: 1, bytes: 4 },
        spoiled: Vec::new(),
    }))
}

/// Whether a column fails the connection on this row. Accepting a Close as valid is not a
/// rejection, and neither is a panic.
pub fn is_refused(column: &Column, row: &'static Row) -> bool {
    refuses(column, row) == Some(true)
}

/// Whether a column supports this row, and does not fail the connection.
pub fn is_passed(column: &Column, row: &'static Row) -> bool {
    refuses(column, row) == Some(false)
}

fn refuses(column: &Column, row: &'static Row) -> Option<bool> {
    let result = catch_unwind(AssertUnwindSafe(|| (column.start)(row).map(|mut run| run())));
    match result {
        Ok(result) => result.map(|result| matches!(result, Err(error) if error != CLOSED)),
        Err(_) => Some(false),
    }
}
