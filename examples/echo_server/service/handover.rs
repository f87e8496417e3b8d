//! A service as bytes and back: its number, and what it keeps for a client.

use std::io;

use barews::deflate::{CompressionContext, Deflate, Inflate, InflateAssembler, WindowBits};
use barews::{Assembler, UnsealError};

use super::{Codec, EFFORT, Service};
use crate::broadcast::Publisher;
use crate::feed::Place;
use crate::handover::{Body, Parts, invalid};
use crate::memory::Memory;
use crate::settings::Settings;

/// The numbers of the services, which never change.
const ECHO: u8 = 0;
const DEFLATE: u8 = 1;
const BROADCAST: u8 = 2;
const COMPRESSED_BROADCAST: u8 = 3;
const FEED: u8 = 4;

impl Service {
    /// Appends what the service keeps. `None` inside a compressed message.
    pub(crate) fn seal(&mut self, body: &mut Body) -> Option<()> {
        match self {
            Self::Echo => _ = body.part(&[ECHO]),
            Self::Deflate(codec) => {
                let mut deflate = [0; Deflate::SEALED_LEN];
                codec.deflate.seal(&mut deflate).ok()?;
                seal_messages(&mut codec.messages, body.part(&[DEFLATE]).part(&deflate))?;
            }
            Self::Broadcast(publisher) => match &mut **publisher {
                Publisher::Plain(messages) if messages.is_empty() => _ = body.part(&[BROADCAST]),
                Publisher::Plain(_) => return None,
                Publisher::Compressed(messages) => {
                    seal_messages(messages, body.part(&[COMPRESSED_BROADCAST]))?;
                }
            },
            Self::Feed { place } => {
                body.part(&[FEED]).option(place.seen());
            }
        }
        Some(())
    }

    pub(crate) fn unseal(parts: &mut Parts<'_>, settings: &Settings) -> io::Result<Self> {
        Ok(match parts.bytes()? {
            [ECHO] => Self::Echo,
            [DEFLATE] => {
                let deflate = parts.part()?;
                let deflate = sized(|memory| Deflate::unseal(EFFORT, deflate, memory))?;
                let messages = unseal_messages(parts, settings)?;
                Self::Deflate(Box::new(Codec { messages, deflate }))
            }
            [BROADCAST] => {
                Self::Broadcast(Box::new(Publisher::Plain(Assembler::new(Memory::default()))))
            }
            [COMPRESSED_BROADCAST] => {
                let messages = Box::new(unseal_messages(parts, settings)?);
                Self::Broadcast(Box::new(Publisher::Compressed(messages)))
            }
            [FEED] => Self::Feed { place: Place::new(parts.option()?) },
            _ => return Err(invalid()),
        })
    }
}

fn seal_messages(messages: &mut InflateAssembler<Memory, Memory>, body: &mut Body) -> Option<()> {
    if !messages.is_empty() {
        return None;
    }
    let longest = CompressionContext { window_bits: WindowBits::MAX, takeover: true };
    let mut inflate = vec![0; Inflate::max_sealed_len(longest)];
    let len = messages.inflate().seal(&mut inflate).ok()?;
    body.part(inflate.get(..len)?);
    Some(())
}

fn unseal_messages(
    parts: &mut Parts<'_>,
    settings: &Settings,
) -> io::Result<InflateAssembler<Memory, Memory>> {
    let inflate = parts.part()?;
    let inflate = sized(|memory| Inflate::unseal(inflate, memory))?;
    let longest = settings.max_message_len as u64;
    Ok(InflateAssembler::new(inflate.max_message_len(longest), Memory::default()))
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
