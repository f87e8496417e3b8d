//! An owned event.
#![allow(dead_code, reason = "each program uses part of it")]

use barews::{Error, Event, Kind};

/// An owned [`Event`], or the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ev {
    Data { kind: Kind, payload: Vec<u8>, first: bool, fin: bool, left: u64 },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    More(usize),
    Fail(Error),
}

impl From<Event<'_>> for Ev {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Data(data) => Self::Data {
                kind: data.kind,
                payload: data.payload.to_vec(),
                first: data.first,
                fin: data.fin,
                left: data.frame_left,
            },
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => {
                Self::Close(close.map(|close| (close.code.as_u16(), close.reason.to_owned())))
            }
            Event::NeedMore(n) => Self::More(n.get()),
        }
    }
}

impl Ev {
    pub(crate) fn ping(payload: &[u8]) -> Self {
        Self::Ping(payload.to_vec())
    }

    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::Pong(payload.to_vec())
    }

    /// A Close with a code and a reason.
    pub(crate) fn closed(code: u16, reason: &str) -> Self {
        Self::Close(Some((code, reason.to_owned())))
    }

    /// A text message in one piece.
    pub(crate) fn text(payload: &[u8]) -> Self {
        Self::whole(Kind::Text, payload)
    }

    /// A whole message in one piece.
    pub(crate) fn binary(payload: &[u8]) -> Self {
        Self::whole(Kind::Binary, payload)
    }

    /// A whole message in one piece.
    pub(crate) fn whole(kind: Kind, payload: &[u8]) -> Self {
        Self::piece(kind, payload, true, true, 0)
    }

    pub(crate) fn piece(kind: Kind, payload: &[u8], first: bool, fin: bool, left: u64) -> Self {
        Self::Data { kind, payload: payload.to_vec(), first, fin, left }
    }
}

/// Joins neighbouring pieces of the same message.
pub(crate) fn joined(events: &[Ev]) -> Vec<Ev> {
    let mut all: Vec<Ev> = Vec::new();
    for event in events {
        if let Ev::Data { payload: more, first: false, fin: end, left: still, .. } = event
            && let Some(Ev::Data { payload, fin, left, .. }) = all.last_mut()
            && !*fin
        {
            payload.extend(more);
            (*fin, *left) = (*end, *still);
        } else {
            all.push(event.clone());
        }
    }
    all
}
