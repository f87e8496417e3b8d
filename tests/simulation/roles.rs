//! The two roles, and the masking keys of a simulated client.

use barews::{Client, Config, Connection, MaskKeys, NoKey, Role, Server};
use fastrand::Rng;

pub(crate) struct Keys {
    rng: Rng,
    /// The number of keys before the source fails.
    left: u32,
}

impl MaskKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        self.left = self.left.checked_sub(1).ok_or(NoKey)?;
        Ok(self.rng.u32(..).to_ne_bytes())
    }
}

/// A source of masking keys, and whether it will fail.
pub(crate) fn keys(rng: &mut Rng) -> (Keys, bool) {
    let lacks_keys = rng.u8(..50) == 0;
    let left = if lacks_keys { rng.u32(0..20) } else { u32::MAX };
    (Keys { rng: rng.fork(), left }, lacks_keys)
}

pub(crate) trait SimulatedRole: Role + Sized {
    /// Creates a connection; also returns whether its masking keys will fail.
    fn connection(config: Config, rng: &mut Rng) -> (Connection<Self>, bool);
}

impl SimulatedRole for Server {
    fn connection(config: Config, _rng: &mut Rng) -> (Connection<Self>, bool) {
        (Connection::server(config), false)
    }
}

impl SimulatedRole for Client<Keys> {
    fn connection(config: Config, rng: &mut Rng) -> (Connection<Self>, bool) {
        let (keys, lacks_keys) = keys(rng);
        (Connection::client(config, keys), lacks_keys)
    }
}
