//! edge-ws: frames over an always-ready `embedded-io-async` transport, without a runtime.

use edge_ws::{FrameHeader, FrameType, io};
use futures::executor::block_on;

use super::{CLOSED, Column, Group, Run, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMN: Column = Column {
    name: "edge-ws",
    package: "edge-ws",
    group: Group::Peer,
    unmasks: true,
    protocol: false,
    utf8: false,
    note: "no_std, frames only; two reads per frame, no buffer; our driver writes the Pongs; its handshake is in \
           edge-http",
    start,
};

fn start(row: &'static Row) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => decode(*role, bytes, row),
        Work::Send { role, payload, count } => {
            let mut pipe = Pipe::sink(payload.len() + 14);
            let written = pipe.written();
            let mut keys = fastrand::Rng::new();
            run(move || {
                let before = written.get();
                block_on(async {
                    for _ in 0..*count {
                        let key = (*role == Role::Client).then(|| keys.u32(..));
                        io::send(&mut pipe, FrameType::Binary(false), key, payload)
                            .await
                            .map_err(text)?;
                    }
                    Ok(Tally { messages: *count, bytes: written.get() - before })
                })
            })
        }
        Work::Header { payload, count } => in_place(payload, *count, false),
        Work::InPlace { payload, count } => in_place(payload, *count, true),
        _ => None,
    }
}

fn decode(role: Role, bytes: &'static [u8], row: &'static Row) -> Option<Run> {
    let mut pipe = Pipe::new(Source::new(bytes, row.read), 131);
    let mut frame = vec![0; row.size.max(131)];
    let mut keys = fastrand::Rng::new();
    run(move || {
        block_on(async {
            let mut tally = Tally::default();
            while tally.messages < row.truth.messages {
                let (kind, n) = io::recv(&mut pipe, &mut frame).await.map_err(text)?;
                match kind {
                    FrameType::Text(_) | FrameType::Binary(_) | FrameType::Continue(_) => {
                        tally.piece(&frame[..n], kind.is_final());
                    }
                    FrameType::Ping => {
                        let key = (role == Role::Client).then(|| keys.u32(..));
                        io::send(&mut pipe, FrameType::Pong, key, &frame[..n])
                            .await
                            .map_err(text)?;
                    }
                    FrameType::Pong => {}
                    FrameType::Close => return Err(CLOSED.into()),
                }
            }
            Ok(tally)
        })
    })
}

fn in_place(payload: &'static [u8], count: u64, masked: bool) -> Option<Run> {
    let mut keys = fastrand::Rng::new();
    let mut payload = payload.to_vec();
    run(move || {
        let mut tally = Tally::default();
        for _ in 0..count {
            let header = FrameHeader {
                frame_type: FrameType::Binary(false),
                payload_len: std::hint::black_box(payload.len()) as u64,
                mask_key: masked.then(|| keys.u32(..)),
            };
            let mut out = [0; FrameHeader::MAX_LEN];
            let n = header.serialize(&mut out).map_err(text)?;
            header.mask(&mut payload, 0);
            std::hint::black_box((&out, &payload));
            tally.frame(n);
        }
        Ok(tally)
    })
}
