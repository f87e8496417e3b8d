//! A worker thread: its listener, clients and timers, and the messages from other threads.

mod handover;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::{Receiver, SendError, Sender};
use std::time::{Duration, Instant};

use barews::CloseCode;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::broadcast::{BroadcastMessage, Encoder};
use crate::buffers::Lender;
use crate::client::{Client, Progress};
use crate::feed::Feed;
use crate::handover::Part;
use crate::memory::{Memory, Pool};
use crate::settings::Settings;
use crate::stats::Stats;
use crate::timers::{Scheduled, Timers};

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// Room for this many clients is reserved: growing in small steps fragments memory, and pages that
/// are never touched cost nothing.
pub(crate) const RESERVED: usize = 1024;
/// The delay before the next attempt after a failed accept, which mostly means that no file
/// descriptors are left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Free memory that is of no use for this long is given back.
const IDLE: Duration = Duration::from_millis(200);

/// After this many accepted clients, or broadcast messages, the others take their turn.
const AT_ONCE: usize = 64;
/// While another thread has broadcast messages of this length waiting, in bytes, no more are
/// received.
const BACKLOG: usize = 1 << 20;

/// A message between threads.
pub(crate) enum Notice {
    /// Messages to broadcast.
    Broadcast(Arc<[BroadcastMessage]>),
    /// The feed has new messages.
    Feed,
    /// Accept no more clients, close the open ones, and end.
    Shutdown,
    /// Another process takes over.
    HandOver(Part),
}

/// What a thread starts with.
pub(crate) struct Seat {
    pub(crate) listener: TcpListener,
    pub(crate) clients: Vec<Client>,
}

/// A handle to send messages to a thread.
#[derive(Clone)]
pub(crate) struct Peer {
    sender: Sender<Notice>,
    waker: Arc<Waker>,
    /// The memory of the broadcast messages that it has not handled yet, in bytes.
    backlog: Arc<AtomicUsize>,
    /// It has not handled the last [`Notice::Feed`] yet.
    is_fed: Arc<AtomicBool>,
}

impl Peer {
    pub(crate) fn new(sender: Sender<Notice>, waker: Arc<Waker>) -> Self {
        Self { sender, waker, backlog: Arc::default(), is_fed: Arc::default() }
    }

    pub(crate) fn send(&self, notice: Notice) {
        self.backlog.fetch_add(notice.cost(), Relaxed);
        // A thread that has ended needs no message.
        match self.sender.send(notice) {
            Ok(()) => drop(self.waker.wake()),
            Err(SendError(notice)) => drop(self.backlog.fetch_sub(notice.cost(), Relaxed)),
        }
    }

    /// Says that the feed has news. One notice at a time, however fast the messages come.
    pub(crate) fn feed(&self) {
        if !self.is_fed.swap(true, AcqRel) {
            self.send(Notice::Feed);
        }
    }
}

impl Notice {
    fn cost(&self) -> usize {
        if let Self::Broadcast(batch) = self {
            batch.iter().map(BroadcastMessage::cost).sum()
        } else {
            0
        }
    }
}

/// What other threads send to this one.
pub(crate) struct Inbox {
    pub(crate) notices: Receiver<Notice>,
    pub(crate) own: Peer,
}

/// What all clients of a thread share.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) pool: Pool,
    pub(crate) lender: Lender,
    /// How many messages came in this turn.
    pub(crate) messages: u64,
    /// Storage for the message that is received in one turn.
    pub(crate) message: Memory,
    pub(crate) encoder: Encoder,
    /// Messages to broadcast after these turns.
    pub(crate) broadcasts: Vec<BroadcastMessage>,
    /// The time since the start of the program, updated once per turn of the event loop.
    pub(crate) now: Duration,
}

pub(crate) struct Worker {
    poll: Poll,
    listener: Option<TcpListener>,
    inbox: Inbox,
    peers: Vec<Peer>,
    clients: Slab<Client>,
    timers: Timers,
    /// The clients with something to do.
    ready: VecDeque<u32>,
    /// There may be more notices than were handled in this turn of the loop.
    has_notices: bool,
    handover: Option<Part>,
    shared: Shared,
    start: Instant,
    accept_at: Option<Duration>,
    trim_at: Duration,
}

