//! The extractor for axum.

use std::convert::Infallible;
use std::future::Future;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use barews::handshake::deflate::DeflateConfig;
use http::HeaderMap;
use http::request::Parts;
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::Error;
use crate::accept::Acceptor;
use crate::options::Options;
use crate::upgrade::{Head, Upgrading};
use crate::websocket::WebSocket;

/// Extracts a request for a WebSocket, over HTTP/1.1 (`get`) or HTTP/2 (`any`).
///
/// ```no_run
/// use axum::{Router, response::Response, routing::any};
/// use barews_tokio::WebSocketUpgrade;
///
/// async fn echo(ws: WebSocketUpgrade) -> Response {
///     ws.deflate().on_upgrade(|mut socket| async move {
///         while let Some(Ok(message)) = socket.recv_message().await {
///             if socket.feed(message).await.is_err() {
///                 return;
///             }
///         }
///     })
/// }
///
/// let app: Router = Router::new().route("/ws", any(echo));
/// ```
///
/// The extractor never rejects. [`on_upgrade`](Self::on_upgrade) answers a request that is not for a
/// WebSocket, or that the checks refuse, with the status that says why: 400, 403, 405 or 426.
#[must_use]
pub struct WebSocketUpgrade<F = fn(Error)> {
    head: Head,
    headers: HeaderMap,
    on_upgrade: Option<OnUpgrade>,
    acceptor: Acceptor,
    on_failed_upgrade: F,
}

impl<F> std::fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocketUpgrade").field("acceptor", &self.acceptor).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let head = Head {
            method: parts.method.clone(),
            target: parts.uri.path().to_owned(),
            version: parts.version,
            protocol: parts.extensions.get::<Protocol>().cloned(),
        };
        Ok(Self {
            head,
            headers: parts.headers.clone(),
            on_upgrade: parts.extensions.remove::<OnUpgrade>(),
            acceptor: Acceptor::new(),
            on_failed_upgrade: |_| {},
        })
    }
}

impl<F> WebSocketUpgrade<F> {
    /// Accepts permessage-deflate; see [`Acceptor::deflate`].
    pub fn deflate(mut self) -> Self {
        self.acceptor = self.acceptor.deflate();
        self
    }

    /// Accepts permessage-deflate as configured; see [`Acceptor::deflate_with`].
    pub fn deflate_with(mut self, config: DeflateConfig) -> Self {
        self.acceptor = self.acceptor.deflate_with(config);
        self
    }

    /// Sets the subprotocols, of which the client's first choice is selected.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.acceptor = self.acceptor.protocols(protocols);
        self
    }

    /// Refuses pages of other origins than these; see [`Acceptor::origins`].
    pub fn origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.acceptor = self.acceptor.origins(origins);
        self
    }

    /// Sets everything at once: what is the same for all requests is built only once.
    pub fn acceptor(mut self, acceptor: Acceptor) -> Self {
        self.acceptor = acceptor;
        self
    }

    /// Sets all limits and timeouts.
    pub const fn options(mut self, options: Options) -> Self {
        self.acceptor.options = options;
        self
    }

    /// Sets the length of the longest message, in bytes; see [`Options::max_message_len`].
    pub const fn max_message_size(mut self, max: usize) -> Self {
        self.acceptor.options = self.acceptor.options.max_message_len(max);
        self
    }

    /// Sets the length of the longest frame, in bytes; see [`Options::max_frame_len`].
    pub const fn max_frame_size(mut self, max: usize) -> Self {
        self.acceptor.options = self.acceptor.options.max_frame_len(max);
        self
    }

    /// Sets what to do if the connection ends before the response is sent.
    pub fn on_failed_upgrade<C>(self, callback: C) -> WebSocketUpgrade<C>
    where
        C: FnOnce(Error) + Send + 'static,
    {
        let Self { head, headers, on_upgrade, acceptor, .. } = self;
        WebSocketUpgrade { head, headers, on_upgrade, acceptor, on_failed_upgrade: callback }
    }

    /// The subprotocol that will be selected.
    pub fn selected_protocol(&self) -> Option<String> {
        let answered = self.head.answer(&self.headers, &self.acceptor);
        answered.ok().and_then(|(_, judged)| judged.protocol.map(String::from))
    }

    /// Answers the request, and runs `callback` with the socket in a task of its own.
    pub fn on_upgrade<C, U>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket<TokioIo<Upgraded>>) -> U + Send + 'static,
        U: Future<Output = ()> + Send + 'static,
        F: FnOnce(Error) + Send + 'static,
    {
        let acceptor = self.acceptor;
        let (response, judged) = match self.head.answer(&self.headers, &acceptor) {
            Ok(answered) => answered,
            Err(refused) => return refused.map(|()| Body::empty()),
        };
        let Some(on_upgrade) = self.on_upgrade else {
            return http::StatusCode::UPGRADE_REQUIRED.into_response();
        };
        let (upgrading, failed) =
            (Upgrading { on_upgrade, acceptor, judged }, self.on_failed_upgrade);
        tokio::spawn(async move {
            match upgrading.await {
                Ok(ws) => callback(ws).await,
                Err(error) => failed(error),
            }
        });
        response.map(|()| Body::empty())
    }
}
