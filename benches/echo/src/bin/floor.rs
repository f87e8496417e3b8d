//! **Not a correct server**: the cost of an echo without any validation, as a baseline.
//!
//! One read and one write per event, one read buffer for all clients, in which frames are unmasked
//! and compacted in one pass. No fragmentation, no Pings, no UTF-8 validation, no limits, no
//! deadlines. It stops reading while output is pending; without that it would be slow.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::ops::Range;

use barews::handshake::Status;
use barews::handshake::server::{Incoming, Origins, RequestReader};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const READ_LEN: usize = 256 << 10;

struct Client {
    stream: TcpStream,
    open: bool,
    readable: bool,
    writable: bool,
    /// An incomplete frame.
    unread: Option<Unread>,
    /// Output that the socket has not accepted yet.
    output: Option<(Vec<u8>, Range<usize>)>,
}

/// The first `len` bytes of a frame of `needed` bytes.
struct Unread {
    buffer: Vec<u8>,
    len: usize,
    needed: usize,
}

/// Memory that all clients share.
struct Shared {
    buffer: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl Shared {
    fn take(&mut self, len: usize) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        buffer
    }
}

/// The result of processing a read.
struct Frames {
    /// The range of the unmasked frames.
    echo: Range<usize>,
    consumed: usize,
    /// The length of the incomplete frame.
    needed: usize,
    /// Whether one of the frames is a Close.
    closed: bool,
}

fn main() -> io::Result<()> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;
    let mut clients = Slab::new();
    let mut events = Events::with_capacity(1024);
    let mut shared = Shared { buffer: vec![0; READ_LEN], spare: Vec::new() };
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut clients)?;
                continue;
            }
            let key = event.token().0;
            let Some(client) = clients.get_mut(key) else { continue };
            client.readable |= event.is_readable();
            client.writable |= event.is_writable();
            if client.proceed(&mut shared).is_err() {
                clients.remove(key);
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, clients: &mut Slab<Client>) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let entry = clients.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        entry.insert(Client {
            stream,
            open: false,
            readable: false,
            writable: false,
            unread: None,
            output: None,
        });
    }
}

impl Client {
    fn proceed(&mut self, shared: &mut Shared) -> io::Result<()> {
        loop {
            if let Some((buffer, mut echo)) = self.output.take() {
                echo.start += self.write(&buffer[echo.clone()])?;
                if !echo.is_empty() {
                    self.output = Some((buffer, echo));
                    return Ok(());
                }
                shared.spare.push(buffer);
            }
            if !self.readable {
                return Ok(());
            }
            match self.unread.take() {
                None => self.begin(shared)?,
                Some(unread) => self.go_on(unread, shared)?,
            }
        }
    }

