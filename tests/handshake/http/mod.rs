//! HTTP as others write it: what a recipient should or must accept, ignore or normalize, and what
//! this crate refuses where it may. The rows of RFC 9110 and RFC 9112, and the URIs of RFC 6455 §3.

mod messages;
mod semantics;
mod uri;

use barews::handshake::client::{Accepted, Handshake, Rejected, Response};
use barews::handshake::deflate::DeflateOffer;
use barews::handshake::server::{Incoming, Request, RequestReader, Upgrade};
use barews::handshake::{Error, Status};

use crate::support::heads::{changed, read};

/// The fields of a response that accepts the handshake.
const FIELDS: [&str; 3] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];
const OFFERS: [DeflateOffer; 1] = [DeflateOffer::new()];

/// A response that accepts the handshake, without the named fields, plus `more`.
fn switching(without: &[&str], more: &[&str]) -> String {
    changed("HTTP/1.1 101 Switching Protocols", &FIELDS, without, more)
}

/// Reads a response, whole and byte by byte, followed by a frame.
fn response(head: &str) -> Result<Response<'_>, Error> {
    let client =
        || Handshake::new(*b"the sample nonce", "a", "/").protocols(&["chat"]).deflate(&OFFERS);
    let outcome = client().read_response(head.as_bytes()).map(|status| match status {
        Status::Complete(response) => response,
        Status::NeedMore(more) => panic!("needs {more} more: {head}"),
    });
    let mut bytewise = client();
    for len in 0..head.len() {
        match bytewise.read_response(&head.as_bytes()[..len]) {
            Ok(Status::NeedMore(_)) => {}
            Ok(Status::Complete(_)) => panic!("complete after {len} bytes: {head}"),
            Err(error) => {
                assert_eq!(Some(&error), outcome.as_ref().err());
                return outcome;
            }
        }
    }
    let bytes = [head.as_bytes(), b"\x81\x02hi"].concat();
    let again = bytewise.read_response(&bytes);
    assert_eq!(format!("{again:?}"), format!("{:?}", outcome.as_ref().map(Status::Complete)));
    outcome
}

#[track_caller]
fn accepted(head: &str) -> Accepted<'_> {
    match response(head) {
        Ok(Response::Accepted(accepted)) if accepted.head_len() == head.len() => accepted,
        other => panic!("{other:?}: {head}"),
    }
}

#[track_caller]
fn rejected(head: &str) -> Rejected<'_> {
    match response(head) {
        Ok(Response::Rejected(rejected)) if rejected.head_len() == head.len() => rejected,
        other => panic!("{other:?}: {head}"),
    }
}

#[track_caller]
fn upgrade(head: &str) -> Upgrade<'_> {
    match request(head) {
        Ok(Incoming::Upgrade(upgrade)) if upgrade.request().head_len() == head.len() => upgrade,
        other => panic!("{other:?}: {head}"),
    }
}

#[track_caller]
fn plain(head: &str) -> Request<'_> {
    match request(head) {
        Ok(Incoming::Plain(request)) if request.head_len() == head.len() => request,
        other => panic!("{other:?}: {head}"),
    }
}

/// Reads a request, whole and byte by byte.
fn request(head: &str) -> Result<Incoming<'_>, Error> {
    let outcome = read(head.as_bytes());
    let mut bytewise = RequestReader::new();
    for len in 0..head.len() {
        match bytewise.read(&head.as_bytes()[..len]) {
            Ok(Status::NeedMore(_)) => {}
            Ok(Status::Complete(_)) => panic!("complete after {len} bytes: {head}"),
            Err(error) => {
                assert_eq!(Some(&error), outcome.as_ref().err());
                return outcome;
            }
        }
    }
    let again = bytewise.read(head.as_bytes());
    assert_eq!(format!("{again:?}"), format!("{:?}", outcome.as_ref().map(Status::Complete)));
    outcome
}

#[track_caller]
fn refused(head: &str, error: Error, status: u16) {
    assert_eq!(request(head).unwrap_err(), error, "{head}");
    assert_eq!(error.status(), status, "{head}");
}

#[track_caller]
fn fails(head: &str, error: Error) {
    assert_eq!(response(head).unwrap_err(), error, "{head}");
}
