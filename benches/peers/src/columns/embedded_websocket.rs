//! embedded-websocket: `WebSocket::read` and `write`, from one slice to another.

use embedded_websocket::{
    EmptyRng, Error, WebSocket, WebSocketReceiveMessageType as Received,
    WebSocketSendMessageType as Sent, WebSocketState, WebSocketType, read_http_header,
};

use super::{CLOSED, Column, Group, Run, accepted, run, text};
use crate::streams::{Role, Row, Tally, Work};
use crate::transport::Source;

pub static COLUMN: Column = Column {
    name: "embedded-websocket",
    package: "embedded-websocket",
    group: Group::Peer,
    unmasks: true,
    protocol: false,
    utf8: false,
    note: "sans-IO, no_std; pieces as they arrive, copied byte by byte; a client's keys are zero here; our \
           driver writes the Pongs",
    start,
};

fn start(row: &'static Row) -> Option<Run> {
    let server = || WebSocket::<EmptyRng, embedded_websocket::Server>::new_server();
    let client = || WebSocket::<EmptyRng, embedded_websocket::Client>::new_client(EmptyRng::new());
    match &row.work {
        Work::Decode { role, bytes } => {
            let source = Source::new(bytes, row.read);
            match role {
                Role::Server => decode(server(), source, row.read),
                Role::Client => decode(client(), source, row.read),
            }
        }
        Work::Send { role, payload, count } => match role {
            Role::Server => send(server(), payload, *count),
            Role::Client => send(client(), payload, *count),
        },
        Work::Accept { request, count } => run(move || {
            let mut tally = Tally::default();
            for _ in 0..*count {
                let mut headers = [httparse::EMPTY_HEADER; 32];
                let mut head = httparse::Request::new(&mut headers);
                head.parse(request).map_err(text)?;
                let headers = head.headers.iter().map(|header| (header.name, header.value));
                let request = read_http_header(headers).map_err(text)?.ok_or("no request")?;
                let mut out = [0; 512];
                let n = server()
                    .server_accept(&request.sec_websocket_key, None, &mut out)
                    .map_err(text)?;
                accepted(&mut tally, &out[..n])?;
            }
            Ok(tally)
        }),
        Work::Header { .. } | Work::InPlace { .. } => None,
        #[cfg(feature = "deflate")]
        Work::Echo(_) => None,
    }
}

fn decode<T: WebSocketType + 'static>(
    mut ws: WebSocket<EmptyRng, T>,
    mut source: Source,
    read: usize,
) -> Option<Run> {
    ws.state = WebSocketState::Open;
    let mut buffer = vec![0; read + 131];
    let mut to = vec![0; read + 131];
    let mut out = [0; 131];
    let mut held = 0;
    run(move || {
        let mut tally = Tally::default();
        while !source.ended() {
            let end = held + source.receive(&mut buffer[held..]);
            let mut bytes = &buffer[..end];
            while !bytes.is_empty() {
                let part = match ws.read(bytes, &mut to) {
                    Ok(part) => part,
                    Err(Error::ReadFrameIncomplete) => break,
                    Err(error) => return Err(text(error)),
                };
                if part.len_from == 0 {
                    return Err("a read made no progress".into());
                }
                bytes = &bytes[part.len_from..];
                let payload = &to[..part.len_to];
                match part.message_type {
                    Received::Text | Received::Binary => tally.piece(payload, part.end_of_message),
                    Received::Ping => {
                        let pong = ws.write(Sent::Pong, true, payload, &mut out).map_err(text)?;
                        std::hint::black_box(pong);
                    }
                    Received::Pong => {}
                    Received::CloseCompleted | Received::CloseMustReply => {
                        return Err(CLOSED.into());
                    }
                }
            }
            held = bytes.len();
            buffer.copy_within(end - held..end, 0);
        }
        Ok(tally)
    })
}

fn send<T: WebSocketType + 'static>(
    mut ws: WebSocket<EmptyRng, T>,
    payload: &'static [u8],
    count: u64,
) -> Option<Run> {
    ws.state = WebSocketState::Open;
    let mut out = vec![0; payload.len() + 14];
    run(move || {
        let mut tally = Tally::default();
        for _ in 0..count {
            let n = ws.write(Sent::Binary, true, payload, &mut out).map_err(text)?;
            std::hint::black_box(&out[..n]);
            tally.frame(n);
        }
        Ok(tally)
    })
}
