//! The same work through a `Session`, its buffers included.

use std::hint::black_box;
use std::time::Duration;

use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{Config, Connection, RecvBuffer, SendBuffer};

use crate::common::{self, Content, Side, Stream};
use crate::count::counted;

const NOW: Duration = Duration::from_secs(1);

fn open<R: SessionRole>(connection: Connection<R>) -> Session<R> {
    Session::opened(connection, Timeouts::new(), NOW)
}

/// Messages of one kind and size, received at once.
pub fn messages(side: Side, content: Content, len: usize, n: usize) -> usize {
    let mut stream = Stream::messages(side, content, len, n);
    let events = match side {
        Side::Server => whole(Connection::server(Config::new()), &mut stream.bytes),
        Side::Client => whole(common::client(Config::new()), &mut stream.bytes),
    };
    assert_eq!(events, stream.events);
    events
}

fn whole<R: SessionRole>(connection: Connection<R>, bytes: &mut [u8]) -> usize {
    let mut ws = open(connection);
    let len = bytes.len();
    let mut rx = RecvBuffer::new(bytes);
    rx.advance(len);
    let mut tx = SendBuffer::new([0; 1024]);
    counted(|| {
        let (rx, mut events) = (black_box(&mut rx), 0);
        while let Some(event) = ws.receive(rx, &mut tx, NOW) {
            events += ends(event);
        }
        events
    })
}

/// 1 for the end of a message, a Ping or a Pong.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a caller would write this inline")]
fn ends(event: SessionEvent<'_>) -> usize {
    match event {
        SessionEvent::Data(data) => {
            let fin = data.fin;
            black_box(data.payload);
            usize::from(fin)
        }
        SessionEvent::Ping(_) | SessionEvent::Pong(_) => 1,
        _ => 0,
    }
}

/// The mix, in reads of one byte, with a turn of the loop for each.
pub fn bytewise(stream: &Stream, n: usize) -> usize {
    let mut ws = open(Connection::server(Config::new()));
    let bytes = stream.bytes.repeat(n);
    let mut rx = RecvBuffer::new([0; 4096]);
    let mut tx = SendBuffer::new([0; 1024]);
    let seen = counted(|| {
        let mut seen = 0;
        for byte in &bytes {
            if let Some(to) = rx.spare_mut().first_mut() {
                *to = *byte;
            }
            rx.advance(1);
            while let Some(event) = ws.receive(black_box(&mut rx), &mut tx, NOW) {
                seen += ends(event);
            }
            tx.sent(tx.len());
        }
        seen
    });
    assert_eq!(seen, stream.events * n);
    seen
}

/// Messages of one length, each taken by the transport at once.
pub fn sends<R: SessionRole>(connection: Connection<R>, len: usize, n: usize) -> usize {
    let payload = Content::Binary.payload(len, 0);
    let mut ws = open(connection);
    // Two frames, so that one is below the high mark.
    let mut tx = SendBuffer::new(vec![0; 2 * (len + 14)].into_boxed_slice());
    counted(|| {
        let mut written = 0;
        for _ in 0..n {
            if ws.send_binary(black_box(&payload), black_box(&mut tx)).is_ok() {
                written += tx.len();
                tx.sent(tx.len());
            }
        }
        written
    })
}

/// Unseals an idle session.
pub fn wake(n: usize) -> usize {
    let mut sealed = [0; 32];
    let ws = open(Connection::server(Config::new()));
    let len = ws.seal(NOW, &mut sealed).unwrap_or_default();
    let mut tx = SendBuffer::new([0; 16]);
    counted(|| {
        let mut awake = 0;
        for _ in 0..n {
            let (sealed, tx) = (black_box(&sealed[..len]), black_box(&mut tx));
            let ws = Session::unseal_server(Config::new(), Timeouts::new(), sealed, tx, NOW);
            awake += usize::from(black_box(ws).is_ok());
        }
        awake
    })
}
