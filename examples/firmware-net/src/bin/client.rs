//! A WebSocket client on a microcontroller with Ethernet: it follows the numbered feed of
//! `examples/echo_server`. Whenever it loses the connection, it connects again after a random delay,
//! and resumes after the last number that it has seen.
//!
//! `scripts/check/firmware-net client` runs it on an emulated board, with a server that is not there at
//! first and connections that break.

#![no_std]
#![no_main]

#[path = "../board/mod.rs"]
mod board;
#[path = "../net.rs"]
mod net;

use core::fmt::Write as _;
use core::time::Duration;

use barews::backoff::Backoff;
use barews::handshake::client::Handshake;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, CloseCode, Config, Message, RecvBuffer, SendBuffer, TransportAction};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Stack, StackResources};
use embedded_io_async::Write;
use futures_lite::future;
use panic_semihosting as _;
use static_cell::StaticCell;

/// Of the server, on the computer that emulates the board.
const PORT: u16 = match option_env!("BAREWS_FEED_PORT") {
    Some(port) => match u16::from_str_radix(port, 10) {
        Ok(port) => port,
        Err(_) => panic!("BAREWS_FEED_PORT is no port"),
    },
    None => 9001,
};

/// A product would go on. This example ends the emulator after so many messages.
const MESSAGES: u32 = 500;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);

#[entry]
fn main() -> ! {
    let lan = board::open();
    board::run(|spawner| {
        if lan.and_then(|lan| start(spawner, lan)).is_none() {
            hprintln!("no network");
        }
    })
}

fn start(spawner: Spawner, lan: board::Lan9118) -> Option<()> {
    static RESOURCES: StaticCell<StackResources<1>> = StaticCell::new();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let stack = net::start(spawner, lan, &RESOURCES, random.next())?;
    spawner.spawn(follow(stack, random).ok()?);
    Some(())
}

/// Not for a product: keys, nonces and delays must be unpredictable (RFC 6455 §10.3), and the emulated
/// board has no generator.
struct Random(u64);

impl Random {
    /// xorshift64.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn key(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.next().to_le_bytes();
        [a, b, c, d]
    }
}

/// What has arrived, over all connections.
#[derive(Default)]
struct Feed {
    seen: Option<u64>,
    received: u32,
    missed: u64,
    repeated: u32,
    resumed: u32,
}

impl Feed {
    /// `{"seq":N}`, or `{"gap":N}`: the requested messages are gone, and the feed continues with N.
    fn on_message(&mut self, text: &str) {
        let inner = text.strip_prefix("{\"").and_then(|rest| rest.strip_suffix('}'));
        let Some((name, number)) = inner.and_then(|inner| inner.split_once("\":")) else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        if let Some(seen) = self.seen {
            let missed = number.checked_sub(seen.saturating_add(1));
            self.missed += missed.unwrap_or(0);
            self.repeated += u32::from(missed.is_none());
        }
        if name == "seq" {
            self.received += 1;
            self.seen = Some(number);
        } else {
            self.seen = number.checked_sub(1);
        }
    }
}

/// Follows the feed over any number of connections.
#[embassy_executor::task]
async fn follow(stack: Stack<'static>, mut random: Random) -> ! {
    let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    // Short for this example; a product would start with a second or more.
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    let mut feed = Feed::default();
    while feed.received < MESSAGES {
        let delay = backoff.next_delay(random.next());
        hprintln!("attempt {} in {} ms", backoff.attempts(), delay.as_millis());
        net::sleep(delay).await;
        let is_connected =
            future::or(async { socket.connect((net::HOST, PORT)).await.is_ok() }, async {
                net::sleep(CONNECT_WITHIN).await;
                false
            });
        if is_connected.await {
            let start = net::now();
            receive(&mut socket, &mut feed, &mut random).await;
            backoff.on_lost(net::now().saturating_sub(start));
            hprintln!("{} messages so far, the last is {:?}", feed.received, feed.seen);
        }
        net::end(&mut socket).await;
    }
    let Feed { received, missed, repeated, resumed, .. } = feed;
    hprintln!(
        "{} received, {} missed, {} repeated, {} resumed",
        received,
        missed,
        repeated,
        resumed
    );
    let (statics, stack) = board::ram_used();
    hprintln!("RAM: {} bytes of statics, {} of stack", statics, stack);
    loop {
        debug::exit(debug::EXIT_SUCCESS);
    }
}

/// One connection, until its transport is to be dropped.
async fn receive(io: &mut TcpSocket<'_>, feed: &mut Feed, random: &mut Random) {
    let mut path = heapless::String::<40>::new();
    // It fits.
    _ = match feed.seen {
        Some(seen) => write!(path, "/feed?after={seen}"),
        None => path.write_str("/feed"),
    };
    let (low, high) = (random.next().to_le_bytes(), random.next().to_le_bytes());
    let mut nonce = [0; 16];
    for (to, byte) in nonce.iter_mut().zip(low.into_iter().chain(high)) {
        *to = byte;
    }
    let handshake = Handshake::new(nonce, "feed.example", &path);
    let mut rx = RecvBuffer::new([0; 512]);
    let mut tx = SendBuffer::new([0; 512]);
    let mut messages = Assembler::new([0; 64]);
    let (config, times) = (Config::new(), Timeouts::new());
    let keys = || random.key();
    let Ok(mut ws) = Session::client(config, times, keys, &handshake, &mut tx, net::now()) else {
        return hprintln!("the request does not fit");
    };
    loop {
        while let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, net::now()) {
            match event {
                SessionEvent::Opened(_) => feed.resumed += u32::from(feed.seen.is_some()),
                SessionEvent::Data(Message::Text(text)) => feed.on_message(text),
                SessionEvent::Failed(failure) => hprintln!("{}", failure),
                _ => {}
            }
        }
        if feed.received >= MESSAGES && ws.is_open() {
            _ = ws.close(CloseCode::NORMAL, "", &mut tx, net::now());
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => io.close(),
            TransportAction::Drop => return,
        }
        let wait = ws.timeout(net::now()).unwrap_or(Duration::MAX);
        let turn = async {
            if tx.is_empty() {
                let n = io.read(rx.spare_mut()).await;
                rx.advance(n.unwrap_or(0));
            } else {
                let n = Write::write(io, tx.unsent()).await;
                tx.sent(n.unwrap_or(usize::MAX));
            }
        };
        future::or(turn, net::sleep(wait)).await;
    }
}
