//! Masking keys and nonces from the operating system.

use crate::protocol::role::{MaskKeys, NoKey};

/// Masking keys from the random number generator of the operating system (RFC 6455 §10.3).
///
/// ```
/// use barews::{Config, Connection, OsKeys};
///
/// let mut ws = Connection::client(Config::new(), OsKeys);
/// let mut out = [0; 64];
/// let n = ws.send_text("Hello", &mut out)?;
/// assert_eq!(n, 2 + 4 + 5);
/// # Ok::<(), barews::SendError>(())
/// ```
///
/// Each key is a call to the operating system. To save that, implement [`MaskKeys`] for a
/// cryptographic generator that is seeded by it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "complete: a source without state")]
pub struct OsKeys;

impl OsKeys {
    /// Returns the nonce of a client's
    /// [`Handshake`](crate::handshake::client::Handshake::new) (RFC 6455 §4.1, item 7).
    ///
    /// ```
    /// use barews::OsKeys;
    ///
    /// let nonce = OsKeys::nonce()?;
    /// assert_ne!(nonce, OsKeys::nonce()?);
    /// # Ok::<(), barews::NoKey>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoKey`] if the operating system has no randomness.
    pub fn nonce() -> Result<[u8; 16], NoKey> {
        random()
    }
}

impl MaskKeys for OsKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        random()
    }
}

fn random<const N: usize>() -> Result<[u8; N], NoKey> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoKey)?;
    Ok(bytes)
}
