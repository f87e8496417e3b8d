//! The connections of this process: all awake, or those asleep that nothing arrives for.

use std::error::Error;
use std::mem::size_of;

use barews::{Client, Config, Connection, Server};

use super::Loop;

const CONFIG: Config = Config::new();

type Done<T> = Result<T, Box<dyn Error>>;

/// A constant masking key. A real client needs unpredictable keys.
type OneKey = fn() -> [u8; 4];

const ONE_KEY: OneKey = || [0x37, 0xFA, 0x21, 0x3D];

/// An open connection of either role.
pub(crate) enum Ws {
    Server(Connection<Server>),
    Client(Connection<Client<OneKey>>),
}

impl Ws {
    /// Half are servers, half clients.
    fn new(index: usize) -> Self {
        match index % 2 {
            0 => Self::Server(Connection::server(CONFIG)),
            _ => Self::Client(Connection::client(CONFIG, ONE_KEY)),
        }
    }

    fn feed(&mut self, index: usize, bytes: &[u8], event_loop: &mut Loop) -> Done<bool> {
        match self {
            Self::Server(ws) => event_loop.feed(ws, index, bytes),
            Self::Client(ws) => event_loop.feed(ws, index, bytes),
        }
    }
}

/// The longest state of a connection that sleeps, in bytes: a slot then has 16 bytes. An idle
/// connection takes 3, one inside a message about 10.
const SEALED: usize = 14;

/// A connection that sleeps unless it has work, or a state that is too long.
pub(crate) enum Slot {
    Asleep { len: u8, sealed: [u8; SEALED] },
    Awake(Box<Ws>),
}

const _: () = assert!(size_of::<Slot>() == 16);

impl Slot {
    /// Puts a connection to sleep, if its state is short enough.
    fn new(ws: Ws) -> Self {
        let mut sealed = [0; SEALED];
        let len = match &ws {
            Ws::Server(ws) => ws.seal(&mut sealed),
            Ws::Client(ws) => ws.seal(&mut sealed),
        };
        match len.ok().and_then(|len| u8::try_from(len).ok()) {
            Some(len) => Self::Asleep { len, sealed },
            None => Self::Awake(Box::new(ws)),
        }
    }

    fn wake(self, index: usize) -> Done<Ws> {
        let (len, sealed) = match self {
            Self::Awake(ws) => return Ok(*ws),
            Self::Asleep { len, sealed } => (len, sealed),
        };
        let sealed = &sealed[..len.into()];
        Ok(match index % 2 {
            0 => Ws::Server(Connection::unseal_server(CONFIG, sealed)?),
            _ => Ws::Client(Connection::unseal_client(CONFIG, ONE_KEY, sealed)?),
        })
    }
}

/// All connections.
pub(crate) enum Table {
    Awake(Vec<Ws>),
    Asleep(Vec<Slot>),
}

impl Table {
    pub(crate) fn new(count: usize, sleeps: bool) -> Self {
        if sleeps {
            Self::Asleep((0..count).map(|index| Slot::new(Ws::new(index))).collect())
        } else {
            Self::Awake((0..count).map(Ws::new).collect())
        }
    }

    /// The size of an idle connection in bytes.
    pub(crate) const fn size(&self) -> usize {
        match self {
            Self::Awake(_) => size_of::<Ws>(),
            Self::Asleep(_) => size_of::<Slot>(),
        }
    }

    /// The memory that a million idle connections may need, in megabytes.
    pub(crate) const fn most_megabytes(&self) -> usize {
        match self {
            Self::Awake(_) => 300,
            Self::Asleep(_) => 24,
        }
    }

    /// How many are awake.
    pub(crate) fn awake(&self) -> usize {
        match self {
            Self::Awake(all) => all.len(),
            Self::Asleep(all) => all.iter().filter(|it| matches!(it, Slot::Awake(_))).count(),
        }
    }

    pub(crate) fn is_server(index: usize) -> bool {
        index.is_multiple_of(2)
    }

    /// Gives a connection what has arrived. One that has closed is replaced.
    pub(crate) fn feed(&mut self, index: usize, bytes: &[u8], event_loop: &mut Loop) -> Done<()> {
        match self {
            Self::Awake(all) => {
                if all[index].feed(index, bytes, event_loop)? {
                    all[index] = Ws::new(index);
                }
            }
            Self::Asleep(all) => {
                let asleep = Slot::Asleep { len: 0, sealed: [0; SEALED] };
                let mut ws = std::mem::replace(&mut all[index], asleep).wake(index)?;
                if ws.feed(index, bytes, event_loop)? {
                    ws = Ws::new(index);
                }
                all[index] = Slot::new(ws);
            }
        }
        Ok(())
    }
}
