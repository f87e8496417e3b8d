//! What RFC 6455 forbids: each fault once, to see who refuses it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::columns::{CLOSED, Column};
use crate::streams::{Role, Row, Tally, Wire, Work};

/// Every fault as a row of its own, with a good message behind it.
pub fn all() -> Vec<&'static Row> {
    let server = || Wire::new(Role::Server);
    let frames = |frames: &[(u8, &[u8])]| {
        let mut wire = server();
        for (first, payload) in frames {
            wire.frame(*first, payload);
        }
        wire
    };
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
        ("a frame without a mask, to a server", raw(Role::Server, b"\x82\x01x")),
        ("a masked frame, to a client", raw(Role::Client, b"\x82\x81\x01\x02\x03\x04x")),
        ("a length in more bytes than it needs", raw(Role::Client, b"\x82\x7E\x00\x01x")),
        ("a Ping in fragments", frames(&[(0x09, b"x"), (0x80, b"x")])),
        ("a Ping of 126 bytes", frames(&[(0x89, &[b'x'; 126])])),
        ("a fragment of no message", frames(&[(0x80, b"x")])),
        ("a message inside another", frames(&[(0x02, b"x"), (0x82, b"x")])),
        ("a Close of one byte", frames(&[(0x88, b"\x03")])),
        ("a Close with code 1005", frames(&[(0x88, b"\x03\xED")])),
        ("a Close whose reason is no UTF-8", frames(&[(0x88, b"\x03\xE8\xFF")])),
        ("a text that is no UTF-8", frames(&[(0x81, b"x\xFF")])),
        ("a text that ends inside a character", frames(&[(0x81, b"x\xE6\x9D")])),
        ("fragments of a text that is no UTF-8", frames(&[(0x01, b"x\xE6"), (0x80, b"x")])),
        ("a text that is no UTF-8, cut by a read", frames(&[(0x81, &long)])),
    ]
    .into_iter()
    .map(|(name, mut wire)| {
        wire.message(0x82, b"good");
        let row = Row {
            name: name.into(),
            read: 4096,
            size: 16384,
            work: Work::Decode { role: wire.role, bytes: wire.bytes },
            // Who asks for one message after the other is content with this.
            truth: Tally { messages: 1, bytes: 4 },
            spoiled: Vec::new(),
        };
        &*Box::leak(Box::new(row))
    })
    .collect()
}

/// Whether a column fails a connection that receives this row. A Close that is taken for good is no
/// refusal; a panic is none either.
pub fn is_refused(column: &Column, row: &'static Row) -> bool {
    let result = catch_unwind(AssertUnwindSafe(|| (column.start)(row).map(|mut run| run())));
    matches!(result, Ok(Some(Err(error))) if error != CLOSED)
}
