//! The sending direction of a session. Every frame goes into the send buffer.

use core::time::Duration;

use super::opening::SessionRole;
use super::state::{Session, Stage};
use crate::assembler::Message;
use crate::buffer::{SendBuffer, Storage, StorageFull};
use crate::bytes;
#[cfg(feature = "deflate")]
use crate::deflate::{Deflate, Flush};
use crate::protocol::connection::Connection;
use crate::wire::close::CloseCode;
use crate::wire::error::SendError;
use crate::wire::frame::{Content, HeaderBytes, Opcode};

/// Once either side has closed, the methods that send return `Ok` and queue nothing: the peer would
/// discard it. [`Session::is_open`] tells.
impl<R: SessionRole> Session<R> {
    /// Sends a whole message in one frame, like [`Connection::send_text`] and
    /// [`Connection::send_binary`].
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::send_text`] except `Closed`, and [`SendError::NotOpen`] before
    /// the opening handshake is complete. `BufferTooSmall` means that `tx` cannot grow to the length
    /// needed.
    #[inline]
    pub fn send_message<T: Storage>(
        &mut self,
        message: Message<'_>,
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        match message {
            Message::Text(text) => self.send_text(text, tx),
            Message::Binary(payload) => self.send_binary(payload, tx),
        }
    }

    /// Sends a text message in one frame.
    ///
    /// # Errors
    ///
    /// The errors of [`send_message`](Self::send_message).
    #[inline]
    pub fn send_text<T: Storage>(
        &mut self,
        text: &str,
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        self.send(tx, |connection, out| connection.send_text(text, out))
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    ///
    /// The errors of [`send_message`](Self::send_message).
    #[inline]
    pub fn send_binary<T: Storage>(
        &mut self,
        payload: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        self.send(tx, |connection, out| connection.send_binary(payload, out))
    }

    /// Sends one fragment of a message, like [`Connection::send_fragment`].
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::send_fragment`] except `Closed`, and those of
    /// [`send_message`](Self::send_message).
    #[inline]
    pub fn send_fragment<T: Storage>(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        let content = content.into();
        self.send(tx, |connection, out| connection.send_fragment(content, fin, payload, out))
    }

    /// Sends a whole message in one frame, compressed if it is long enough for
    /// [`Deflate::wants`](crate::deflate::Deflate::wants).
    ///
    /// # Errors
    ///
    /// The errors of [`send_message`](Self::send_message), and [`SendError::NotNegotiated`].
    /// `BufferTooSmall` counts the greatest length that the message could have. The compressor
    /// remains in step with the peer's.
    #[cfg(feature = "deflate")]
    pub fn send_compressed<W: AsRef<[u8]> + AsMut<[u8]>, T: Storage>(
        &mut self,
        message: Message<'_>,
        deflate: &mut Deflate<W>,
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        let payload = message.as_bytes();
        if !deflate.wants(payload.len()) {
            return self.send_message(message, tx);
        }
        if !self.is_open() {
            return self.is_not_open();
        }
        let connection = self.header_after_control(tx)?;
        if connection.is_sending_message() {
            return Err(SendError::MessageInProgress);
        }
        // The payload is compressed into the output after space for the longest header.
        let room = HeaderBytes::MAX_LEN.saturating_add(Deflate::max_len(payload.len()));
        let out = tx.spare_mut(room).map_err(too_small)?;
        let (_, to) = out.split_at_mut_checked(HeaderBytes::MAX_LEN).unwrap_or_default();
        let deflated = deflate.push(payload, Flush::Finish, to);
        debug_assert!(deflated.done, "there is space for the longest output");
        let compressed = to.get_mut(..deflated.written).unwrap_or_default();
        let content = Content::new(message.kind(), true);
        let header = match connection.send_in_place(content, true, compressed) {
            Ok(header) => header,
            Err(error) => {
                deflate.forget();
                return Err(error);
            }
        };
        let (place, rest) = out.split_at_mut_checked(header.len()).unwrap_or_default();
        bytes::copy(&header, place);
        let end = HeaderBytes::MAX_LEN.saturating_sub(header.len());
        let end = end.saturating_add(deflated.written);
        let frame = rest.get_mut(..end).unwrap_or_default();
        bytes::move_to_front(frame, HeaderBytes::MAX_LEN.saturating_sub(header.len()));
        tx.queued(header.len().saturating_add(deflated.written));
        self.clock.has_sent = true;
        Ok(())
    }

    /// Masks `payload` in place and queues its header, like [`Connection::send_in_place`]. Write
    /// what is unsent and then `payload`, best in one vectored write, and queue the rest of it:
    ///
    /// ```
    /// use barews::session::Session;
    /// use barews::{Client, Kind, MaskKeys, SendBuffer};
    /// use std::io::{IoSlice, Write};
    ///
    /// fn send<K: MaskKeys>(
    ///     ws: &mut Session<Client<K>>,
    ///     payload: &mut [u8],
    ///     tx: &mut SendBuffer<Vec<u8>>,
    ///     transport: &mut impl Write,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     ws.send_in_place(Kind::Binary, true, payload, tx)?;
    ///     let n = transport.write_vectored(&[IoSlice::new(tx.unsent()), IoSlice::new(payload)])?;
    ///     tx.sent_with(n, payload)?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::send_in_place`], with `Closed`, and [`SendError::NotOpen`].
    /// `payload` is unchanged.
    pub fn send_in_place<T: Storage>(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        payload: &mut [u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        let connection = self.header_after_control(tx)?;
        let header = connection.send_in_place(content, fin, payload)?;
        self.queue_header(header, tx)
    }

    /// Starts a frame of `len` bytes and queues its header, like [`Connection::begin_frame`]. Then
    /// queue each chunk with [`send_chunk`](Self::send_chunk), or write it after
    /// [`mask_next`](Self::mask_next).
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::begin_frame`], with `Closed`, and [`SendError::NotOpen`].
    pub fn begin_frame<T: Storage>(
        &mut self,
        content: impl Into<Content>,
        fin: bool,
        len: u64,
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        let connection = self.header_after_control(tx)?;
        let header = connection.begin_frame(content, fin, len)?;
        self.queue_header(header, tx)
    }

    /// Masks the next chunk of the frame in progress, like [`Connection::mask_next`].
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::mask_next`], and [`SendError::NotOpen`].
    pub fn mask_next(&mut self, chunk: &mut [u8]) -> Result<(), SendError> {
        self.sending()?.mask_next(chunk)
    }

    /// Queues a copy of the next chunk of the frame in progress, masked. An empty chunk has no effect.
    ///
    /// # Errors
    ///
    /// The errors of [`mask_next`](Self::mask_next), and `BufferTooSmall` if `tx` cannot grow to the
    /// length needed; nothing is queued then.
    pub fn send_chunk<T: Storage>(
        &mut self,
        chunk: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let connection = self.sending()?;
        let out = tx.spare_mut(chunk.len()).map_err(too_small)?;
        let out = bytes::part_mut(out, ..chunk.len());
        bytes::copy(chunk, out);
        connection.mask_next(out)?;
        tx.advance(chunk.len());
        Ok(())
    }

    /// The number of payload bytes that the frame in progress still expects; 0 if there is none.
    #[must_use]
    pub fn frame_left(&self) -> u64 {
        if let Stage::Open(connection) = &self.stage { connection.frame_left() } else { 0 }
    }

    /// Sends a Ping, like [`Connection::send_ping`].
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::send_ping`] except `Closed`, and those of
    /// [`send_message`](Self::send_message).
    pub fn send_ping<T: Storage>(
        &mut self,
        payload: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        self.queue(Opcode::Ping, payload, tx)
    }

    /// Sends a Pong, like [`Connection::send_pong`].
    ///
    /// # Errors
    ///
    /// The errors of [`send_ping`](Self::send_ping).
    pub fn send_pong<T: Storage>(
        &mut self,
        payload: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        self.queue(Opcode::Pong, payload, tx)
    }

    /// Starts the closing handshake, or answers the peer's Close if
    /// [`auto_close`](crate::Config::auto_close) is off, like [`Connection::send_close`]. Before the
    /// opening handshake is complete it ends the session.
    ///
    /// # Errors
    ///
    /// The errors of [`Connection::send_close`].
    pub fn close<T: Storage>(
        &mut self,
        code: CloseCode,
        reason: &str,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) -> Result<(), SendError> {
        if matches!(self.stage, Stage::Opening { .. }) {
            self.stage = Stage::Over;
        }
        let Some(connection) = self.stage.connection_mut() else { return Ok(()) };
        tx.queue(|out| connection.send_close(code, reason, out))?;
        self.clock.close(now);
        Ok(())
    }

    /// Queues a Ping or Pong.
    pub(super) fn queue<T: Storage>(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        let has_sent = self.clock.has_sent;
        let result = self.queue_control(opcode, payload, tx);
        // Control frames do not count as activity.
        self.clock.has_sent = has_sent;
        result
    }

    fn queue_control<T: Storage>(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        self.send(tx, |connection, out| match opcode {
            Opcode::Ping => connection.send_ping(payload, out),
            _ => connection.send_pong(payload, out),
        })
    }

    /// Queues the frame that `write` writes.
    #[inline(always)]
    fn send<T: Storage>(
        &mut self,
        tx: &mut SendBuffer<T>,
        mut write: impl FnMut(&mut Connection<R>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        if let Stage::Open(connection) = &mut self.stage
            && let Ok(n) = write(connection, tx.spare())
        {
            tx.queued(n);
            self.clock.has_sent = true;
            return Ok(());
        }
        self.send_again(tx, write)
    }

    /// What was refused has changed nothing. Here it is done with space made for it, and once either
    /// side has closed, nothing is: the peer would discard it.
    #[cold]
    #[inline(never)]
    fn send_again<T: Storage>(
        &mut self,
        tx: &mut SendBuffer<T>,
        mut write: impl FnMut(&mut Connection<R>, &mut [u8]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let Stage::Open(connection) = &mut self.stage else { return self.is_not_open() };
        match tx.queue(|out| write(connection, out)) {
            Ok(()) => self.clock.has_sent = true,
            Err(SendError::Closed) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What a send does without a connection.
    #[cold]
    #[inline(never)]
    fn is_not_open(&self) -> Result<(), SendError> {
        if matches!(self.stage, Stage::Opening { .. }) { Err(SendError::NotOpen) } else { Ok(()) }
    }

    /// The connection, if it is open.
    #[inline]
    fn sending(&mut self) -> Result<&mut Connection<R>, SendError> {
        match &mut self.stage {
            Stage::Open(connection) => Ok(connection),
            Stage::Opening { .. } => Err(SendError::NotOpen),
            Stage::Refused | Stage::Over => Err(SendError::Closed),
        }
    }

    /// The connection, without a queued control frame, and with space for a header in `tx`.
    fn header_after_control<T: Storage>(
        &mut self,
        tx: &mut SendBuffer<T>,
    ) -> Result<&mut Connection<R>, SendError> {
        let connection = self.sending()?;
        tx.queue(|out| connection.transmit(out))?;
        tx.spare_mut(HeaderBytes::MAX_LEN).map_err(too_small)?;
        self.sending()
    }

    fn queue_header<T: Storage>(
        &mut self,
        header: HeaderBytes,
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        tx.push(&header).map_err(too_small)?;
        self.clock.has_sent = true;
        Ok(())
    }
}

fn too_small(full: StorageFull) -> SendError {
    SendError::BufferTooSmall { needed: full.needed }
}
