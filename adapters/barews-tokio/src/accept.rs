//! The server's side of the opening handshake.

use std::time::Duration;

#[cfg(feature = "hyper")]
use barews::Connection;
use barews::handshake::deflate::{DeflateAnswer, DeflateConfig};
use barews::handshake::server::{Accept, Fields, Origins, Request, Upgrade};
use barews::session::{Session, SessionEvent};
use barews::{SendBuffer, Server};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Error;
use crate::codec::Codec;
use crate::driver::Driver;
use crate::options::Options;
use crate::pooled::Pooled;
use crate::websocket::WebSocket;

/// Accepts connections, on transports that it is given.
///
/// ```no_run
/// use barews_tokio::Acceptor;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let acceptor = Acceptor::new().deflate().protocols(["chat.v2", "chat.v1"]);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
/// let (stream, _) = listener.accept().await?;
/// let mut ws = acceptor.accept(stream).await?;
/// ws.send("hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Acceptor {
    pub(crate) options: Options,
    pub(crate) deflate: Option<DeflateConfig>,
    protocols: Vec<String>,
    origins: Option<Vec<String>>,
}

impl Acceptor {
    /// Accepts any origin, no subprotocol and no compression.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits and timeouts.
    #[must_use]
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Accepts permessage-deflate (RFC 7692), without context takeover: each message is compressed
    /// by itself, so that a connection needs no memory for it between messages.
    #[must_use]
    pub fn deflate(self) -> Self {
        let config = DeflateConfig::new();
        self.deflate_with(config.server_no_context_takeover(true).client_no_context_takeover(true))
    }

    /// Accepts permessage-deflate as configured. A side with context takeover compresses better, and
    /// costs memory for each connection: 32 KiB to receive, and about 150 KiB to send.
    #[must_use]
    pub const fn deflate_with(mut self, config: DeflateConfig) -> Self {
        self.deflate = Some(config);
        self
    }

    /// Sets the subprotocols, of which the client's first choice is selected.
    #[must_use]
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Refuses pages of other origins than these with the status 403 (RFC 6455 §10.2). Clients that
    /// are not browsers send no origin, and are accepted.
    #[must_use]
    pub fn origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    /// Reads the request of a client and accepts it.
    ///
    /// # Errors
    ///
    /// There was no valid request, or it was refused; the client was answered.
    pub async fn accept<T>(&self, io: T) -> Result<WebSocket<T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        self.accept_if(io, |_| Ok(())).await
    }

    /// Reads the request of a client, and accepts it unless `check` returns an HTTP status to refuse
    /// it with, for instance because of its path or a cookie.
    ///
    /// # Errors
    ///
    /// There was no valid request, or it was refused; the client was answered.
    pub async fn accept_if<T>(
        &self,
        io: T,
        check: impl FnOnce(&Request<'_>) -> Result<(), u16>,
    ) -> Result<WebSocket<T>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let config = self.options.config(self.deflate.is_some());
        let ws = Session::server(config, self.options.timeouts, Duration::ZERO);
        let mut driver = Box::new(Driver::pooled(io, ws, SendBuffer::new(Vec::new())));
        let (mut check, mut error) = (Some(check), Error::Closed);
        let judged = loop {
            if driver.is_over() {
                return Err(error);
            }
            let now = driver.clock.now();
            if let Some(judged) = self.answer(&mut driver, &mut check, &mut error, now)? {
                break judged;
            }
            driver.turn(now).await?;
        };
        let params = judged.answer.map(|answer| answer.params());
        let codec = Codec::new(true, params, &self.options);
        let mut ws = WebSocket::server(*driver, codec, judged.protocol);
        // The client may wait for the response before it sends anything.
        ws.flush().await?;
        Ok(ws)
    }

    /// Answers the request of a client once it has arrived, and returns what was agreed on; `error` says
    /// why there is nothing. No event is held across an `await`, which would make the future long.
    fn answer<T>(
        &self,
        driver: &mut Pooled<Server, T>,
        check: &mut Option<impl FnOnce(&Request<'_>) -> Result<(), u16>>,
        error: &mut Error,
        now: Duration,
    ) -> Result<Option<Judged>, Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        driver.lend(0);
        let Driver { ws, rx, tx, .. } = driver;
        while let Some(event) = ws.receive(rx, tx, now) {
            match event {
                SessionEvent::Upgrade(upgrade) => {
                    let check = check.take().ok_or(500);
                    let checked = check.and_then(|check| check(&upgrade.request()));
                    match checked.and_then(|()| self.select(&upgrade)) {
                        Ok(judged) => {
                            // The origin was judged.
                            let accept = upgrade.accept(Origins::Any).map(|it| judged.accept(it));
                            ws.answer(accept, tx, now)?;
                            return Ok(Some(judged));
                        }
                        Err(status) => {
                            ws.respond(status, &[], b"", tx, now)?;
                            *error = Error::Refused(status);
                        }
                    }
                }
                SessionEvent::Failed(failure) => *error = failure.into(),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The subprotocol and the compression for a client.
    pub(crate) fn select<'b, R: Fields<'b>>(
        &self,
        upgrade: &Upgrade<'b, R>,
    ) -> Result<Judged, u16> {
        let answer = self.deflate.as_ref().and_then(|config| upgrade.negotiate_deflate(config));
        let is_ours = |offered: &&str| self.protocols.iter().any(|ours| ours == offered);
        let protocol = upgrade.protocols().find(is_ours).map(Box::from);
        self.accepted(upgrade).map_err(barews::handshake::Error::status)?;
        Ok(Judged { answer, protocol })
    }

    pub(crate) fn accepted<'a, 'b, R: Fields<'b>>(
        &self,
        upgrade: &Upgrade<'b, R>,
    ) -> Result<Accept<'a, 'b, R>, barews::handshake::Error> {
        let Some(origins) = &self.origins else { return upgrade.accept(Origins::Any) };
        let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
        upgrade.accept(Origins::ListOrNone(&origins))
    }

    /// The socket on a transport whose opening handshake was done elsewhere.
    #[cfg(feature = "hyper")]
    pub(crate) fn opened<T>(&self, io: T, judged: Judged) -> WebSocket<T>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let params = judged.answer.map(|answer| answer.params());
        let config = self.options.config(params.is_some()).deflate(params.is_some());
        let connection = Connection::server(config);
        let ws = Session::opened(connection, self.options.timeouts, Duration::ZERO);
        let codec = Codec::new(true, params, &self.options);
        let driver = Driver::pooled(io, ws, SendBuffer::new(Vec::new()));
        WebSocket::server(driver, codec, judged.protocol)
    }
}

/// What is negotiated with a client.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) answer: Option<DeflateAnswer>,
    pub(crate) protocol: Option<Box<str>>,
}

impl Judged {
    /// The response that says so.
    pub(crate) fn accept<'a, 'b, R: Fields<'b>>(
        &'a self,
        mut accept: Accept<'a, 'b, R>,
    ) -> Accept<'a, 'b, R> {
        if let Some(answer) = self.answer {
            accept = accept.deflate(answer);
        }
        match &self.protocol {
            Some(protocol) => accept.protocol(protocol),
            None => accept,
        }
    }
}
