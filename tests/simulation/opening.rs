//! The opening handshake of both sides. To resume, each side sends the number of the last message
//! that it has received.

use std::sync::LazyLock;

use barews::handshake::Status;
use barews::handshake::client::{Handshake, Response};
#[cfg(feature = "deflate")]
use barews::handshake::deflate::{DeflateConfig, DeflateOffer, DeflateParams, WindowBits};
#[cfg(feature = "deflate")]
use barews::handshake::server::Upgrade;
use barews::handshake::server::{Incoming, Origins, RequestReader, respond};
use fastrand::Rng;

use super::counts::Count;
use super::network::Net;
use super::session::Exchange;
use super::trace::{Ending, What};
use super::wire::Wire;

/// The header with the number of the last message that the server has received from this client.
const SEEN: &str = "X-Seen";
const PROTOCOLS: [&str; 2] = ["feed.v2", "feed.v1"];
const ORIGIN: &str = "http://feed.example";

/// The most messages in each direction between a client and the server.
pub(crate) const MOST: u64 = 12;

/// All paths, `/feed?after=` and a number. They are static because a handshake borrows its path.
static PATHS: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..=MOST).map(|seen| format!("/feed?after={seen}")).collect());

/// The path of a request for the messages after number `seen`.
pub(crate) fn path(seen: u64) -> &'static str {
    &PATHS[usize::try_from(seen).expect("at most `MOST`")]
}

/// Lists of compression offers, static for the same reason.
#[cfg(feature = "deflate")]
static OFFERS: LazyLock<Vec<Vec<DeflateOffer>>> = LazyLock::new(|| {
    let rng = &mut Rng::with_seed(7692);
    (0..64).map(|_| (0..rng.usize(1..=3)).map(|_| offer(rng)).collect()).collect()
});

#[cfg(feature = "deflate")]
fn offer(rng: &mut Rng) -> DeflateOffer {
    let mut offer = DeflateOffer::new()
        .server_no_context_takeover(rng.bool())
        .client_no_context_takeover(rng.bool());
    if rng.bool() {
        offer = offer.server_max_window_bits(bits(rng));
    }
    if rng.u8(..4) > 0 {
        let at_most = rng.bool().then(|| bits(rng));
        offer = offer.client_max_window_bits(at_most);
    }
    offer
}

#[cfg(feature = "deflate")]
fn bits(rng: &mut Rng) -> WindowBits {
    WindowBits::new(rng.u8(8..=15)).expect("the value is from 8 to 15")
}

/// The result of an opening handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    /// The number of the last message that the other side has received.
    pub(crate) seen: u64,
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<DeflateParams>,
}

impl Opened {
    #[cfg_attr(
        not(feature = "deflate"),
        expect(clippy::unused_self, reason = "it is used with the feature")
    )]
    pub(crate) const fn is_compressed(self) -> bool {
        #[cfg(feature = "deflate")]
        return self.deflate.is_some();
        #[cfg(not(feature = "deflate"))]
        return false;
    }
}

/// The client's side.
pub(crate) struct ClientHandshake {
    handshake: Handshake<'static>,
}

impl ClientHandshake {
    /// Requests the messages after number `seen`.
    pub(crate) fn new(seen: u64, rng: &mut Rng) -> Self {
        let mut nonce = [0; 16];
        rng.fill(&mut nonce);
        let mut handshake = Handshake::new(nonce, "feed.example", path(seen)).port(9001);
        if rng.bool() {
            handshake = handshake.protocols(&PROTOCOLS);
        }
        if rng.bool() {
            handshake = handshake.origin(ORIGIN);
        }
        #[cfg(feature = "deflate")]
        if rng.u8(..4) > 0 {
            handshake = handshake.deflate(&OFFERS[rng.usize(..OFFERS.len())]);
        }
        Self { handshake }
    }

