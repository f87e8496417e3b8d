//! The side that takes over.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

use mio::net::TcpListener;

use super::{
    CLIENT, END, FEED, HELLO, LISTENER, REFUSED, Socket, TAKEN, VERSION, WELCOME, gate, invalid,
};
use crate::client::Client;
use crate::feed::Feed;
use crate::settings::Settings;
use crate::worker::Seat;

/// What a server starts with.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) seats: Vec<Seat>,
    pub(crate) feed: Feed,
    pub(crate) gate: Option<UnixListener>,
    pub(crate) predecessor: Option<Predecessor>,
}

/// The server that has handed over.
pub(crate) struct Predecessor(Socket);

/// Takes over from the server at `path`, if there is one: as many threads as it has, with their
/// listeners and clients.
pub(crate) fn take_over(
    path: &Path,
    settings: &Settings,
    start: Instant,
) -> io::Result<Option<Origin>> {
    let Some(predecessor) = gate::connect(path)? else { return Ok(None) };
    predecessor.send(HELLO, &[VERSION], None)?;
    let mut welcome = predecessor.receive()?;
    match (welcome.kind, &welcome.body[..]) {
        (WELCOME, [1..=VERSION]) => {}
        (WELCOME, [version]) => {
            let why = format!("it hands over in version {version}, unknown to this server");
            return Err(io::Error::other(why));
        }
        (REFUSED, why) => return Err(io::Error::other(String::from_utf8_lossy(why))),
        _ => return Err(invalid()),
    }
    let mut origin =
        Origin::new(settings, settings.address, Vec::new(), Some(welcome.take_fd()?.into()));
    loop {
        let mut frame = predecessor.receive()?;
        match frame.kind {
            LISTENER => {
                let listener = TcpListener::from_std(frame.take_fd()?.into());
                origin.address = same(listener.local_addr()?, settings.address)?;
                origin.seats.push(Seat { listener, clients: Vec::new() });
            }
            CLIENT => {
                let fd = frame.take_fd()?;
                let client = Client::unseal(fd, &frame.body, settings, start.elapsed())?;
                origin.seats.last_mut().ok_or_else(invalid)?.clients.push(client);
            }
            FEED if settings.feed.is_none() => origin.feed = super::feed::unseal(&frame.body)?,
            // Read anew.
            FEED => {}
            END => break,
            _ => return Err(invalid()),
        }
    }
    origin.predecessor = Some(Predecessor(predecessor));
    Ok(Some(origin))
}

impl Origin {
    /// A server with no predecessor.
    pub(crate) fn new(
        settings: &Settings,
        address: SocketAddr,
        listeners: Vec<TcpListener>,
        gate: Option<UnixListener>,
    ) -> Self {
        let seats = listeners.into_iter().map(|listener| Seat { listener, clients: Vec::new() });
        let feed = if settings.feed.is_some() { Feed::remote() } else { Feed::new() };
        let seats = seats.collect();
        Self { address, seats, feed, gate, predecessor: None }
    }
}

impl Predecessor {
    /// Lets it end. After an error, it still has the connections.
    pub(crate) fn confirm(&self) -> io::Result<()> {
        self.0.send(TAKEN, &[], None)
    }
}

fn same(address: SocketAddr, wanted: SocketAddr) -> io::Result<SocketAddr> {
    let port = if wanted.port() == 0 { address.port() } else { wanted.port() };
    if address == SocketAddr::new(wanted.ip(), port) {
        Ok(address)
    } else {
        Err(io::Error::other(format!("it listens on {address}")))
    }
}
