//! A WebSocket client for a microcontroller: no allocator, and 1 KiB of buffers. Messages of any length pass through
//! them in pieces, in both directions.
//!
//! `examples/firmware/src/bin/client.rs` runs it on a Cortex-M4, `examples/programs/src/bin/device.rs` on a computer.

#![no_std]

use core::time::Duration;

use barews::handshake::BuildError;
use barews::handshake::client::Handshake;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{
    Client, CloseCode, Config, Kind, MaskKeys, RecvBuffer, SendBuffer, SendError, TransportAction,
};

/// A serial line, a modem, or the socket of a small network stack, with a clock.
pub trait Pipe {
    /// The pipe is broken.
    type Error;

    /// Reads what has arrived; 0 bytes if that is nothing yet.
    ///
    /// # Errors
    ///
    /// The pipe is broken, or has ended.
    fn read(&mut self, to: &mut [u8]) -> Result<usize, Self::Error>;

    /// Writes what can be written now.
    ///
    /// # Errors
    ///
    /// The pipe is broken.
    fn write(&mut self, from: &[u8]) -> Result<usize, Self::Error>;

    /// The time since a fixed moment.
    fn now(&mut self) -> Duration;
}

/// The client, with its end of the pipe.
#[derive(Debug)]
pub struct Device<P, K: MaskKeys> {
    pipe: P,
    ws: Session<Client<K>>,
    rx: RecvBuffer<[u8; 512]>,
    tx: SendBuffer<[u8; 512]>,
}

impl<P: Pipe, K: MaskKeys> Device<P, K> {
    /// Starts the opening handshake.
    ///
    /// # Errors
    ///
    /// The request is not valid, or longer than the send buffer.
    pub fn new(mut pipe: P, keys: K, handshake: &Handshake<'_>) -> Result<Self, BuildError> {
        let (config, times, mut tx) = (Config::new(), Timeouts::new(), SendBuffer::new([0; 512]));
        let ws = Session::client(config, times, keys, handshake, &mut tx, pipe.now())?;
        Ok(Self { pipe, ws, rx: RecvBuffer::new([0; 512]), tx })
    }

    /// One turn of the main loop, when bytes have arrived, or at the [`deadline`](Self::deadline).
    /// False at the end.
    ///
    /// # Errors
    ///
    /// The pipe is broken.
    pub fn turn(&mut self, mut on: impl FnMut(SessionEvent<'_>)) -> Result<bool, P::Error> {
        let now = self.pipe.now();
        while let Some(event) = self.ws.receive(&mut self.rx, &mut self.tx, now) {
            on(event);
        }
        let n = self.pipe.write(self.tx.unsent())?;
        self.tx.sent(n);
        if self.ws.transport_action(&self.tx) != TransportAction::Keep {
            return Ok(false);
        }
        if self.ws.wants_read() {
            let n = self.pipe.read(self.rx.spare_mut())?;
            // To a session, 0 bytes are the end of the transport.
            if n > 0 {
                self.rx.advance(n);
            }
        }
        Ok(true)
    }

    /// When to call [`turn`](Self::turn) next, even if nothing arrives.
    pub fn deadline(&self) -> Option<Duration> {
        self.ws.deadline()
    }

    /// Sends a text.
    ///
    /// # Errors
    ///
    /// It does not fit into the send buffer, or a frame is in progress, or the connection is not open.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.ws.send_text(text, &mut self.tx)
    }

    /// Starts a message of any length. Then [`push`](Self::push) its bytes.
    ///
    /// # Errors
    ///
    /// Those of [`send_text`](Self::send_text).
    pub fn begin(&mut self, kind: Kind, len: u64) -> Result<(), SendError> {
        self.ws.begin_frame(kind, true, len, &mut self.tx)
    }

    /// Queues as many of the next bytes of the message as there is space for, and returns their
    /// number. A [`turn`](Self::turn) makes space.
    ///
    /// # Errors
    ///
    /// No message is in progress.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, SendError> {
        let Ok(space) = self.tx.spare_mut(1) else { return Ok(0) };
        let n = space.len().min(bytes.len());
        let chunk = &mut space[..n];
        chunk.copy_from_slice(&bytes[..n]);
        self.ws.mask_next(chunk)?;
        self.tx.advance(n);
        Ok(n)
    }

    /// Starts the closing handshake. Call [`turn`](Self::turn) until it is over.
    ///
    /// # Errors
    ///
    /// A message is in progress, or the Close does not fit into the send buffer.
    pub fn close(&mut self, code: CloseCode) -> Result<(), SendError> {
        self.ws.close(code, "", &mut self.tx, self.pipe.now())
    }
}
