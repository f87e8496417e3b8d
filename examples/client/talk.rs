//! What the client does with the events of a connection.

use std::time::Instant;

use barews::session::SessionEvent;
use barews::{Assembler, CloseCode, Compressed, Data, Kind, Message};

use crate::arguments::Arguments;
use crate::codec::Codec;
use crate::websocket::{Failure, WebSocket};

/// What is known of the numbered feed, over all connections.
#[derive(Default)]
pub(crate) struct Feed {
    /// The last number received.
    pub(crate) seen: Option<u64>,
}

impl Feed {
    /// Takes a message. If messages before it were lost, or it came before, returns the last number
    /// and the one with which the feed continues.
    fn take(&mut self, text: &str) -> Option<(u64, u64)> {
        if let Some(next) = number(text, r#"{"gap":"#) {
            // What the server announces need not be announced again.
            let last = self.seen.replace(next.saturating_sub(1));
            return Some((last.unwrap_or(0), next));
        }
        let next = number(text, r#"{"seq":"#)?;
        let last = self.seen.replace(next)?;
        (next != last.saturating_add(1)).then_some((last, next))
    }
}

/// One connection.
pub(crate) struct Talk<'a> {
    arguments: &'a Arguments,
    codec: Option<Codec>,
    messages: Assembler<Vec<u8>>,
    /// How many echoes are still to come.
    awaited: usize,
    feed: &'a mut Feed,
    /// When the opening handshake was complete.
    pub(crate) opened: Option<Instant>,
    pub(crate) failure: Option<Failure>,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(arguments: &'a Arguments, feed: &'a mut Feed) -> Self {
        Self {
            arguments,
            codec: None,
            messages: Assembler::new(Vec::new()),
            awaited: arguments.texts.len(),
            feed,
            opened: None,
            failure: None,
        }
    }

    /// Sends the texts, prints events, and closes once every expected message has arrived.
    pub(crate) fn on_event(
        &mut self,
        ws: &mut WebSocket,
        event: SessionEvent<'_>,
    ) -> Result<(), Failure> {
        match event {
            SessionEvent::Opened(accepted) => {
                let protocol = accepted.protocol().unwrap_or("-");
                let extensions = accepted.header("Sec-WebSocket-Extensions").next();
                let extensions = extensions.map_or("-".into(), String::from_utf8_lossy);
                println!("open protocol={protocol} extensions={extensions}");
                self.opened = Some(Instant::now());
                self.codec = accepted.deflate().map(Codec::new).transpose()?;
                self.send(ws)?;
            }
            SessionEvent::Rejected(rejected) => {
                self.failure = Some(format!("rejected with status {}", rejected.status()).into());
            }
            SessionEvent::Data(data) => self.receive(ws, data)?,
            SessionEvent::Ping(payload) => println!("ping {}", payload.escape_ascii()),
            SessionEvent::Pong(payload) => println!("pong {}", payload.escape_ascii()),
            SessionEvent::Close(None) => println!("close 1005"),
            SessionEvent::Close(Some(close)) => println!("close {} {}", close.code, close.reason),
            SessionEvent::Failed(failure) => self.failure = Some(failure.into()),
            // A server's.
            SessionEvent::Upgrade(_) | SessionEvent::Request(_) => {}
        }
        Ok(())
    }

    fn send(&mut self, ws: &mut WebSocket) -> Result<(), Failure> {
        for text in &self.arguments.texts {
            match &mut self.codec {
                Some(codec) => ws.send(Compressed(Kind::Text), codec.deflate(text))?,
                None => ws.send(Kind::Text, text.as_bytes())?,
            }
        }
        if self.is_done() { ws.close(CloseCode::NORMAL) } else { Ok(()) }
    }

    /// Takes a piece of a message.
    fn receive(&mut self, ws: &mut WebSocket, mut data: Data<'_>) -> Result<(), Failure> {
        let Some(mut codec) = self.codec.take() else { return self.add(ws, &data) };
        loop {
            match codec.inflate(&mut data) {
                Ok(Some(piece)) => self.add(ws, &piece)?,
                Ok(None) => break,
                Err(error) => {
                    ws.session.fail(error, &mut ws.tx, ws.start.elapsed());
                    break;
                }
            }
        }
        self.codec = Some(codec);
        Ok(())
    }

    /// Takes an uncompressed piece of a message.
    fn add(&mut self, ws: &mut WebSocket, data: &Data<'_>) -> Result<(), Failure> {
        match self.messages.push(data)? {
            Some(Message::Text(text)) => {
                println!("text {text}");
                if let Some((last, next)) = self.feed.take(text)
                    && self.arguments.resume
                {
                    println!("lost: the feed continues with {next}, after {last}");
                }
            }
            Some(Message::Binary(bytes)) => println!("binary {} bytes", bytes.len()),
            None => return Ok(()),
        }
        self.awaited = self.awaited.saturating_sub(1);
        if self.is_done() { ws.close(CloseCode::NORMAL) } else { Ok(()) }
    }

    /// Whether every expected message has arrived.
    pub(crate) fn is_done(&self) -> bool {
        match self.arguments.until {
            0 => self.awaited == 0 && !self.arguments.reconnect,
            until => self.feed.seen.is_some_and(|seen| seen >= until),
        }
    }
}

/// The number in a message of the feed that begins with `name`.
fn number(text: &str, name: &str) -> Option<u64> {
    text.strip_prefix(name)?.strip_suffix('}')?.parse().ok()
}
