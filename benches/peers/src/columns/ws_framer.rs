//! ws-framer: `WsRxFramer` and `WsTxFramer`, on borrowed buffers.

use ws_framer::{WsFrame, WsRxFramer, WsTxFramer};

use super::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMN: Column = Column {
    name: "ws-framer",
    package: "ws-framer",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "sans-IO, no_std; its buffer must hold a message, and every frame moves the rest of it; our \
           driver writes the Pongs; no server handshake",
    start,
};

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => {
            let mut source = Source::new(bytes, row.read);
            let buffer = Box::leak(vec![0; row.read.max(row.size) + 131].into_boxed_slice());
            let mut rx = WsRxFramer::new(buffer);
            let mut tx = sender(*role, 125);
            run(move || {
                let mut tally = Tally::default();
                while !source.ended() {
                    let n = source.receive(rx.read_buf());
                    rx.advance(n);
                    while let Some(frame) = rx.next_frame() {
                        match frame.map_err(text)? {
                            WsFrame::Text(text) => tally.message(text.as_bytes()),
                            WsFrame::Binary(bytes) => tally.message(bytes),
                            WsFrame::Ping(payload) => {
                                std::hint::black_box(tx.pong(payload));
                            }
                            WsFrame::Pong(_) => {}
                            WsFrame::Close(..) => return Err(CLOSED.into()),
                        }
                    }
                }
                Ok(tally)
            })
        }
        Work::Send { role, payload, count } => {
            let mut tx = sender(*role, payload.len());
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let frame = tx.binary(payload).ok_or("no room")?;
                    tally.frame(std::hint::black_box(frame).len());
                }
                Ok(tally)
            })
        }
        _ => None,
    }
}

fn sender(role: Role, payload_len: usize) -> WsTxFramer<'static> {
    WsTxFramer::new(role == Role::Client, Box::leak(vec![0; payload_len + 14].into_boxed_slice()))
}
