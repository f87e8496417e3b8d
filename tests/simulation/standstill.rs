//! A server with thousands of clients stands still for longer than every deadline.

use std::time::Duration;

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Config, RecvBuffer, SendBuffer, Server, TransportAction};

const CLIENTS: usize = 3000;
/// What the server takes for the turn of one client.
const TURN: Duration = Duration::from_micros(50);
const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
/// A masked Pong, with an empty payload.
const PONG: &[u8] = b"\x8A\x80\0\0\0\0";

struct One {
    ws: Session<Server>,
    rx: RecvBuffer<Vec<u8>>,
    tx: SendBuffer<Vec<u8>>,
    /// What is in the socket.
    socket: Vec<u8>,
    pings: u32,
    pongs: u32,
    is_given_up: bool,
}

impl One {
    fn new(now: Duration) -> Self {
        let ws = Session::server(Config::new(), Timeouts::new(), now);
        let (rx, tx) = (RecvBuffer::new(Vec::new()), SendBuffer::new(Vec::new()));
        Self { ws, rx, tx, socket: REQUEST.to_vec(), pings: 0, pongs: 0, is_given_up: false }
    }

    /// A turn without the read: the timers are handled first.
    fn timer(&mut self, now: Duration) {
        while let Some(event) = self.ws.receive(&mut self.rx, &mut self.tx, now) {
            match event {
                SessionEvent::Upgrade(upgrade) => {
                    let answer = upgrade.accept(Origins::Any);
                    self.ws.answer(answer, &mut self.tx, now).expect("a valid response");
                }
                SessionEvent::Pong(_) => self.pongs += 1,
                _ => self.is_given_up = true,
            }
        }
        self.pings += u32::from(self.tx.unsent() == b"\x89\0");
        self.tx.sent(self.tx.len());
        self.is_given_up |= self.ws.transport_action(&self.tx) != TransportAction::Keep;
    }

    fn turn(&mut self, now: Duration) {
        self.timer(now);
        let spare = self.rx.spare_mut();
        let n = spare.len().min(self.socket.len());
        spare[..n].copy_from_slice(&self.socket[..n]);
        if n > 0 {
            self.rx.advance(n);
            self.socket.drain(..n);
            self.timer(now);
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        !self.socket.is_empty() || self.ws.deadline().is_some_and(|at| at <= now)
    }
}

/// One turn of each that is due, with the time that it takes.
fn turns(all: &mut [One], now: &mut Duration, mut turn: impl FnMut(&mut One, Duration)) {
    for one in all {
        if one.is_due(*now) {
            *now += TURN;
            turn(one, *now);
        }
    }
}

/// The event loop up to `end`.
fn run_until(all: &mut [One], now: &mut Duration, end: Duration) {
    while *now < end {
        turns(all, now, One::turn);
        let next = all.iter().filter_map(|one| one.ws.deadline()).min();
        let is_readable = all.iter().any(|one| !one.socket.is_empty());
        if !is_readable && next.is_none_or(|at| at > *now) {
            *now = end.min(next.unwrap_or(end)).max(*now);
        }
    }
}

/// The Pongs arrive while the process stands still, and its timers come before its reads.
#[test]
fn s4_no_client_is_given_up_whose_pong_is_here() {
    for stopped in [1, 30, 100, 100_000] {
        let mut now = Duration::ZERO;
        let mut all: Vec<One> = (0..CLIENTS).map(|_| One::new(now)).collect();
        run_until(&mut all, &mut now, Duration::from_secs(32));
        assert!(all.iter().all(|one| one.pings == 1 && !one.is_given_up));
        for one in &mut all {
            one.socket.extend_from_slice(PONG);
        }
        now += Duration::from_secs(stopped);
        for one in &mut all {
            now += TURN;
            one.timer(now);
        }
        let end = now + Duration::from_secs(5);
        run_until(&mut all, &mut now, end);
        let lost = all.iter().filter(|one| one.is_given_up || one.pongs == 0).count();
        assert_eq!(lost, 0, "of {CLIENTS}, after {stopped} s");
        // One that stays silent is given up, still.
        let end = now + Duration::from_secs(60);
        run_until(&mut all, &mut now, end);
        assert!(all.iter().all(|one| one.is_given_up));
    }
}
