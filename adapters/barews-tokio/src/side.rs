//! The session of either role, with what it needs for whole messages.

use std::time::Duration;

use barews::deflate::{Deflate, DeflateParams, Flush, Inflate};
use barews::frame::Content;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{
    Client, CloseCode, Data, Kind, MaskKeys, NoKey, RecvBuffer, SendBuffer, SendError, Server,
};
use bytes::Bytes;

use crate::Error;
use crate::codec::{Incoming, Outgoing};
use crate::message::{Chunk, Message};
use crate::options::Options;

/// Masking keys from a generator that the operating system seeds, one per thread.
#[derive(Debug)]
pub(crate) struct Keys;

impl MaskKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        Ok(rand::random())
    }
}

#[expect(clippy::large_enum_variant, reason = "most connections are those of servers")]
pub(crate) enum Side {
    Server(Session<Server>),
    /// Longer, because it remembers what it has offered.
    Client(Box<Session<Client<Keys>>>),
}

/// Calls the same method on the session of either role.
macro_rules! on {
    ($side:expr, $ws:ident => $call:expr) => {
        match $side {
            $crate::side::Side::Server($ws) => $call,
            $crate::side::Side::Client($ws) => $call,
        }
    };
}
pub(crate) use on;

/// Both directions of an open connection, without the transport.
pub(crate) struct Codec {
    pub(crate) side: Side,
    incoming: Incoming,
    outgoing: Option<Outgoing>,
    /// The caller has read the start of a message in chunks.
    is_chunked: bool,
    /// The start of a message is assembled.
    is_assembling: bool,
}

pub(crate) type Rx = RecvBuffer<Vec<u8>>;
pub(crate) type Tx = SendBuffer<Vec<u8>>;

/// What is received in chunks.
#[derive(Debug)]
pub(crate) enum Received {
    Chunk(Chunk),
    Control(Message),
}

impl From<Message> for Received {
    fn from(message: Message) -> Self {
        let (kind, payload) = match message {
            Message::Text(text) => (Kind::Text, text.into_bytes()),
            Message::Binary(payload) => (Kind::Binary, payload),
            control => return Self::Control(control),
        };
        Self::Chunk(Chunk { kind, payload, fin: true })
    }
}

impl Codec {
    pub(crate) fn new(side: Side, params: Option<DeflateParams>, options: &Options) -> Self {
        let is_server = matches!(side, Side::Server(_));
        Self {
            side,
            incoming: Incoming::new(params, is_server, options.longest_message()),
            outgoing: params.map(|params| Outgoing::new(params, is_server, options.effort)),
            is_chunked: false,
            is_assembling: false,
        }
    }

    /// Gives back what is not needed between messages.
    pub(crate) fn give_back(&mut self) {
        let is_needed = on!(&self.side, ws => !ws.is_open() || ws.is_receiving_message());
        if !is_needed {
            self.incoming.give_back();
        }
    }

    /// The next message or control frame.
    pub(crate) fn receive(
        &mut self,
        rx: &mut Rx,
        tx: &mut Tx,
        now: Duration,
    ) -> Option<Result<Message, Error>> {
        // The rest of a message whose start was read in chunks is not a message.
        while self.is_chunked {
            match self.receive_chunk(rx, tx, now)? {
                Ok(Received::Chunk(_)) => {}
                Ok(Received::Control(message)) => return Some(Ok(message)),
                Err(error) => return Some(Err(error)),
            }
        }
        let Self { side, incoming, .. } = self;
        if let Err(full) = incoming.lend() {
            return Some(Err(full.into()));
        }
        on!(side, ws => {
            let received = whole(ws, incoming, rx, tx, now);
            let was_assembling = self.is_assembling;
            self.is_assembling = ws.is_receiving_message();
            if self.is_assembling && !was_assembling {
                incoming.lend_more();
            }
            received
        })
    }

    /// The next chunk of a message, or control frame. The rest of a message whose start is assembled
    /// comes with its start, as one chunk.
    pub(crate) fn receive_chunk(
        &mut self,
        rx: &mut Rx,
        tx: &mut Tx,
        now: Duration,
    ) -> Option<Result<Received, Error>> {
        if self.is_assembling {
            return Some(self.receive(rx, tx, now)?.map(Received::from));
        }
        if let Err(full) = self.incoming.lend() {
            return Some(Err(full.into()));
        }
        let Self { side, incoming, .. } = self;
        let received = on!(side, ws => chunk(ws, incoming, rx, tx, now));
        if let Some(Ok(Received::Chunk(chunk))) = &received {
            self.is_chunked = !chunk.fin;
        }
        received
    }

    /// Queues a message or control frame. Only a Close needs the time.
    pub(crate) fn send(
        &mut self,
        message: &Message,
        tx: &mut Tx,
        now: impl Fn() -> Duration,
    ) -> Result<(), Error> {
        let Self { side, outgoing, .. } = self;
        let message = match message {
            Message::Close(None) => return self.close(CloseCode::NO_STATUS, "", tx, now()),
            Message::Close(Some(it)) => return self.close(it.code, &it.reason, tx, now()),
            _ if !on!(&*side, ws => ws.is_open()) => return Err(Error::Closed),
            Message::Ping(payload) => return Ok(on!(side, ws => ws.send_ping(payload, tx))?),
            Message::Pong(payload) => return Ok(on!(side, ws => ws.send_pong(payload, tx))?),
            Message::Text(text) => barews::Message::Text(text),
            Message::Binary(payload) => barews::Message::Binary(payload),
        };
        on!(side, ws => match outgoing {
            // The compressor is inside of a message.
            Some(_) if ws.is_sending_message() => return Err(SendError::MessageInProgress.into()),
            Some(outgoing) => {
                outgoing.with(false, |deflate| ws.send_compressed(message, deflate, tx))??;
            }
            None => ws.send_message(message, tx)?,
        });
        Ok(())
    }

