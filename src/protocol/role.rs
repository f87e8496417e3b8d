//! The two sides of a connection, and where masking keys come from (RFC 6455 sections 5.1, 5.3).

use core::fmt;

/// The server's side: sends unmasked, takes only masked frames (5.1).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Server;

/// The client's side: masks every frame with a key of its own, takes only unmasked frames (5.1).
///
/// There is no default source of keys: 10.3 asks for unpredictable ones.
pub struct Client<K> {
    pub(crate) keys: K,
}

impl<K> fmt::Debug for Client<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys, and the state of what makes them, do not belong into a log.
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// A source of masking keys.
///
/// It is asked once for each frame, when the frame is written, and each key is used for that frame
/// only. 5.3: "The masking key needs to be unpredictable": take it from the operating system or a
/// cryptographic generator; a counter, a clock or a weak generator lets the far end choose what is
/// on the wire (10.3). Any `FnMut() -> [u8; 4]` is a source.
pub trait MaskKeys {
    /// The key for the next frame.
    ///
    /// # Errors
    ///
    /// [`NoKey`] if none can be had. Nothing more can be sent then.
    fn next_key(&mut self) -> Result<[u8; 4], NoKey>;
}

impl<F: FnMut() -> [u8; 4]> MaskKeys for F {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        Ok(self())
    }
}

/// A [`MaskKeys`] source has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "there is no more to say")]
pub struct NoKey;

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no masking key")
    }
}

impl core::error::Error for NoKey {}

/// A side of a connection: [`Server`] or [`Client`].
pub trait Role: sealed::Sealed {
    /// Whether this is the server's side.
    const SERVER: bool;

    /// The masking key for the next frame, if this side masks.
    #[doc(hidden)]
    fn masking_key(&mut self) -> Result<Option<[u8; 4]>, NoKey>;
}

impl Role for Server {
    const SERVER: bool = true;

    fn masking_key(&mut self) -> Result<Option<[u8; 4]>, NoKey> {
        Ok(None)
    }
}

impl<K: MaskKeys> Role for Client<K> {
    const SERVER: bool = false;

    fn masking_key(&mut self) -> Result<Option<[u8; 4]>, NoKey> {
        self.keys.next_key().map(Some)
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "so that no other role can be made")]
    pub trait Sealed {}
    impl Sealed for super::Server {}
    impl<K> Sealed for super::Client<K> {}
}
