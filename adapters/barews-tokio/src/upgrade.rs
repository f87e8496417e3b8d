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
        host: request.uri().authority().map(|authority| authority.as_str().to_owned()),
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
    pub(crate) host: Option<String>,
    pub(crate) protocol: Option<Protocol>,
}

impl Head {
    /// The response, and what was negotiated.
    pub(crate) fn answer(
        &self,
        headers: &HeaderMap,
        acceptor: &Acceptor,
    ) -> Result<(Response<()>, Judged), Response<()>> {
        if self.version == Version::HTTP_2 {
            return self.answer_http2(headers, acceptor);
        }
        let version = match self.version {
            Version::HTTP_11 => HttpVersion::Http11,
            _ => HttpVersion::Http10,
        };
        match Upgrade::from_parts(self.method.as_str(), &self.target, version, headers) {
            Ok(upgrade) => {
                let judged = acceptor.select(&upgrade).map_err(refusal)?;
                accepted(&upgrade, acceptor, &judged, StatusCode::SWITCHING_PROTOCOLS)
                    .map(|response| (response, judged))
            }
            Err(error) => {
                let mut response = refusal(error.status());
                add(&mut response, error.response_fields());
                Err(response)
            }
        }
    }

    /// RFC 8441 §5: the extended CONNECT has the header fields of the opening handshake, except
    /// those that HTTP/2 replaces.
    fn answer_http2(
        &self,
        headers: &HeaderMap,
        acceptor: &Acceptor,
    ) -> Result<(Response<()>, Judged), Response<()>> {
        let protocol = self.protocol.as_ref().map(Protocol::as_str);
        match (&self.method, protocol) {
            (&Method::CONNECT, Some("websocket")) => {}
            (&Method::CONNECT, _) => return Err(refusal(StatusCode::NOT_IMPLEMENTED.as_u16())),
            _ => return Err(refusal(StatusCode::UPGRADE_REQUIRED.as_u16())),
        }
        let host = self.host.as_deref().unwrap_or_default();
        let replaced = [
            ("host", host),
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ];
        let own = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let own = own.filter(|(name, _)| !replaced.iter().any(|(replaced, _)| name == replaced));
        let replaced = replaced.iter().map(|(name, value)| (*name, value.as_bytes()));
        let fields: Vec<_> = own.chain(replaced).collect();
        let fields = fields.iter().copied();
        match Upgrade::from_parts("GET", &self.target, HttpVersion::Http11, fields) {
            Ok(upgrade) => {
                let judged = acceptor.select(&upgrade).map_err(refusal)?;
                let mut response = accepted(&upgrade, acceptor, &judged, StatusCode::OK)?;
                for name in ["upgrade", "connection", "sec-websocket-accept"] {
                    response.headers_mut().remove(name);
                }
                Ok((response, judged))
            }
            Err(error) => Err(refusal(error.status())),
        }
    }
}

fn accepted<'b, R: barews::handshake::server::Fields<'b>>(
    upgrade: &Upgrade<'b, R>,
    acceptor: &Acceptor,
    judged: &Judged,
    status: StatusCode,
) -> Result<Response<()>, Response<()>> {
    let failed = || refusal(StatusCode::INTERNAL_SERVER_ERROR.as_u16());
    let accept = acceptor.accepted(upgrade).map_err(|error| refusal(error.status()))?;
    let accept = judged.accept(accept);
    let mut response = Response::new(());
    *response.status_mut() = status;
    let fields = accept.response_fields().map_err(|_| failed())?;
    add(&mut response, fields);
    Ok(response)
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
