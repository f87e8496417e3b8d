//! The two sides of a connection, and the source of masking keys (RFC 6455 §5.1, §5.3).

use core::fmt;

/// The server's side: it sends unmasked frames and accepts only masked ones (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Server;

/// The client's side: it masks every frame with a fresh key and accepts only unmasked frames
/// (RFC 6455 §5.1).
///
/// There is no default source of masking keys: they must be unpredictable (RFC 6455 §10.3). With
/// the feature `getrandom`, [`OsKeys`](crate::OsKeys) is a source.
pub struct Client<K> {
    pub(crate) keys: K,
}

impl<K> fmt::Debug for Client<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Masking keys, and the state of their generator, do not belong in a log.
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// A source of masking keys.
///
/// It is called once for each frame, when the frame is written. Keys must be unpredictable
/// (RFC 6455 §5.3): take them from the operating system or from a cryptographic generator.
/// With a counter, a clock or a weak generator an attacker can choose the bytes on the wire
/// (RFC 6455 §10.3).
///
/// Any `FnMut() -> [u8; 4]` is a source, and with the feature `getrandom` so is
/// [`OsKeys`](crate::OsKeys). Implement the trait for another one that can fail:
///
/// ```
/// use barews::{Config, Connection, MaskKeys, NoKey};
/// use std::io::Read;
///
/// struct Device(std::fs::File);
///
/// impl MaskKeys for Device {
///     fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
///         let mut key = [0; 4];
///         self.0.read_exact(&mut key).map_err(|_| NoKey)?;
///         Ok(key)
///     }
/// }
///
/// # fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let ws = Connection::client(Config::new(), Device(std::fs::File::open("/dev/hwrng")?));
/// # Ok(())
/// # }
/// ```
pub trait MaskKeys {
    /// Returns the key for the next frame.
    ///
    /// # Errors
    ///
    /// [`NoKey`] if no key is available. The connection then sends nothing more, and its transport
    /// is to be dropped.
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
#[expect(clippy::exhaustive_structs, reason = "complete: no fields to add")]
pub struct NoKey;

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no masking key is available")
    }
}

impl core::error::Error for NoKey {}

/// A side of a connection: [`Server`] or [`Client`].
pub trait Role: sealed::Sealed {
    /// Whether this is the server's side.
    const SERVER: bool;

    /// Returns the masking key for the next frame, or `None` if this side does not mask.
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
    #[expect(unnameable_types, reason = "seals the trait: no other roles")]
    pub trait Sealed {}
    impl Sealed for super::Server {}
    impl<K> Sealed for super::Client<K> {}
}