    fn begin(&mut self, shared: &mut Shared) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut shared.buffer);
        let result =
            if self.open { self.echo(&mut buffer, shared) } else { self.handshake(&mut buffer) };
        shared.buffer = buffer;
        result
    }

    fn echo(&mut self, buffer: &mut [u8], shared: &mut Shared) -> io::Result<()> {
        let n = self.read(buffer)?;
        let frames = unmask(&mut buffer[..n]);
        let echo = &buffer[frames.echo];
        let written = self.write(echo)?;
        if frames.closed {
            self.stream.shutdown(Shutdown::Write)?;
        }
        if written < echo.len() {
            let rest = &echo[written..];
            let mut own = shared.take(rest.len());
            own[..rest.len()].copy_from_slice(rest);
            self.output = Some((own, 0..rest.len()));
        }
        let rest = &buffer[frames.consumed..n];
        if !rest.is_empty() {
            let mut own = shared.take(frames.needed);
            own[..rest.len()].copy_from_slice(rest);
            self.unread = Some(Unread { buffer: own, len: rest.len(), needed: frames.needed });
        }
        Ok(())
    }

    /// Continues to read a long frame into its own buffer.
    fn go_on(&mut self, mut unread: Unread, shared: &mut Shared) -> io::Result<()> {
        unread.len += self.read(&mut unread.buffer[unread.len..unread.needed])?;
        if unread.len < unread.needed {
            self.unread = Some(unread);
            return Ok(());
        }
        let Unread { mut buffer, len, .. } = unread;
        let frames = unmask(&mut buffer[..len]);
        if frames.consumed == 0 {
            // Only the header was needed to know the length.
            let mut longer = shared.take(frames.needed);
            longer[..len].copy_from_slice(&buffer[..len]);
            shared.spare.push(buffer);
            self.unread = Some(Unread { buffer: longer, len, needed: frames.needed });
        } else {
            let written = self.write(&buffer[frames.echo.clone()])?;
            self.output = Some((buffer, frames.echo.start + written..frames.echo.end));
        }
        Ok(())
    }

    /// A short read has drained the socket, so no second call is needed.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(to) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.readable = n == to.len();
                Ok(n)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if !self.writable || from.is_empty() {
            return Ok(0);
        }
        match self.stream.write(from) {
            Ok(n) => {
                self.writable = n == from.len();
                Ok(n)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// Peeks until the whole request is received.
    fn handshake(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let n = self.stream.peek(buffer)?;
        let mut reader = RequestReader::new();
        let mut response = [0; 512];
        let (head_len, len) = match reader.read(&buffer[..n]) {
            Ok(Status::NeedMore(_)) if n > 0 => {
                self.readable = false;
                return Ok(());
            }
            Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                let accept = upgrade.accept(Origins::Any).map_err(|_| ErrorKind::InvalidData)?;
                let len = accept.write(&mut response).map_err(|_| ErrorKind::InvalidData)?;
                (upgrade.request().head_len(), len)
            }
            _ => return Err(ErrorKind::InvalidData.into()),
        };
        self.stream.read_exact(&mut buffer[..head_len])?;
        self.open = true;
        self.output = Some((response.to_vec(), 0..len));
        Ok(())
    }
}

/// Unmasks and compacts all complete frames; the payload of the first one does not move.
fn unmask(bytes: &mut [u8]) -> Frames {
    let (mut start, mut end, mut consumed, mut closed) = (None, 0, 0, false);
    loop {
        let rest = &bytes[consumed..];
        let (header_len, len) = match *rest {
            [_, 0xFF, a, b, c, d, e, f, g, h, ..] => {
                (14, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize)
            }
            [_, 0xFE, a, b, ..] => (8, usize::from(u16::from_be_bytes([a, b]))),
            [_, 0xFF | 0xFE, ..] => (14, 0),
            [_, len, ..] => (6, usize::from(len & 0x7F)),
            _ => (6, 0),
        };
        let needed = header_len + len;
        if rest.len() < needed {
            return Frames { echo: start.unwrap_or(end)..end, consumed, needed, closed };
        }
        closed |= rest[0] == 0x88;
        let key = [0, 1, 2, 3].map(|n| rest[header_len - 4 + n]);
        let from = consumed + header_len;
        let to = match start {
            None => from,
            Some(_) => end + header_len - 4,
        };
        let at = to - (header_len - 4);
        bytes.copy_within(consumed..consumed + header_len - 4, at);
        bytes[at + 1] &= 0x7F;
        start = start.or(Some(at));
        unmask_to(bytes, from, to, len, key);
        end = to + len;
        consumed += needed;
    }
}

fn unmask_to(bytes: &mut [u8], from: usize, to: usize, len: usize, key: [u8; 4]) {
    let mut lane = [0; 32];
    let keys: [u8; 32] = std::array::from_fn(|n| key[n % 4]);
    let mut n = 0;
    while n < len {
        let part = (len - n).min(lane.len());
        if part == lane.len() {
            lane.copy_from_slice(&bytes[from + n..][..32]);
            for (byte, key) in lane.iter_mut().zip(keys) {
                *byte ^= key;
            }
            bytes[to + n..][..32].copy_from_slice(&lane);
        } else {
            for m in n..len {
                bytes[to + m] = bytes[from + m] ^ key[m % 4];
            }
        }
        n += part;
    }
}
