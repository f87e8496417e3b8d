//! Echoing compressed messages: the rows, the transport, and the verification of the replies.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::streams::{Role, Row, Tally, Wire, Work};
use crate::transport::Source;
use crate::zlib::{Compressor, Inflater};

/// Approximate message lengths in bytes; the messages are JSON.
const SIZES: [usize; 3] = [70, 830, 16384];
const READ: usize = 8192;
/// The default of zlib, which most clients use.
const LEVEL: i32 = 6;

/// The stream to receive, and the expected replies.
#[derive(Debug)]
pub struct Echo {
    /// Masked frames of a client, one message each, compressed by C zlib. The first message has no
    /// back references, so it can also follow the last one, and a connection can live from pass to
    /// pass.
    pub bytes: Vec<u8>,
    /// The payloads of these frames.
    pub payloads: Vec<Vec<u8>>,
    /// Whether both sides use context takeover.
    pub takeover: bool,
    pub replies: Replies,
    messages: Vec<Vec<u8>>,
}

/// The frames that a column sent in this pass. All columns of a row share one.
#[derive(Clone, Debug, Default)]
pub struct Replies(Arc<Mutex<Vec<u8>>>);

impl Replies {
    /// Clears the replies before a pass.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Appends pieces of a frame.
    pub fn write(&self, pieces: &[&[u8]]) {
        let mut bytes = self.lock();
        for piece in pieces {
            bytes.extend_from_slice(piece);
        }
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Echo {
    fn new(messages: Vec<Vec<u8>>, takeover: bool) -> (Self, Tally) {
        let mut wire = Wire::new(Role::Server);
        let mut zlib = Compressor::new(LEVEL);
        let mut payloads = Vec::new();
        let mut truth = Tally::default();
        for message in &messages {
            if !takeover {
                zlib.reset();
            }
            let mut payload = Vec::new();
            zlib.message(message, &mut payload);
            wire.frame(0xC1, &payload);
            payloads.push(payload);
            truth.message(message);
        }
        let replies = Replies::default();
        (Self { bytes: wire.bytes, payloads, takeover, replies, messages }, truth)
    }

    /// A stream with a violation, without expected replies. Without context takeover, so that all
    /// columns can run it.
    pub fn of_frames(bytes: Vec<u8>) -> Self {
        let (payloads, messages) = (Vec::new(), Vec::new());
        Self { bytes, payloads, takeover: false, replies: Replies::default(), messages }
    }

    /// Verifies with C zlib that the replies of a pass are the messages.
    ///
    /// With takeover, the window contains the end of the previous pass, which had the same
    /// messages.
    pub fn check(&self, first_pass: bool) -> Result<(), String> {
        let replies = self.replies.lock();
        let mut rest = &replies[..];
        let mut zlib = match (self.takeover, first_pass) {
            (true, false) => Inflater::with_window(&self.messages.concat()),
            _ => Inflater::new(),
        };
        for message in &self.messages {
            if !self.takeover {
                zlib.reset();
            }
            let (first, payload) = frame(&mut rest).ok_or("fewer replies than messages")?;
            let mut reply = Vec::new();
            match first {
                0xC1 => zlib.message(payload, &mut reply)?,
                0x81 => reply.extend(payload),
                _ => return Err(format!("a reply starts with {first:#04x}")),
            }
            if reply != *message {
                return Err("a reply differs from the message".into());
            }
        }
        if rest.is_empty() { Ok(()) } else { Err("more replies than messages".into()) }
    }

    /// Bytes on the wire per message in the last pass.
    pub fn wire(&self) -> f64 {
        self.replies.len() as f64 / self.messages.len() as f64
    }
}

/// Removes a server's frame from the front; returns its first byte and its payload.
fn frame<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[first, len], bytes) = rest.split_first_chunk()?;
    let (len, bytes) = match len {
        0..126 => (usize::from(len), bytes),
        126 => {
            let (&len, bytes) = bytes.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(len)), bytes)
        }
        _ => return None,
    };
    let (payload, bytes) = bytes.split_at_checked(len)?;
    *rest = bytes;
    Some((first, payload))
}

