//! The floor: C zlib without a WebSocket.

use super::Codecs;
use crate::columns::{Column, Group, Run, run};
use crate::streams::{Row, Tally, Work};
use crate::zlib::{Compressor, Inflater};

pub const COLUMNS: [(&Column, Option<Codecs>); 2] = [
    (
        &Column {
            name: "floor zlib 1",
            start: |row| start(row, 1),
            note: "only C zlib at level 1: inflates payloads and compresses the messages",
            ..FLOOR
        },
        None,
    ),
    (
        &Column {
            name: "floor zlib 6",
            start: |row| start(row, 6),
            note: "the same at level 6",
            ..FLOOR
        },
        None,
    ),
];

const FLOOR: Column = Column {
    name: "",
    package: "",
    group: Group::Floor,
    unmasks: false,
    protocol: false,
    utf8: false,
    note: "",
    start: |_| None,
};

fn start(row: &'static Row, level: i32) -> Option<Run> {
    let Work::Echo(echo) = &row.work else { return None };
    let (mut compressor, mut inflater) = (Compressor::new(level), Inflater::new());
    let (mut message, mut reply) = (Vec::new(), Vec::new());
    run(move || {
        let mut tally = Tally::default();
        echo.replies.clear();
        for payload in &echo.payloads {
            if !echo.takeover {
                inflater.reset();
                compressor.reset();
            }
            message.clear();
            inflater.message(payload, &mut message)?;
            tally.message(&message);
            reply.clear();
            compressor.message(&message, &mut reply);
            // A frame header only for the verification: the floor is not a WebSocket.
            echo.replies.write(&[&header(reply.len()), &reply]);
        }
        Ok(tally)
    })
}

/// A header of four bytes for every length below 64 KiB, which the verification accepts.
fn header(len: usize) -> [u8; 4] {
    let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    [0xC1, 126, high, low]
}
