//! A connection from its handshake to its end.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use barews::{
    AssembleError, Assembler, CloseCode, Config, Connection, Event, MaskKeys, Message, NoKey,
};

use crate::arguments::Arguments;
use crate::connect::Received;

/// Masking keys from the operating system (RFC 6455 section 10.3).
struct SystemKeys;

impl MaskKeys for SystemKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        let mut key = [0; 4];
        getrandom::fill(&mut key).map_err(|_| NoKey)?;
        Ok(key)
    }
}

/// Sends the texts, prints events until the end, and closes when all is there that was to come. `seen` is the last
/// number of the feed.
pub(crate) fn talk(
    mut stream: TcpStream,
    mut rx: Received,
    arguments: &Arguments,
    seen: &mut Option<u64>,
) -> Result<(), Box<dyn Error>> {
    let texts = &arguments.texts;
    let mut ws = Connection::client(Config::new(), SystemKeys);
    let mut messages = Assembler::new(vec![0; 64 << 10]);
    let mut out = vec![0; 1024];
    let mut awaited = texts.len();
    for text in texts {
        out.resize(out.len().max(text.len() + 256), 0);
        let n = ws.send_text(text, &mut out)?;
        stream.write_all(&out[..n])?;
    }
    if awaited == 0 && !arguments.reconnect {
        let n = ws.send_close(CloseCode::NORMAL, "", &mut out)?;
        stream.write_all(&out[..n])?;
    }
    loop {
        let mut input = rx.input();
        loop {
            let event = ws.receive(&mut input);
            let n = ws.transmit(&mut out)?;
            stream.write_all(&out[..n])?;
            match event? {
                Event::NeedMore(_) => break,
                Event::Ping(payload) => println!("ping {}", payload.escape_ascii()),
                Event::Pong(payload) => println!("pong {}", payload.escape_ascii()),
                Event::Close(None) => println!("close 1005"),
                Event::Close(Some(close)) => println!("close {} {}", close.code, close.reason),
                Event::Data(data) => {
                    let message = match messages.push(&data) {
                        Err(AssembleError::StorageFull(full)) => {
                            // Doubled, so that a message in many pieces is copied seldom.
                            let _ = messages.grow(vec![0; full.needed.next_power_of_two()]);
                            messages.push(&data)?
                        }
                        result => result?,
                    };
                    match message {
                        Some(Message::Text(text)) => {
                            println!("text {text}");
                            *seen = number(text).or(*seen);
                        }
                        Some(Message::Binary(bytes)) => println!("binary {} bytes", bytes.len()),
                        None => continue,
                    }
                    awaited = awaited.saturating_sub(1);
                    let done = match arguments.until {
                        0 => awaited == 0 && !arguments.reconnect,
                        until => seen.is_some_and(|seen| seen >= until),
                    };
                    if done {
                        let n = ws.send_close(CloseCode::NORMAL, "", &mut out)?;
                        stream.write_all(&out[..n])?;
                    }
                }
            }
        }
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Ok(ws.receive_eof()?);
        }
        rx.advance(n);
    }
}

/// The number in a message of the feed.
fn number(text: &str) -> Option<u64> {
    text.strip_prefix(r#"{"seq":"#)?.strip_suffix('}')?.parse().ok()
}
