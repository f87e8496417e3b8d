//! A service as bytes and back: its number, and what it keeps for a client. Inside a message, this is
//! also what has arrived of it.

use std::io;

use barews::deflate::{Deflate, Inflate, InflateAssembler};
use barews::{Assembler, SealError, UnsealError};

use super::{Codec, EFFORT, Service};
use crate::broadcast::Publisher;
use crate::feed::Place;
use crate::handover::{Body, Parts, invalid};
use crate::memory::Memory;
use crate::settings::Settings;

/// The numbers of the services, which never change.
const ECHO: u8 = 0;
const FEED: u8 = 4;
const DEFLATE: u8 = 5;
const BROADCAST: u8 = 6;
const COMPRESSED_BROADCAST: u8 = 7;

/// Those of version 1, between messages.
mod version_1 {
    pub(super) const DEFLATE: u8 = 1;
    pub(super) const BROADCAST: u8 = 2;
    pub(super) const COMPRESSED_BROADCAST: u8 = 3;
}

impl Service {
    /// Appends what the service keeps.
    pub(crate) fn seal(&self, body: &mut Body) -> Option<()> {
        match self {
            Self::Echo => _ = body.part(&[ECHO]),
            Self::Deflate(codec) => {
                let Codec { messages, deflate } = &**codec;
                let deflate = sealed(|out| deflate.seal(out))?;
                let messages = sealed(|out| messages.seal(out))?;
                body.part(&[DEFLATE]).part(&deflate).part(&messages);
            }
            Self::Broadcast(publisher) => {
                let (number, messages) = match &**publisher {
                    Publisher::Plain(messages) => (BROADCAST, sealed(|out| messages.seal(out))?),
                    Publisher::Compressed(messages) => {
                        (COMPRESSED_BROADCAST, sealed(|out| messages.seal(out))?)
                    }
                };
                body.part(&[number]).part(&messages);
            }
            Self::Feed { place } => {
                body.part(&[FEED]).option(place.seen());
            }
        }
        Some(())
    }

    pub(crate) fn unseal(parts: &mut Parts<'_>, settings: &Settings) -> io::Result<Self> {
        let [number] = parts.bytes()?;
        Ok(match number {
            ECHO => Self::Echo,
            DEFLATE | version_1::DEFLATE => {
                let deflate = parts.part()?;
                let deflate = sized(|memory| Deflate::unseal(EFFORT, deflate, memory))?;
                let messages = unseal_messages(parts, number == DEFLATE, settings)?;
                Self::Deflate(Box::new(Codec { messages, deflate }))
            }
            BROADCAST => {
                let messages = Assembler::unseal(parts.part()?, Memory::default());
                let messages = messages.map_err(io::Error::other)?;
                Self::Broadcast(Box::new(Publisher::Plain(messages)))
            }
            version_1::BROADCAST => Self::Broadcast(Box::new(Publisher::new(None))),
            COMPRESSED_BROADCAST | version_1::COMPRESSED_BROADCAST => {
                let is_new = number == COMPRESSED_BROADCAST;
                let messages = unseal_messages(parts, is_new, settings)?;
                Self::Broadcast(Box::new(Publisher::new(Some(messages))))
            }
            FEED => Self::Feed { place: Place::new(parts.option()?) },
            _ => return Err(invalid()),
        })
    }
}

/// In version 1, there is only a decompressor.
fn unseal_messages(
    parts: &mut Parts<'_>,
    is_whole: bool,
    settings: &Settings,
) -> io::Result<InflateAssembler<Memory, Memory>> {
    let part = parts.part()?;
    let messages = sized(|memory| {
        if is_whole {
            InflateAssembler::unseal(part, Memory::default(), memory)
        } else {
            let inflate = Inflate::unseal(part, memory)?;
            Ok(InflateAssembler::new(inflate, Memory::default()))
        }
    })?;
    Ok(messages.max_message_len(settings.max_message_len as u64))
}

/// Seals into as much memory as the state needs.
fn sealed(seal: impl Fn(&mut [u8]) -> Result<usize, SealError>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if let Err(SealError::BufferTooSmall { needed }) = seal(&mut out) {
        out.resize(needed, 0);
    }
    seal(&mut out).ok()?;
    Some(out)
}

/// Unseals with as much memory as the state needs.
fn sized<T>(unseal: impl Fn(Memory) -> Result<T, UnsealError>) -> io::Result<T> {
    let unsealed = match unseal(Memory::default()) {
        Err(UnsealError::StorageFull { needed }) => {
            unseal(Memory::new(needed).map_err(io::Error::other)?)
        }
        unsealed => unsealed,
    };
    unsealed.map_err(io::Error::other)
}
