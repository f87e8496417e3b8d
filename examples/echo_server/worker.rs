//! A worker thread: its listener, clients and timers, and the messages from other threads.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use barews::CloseCode;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::broadcast::BroadcastMessage;
use crate::client::{Client, Progress};
use crate::feed::Feed;
use crate::pool::Pool;
use crate::session::{Replies, Session};
use crate::settings::Settings;
use crate::stats::Stats;
use crate::timers::Timers;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// Room for this many clients is reserved: growing in small steps fragments memory, and pages that
/// are never touched cost nothing.
pub(crate) const RESERVED: usize = 1024;
/// The delay before the next attempt after a failed accept, which mostly means that no file
/// descriptors are left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A message between threads.
pub(crate) enum Notice {
    /// A message to broadcast.
    Broadcast(BroadcastMessage),
    /// The feed has a new message.
    Feed,
    /// Accept no more clients, close the open ones, and end.
    Shutdown,
}

/// A handle to send messages to a thread.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) sender: Sender<Notice>,
    pub(crate) waker: Arc<Waker>,
}

impl Peer {
    pub(crate) fn send(&self, notice: Notice) {
        // A thread that has ended needs no message.
        if self.sender.send(notice).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// What all clients of a thread share.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) pool: Pool,
    /// The read buffer.
    pub(crate) buffer: Vec<u8>,
    pub(crate) replies: Replies,
    /// The time since the start of the program, updated once per turn of the event loop.
    pub(crate) now: Duration,
}

pub(crate) struct Worker {
    poll: Poll,
    listener: Option<TcpListener>,
    inbox: Receiver<Notice>,
    peers: Vec<Peer>,
    clients: Slab<Client>,
    timers: Timers,
    shared: Shared,
    start: Instant,
    accept_at: Option<Duration>,
}

impl Worker {
    pub(crate) fn new(
        poll: Poll,
        mut listener: TcpListener,
        inbox: Receiver<Notice>,
        peers: Vec<Peer>,
        shared: Shared,
        start: Instant,
    ) -> io::Result<Self> {
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener: Some(listener),
            inbox,
            peers,
            clients: Slab::with_capacity(RESERVED),
            timers: Timers::default(),
            shared,
            start,
            accept_at: None,
        })
    }

    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        // Clients that have more to do but yielded to the others.
        let mut ready: VecDeque<u32> = VecDeque::new();
        while self.listener.is_some() || !self.clients.is_empty() {
            match self.poll.poll(&mut events, self.timeout(!ready.is_empty())) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            self.shared.now = self.start.elapsed();
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    WAKER => {}
                    Token(key) => {
                        if let Some(client) = self.clients.get_mut(key) {
                            client.notify(event);
                            ready.push_back(u32::try_from(key).unwrap_or(u32::MAX));
                        }
                    }
                }
            }
            for _ in 0..ready.len() {
                let Some(key) = ready.pop_front() else { break };
                if self.proceed(key as usize) == Progress::More {
                    ready.push_back(key);
                }
            }
            self.expire();
            self.handle_notices();
        }
        Ok(())
    }

    fn timeout(&self, busy: bool) -> Option<Duration> {
        if busy {
            return Some(Duration::ZERO);
        }
        let next = self.timers.next().into_iter().chain(self.accept_at).min()?;
        // Rounded up: a timer that fires early would only be set again.
        Some(next.saturating_sub(self.start.elapsed()) + Duration::from_millis(1))
    }

    fn accept(&mut self) {
        self.accept_at = None;
        while let Some(listener) = &self.listener {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    let entry = self.clients.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    if self
                        .poll
                        .registry()
                        .register(&mut stream, Token(entry.key()), interest)
                        .is_ok()
                    {
                        let key = entry.key();
                        let client = entry.insert(Client::new(stream, &self.shared));
                        self.shared.stats.connections.fetch_add(1, Relaxed);
                        self.timers.schedule(key, client.next_deadline(), &mut client.scheduled);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    eprintln!("accept: {error}");
                    self.accept_at = Some(self.shared.now + ACCEPT_AGAIN);
                    return;
                }
            }
        }
    }

    fn proceed(&mut self, key: usize) -> Progress {
        let Some(client) = self.clients.get_mut(key) else { return Progress::Ended };
        let progress = client.proceed(&mut self.shared);
        let broadcasts = std::mem::take(&mut self.shared.replies.broadcasts);
        // A client that has just subscribed to the feed catches up.
        let progress = match progress {
            Progress::Ended => Progress::Ended,
            progress if client.feed(&mut self.shared) == Progress::Waiting => progress,
            _ => Progress::Ended,
        };
        self.settle(key, &progress);
        for message in broadcasts {
            for peer in &self.peers {
                peer.send(Notice::Broadcast(message.clone()));
            }
            self.for_each_client(|client, shared| client.send_broadcast(&message, shared));
        }
        progress
    }

    /// Sets the timer of a client after it made progress, or removes the client if it has ended.
    fn settle(&mut self, key: usize, progress: &Progress) {
        if *progress == Progress::Ended {
            if let Some(client) = self.clients.try_remove(key) {
                client.end(&mut self.shared);
            }
        } else if let Some(client) = self.clients.get_mut(key) {
            self.timers.schedule(key, client.next_deadline(), &mut client.scheduled);
        }
    }

    fn for_each_client(&mut self, mut act: impl FnMut(&mut Client, &mut Shared) -> Progress) {
        let keys: Vec<usize> = self.clients.iter().map(|(key, _)| key).collect();
        for key in keys {
            let progress = act(&mut self.clients[key], &mut self.shared);
            self.settle(key, &progress);
        }
    }

    fn expire(&mut self) {
        while let Some((key, at)) = self.timers.due(self.shared.now) {
            let Some(client) = self.clients.get_mut(key).filter(|client| client.scheduled == at)
            else {
                continue;
            };
            client.scheduled = crate::timers::Scheduled::default();
            let progress = client.on_timer(&mut self.shared);
            self.settle(key, &progress);
        }
        if self.accept_at.is_some_and(|at| at <= self.shared.now) {
            self.accept();
        }
    }

    /// Handles the messages from other threads.
    fn handle_notices(&mut self) {
        while let Ok(notice) = self.inbox.try_recv() {
            match notice {
                Notice::Broadcast(message) => {
                    self.for_each_client(|client, shared| client.send_broadcast(&message, shared));
                }
                Notice::Feed => self.for_each_client(Client::feed),
                Notice::Shutdown => {
                    if let Some(mut listener) = self.listener.take() {
                        let _ = self.poll.registry().deregister(&mut listener);
                    }
                    self.for_each_client(|client, shared| match client.session {
                        Session::Open { .. } => client.close(CloseCode::GOING_AWAY, shared),
                        Session::Handshake(_) | Session::Done => Progress::Ended,
                    });
                }
            }
        }
    }
}

/// The waker for the thread that will run `poll`.
pub(crate) fn waker(poll: &Poll) -> io::Result<Arc<Waker>> {
    Waker::new(poll.registry(), WAKER).map(Arc::new)
}
