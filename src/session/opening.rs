//! The opening handshake inside a session, for each role.

use core::fmt::Debug;

use super::event::SessionEvent;
use crate::buffer::Input;
use crate::bytes::Status;
use crate::handshake::client::{Handshake, Response, ResponseReader};
use crate::handshake::deflate::DeflateOffer;
use crate::handshake::server::{Incoming, RequestReader};
use crate::handshake::{BuildError, Error};
use crate::protocol::role::{Client, MaskKeys, Role, Server};

/// A [`Role`] with its part of the opening handshake: [`Server`] or [`Client`].
pub trait SessionRole: Role {
    /// The state of the opening handshake.
    #[doc(hidden)]
    type Opening: Opening + Debug;
}

impl SessionRole for Server {
    type Opening = ServerOpening;
}

impl<K: MaskKeys> SessionRole for Client<K> {
    type Opening = ClientOpening;
}

/// How the opening handshake goes on.
#[derive(Debug)]
#[doc(hidden)]
#[expect(unnameable_types, reason = "only for the sealed SessionRole")]
pub enum Step<'b> {
    /// At least this many more bytes are needed.
    NeedMore(usize),
    /// A head; the event.
    Event(SessionEvent<'b>),
    /// The caller has to answer first.
    Wait,
    /// The caller has not answered a plain request.
    Unanswered,
}

#[doc(hidden)]
#[expect(unnameable_types, reason = "only for the sealed SessionRole")]
pub trait Opening {
    /// Reads the next head.
    fn step<'b>(&mut self, input: &mut Input<'b>) -> Result<Step<'b>, Error>;
}

/// A server's opening handshake.
#[derive(Debug)]
#[doc(hidden)]
#[expect(unnameable_types, reason = "only for the sealed SessionRole")]
pub enum ServerOpening {
    Reading(RequestReader),
    /// A request was delivered.
    Asked {
        is_upgrade: bool,
    },
}

impl Opening for ServerOpening {
    fn step<'b>(&mut self, input: &mut Input<'b>) -> Result<Step<'b>, Error> {
        let reader = match self {
            Self::Reading(reader) => reader,
            Self::Asked { is_upgrade: true } => return Ok(Step::Wait),
            Self::Asked { is_upgrade: false } => return Ok(Step::Unanswered),
        };
        let len = match reader.find_end(input.unread())? {
            Status::NeedMore(more) => return Ok(Step::NeedMore(more.get())),
            Status::Complete(len) => len,
        };
        let status = reader.read(input.take(len))?;
        let Status::Complete(incoming) = status else { return Ok(Step::Wait) };
        let (event, is_upgrade) = match incoming {
            Incoming::Upgrade(upgrade) => (SessionEvent::Upgrade(upgrade), true),
            Incoming::Plain(request) => (SessionEvent::Request(request), false),
        };
        *self = Self::Asked { is_upgrade };
        Ok(Step::Event(event))
    }
}

/// The most subprotocols and offers of compression that a session remembers.
const MAX_OFFERS: usize = 8;

/// A client's opening handshake. It keeps no string of the request.
#[derive(Debug)]
#[doc(hidden)]
#[expect(unnameable_types, reason = "only for the sealed SessionRole")]
pub struct ClientOpening {
    reader: ResponseReader,
    protocols: heapless::Vec<[u8; 8], MAX_OFFERS, u8>,
    offers: heapless::Vec<DeflateOffer, MAX_OFFERS, u8>,
}

impl ClientOpening {
    pub(super) fn new(handshake: &Handshake<'_>) -> Result<Self, BuildError> {
        let reader = handshake.reader.clone();
        let mut protocols = heapless::Vec::new();
        for protocol in handshake.protocols {
            let fingerprint = reader.key.fingerprint(protocol);
            protocols.push(fingerprint).map_err(|_| BuildError::TooManyOffers)?;
        }
        let offers = heapless::Vec::from_slice(handshake.offers);
        Ok(Self { reader, protocols, offers: offers.map_err(|_| BuildError::TooManyOffers)? })
    }
}

impl Opening for ClientOpening {
    fn step<'b>(&mut self, input: &mut Input<'b>) -> Result<Step<'b>, Error> {
        let Self { reader, protocols, offers } = self;
        let len = match reader.find_end(input.unread())? {
            Status::NeedMore(more) => return Ok(Step::NeedMore(more.get())),
            Status::Complete(len) => len,
        };
        let key = reader.key;
        let is_offered = |chosen: &str| protocols.contains(&key.fingerprint(chosen));
        let status = reader.read(input.take(len), is_offered, offers)?;
        let Status::Complete(response) = status else { return Ok(Step::Wait) };
        Ok(Step::Event(match response {
            Response::Accepted(it) => SessionEvent::Opened(it),
            Response::Rejected(it) => SessionEvent::Rejected(it),
        }))
    }
}
