//! The part of a thread in a hand-over.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Relaxed;

use super::{Worker, enqueue};
use crate::client::Client;
use crate::handover::{CLIENT, LISTENER, Part, Socket};

impl Worker {
    /// Takes over clients. Each has a turn first, for its unread bytes.
    pub(super) fn seat(&mut self, clients: Vec<Client>) -> io::Result<()> {
        for mut client in clients {
            let entry = self.clients.vacant_entry();
            let key = entry.key();
            client.register(self.poll.registry(), key)?;
            enqueue(&mut self.ready, key, &mut client);
            let stats = &self.shared.stats;
            stats.connections.fetch_add(1, Relaxed);
            stats.buffers.fetch_add(client.is_holding().into(), Relaxed);
            entry.insert(client);
        }
        Ok(())
    }

    /// Hands over, and goes on with the clients that stay.
    pub(super) fn hand_over(&mut self, part: &Part) {
        if !part.stop() {
            return;
        }
        // What other threads have sent until they stopped.
        self.has_notices = true;
        while self.has_notices {
            self.handle_notices();
        }
        self.shared.now = self.start.elapsed();
        let mut given = Vec::new();
        if part.give(|socket| self.give(socket, &mut given)) {
            self.close_listener();
            for key in given {
                self.release(key);
            }
        }
    }

    fn give(&mut self, socket: &Socket, given: &mut Vec<usize>) -> io::Result<()> {
        let listener = self.listener.as_ref().map(AsFd::as_fd);
        socket.send(LISTENER, &[], listener)?;
        for (key, client) in &mut self.clients {
            if let Some(body) = client.seal(self.shared.now) {
                socket.send(CLIENT, body.as_bytes(), Some(client.as_fd()))?;
                given.push(key);
            }
        }
        Ok(())
    }

    /// Drops a client whose connection the successor has.
    fn release(&mut self, key: usize) {
        if let Some(mut client) = self.clients.try_remove(key) {
            // The connection stays open there, and so its events would still come.
            let _ = client.deregister(self.poll.registry());
            self.uncount(&client);
        }
    }
}