impl Worker {
    pub(crate) fn new(
        poll: Poll,
        seat: Seat,
        inbox: Inbox,
        peers: Vec<Peer>,
        shared: Shared,
        start: Instant,
    ) -> io::Result<Self> {
        let Seat { mut listener, clients } = seat;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut worker = Self {
            poll,
            listener: Some(listener),
            inbox,
            peers,
            clients: Slab::with_capacity(RESERVED),
            timers: Timers::default(),
            ready: VecDeque::new(),
            has_notices: false,
            handover: None,
            shared,
            start,
            accept_at: None,
            trim_at: Duration::ZERO,
        };
        worker.seat(clients)?;
        Ok(worker)
    }

    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while self.listener.is_some() || !self.clients.is_empty() {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            self.shared.now = self.start.elapsed();
            self.trim();
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    WAKER => {}
                    Token(key) => {
                        if let Some(client) = self.clients.get_mut(key) {
                            client.notify(event);
                            enqueue(&mut self.ready, key, client);
                        }
                    }
                }
            }
            self.expire();
            for _ in 0..self.ready.len() {
                let Some(key) = self.ready.pop_front() else { break };
                self.proceed(key as usize);
                if self.shared.broadcasts.len() >= AT_ONCE {
                    self.broadcast();
                }
            }
            self.broadcast();
            self.handle_notices();
            if let Some(part) = self.handover.take() {
                self.hand_over(&part);
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        if self.has_notices || !self.ready.is_empty() {
            return Some(if self.is_held_up() { Duration::from_millis(1) } else { Duration::ZERO });
        }
        let trim_at = self.shared.pool.is_long().then_some(self.trim_at);
        let next = self.timers.next().into_iter().chain(self.accept_at).chain(trim_at).min()?;
        // Rounded up: a timer that fires early would only be set again.
        Some(next.saturating_sub(self.start.elapsed()) + Duration::from_millis(1))
    }

    /// Frees memory that was of no use for some time.
    fn trim(&mut self) {
        if self.trim_at <= self.shared.now {
            self.trim_at = self.shared.now + IDLE;
            self.shared.pool.trim();
        }
    }

    /// Whether another thread has to catch up before more can be broadcast.
    fn is_held_up(&self) -> bool {
        let settings = &self.shared.settings;
        settings.broadcast && self.peers.iter().any(|peer| peer.backlog.load(Relaxed) > BACKLOG)
    }

    fn accept(&mut self) {
        self.accept_at = None;
        for _ in 0..AT_ONCE {
            let Some(listener) = &self.listener else { return };
            match listener.accept() {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    let mut client = Client::new(stream, &self.shared);
                    let entry = self.clients.vacant_entry();
                    let key = entry.key();
                    if client.register(self.poll.registry(), key).is_ok() {
                        let client = entry.insert(client);
                        self.shared.stats.connections.fetch_add(1, Relaxed);
                        self.timers.schedule(key, client.deadline(), &mut client.scheduled);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    if self.shared.stats.may_log(self.shared.now) {
                        eprintln!("accept: {error}");
                    }
                    self.accept_at = Some(self.shared.now + ACCEPT_AGAIN);
                    return;
                }
            }
        }
        self.accept_at = Some(self.shared.now);
    }

    fn proceed(&mut self, key: usize) {
        let is_busy = self.is_held_up();
        let Some(client) = self.clients.get_mut(key) else { return };
        client.is_queued = false;
        if is_busy && client.is_publisher() {
            return enqueue(&mut self.ready, key, client);
        }
        let mut progress = client.turn(&mut self.shared);
        // A client that has just subscribed to the feed catches up.
        if progress != Progress::Ended && client.feed(&mut self.shared) == Progress::Ended {
            progress = Progress::Ended;
        }
        self.settle(key, progress);
    }

    /// Sends the messages that came in these turns to the clients of all threads.
    fn broadcast(&mut self) {
        if self.shared.broadcasts.is_empty() {
            return;
        }
        let batch: Arc<[_]> = std::mem::take(&mut self.shared.broadcasts).into();
        for peer in &self.peers {
            peer.send(Notice::Broadcast(Arc::clone(&batch)));
        }
        self.for_each_client(|client, shared| client.send_broadcasts(&batch, shared));
    }

    /// Sets the timer of a client and its next turn, or removes it if it has ended.
    fn settle(&mut self, key: usize, progress: Progress) {
        if progress == Progress::Ended {
            if let Some(client) = self.clients.try_remove(key) {
                self.uncount(&client);
            }
        } else if let Some(client) = self.clients.get_mut(key) {
            // What is due at once needs no timer.
            if progress == Progress::More || client.is_due(self.shared.now) {
                enqueue(&mut self.ready, key, client);
            } else {
                self.timers.schedule(key, client.deadline(), &mut client.scheduled);
            }
        }
    }

    fn uncount(&self, client: &Client) {
        self.shared.stats.connections.fetch_sub(1, Relaxed);
        self.shared.stats.buffers.fetch_sub(client.is_holding().into(), Relaxed);
    }

    fn close_listener(&mut self) {
        if let Some(mut listener) = self.listener.take() {
            let _ = self.poll.registry().deregister(&mut listener);
        }
    }

    fn for_each_client(&mut self, mut act: impl FnMut(&mut Client, &mut Shared) -> Progress) {
        let keys: Vec<usize> = self.clients.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(client) = self.clients.get_mut(key) else { continue };
            let progress = act(client, &mut self.shared);
            self.settle(key, progress);
        }
    }

    /// Queues the clients whose deadline has passed: a deadline is one more reason for a turn.
    fn expire(&mut self) {
        while let Some((key, at)) = self.timers.due(self.shared.now) {
            let Some(client) = self.clients.get_mut(key).filter(|client| client.scheduled == at)
            else {
                continue;
            };
            client.scheduled = Scheduled::default();
            if client.is_due(self.shared.now) {
                enqueue(&mut self.ready, key, client);
            } else {
                self.timers.schedule(key, client.deadline(), &mut client.scheduled);
            }
        }
        if self.accept_at.is_some_and(|at| at <= self.shared.now) {
            self.accept();
        }
    }

    /// Handles the messages from other threads.
    fn handle_notices(&mut self) {
        let mut messages = Vec::new();
        self.has_notices = false;
        while let Ok(notice) = self.inbox.notices.try_recv() {
            self.inbox.own.backlog.fetch_sub(notice.cost(), Relaxed);
            match notice {
                Notice::Broadcast(batch) => messages.extend(batch.iter().cloned()),
                Notice::Feed => {
                    // First, so that what comes from here on brings another notice.
                    self.inbox.own.is_fed.swap(false, AcqRel);
                    self.for_each_client(Client::feed);
                }
                Notice::HandOver(part) => self.handover = Some(part),
                Notice::Shutdown => {
                    self.close_listener();
                    self.for_each_client(|client, shared| {
                        client.close(CloseCode::GOING_AWAY, shared)
                    });
                }
            }
            if messages.len() >= AT_ONCE {
                self.has_notices = true;
                break;
            }
        }
        if !messages.is_empty() {
            self.for_each_client(|client, shared| client.send_broadcasts(&messages, shared));
        }
    }
}

/// Gives a client its place in the queue: one, however many events come, so that a flood gets no
/// more turns.
fn enqueue(ready: &mut VecDeque<u32>, key: usize, client: &mut Client) {
    if !std::mem::replace(&mut client.is_queued, true) {
        ready.push_back(u32::try_from(key).unwrap_or(u32::MAX));
    }
}

/// The waker for the thread that will run `poll`.
pub(crate) fn waker(poll: &Poll) -> io::Result<Arc<Waker>> {
    Waker::new(poll.registry(), WAKER).map(Arc::new)
}