    /// Queues a fragment of a message.
    pub(crate) fn send_chunk(
        &mut self,
        chunk: barews::Message<'_>,
        fin: bool,
        tx: &mut Tx,
    ) -> Result<(), Error> {
        let (kind, payload) = (chunk.kind(), chunk.as_bytes());
        let Self { side, outgoing, .. } = self;
        on!(side, ws => {
            if !ws.is_open() {
                return Err(Error::Closed);
            }
            let Some(outgoing) = outgoing else {
                return Ok(ws.send_fragment(kind, fin, payload, tx)?);
            };
            if !outgoing.may_continue(kind, ws.is_sending_message()) {
                return Err(SendError::MessageInProgress.into());
            }
            outgoing.with(!fin, |deflate| {
                // 4 bytes are the end of a sync flush.
                let mut out = vec![0; Deflate::max_len(payload.len()).saturating_add(4)];
                let flush = if fin { Flush::Finish } else { Flush::Sync };
                let n = deflate.push(payload, flush, &mut out).written;
                let sent = ws.send_fragment(Content::new(kind, true), fin, &out[..n], tx);
                if sent.is_err() {
                    deflate.forget();
                }
                sent
            })??;
        });
        Ok(())
    }

    /// Queues a Close, if there is none.
    pub(crate) fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        tx: &mut Tx,
        now: Duration,
    ) -> Result<(), Error> {
        Ok(on!(&mut self.side, ws => ws.close(code, reason, tx, now))?)
    }
}

fn whole<R: SessionRole>(
    ws: &mut Session<R>,
    incoming: &mut Incoming,
    rx: &mut Rx,
    tx: &mut Tx,
    now: Duration,
) -> Option<Result<Message, Error>> {
    // A longer message was assembled.
    let capacity = rx.capacity();
    loop {
        let event = match incoming {
            Incoming::Plain(messages) => ws.receive_message(rx, messages, tx, now)?,
            Incoming::Compressed { inflater, .. } => {
                ws.receive_message(rx, &mut **inflater.as_mut()?, tx, now)?
            }
        };
        let event = match event {
            SessionEvent::Data(barews::Message::Binary(payload)) if payload.len() > capacity => {
                let len = payload.len();
                return Some(Ok(Message::Binary(incoming.take(len))));
            }
            SessionEvent::Data(message) => return Some(Ok(Message::copied(message))),
            event => control(event),
        };
        if event.is_some() {
            return event;
        }
    }
}

/// What is the same for messages and chunks. The events of the opening handshake are over.
fn control<D>(event: SessionEvent<'_, D>) -> Option<Result<Message, Error>> {
    Some(match event {
        SessionEvent::Ping(payload) => Ok(Message::Ping(Bytes::copy_from_slice(&payload))),
        SessionEvent::Pong(payload) => Ok(Message::Pong(Bytes::copy_from_slice(&payload))),
        SessionEvent::Close(close) => Ok(Message::Close(close.map(Into::into))),
        SessionEvent::Failed(failure) => Err(failure.into()),
        SessionEvent::Data(_)
        | SessionEvent::Upgrade(_)
        | SessionEvent::Request(_)
        | SessionEvent::Opened(_)
        | SessionEvent::Rejected(_) => return None,
    })
}

fn chunk<R: SessionRole>(
    ws: &mut Session<R>,
    incoming: &mut Incoming,
    rx: &mut Rx,
    tx: &mut Tx,
    now: Duration,
) -> Option<Result<Received, Error>> {
    loop {
        let mut data = match ws.receive(rx, tx, now)? {
            SessionEvent::Data(data) => data,
            event => match control(event) {
                Some(event) => return Some(event.map(Received::Control)),
                None => continue,
            },
        };
        let (kind, fin) = (data.kind, data.fin);
        let payload = match incoming {
            Incoming::Compressed { inflater: Some(inflater), .. } if data.compressed => {
                inflated(inflater.inflate(), &mut data)
            }
            _ => Ok(Bytes::copy_from_slice(data.payload)),
        };
        match payload {
            Ok(payload) => return Some(Ok(Received::Chunk(Chunk { kind, payload, fin }))),
            // The next event says so.
            Err(error) => ws.fail(error, tx, now),
        }
    }
}

/// All that comes out of a compressed chunk. It is at most about a thousand times as long.
fn inflated(inflate: &mut Inflate<Vec<u8>>, data: &mut Data<'_>) -> Result<Bytes, barews::Error> {
    let (mut all, mut out) = (Vec::new(), [0; 4096]);
    while let Some(chunk) = inflate.push(data, &mut out)? {
        all.extend_from_slice(chunk.payload);
    }
    Ok(all.into())
}
