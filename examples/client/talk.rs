//! A connection after its opening handshake.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use barews::{
    AssembleError, Assembler, Client, CloseCode, Config, Connection, Data, Event, MaskKeys,
    Message, NoKey,
};

use crate::arguments::Arguments;
use crate::codec::Codec;
use crate::connect::Opened;

/// Masking keys from the operating system (RFC 6455 §10.3).
struct SystemKeys;

impl MaskKeys for SystemKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        let mut key = [0; 4];
        getrandom::fill(&mut key).map_err(|_| NoKey)?;
        Ok(key)
    }
}

struct Talk<'a> {
    stream: TcpStream,
    ws: Connection<Client<SystemKeys>>,
    codec: Option<Codec>,
    messages: Assembler<Vec<u8>>,
    out: Vec<u8>,
    arguments: &'a Arguments,
    /// How many echoes are still to come.
    awaited: usize,
    /// The last number of the feed.
    seen: &'a mut Option<u64>,
}

/// Sends the texts, prints events until the end, and closes once every expected message has
/// arrived. `seen` is the last number of the feed.
pub(crate) fn talk(
    opened: Opened,
    arguments: &Arguments,
    seen: &mut Option<u64>,
) -> Result<(), Box<dyn Error>> {
    let mut rx = opened.rx;
    let config = Config::new();
    let config = config.deflate(opened.deflate.is_some());
    let mut talk = Talk {
        stream: opened.stream,
        ws: Connection::client(config, SystemKeys),
        codec: opened.deflate.map(Codec::new).transpose()?,
        messages: Assembler::new(vec![0; 64 << 10]),
        out: vec![0; 1024],
        arguments,
        awaited: arguments.texts.len(),
        seen,
    };
    for text in &arguments.texts {
        talk.send(text)?;
    }
    if talk.awaited == 0 && !arguments.reconnect {
        talk.close()?;
    }
    loop {
        let mut input = rx.input();
        loop {
            let event = talk.ws.receive(&mut input);
            let n = talk.ws.transmit(&mut talk.out)?;
            talk.stream.write_all(&talk.out[..n])?;
            match event? {
                Event::NeedMore(_) => break,
                Event::Ping(payload) => println!("ping {}", payload.escape_ascii()),
                Event::Pong(payload) => println!("pong {}", payload.escape_ascii()),
                Event::Close(None) => println!("close 1005"),
                Event::Close(Some(close)) => println!("close {} {}", close.code, close.reason),
                Event::Data(data) if talk.codec.is_some() => talk.inflate(data)?,
                Event::Data(data) => talk.receive(&data)?,
            }
        }
        let n = talk.stream.read(rx.spare_mut())?;
        if n == 0 {
            return Ok(talk.ws.receive_eof()?);
        }
        rx.advance(n);
    }
}

impl Talk<'_> {
    fn send(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        // Room for the header, and for incompressible text, which grows.
        let needed = text.len() + text.len() / 8 + 256;
        self.out.resize(self.out.len().max(needed), 0);
        if let Some(codec) = &mut self.codec {
            let n = codec.send_text(&mut self.ws, text, &mut self.out)?;
            return Ok(self.stream.write_all(&self.out[..n])?);
        }
        let n = self.ws.send_text(text, &mut self.out)?;
        Ok(self.stream.write_all(&self.out[..n])?)
    }

    /// Takes a received piece of a message, if compression is in use.
    fn inflate(&mut self, mut data: Data<'_>) -> Result<(), Box<dyn Error>> {
        let Some(mut codec) = self.codec.take() else { return Ok(()) };
        loop {
            match codec.inflate(&mut data) {
                Ok(Some(piece)) => self.receive(&piece)?,
                Ok(None) => break,
                // The next call to `receive` returns this error, and a Close is queued.
                Err(error) => {
                    self.ws.fail(error);
                    break;
                }
            }
        }
        self.codec = Some(codec);
        Ok(())
    }

    /// Takes an uncompressed piece of a message.
    fn receive(&mut self, data: &Data<'_>) -> Result<(), Box<dyn Error>> {
        let message = match self.messages.push(data) {
            Err(AssembleError::StorageFull(full)) => {
                // Doubling keeps the copying linear for a message in many pieces.
                let _ = self.messages.grow(vec![0; full.needed.next_power_of_two()]);
                self.messages.push(data)?
            }
            result => result?,
        };
        match message {
            Some(Message::Text(text)) => {
                println!("text {text}");
                *self.seen = number(text).or(*self.seen);
            }
            Some(Message::Binary(bytes)) => println!("binary {} bytes", bytes.len()),
            None => return Ok(()),
        }
        self.awaited = self.awaited.saturating_sub(1);
        let done = match self.arguments.until {
            0 => self.awaited == 0 && !self.arguments.reconnect,
            until => self.seen.is_some_and(|seen| seen >= until),
        };
        if done { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Box<dyn Error>> {
        let n = self.ws.send_close(CloseCode::NORMAL, "", &mut self.out)?;
        Ok(self.stream.write_all(&self.out[..n])?)
    }
}

/// The number in a message of the feed.
fn number(text: &str) -> Option<u64> {
    text.strip_prefix(r#"{"seq":"#)?.strip_suffix('}')?.parse().ok()
}
