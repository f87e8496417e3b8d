//! nexus-web: `FrameReader` and `FrameWriter`, its own sans-IO layer.

use nexus_web::ws::{self, FrameReader, FrameReaderBuilder, FrameWriter, Message};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::{Pipe, Source};

pub static COLUMNS: [&Column; 2] = [
    &Column {
        name: "nexus-web",
        start: |row| start(row, FrameReader::builder()),
        note: "sans-IO, with its own buffer of 1 MiB, the default; SSE2 and AVX2, simdutf8; our driver writes \
               the Pongs",
        ..NEXUS
    },
    &Column {
        name: "nexus-web small buffer",
        start: |row| match row.work {
            Work::Decode { .. } => {
                start(row, FrameReader::builder().buffer_capacity(row.read + 131))
            }
            _ => None,
        },
        note: "the same, with a buffer slightly longer than a read",
        ..NEXUS
    },
];

const NEXUS: Column = Column {
    name: "",
    package: "nexus-web",
    group: Group::Peer,
    unmasks: true,
    protocol: true,
    utf8: true,
    note: "",
    start: |_| None,
};

fn start(row: &'static Row, reader: FrameReaderBuilder) -> Option<Run> {
    match &row.work {
        Work::Decode { role, bytes } => decode(*role, bytes, row.read, reader),
        Work::Send { role, payload, count } => {
            let mut writer = FrameWriter::new(side(*role));
            let mut out = vec![0; writer.max_encoded_len(payload.len())];
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let n = writer.encode_binary(payload, &mut out);
                    std::hint::black_box(&out[..n]);
                    tally.frame(n);
                }
                Ok(tally)
            })
        }
        Work::Header { payload, count } => in_place(Role::Server, payload, *count),
        Work::InPlace { payload, count } => in_place(Role::Client, payload, *count),
        Work::Accept { request, count } => {
            let mut pipe = Pipe::new(Source::new(request, 4096), 1024);
            run(move || {
                let mut tally = Tally::default();
                for _ in 0..*count {
                    let builder = ws::ClientBuilder::new().buffer_capacity(4096);
                    builder.accept::<&mut Pipe>(&mut pipe).map_err(text)?;
                    accepted(&mut tally, pipe.take_output())?;
                }
                Ok(tally)
            })
        }
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}

fn side(role: Role) -> ws::Role {
    match role {
        Role::Server => ws::Role::Server,
        Role::Client => ws::Role::Client,
    }
}

fn decode(
    role: Role,
    bytes: &'static [u8],
    read: usize,
    reader: FrameReaderBuilder,
) -> Option<Run> {
    let mut source = Source::new(bytes, read);
    let mut reader = reader.role(side(role)).build();
    let mut writer = FrameWriter::new(side(role));
    let mut out = [0; 131];
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            if reader.spare().is_empty() {
                reader.compact();
            }
            let n = source.receive(reader.spare());
            reader.filled(n);
            while let Some(message) = reader.next().map_err(text)? {
                match message {
                    Message::Text(text) => tally.message(text.as_bytes()),
                    Message::Binary(bytes) => tally.message(bytes),
                    Message::Ping(payload) => {
                        std::hint::black_box(writer.encode_pong(payload, &mut out).map_err(text)?);
                    }
                    Message::Pong(_) => {}
                    Message::Close(_) => return Err(CLOSED.into()),
                }
            }
        }
        Ok(tally)
    })
}

fn in_place(role: Role, payload: &[u8], count: u64) -> Option<Run> {
    let mut writer = FrameWriter::new(side(role));
    let mut payload = payload.to_vec();
    run(move || {
        let mut tally = Tally::default();
        for _ in 0..count {
            let (header, key) = writer.build_header(0x82, std::hint::black_box(payload.len()));
            if let Some(key) = key {
                ws::apply_mask(&mut payload, key);
            }
            std::hint::black_box(&payload);
            tally.frame(std::hint::black_box(header).len());
        }
        Ok(tally)
    })
}
