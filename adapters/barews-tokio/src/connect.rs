//! The client's side of the opening handshake.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use barews::Client;
use barews::deflate::DeflateParams;
use barews::handshake::client::Handshake;
use barews::handshake::deflate::DeflateOffer;
use barews::session::{Session, SessionEvent};
use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::Error;
use crate::options::Options;
use crate::side::{Codec, Keys, Side};
use crate::transport::{Transport, Turn};
use crate::websocket::WebSocket;

/// Opens connections.
///
/// ```no_run
/// use barews_tokio::Connector;
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::new().deflate().header("Authorization", "Bearer 123");
/// let mut ws = connector.connect("ws://127.0.0.1:9001/chat").await?;
/// ws.send("hello").await?;
/// while let Some(message) = ws.recv().await {
///     println!("{:?}", message?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Connector {
    options: Options,
    offers: Vec<DeflateOffer>,
    protocols: Vec<String>,
    origin: Option<String>,
    headers: Vec<(String, String)>,
}

impl Connector {
    /// Offers no subprotocol and no compression.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits and timeouts. The time for the opening handshake starts when the transport
    /// is there.
    #[must_use]
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Offers permessage-deflate (RFC 7692) without context takeover: each message is compressed by
    /// itself, so that a connection needs no memory for it between messages.
    #[must_use]
    pub fn deflate(self) -> Self {
        let offer = DeflateOffer::new();
        self.deflate_with(offer.server_no_context_takeover(true).client_no_context_takeover(true))
    }

    /// Offers permessage-deflate as configured. Further offers are less preferred.
    #[must_use]
    pub fn deflate_with(mut self, offer: DeflateOffer) -> Self {
        self.offers.push(offer);
        self
    }

    /// Offers subprotocols, the preferred one first.
    #[must_use]
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the origin, as a browser does.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Adds a header field to the request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Connects to the host of a `ws` URL, and opens a WebSocket.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`] if `url` is not a `ws` URL. For `wss`, use
    ///   [`connect_over`](Self::connect_over) with a TLS stream.
    /// - [`Error::Io`] if the host cannot be reached, and the errors of `connect_over`.
    pub async fn connect(&self, url: &str) -> Result<WebSocket<TcpStream>, Error> {
        let target = Target::parse(url)?;
        if target.is_secure {
            return Err(Error::Url);
        }
        let stream = TcpStream::connect((target.host_name(), target.port())).await?;
        stream.set_nodelay(true)?;
        self.open(stream, &target).await
    }

    /// Opens a WebSocket for a `ws` or `wss` URL over a transport that leads to its host.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`] if `url` is not a WebSocket URL.
    /// - [`Error::Rejected`] if the server answers with another status than 101.
    /// - [`Error::Failed`] if its answer is not valid, or comes too late.
    /// - [`Error::Handshake`] if a header field, subprotocol or the host is not valid.
    pub async fn connect_over<T>(&self, io: T, url: &str) -> Result<WebSocket<T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        self.open(io, &Target::parse(url)?).await
    }

    async fn open<T>(&self, io: T, target: &Target) -> Result<WebSocket<T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let headers: Vec<_> =
            self.headers.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
        let path = target.path();
        let mut handshake = Handshake::new(rand::random(), target.host_name(), &path);
        handshake = handshake.secure(target.is_secure).port(target.port());
        handshake = handshake.protocols(&protocols).deflate(&self.offers).headers(&headers);
        if let Some(origin) = &self.origin {
            handshake = handshake.origin(origin);
        }
        let config = self.options.config(!self.offers.is_empty());
        let mut transport = Box::new(Transport::new(io));
        let (timeouts, tx) = (self.options.timeouts, &mut transport.tx);
        let ws = Session::client(config, timeouts, Keys, &handshake, tx, Duration::ZERO)?;
        let mut ws = Box::new(ws);
        let mut error = None;
        let opened = poll_fn(|context| poll_open(context, &mut ws, &mut transport, &mut error));
        let (params, protocol) = opened.await?;
        let codec = Codec::new(Side::Client(ws), params, &self.options);
        Ok(WebSocket::new(*transport, codec, protocol))
    }
}

type Opened = (Option<DeflateParams>, Option<Box<str>>);

fn poll_open<T: AsyncRead + AsyncWrite + Unpin>(
    context: &mut Context<'_>,
    ws: &mut Session<Client<Keys>>,
    transport: &mut Transport<T>,
    error: &mut Option<Error>,
) -> Poll<Result<Opened, Error>> {
    loop {
        let now = transport.now();
        match ws.receive(&mut transport.rx, &mut transport.tx, now) {
            Some(SessionEvent::Opened(it)) => {
                return Poll::Ready(Ok((it.deflate(), it.protocol().map(Box::from))));
            }
            Some(SessionEvent::Rejected(it)) => {
                return Poll::Ready(Err(Error::Rejected(it.status())));
            }
            Some(SessionEvent::Failed(failure)) => *error = Some(failure.into()),
            Some(_) => {}
            None => match ready!(transport.poll_turn(ws, now, context))? {
                Turn::Again => {}
                Turn::Over => return Poll::Ready(Err(error.take().unwrap_or(Error::Closed))),
            },
        }
    }
}

/// The parts of a URL that the request names.
struct Target {
    uri: Uri,
    is_secure: bool,
}

impl Target {
    fn parse(url: &str) -> Result<Self, Error> {
        // RFC 6455 §3: a fragment is not allowed. `http` drops it.
        if url.contains('#') {
            return Err(Error::Url);
        }
        let uri: Uri = url.parse().map_err(|_| Error::Url)?;
        let is_secure = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("ws") => false,
            Some(scheme) if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(Error::Url),
        };
        let authority = uri.authority().ok_or(Error::Url)?;
        // `http` has checked the syntax only. User information would be lost.
        let (host, rest) = (authority.host(), authority.as_str());
        match rest.strip_prefix(host) {
            Some("") if !host.is_empty() => {}
            Some(_) if !host.is_empty() && authority.port_u16().is_some_and(|port| port > 0) => {}
            _ => return Err(Error::Url),
        }
        Ok(Self { uri, is_secure })
    }

    /// As it is in the `Host` field: an IPv6 address has brackets.
    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    fn host_name(&self) -> &str {
        self.host().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_secure { 443 } else { 80 })
    }

    /// RFC 6455 §3: an empty path is `/`.
    fn path(&self) -> String {
        let path = self.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
    }
}