    /// Appends the request to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut request = [0; 1024];
        let n = self.handshake.write_request(&mut request).expect("valid and short enough");
        out.extend_from_slice(&request[..n]);
    }

    /// Continues reading the response.
    pub(crate) fn read(&mut self, wire: &mut Wire, net: &mut Net) -> Option<Opened> {
        let answer = self.handshake.read_response(wire.rx.unread()).expect("the response is valid");
        let accepted = match answer {
            Status::NeedMore(missing) => {
                wire.missing = missing.get();
                return None;
            }
            Status::Complete(_) if wire.missing > 0 => {
                panic!("{} bytes were missing", wire.missing)
            }
            Status::Complete(Response::Rejected(rejected)) => {
                assert_eq!(rejected.status(), 503);
                net.note(wire.end, What::Rejected(rejected.status()));
                net.counts.one(Count::RejectedHandshakes);
                wire.end(net, Ending::Rejected);
                return None;
            }
            Status::Complete(Response::Accepted(accepted)) => accepted,
        };
        let seen = accepted.header(SEEN).next();
        let seen = seen.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let opened = Opened {
            seen: seen.expect("the response has the number"),
            #[cfg(feature = "deflate")]
            deflate: accepted.deflate(),
        };
        let head_len = accepted.head_len();
        wire.rx.consume(head_len);
        Some(opened)
    }
}

pub(crate) enum Served {
    Incomplete,
    Opened(Opened),
    Refused,
}

/// The server's side: continues reading the request, and responds once it is complete.
pub(crate) fn serve(
    reader: &mut RequestReader,
    wire: &mut Wire,
    exchange: &Exchange<'_>,
    net: &mut Net,
) -> Served {
    let upgrade = match reader.read(wire.rx.unread()).expect("the request is valid") {
        Status::NeedMore(missing) => {
            wire.missing = missing.get();
            return Served::Incomplete;
        }
        Status::Complete(_) if wire.missing > 0 => panic!("{} bytes were missing", wire.missing),
        Status::Complete(Incoming::Plain(_)) => panic!("the request is not an upgrade"),
        Status::Complete(Incoming::Upgrade(upgrade)) => upgrade,
    };
    let mut head = [0; 1024];
    if !exchange.is_calm && net.rng.u8(..24) == 0 {
        let n = respond(503, &[("Retry-After", "1")], b"later", &mut head).expect("short enough");
        wire.out.extend_from_slice(&head[..n]);
        let unread = wire.rx.len();
        wire.rx.consume(unread);
        return Served::Refused;
    }
    let query = upgrade.request().query().and_then(|query| query.strip_prefix("after="));
    let seen = query.and_then(|seen| seen.parse().ok()).expect("the query has the number");
    let value = exchange.incoming.seen.to_string();
    let headers = [(SEEN, value.as_str())];
    let origins = Origins::ListOrNone(&[ORIGIN]);
    let mut accept = upgrade.accept(origins).expect("the request is acceptable").headers(&headers);
    if let Some(protocol) = upgrade.protocols().find(|_| net.rng.bool()) {
        accept = accept.protocol(protocol);
    }
    #[cfg(feature = "deflate")]
    let deflate = negotiate(&upgrade, net);
    #[cfg(feature = "deflate")]
    if let Some(answer) = deflate {
        accept = accept.deflate(answer);
    }
    let n = accept.write(&mut head).expect("valid and short enough");
    wire.out.extend_from_slice(&head[..n]);
    let head_len = upgrade.request().head_len();
    wire.rx.consume(head_len);
    Served::Opened(Opened {
        seen,
        #[cfg(feature = "deflate")]
        deflate: deflate.map(|answer| answer.params()),
    })
}

/// The server accepts different parameters on each connection.
#[cfg(feature = "deflate")]
fn negotiate(
    upgrade: &Upgrade<'_>,
    net: &mut Net,
) -> Option<barews::handshake::deflate::DeflateAnswer> {
    let rng = &mut net.rng;
    let config = DeflateConfig::new()
        .server_no_context_takeover(rng.u8(..4) == 0)
        .client_no_context_takeover(rng.u8(..4) == 0)
        .server_max_window_bits(bits(rng));
    let config = if rng.u8(..4) == 0 { config.client_max_window_bits(bits(rng)) } else { config };
    upgrade.negotiate_deflate(&config)
}
