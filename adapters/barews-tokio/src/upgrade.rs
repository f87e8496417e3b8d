//! WebSocket for hyper 1, over HTTP/1.1 (RFC 6455 §4) and HTTP/2 (RFC 8441).
//!
//! ```no_run
//! use barews_tokio::{Acceptor, upgrade::upgrade};
//! use hyper::{Request, Response, body::Incoming};
//!
//! async fn service(mut request: Request<Incoming>) -> Result<Response<String>, hyper::Error> {
//!     let response = match upgrade(&mut request, &Acceptor::new().deflate()) {
//!         Ok((response, upgrading)) => {
//!             tokio::spawn(async move {
//!                 let mut ws = upgrading.await?;
//!                 ws.send("hello").await
//!             });
//!             response
//!         }
//!         Err(response) => response,
//!     };
//!     Ok(response.map(|()| String::new()))
//! }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use barews::handshake::server::{HttpVersion, Upgrade};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::Error;
use crate::accept::{Acceptor, Judged};
use crate::websocket::WebSocket;

/// Checks a request for a WebSocket, and returns the response to send and the socket to come.
///
/// Over HTTP/2, the server must enable extended CONNECT:
/// [`enable_connect_protocol`](hyper::server::conn::http2::Builder::enable_connect_protocol).
///
/// # Errors
///
/// The response to send if there is no such request, or if it is refused.
pub fn upgrade<B>(
    request: &mut Request<B>,
    acceptor: &Acceptor,
) -> Result<(Response<()>, Upgrading), Response<()>> {
    let on_upgrade = hyper::upgrade::on(&mut *request);
    let head = Head {
        method: request.method().clone(),
        target: request.uri().path().to_owned(),
        version: request.version(),
        protocol: request.extensions().get::<Protocol>().cloned(),
    };
    let (response, judged) = head.answer(request.headers(), acceptor)?;
    Ok((response, Upgrading { on_upgrade, acceptor: acceptor.clone(), judged }))
}

/// A socket that opens once the response was sent.
#[must_use = "the socket is dropped"]
pub struct Upgrading {
    pub(crate) on_upgrade: OnUpgrade,
    pub(crate) acceptor: Acceptor,
    pub(crate) judged: Judged,
}

impl std::fmt::Debug for Upgrading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgrading").field("judged", &self.judged).finish_non_exhaustive()
    }
}

impl Future for Upgrading {
    type Output = Result<WebSocket<TokioIo<Upgraded>>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let upgraded = ready!(Pin::new(&mut self.on_upgrade).poll(context));
        let upgraded = upgraded.map_err(std::io::Error::other)?;
        let Self { acceptor, judged, .. } = &*self;
        Poll::Ready(Ok(acceptor.opened(TokioIo::new(upgraded), judged.clone())))
    }
}

/// What a request is about, without its header fields.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) protocol: Option<Protocol>,
}

impl Head {
    /// The response, and what was negotiated.
    pub(crate) fn answer(
        &self,
        headers: &HeaderMap,
        acceptor: &Acceptor,
    ) -> Result<(Response<()>, Judged), Response<()>> {
        let is_http2 = self.version == Version::HTTP_2;
        if is_http2 && self.method != Method::CONNECT {
            return Err(refusal(StatusCode::UPGRADE_REQUIRED.as_u16()));
        }
        let protocol = self.protocol.as_ref().map_or("", Protocol::as_str);
        let version = match self.version {
            Version::HTTP_11 => HttpVersion::Http11,
            _ => HttpVersion::Http10,
        };
        let upgrade = if is_http2 {
            Upgrade::from_connect(protocol, headers)
        } else {
            Upgrade::from_parts(self.method.as_str(), &self.target, version, headers)
        };
        let upgrade = upgrade.map_err(|error| {
            let mut response = refusal(error.status());
            // HTTP/2 has no `Connection` and no `Upgrade` (RFC 9113 §8.2.2).
            if !is_http2 {
                add(&mut response, error.response_fields());
            }
            response
        })?;
        let judged = acceptor.select(&upgrade).map_err(refusal)?;
        let accept = acceptor.accepted(&upgrade).map_err(|error| refusal(error.status()))?;
        let failed = |_| refusal(StatusCode::INTERNAL_SERVER_ERROR.as_u16());
        let mut response = Response::new(());
        add(&mut response, judged.accept(accept).response_fields().map_err(failed)?);
        if !is_http2 {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        Ok((response, judged))
    }
}

fn add<'a>(response: &mut Response<()>, fields: impl Iterator<Item = (&'a str, impl ToString)>) {
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::try_from(value.to_string()))
        {
            response.headers_mut().append(name, value);
        }
    }
}

fn refusal(status: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    response
}
