//! A chat on tokio: each client hears what all of them say.
//!
//! `cargo run -p barews-programs --bin chat -- 127.0.0.1:9001 30`
//!
//! A client that is silent for the number of seconds in the second argument gets a Ping; one that does not answer, or
//! does not read, for as long is dropped. Ctrl-C closes every connection with 1001 (Going Away), and waits for their
//! ends, but not long; the exit status is 1 if that was not enough.
//!
//! The last messages are in a ring, in which each client has a place: its queue. A client that reads too slowly loses
//! its place, and is told how many messages it has missed. So memory is bounded: that of the ring, and for each client
//! its buffers and the longest message.

use std::sync::Arc;
use std::time::Duration;

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, CloseCode, Config, Message, RecvBuffer, SendBuffer, TransportAction};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::RecvError::{Closed, Lagged};
use tokio::sync::broadcast::{Receiver, Sender, WeakSender};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

type Failure = Box<dyn std::error::Error + Send + Sync>;
/// The weak sender does not keep the room open.
type Room = (WeakSender<Arc<str>>, Receiver<Arc<str>>);

/// How long the end waits for the clients.
const PATIENCE: Duration = Duration::from_secs(10);

async fn client(id: u64, mut stream: TcpStream, room: Room, time: Timeouts) -> Result<(), Failure> {
    let (start, (room, mut queue), mut is_room_open) = (Instant::now(), room, true);
    let mut ws = Session::server(Config::new().max_message_len(1 << 20), time, Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new([0; 8192]), SendBuffer::new(Vec::new()));
    let (mut messages, (mut from, mut to)) = (Assembler::new(Vec::new()), stream.split());
    loop {
        let now = start.elapsed();
        // A client is heard once it has heard the others, so that it cannot flood the ring.
        while (queue.is_empty() || tx.is_over_mark())
            && let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, now)
        {
            match event {
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), &mut tx, now)?,
                SessionEvent::Data(Message::Text(text)) => {
                    room.upgrade().map(|room| room.send(format!("{id}: {text}").into()));
                    yield_now().await; // The others empty their queues.
                }
                SessionEvent::Data(_) => ws.close(CloseCode::UNSUPPORTED, "", &mut tx, now)?,
                SessionEvent::Failed(failure) => eprintln!("{id}: {failure}"),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => to.shutdown().await?,
            TransportAction::Drop => return Ok(()),
        }
        // It counts as a read once it is polled, which a disabled branch is not.
        let read = async { from.read(rx.spare_mut()).await };
        tokio::select! {
            biased;
            n = to.write(tx.unsent()), if !tx.is_empty() => tx.sent(n?),
            n = read, if ws.wants_read() && queue.is_empty() => rx.advance(n?),
            text = queue.recv(), if is_room_open && !tx.is_over_mark() => match text {
                Ok(text) if ws.is_open() => ws.send_text(&text, &mut tx)?,
                Err(Lagged(n)) if ws.is_open() => ws.send_text(&format!("({n} missed)"), &mut tx)?,
                Err(Closed) => {
                    is_room_open = false;
                    ws.close(CloseCode::GOING_AWAY, "", &mut tx, start.elapsed())?;
                }
                _ => {}
            },
            () = sleep(ws.timeout(start.elapsed()).unwrap_or(Duration::MAX)) => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let listener = TcpListener::bind(arguments.next().unwrap_or("127.0.0.1:9001".into())).await?;
    let time = Some(Duration::from_secs(arguments.next().map_or(Ok(30), |it| it.parse())?));
    let timeouts = Timeouts::new().ping_after(time).pong_within(time).write_within(time);
    println!("listening on {}", listener.local_addr()?);
    let (room, mut clients) = (Sender::new(64), JoinSet::new());
    for id in 1.. {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                clients.spawn(client(id, stream, (room.downgrade(), room.subscribe()), timeouts));
            }
            Some(_) = clients.join_next() => {}
            // The next try if there was no file descriptor for a client.
            () = sleep(PATIENCE / 10) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    drop((listener, room));
    Ok(timeout(PATIENCE, clients.join_all()).await.map(drop)?)
}
