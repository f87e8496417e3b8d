//! Heads of the opening handshake: a valid request and variations of it.

#![allow(dead_code, reason = "each test uses part of it")]

use barews::handshake::server::{Incoming, RequestReader, Upgrade};
use barews::handshake::{Error, Status};

use super::parts;

/// The fields of a valid request.
pub(crate) const FIELDS: [&str; 5] = [
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

pub(crate) fn head(line: &str, fields: &[&str]) -> String {
    let mut head = format!("{line}\r\n");
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head + "\r\n"
}

/// A head with these fields, except those that start with a name in `without`, plus `more`.
pub(crate) fn changed(line: &str, fields: &[&str], without: &[&str], more: &[&str]) -> String {
    let kept = fields.iter().filter(|field| !without.iter().any(|name| field.starts_with(name)));
    head(line, &kept.chain(more).copied().collect::<Vec<_>>())
}

/// The valid request without the named fields, plus `more`.
pub(crate) fn with(without: &[&str], more: &[&str]) -> String {
    changed("GET /chat HTTP/1.1", &FIELDS, without, more)
}

/// The outcome of a head, which must also be that of its parts.
pub(crate) fn read(bytes: &[u8]) -> Result<Incoming<'_>, Error> {
    let outcome = RequestReader::new().read(bytes).map(|status| match status {
        Status::Complete(incoming) => incoming,
        Status::NeedMore(more) => panic!("needs {more} more"),
    });
    parts::have_the_same_outcome(bytes, &outcome);
    outcome
}

pub(crate) fn upgrade(head: &str) -> Upgrade<'_> {
    match read(head.as_bytes()) {
        Ok(Incoming::Upgrade(upgrade)) => upgrade,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn answer(error: Error) -> String {
    let mut out = [0; 256];
    let len = error.respond(&mut out).unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

/// The bytes after some edits: replace (0), insert (1) or remove (any other).
pub(crate) fn edited(bytes: &[u8], edits: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte, how) in edits {
        let at = *at % bytes.len();
        match how {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            _ => drop(bytes.remove(at)),
        }
    }
    bytes
}
