//! The opening handshake inside a session, for each role.

use core::fmt::Debug;

use super::event::SessionEvent;
use crate::buffer::Input;
use crate::bytes::Status;
use crate::handshake::client::{Handshake, Response, ResponseReader};
use crate::handshake::deflate::DeflateOffer;
use crate::handshake::server::RequestReader;
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

fn step<'b>(status: Status<impl Into<SessionEvent<'b>>>) -> Step<'b> {
    match status {
        Status::NeedMore(more) => Step::NeedMore(more.get()),
        Status::Complete(head) => Step::Event(head.into()),
    }
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
        let step = match reader.find_end(input.unread())? {
            Status::NeedMore(more) => return Ok(Step::NeedMore(more.get())),
            Status::Complete(len) => step(reader.read(input.take(len))?),
        };
        *self = Self::Asked { is_upgrade: matches!(step, Step::Event(SessionEvent::Upgrade(_))) };
        Ok(step)
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
        let key = reader.key;
        let is_offered = |chosen: &str| protocols.contains(&key.fingerprint(chosen));
        let end = match reader.find_end(input.unread())? {
            Status::NeedMore(more) => return Ok(step(Status::<Response<'b>>::NeedMore(more))),
            Status::Complete(len) => len,
        };
        Ok(step(reader.read(input.take(end), is_offered, offers)?))
    }
}
