//! The side that hands over.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::{END, FEED, REFUSED, Socket, TAKEN, VERSION, WELCOME, invalid};
use crate::feed::Feed;
use crate::worker::{Notice, Peer};

/// What a thread needs for its part. If the other ends of its channels are dropped, there is no
/// hand-over, and the thread goes on.
pub(crate) struct Part {
    socket: Arc<Mutex<Socket>>,
    reports: Sender<io::Result<()>>,
    orders: Receiver<()>,
}

impl Part {
    /// Waits until all threads have stopped: none of them sends notices to another one from here on.
    pub(crate) fn stop(&self) -> bool {
        self.reports.send(Ok(())).is_ok() && self.orders.recv().is_ok()
    }

    /// Sends the thread's listener and clients with `give`, and waits. True if the successor has taken
    /// them over.
    pub(crate) fn give(&self, give: impl FnOnce(&Socket) -> io::Result<()>) -> bool {
        let given = give(&self.socket.lock().unwrap_or_else(PoisonError::into_inner));
        self.reports.send(given).is_ok() && self.orders.recv().is_ok()
    }
}

/// The main thread's end of the channels of a thread.
struct Thread {
    reports: Receiver<io::Result<()>>,
    orders: Sender<()>,
}

impl Thread {
    fn report(&self) -> io::Result<()> {
        self.reports.recv().unwrap_or_else(|_| Err(io::Error::other("a thread has ended")))
    }

    fn order(&self) {
        let _ = self.orders.send(());
    }
}

/// Hands over. After an error, the server goes on as if nothing had happened.
pub(crate) fn hand_over(
    socket: Socket,
    gate: &UnixListener,
    peers: &[Peer],
    feed: &Feed,
) -> io::Result<()> {
    socket.send(WELCOME, &[VERSION], Some(gate.as_fd()))?;
    let socket = Arc::new(Mutex::new(socket));
    let mut threads = Vec::new();
    for peer in peers {
        let (sender, reports) = channel();
        let (orders, receiver) = channel();
        threads.push(Thread { reports, orders });
        let part = Part { socket: Arc::clone(&socket), reports: sender, orders: receiver };
        peer.send(Notice::HandOver(part));
    }
    // All have stopped ...
    threads.iter().try_for_each(Thread::report)?;
    threads.iter().for_each(Thread::order);
    // ... and have sent what they have.
    threads.iter().try_for_each(Thread::report)?;
    {
        let socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.send(FEED, super::feed::seal(feed).as_bytes(), None)?;
        socket.send(END, &[], None)?;
        taken(&socket)?;
    }
    threads.iter().for_each(Thread::order);
    Ok(())
}

/// Waits until the successor confirms. After an error, it can no longer confirm.
fn taken(socket: &Socket) -> io::Result<()> {
    let answer = socket.receive().or_else(|error| {
        // The confirmation may arrive at this moment.
        socket.refuse_more()?;
        socket.receive().map_err(|_| error)
    })?;
    match answer.kind {
        TAKEN => Ok(()),
        REFUSED => Err(io::Error::other(String::from_utf8_lossy(&answer.body))),
        _ => Err(invalid()),
    }
}
