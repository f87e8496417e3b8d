//! A WebSocket on a blocking socket. It can be copied alone.

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::{Duration, Instant};

use barews::backoff::Backoff;
use barews::handshake::client::Handshake;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Client, CloseCode, Config, Content, OsKeys, RecvBuffer, SendBuffer, TransportAction};

pub(crate) type Failure = Box<dyn std::error::Error>;

/// How long to wait for one direction while the other has something to do.
const TICK: Duration = Duration::from_millis(10);

/// The sending half of a connection.
pub(crate) struct WebSocket {
    pub(crate) session: Session<Client<OsKeys>>,
    pub(crate) tx: SendBuffer<Vec<u8>>,
    pub(crate) start: Instant,
}

impl WebSocket {
    /// Opens the connection, and passes each event to `on_event`, which may send, until it has ended.
    pub(crate) fn run(
        mut stream: TcpStream,
        handshake: &Handshake<'_>,
        times: Timeouts,
        mut on_event: impl FnMut(&mut Self, SessionEvent<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(TICK))?;
        let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 16 << 10]), SendBuffer::new(Vec::new()));
        let (config, now) = (Config::new(), start.elapsed());
        let session = Session::client(config, times, OsKeys, handshake, &mut tx, now)?;
        let mut ws = Self { session, tx, start };
        loop {
            while let Some(event) = ws.session.receive(&mut rx, &mut ws.tx, start.elapsed()) {
                on_event(&mut ws, event)?;
            }
            unless_blocked(ws.tx.write_with(|bytes| stream.write(bytes)))?;
            match ws.session.transport_action(&ws.tx) {
                TransportAction::Keep | TransportAction::AwaitEnd => {}
                TransportAction::HalfClose => stream.shutdown(Shutdown::Write)?,
                TransportAction::Drop => return Ok(()),
            }
            if ws.session.wants_read() {
                let wait = ws.session.deadline().map(|at| at.saturating_sub(start.elapsed()));
                let wait = if ws.tx.is_empty() { wait } else { Some(TICK) };
                stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
                unless_blocked(rx.read_with(|space| stream.read(space)))?;
            }
        }
    }

    pub(crate) fn send(&mut self, kind: impl Into<Content>, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.session.send_fragment(kind, true, bytes, &mut self.tx)?)
    }

    pub(crate) fn close(&mut self, code: CloseCode) -> Result<(), Failure> {
        Ok(self.session.close(code, "", &mut self.tx, self.start.elapsed())?)
    }
}

/// Connects to the first address that answers, each within this time.
pub(crate) fn connect(host: (&str, u16), within: Option<Duration>) -> Result<TcpStream, Failure> {
    let failed = |error| format!("{}:{}: {error}", host.0, host.1);
    let mut last = ErrorKind::NotFound.into();
    for address in host.to_socket_addrs().map_err(failed)? {
        let stream = match within {
            Some(time) => TcpStream::connect_timeout(&address, time),
            None => TcpStream::connect(address),
        };
        match stream {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failed(last).into())
}

/// Blocked means that the time for it was over.
fn unless_blocked(result: IoResult<usize>) -> IoResult<()> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        result => result.map(drop),
    }
}

/// Sleeps before the next attempt to connect, after a connection that was open for `up`.
pub(crate) fn back_off(backoff: &mut Backoff, up: Duration) -> Result<(), getrandom::Error> {
    backoff.on_lost(up);
    sleep(backoff.next_delay(getrandom::u64()?));
    Ok(())
}
