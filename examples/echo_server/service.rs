//! What the server does for a client, decided by its request.

mod handover;

use std::io;
use std::mem::take;

use barews::deflate::{
    CompressionContext, Deflate, DeflateParams, Effort, Inflate, InflateAssembler,
};
use barews::handshake::deflate::{DeflateAnswer, DeflateConfig};
use barews::handshake::server::{Origins, Request, Upgrade};
use barews::session::Session;
use barews::{SendBuffer, Server};

use crate::broadcast::Publisher;
use crate::feed::Place;
use crate::memory::Memory;
use crate::settings::Settings;
use crate::worker::Shared;

/// The page with style and script inlined: the server closes the connection after each HTTP
/// response.
const PAGE: &str = concat!(
    include_str!("page/head.html"),
    "<style>\n",
    include_str!("page/style.css"),
    "</style>\n",
    include_str!("page/body.html"),
    "<script>\n",
    include_str!("page/script.js"),
    "</script>\n</html>\n",
);
/// What came compressed is answered compressed, however short it is.
const EFFORT: Effort = Effort::FAST.threshold(0);

/// What the server sends to a client.
pub(crate) enum Service {
    /// Its own frames.
    Echo,
    /// Its own messages, compressed if they came compressed.
    Deflate(Box<Codec>),
    /// The messages of all clients.
    Broadcast(Box<Publisher>),
    /// The numbered feed, after this place.
    Feed { place: Place },
}

/// Both directions of a client that has negotiated compression.
pub(crate) struct Codec {
    pub(crate) messages: InflateAssembler<Memory, Memory>,
    pub(crate) deflate: Deflate<Memory>,
}

impl Service {
    /// Exchanges the storage for messages, unless it holds an incomplete one.
    pub(crate) fn exchange(&mut self, storage: &mut Memory) {
        match self {
            Self::Deflate(codec) if codec.messages.is_empty() => {
                *storage = codec.messages.grow(take(storage)).unwrap_or_else(|refused| refused);
            }
            Self::Broadcast(publisher) => publisher.exchange(storage),
            Self::Deflate(_) | Self::Echo | Self::Feed { .. } => {}
        }
    }
}

/// Answers an opening handshake.
pub(crate) fn open(
    ws: &mut Session<Server>,
    upgrade: &Upgrade<'_>,
    tx: &mut SendBuffer<Memory>,
    shared: &Shared,
) -> io::Result<Service> {
    let settings = &shared.settings;
    let request = upgrade.request();
    let is_feed = request.path() == "/feed";
    let deflate = if is_feed { None } else { negotiate(upgrade, settings) };
    let ours = |offered: &&str| settings.protocols.iter().any(|name| name == offered);
    // Echo and feed reveal nothing private, so pages of any origin may use them (§10.2).
    let answer = upgrade.accept(Origins::Any).map(|mut accept| {
        if let Some(protocol) = upgrade.protocols().find(ours) {
            accept = accept.protocol(protocol);
        }
        if let Some(deflate) = deflate { accept.deflate(deflate) } else { accept }
    });
    ws.answer(answer, tx, shared.now).map_err(io::Error::other)?;
    let params = deflate.map(|answer| answer.params());
    Ok(if is_feed {
        let after = request.query().and_then(|query| query.strip_prefix("after="));
        Service::Feed { place: Place::new(after.and_then(|n| n.parse().ok())) }
    } else if settings.broadcast {
        let messages = params.map(|params| inflater(params, settings)).transpose()?;
        Service::Broadcast(Box::new(Publisher::new(messages)))
    } else if let Some(params) = params {
        let messages = inflater(params, settings)?;
        Service::Deflate(Box::new(Codec { messages, deflate: deflater(params.server())? }))
    } else {
        Service::Echo
    })
}

/// Answers a request for something other than a WebSocket.
pub(crate) fn respond(
    ws: &mut Session<Server>,
    request: &Request<'_>,
    tx: &mut SendBuffer<Memory>,
    shared: &Shared,
) -> io::Result<()> {
    let (status, header, body) = match (request.method(), request.path()) {
        ("GET", "/") => (200, ("Content-Type", "text/html; charset=utf-8"), PAGE),
        ("GET", _) => (404, ("Content-Type", "text/plain"), ""),
        _ => (405, ("Allow", "GET"), ""),
    };
    ws.respond(status, &[header], body.as_bytes(), tx, shared.now).map_err(io::Error::other)
}

/// The answer to the client's best offer. `None` means no compression.
fn negotiate(upgrade: &Upgrade<'_>, settings: &Settings) -> Option<DeflateAnswer> {
    let bits = settings.deflate?;
    let config = DeflateConfig::new().server_max_window_bits(bits).client_max_window_bits(bits);
    // A broadcast message is compressed once for all clients: it must not depend on earlier
    // messages, and no client may have a smaller window.
    let config = if settings.broadcast {
        config.server_no_context_takeover(true).server_min_window_bits(bits)
    } else {
        config
    };
    upgrade.negotiate_deflate(&config)
}

pub(crate) fn inflater(
    params: DeflateParams,
    settings: &Settings,
) -> io::Result<InflateAssembler<Memory, Memory>> {
    let context = params.client();
    let memory = Memory::new(Inflate::memory(context)).map_err(io::Error::other)?;
    let inflate = Inflate::new(context, memory).map_err(io::Error::other)?;
    let longest = settings.max_message_len as u64;
    Ok(InflateAssembler::new(inflate.max_message_len(longest), Memory::default()))
}

pub(crate) fn deflater(context: CompressionContext) -> io::Result<Deflate<Memory>> {
    let memory = Memory::new(Deflate::memory(context, EFFORT)).map_err(io::Error::other)?;
    Deflate::new(context, EFFORT, memory).map_err(io::Error::other)
}