/// All rows with compression.
pub fn rows() -> impl Iterator<Item = Row> {
    [("deflate/takeover", true), ("deflate/alone", false)].into_iter().flat_map(
        |(name, takeover)| {
            SIZES.into_iter().map(move |size| {
                let mut random = fastrand::Rng::with_seed(size as u64);
                // More than ten windows, so that no message matches itself in the previous pass.
                let count = (384 << 10) / size;
                let messages: Vec<_> = (0..count).map(|_| json(&mut random, size)).collect();
                let row = |messages, spoiled| {
                    let (echo, truth) = Echo::new(messages, takeover);
                    Row {
                        name: format!("{name}/{size}"),
                        read: READ,
                        size,
                        work: Work::Echo(echo),
                        truth,
                        spoiled,
                    }
                };
                let mut spoiled = messages.clone();
                spoiled[count / 2].pop();
                spoiled[count / 2].push(0xFF);
                row(messages, vec![&*Box::leak(Box::new(row(spoiled, Vec::new())))])
            })
        },
    )
}

/// About `size` bytes of typical JSON: repeated names, random values.
fn json(random: &mut fastrand::Rng, size: usize) -> Vec<u8> {
    const WORDS: [&str; 8] =
        ["open", "filled", "canceled", "buy", "sell", "limit", "market", "partial"];

    let trade = |random: &mut fastrand::Rng| {
        format!(
            r#"{{"id":{},"ok":true,"side":"{}","price":{}.{:02},"at":{}}}"#,
            random.u32(100_000..1_000_000),
            WORDS[random.usize(..WORDS.len())],
            random.u32(100..1000),
            random.u32(..100),
            1_700_000_000 + random.u32(..10_000_000),
        )
    };
    let mut text = trade(random);
    if size > 100 {
        text = format!(r#"{{"channel":"trades","trades":[{text}"#);
        while text.len() + 72 < size {
            text.push(',');
            text.push_str(&trade(random));
        }
        text.push_str("]}");
    }
    text.into_bytes()
}

/// The transport for columns that own one.
#[derive(Debug)]
pub struct Pipe {
    source: Source,
    replies: Replies,
}

impl Pipe {
    pub fn new(echo: &'static Echo, read: usize) -> Self {
        Self { source: Source::new(&echo.bytes, read), replies: echo.replies.clone() }
    }

    fn lend(&mut self, room: usize) -> &'static [u8] {
        self.source.ended();
        self.source.lend(room)
    }
}

impl io::Read for Pipe {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let lent = self.lend(to.len());
        to[..lent.len()].copy_from_slice(lent);
        Ok(lent.len())
    }
}

impl io::Write for Pipe {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.replies.write(&[from]);
        Ok(from.len())
    }

    fn write_vectored(&mut self, from: &[io::IoSlice<'_>]) -> io::Result<usize> {
        from.iter().try_fold(0, |len, slice| Ok(len + self.write(slice)?))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        to.put_slice(self.lend(to.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Write::write(&mut *self, from))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Write::write_vectored(&mut *self, from))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Read::read(&mut *self, to))
    }
}

impl futures::AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Write::write(&mut *self, from))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Echo, json};
    use crate::zlib::Compressor;

    fn echo(takeover: bool) -> Echo {
        let mut random = fastrand::Rng::with_seed(1);
        Echo::new((0..100).map(|_| json(&mut random, 830)).collect(), takeover).0
    }

    /// A pass of a column that uses this compressor.
    fn pass(echo: &Echo, zlib: &mut Compressor, reset: bool) {
        echo.replies.clear();
        for message in &echo.messages {
            if reset {
                zlib.reset();
            }
            let mut payload = Vec::new();
            zlib.message(message, &mut payload);
            let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
            echo.replies.write(&[&[0xC1, 126], &len, &payload]);
        }
    }

    #[test]
    fn the_judge_follows_a_connection_from_pass_to_pass() {
        let echo = echo(true);
        let mut zlib = Compressor::new(6);
        for first in [true, false, false] {
            pass(&echo, &mut zlib, false);
            echo.check(first).unwrap();
        }
        echo.check(true).unwrap_err();
    }

    #[test]
    fn the_judge_finds_what_is_wrong() {
        let echo = echo(false);
        let mut zlib = Compressor::new(6);
        pass(&echo, &mut zlib, true);
        echo.check(true).unwrap();
        echo.replies.write(&[&[0xC1, 0]]);
        echo.check(true).unwrap_err();
        // A flipped bit in the last message, then a missing byte.
        pass(&echo, &mut zlib, true);
        let last = echo.replies.len() - 9;
        echo.replies.lock()[last] ^= 0x10;
        echo.check(true).unwrap_err();
        pass(&echo, &mut zlib, true);
        echo.replies.lock().pop();
        echo.check(true).unwrap_err();
        // Takeover although none was negotiated.
        pass(&echo, &mut zlib, false);
        echo.check(true).unwrap_err();
    }
}
