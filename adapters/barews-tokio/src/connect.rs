//! The client's side of the opening handshake.

use std::time::Duration;

use barews::handshake::client::{Handshake, InvalidUri, Response, Uri};
use barews::handshake::deflate::DeflateOffer;
use barews::session::Session;
use barews::{Client, SendBuffer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::Error;
use crate::codec::{Codec, Keys};
use crate::driver::Driver;
use crate::options::Options;
use crate::pooled::Pooled;
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

    /// Connects to the host of a `ws` URI, and opens a WebSocket.
    ///
    /// # Errors
    ///
    /// - [`Error::Uri`] if `uri` is not a `ws` URI. For `wss`, use
    ///   [`connect_over`](Self::connect_over) with a TLS stream.
    /// - [`Error::Io`] if the host cannot be reached, and the errors of `connect_over`.
    pub async fn connect(&self, uri: &str) -> Result<WebSocket<TcpStream>, Error> {
        let uri = Uri::parse(uri)?;
        if uri.is_secure() {
            return Err(InvalidUri::Scheme.into());
        }
        let stream = TcpStream::connect((uri.address(), uri.port())).await?;
        stream.set_nodelay(true)?;
        self.open(stream, &uri).await
    }

    /// Opens a WebSocket for a `ws` or `wss` URI over a transport that leads to its host.
    ///
    /// # Errors
    ///
    /// - [`Error::Uri`] if `uri` is not a WebSocket URI.
    /// - [`Error::Rejected`] if the server answers with another status than 101.
    /// - [`Error::Failed`] if its answer is not valid, or comes too late.
    /// - [`Error::Handshake`] if a header field, subprotocol or the host is not valid.
    pub async fn connect_over<T>(&self, io: T, uri: &str) -> Result<WebSocket<T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        self.open(io, &Uri::parse(uri)?).await
    }

    async fn open<T>(&self, io: T, uri: &Uri<'_>) -> Result<WebSocket<T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let mut driver = Box::new(self.driver(io, uri)?);
        let (params, protocol) = driver
            .open(|response| match response {
                Response::Accepted(it) => Ok((it.deflate(), it.protocol().map(Box::from))),
                Response::Rejected(it) => Err(Error::Rejected(it.status())),
            })
            .await??;
        let codec = Codec::new(false, params, &self.options);
        Ok(WebSocket::client(*driver, codec, protocol))
    }

    /// With the request queued.
    fn driver<T>(&self, io: T, uri: &Uri<'_>) -> Result<Pooled<Client<Keys>, T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let headers: Vec<_> =
            self.headers.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
        let mut handshake = Handshake::to(rand::random(), uri);
        handshake = handshake.protocols(&protocols).deflate(&self.offers).headers(&headers);
        if let Some(origin) = &self.origin {
            handshake = handshake.origin(origin);
        }
        let config = self.options.config(!self.offers.is_empty());
        let (timeouts, mut tx) = (self.options.timeouts, SendBuffer::new(Vec::new()));
        let ws = Session::client(config, timeouts, Keys, &handshake, &mut tx, Duration::ZERO)?;
        Ok(Driver::pooled(io, ws, tx))
    }
}
