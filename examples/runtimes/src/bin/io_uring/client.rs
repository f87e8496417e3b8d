//! The state of one connection between two completions.

use std::net::{Shutdown, TcpStream};

use barews::handshake::server::RequestReader;
use barews::{Assembler, Config, Connection, Event, RecvBuffer, Server, TransportAction};
use barews_runtimes::{Failure, answer, append, echo};

/// The next operation of a client. There is one at a time.
pub(crate) enum Operation<'a> {
    Receive(&'a mut [u8]),
    Send(&'a [u8]),
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    rx: RecvBuffer<Vec<u8>>,
    out: Vec<u8>,
    /// How much of `out` is sent. Nothing is received until all of it is.
    sent: usize,
    phase: Phase,
    ws: Connection<Server>,
    messages: Assembler<Vec<u8>>,
}

enum Phase {
    Handshake(RequestReader),
    Open,
    /// Our half is closed once `out` is sent.
    Ending,
    /// Our half is closed; what the peer still sends is discarded.
    HalfClosed,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            rx: RecvBuffer::new(vec![0; 16 << 10]),
            out: Vec::new(),
            sent: 0,
            phase: Phase::Handshake(RequestReader::new()),
            ws: Connection::server(Config::new()),
            messages: Assembler::new(Vec::new()),
        }
    }

    pub(crate) fn next_operation(&mut self) -> Operation<'_> {
        match self.out.get(self.sent..) {
            Some(rest @ [_, ..]) => Operation::Send(rest),
            _ => Operation::Receive(self.rx.spare_mut()),
        }
    }

    /// The operation completed with `n` bytes, at least 1.
    pub(crate) fn complete(&mut self, n: usize) -> Result<(), Failure> {
        if self.out.is_empty() {
            self.rx.advance(n);
            self.receive()?;
        } else {
            self.sent += n;
            if self.sent == self.out.len() {
                (self.sent, self.out) = (0, Vec::new());
            }
        }
        if self.out.is_empty() && matches!(self.phase, Phase::Ending) {
            self.stream.shutdown(Shutdown::Write)?;
            self.phase = Phase::HalfClosed;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Failure> {
        if let Phase::Handshake(reader) = &mut self.phase {
            let mut out = [0; 160];
            let Some(answer) = answer(reader, &mut self.rx, &mut out)? else { return Ok(()) };
            self.out.extend_from_slice(&out[..answer.len]);
            self.phase = if answer.accepted { Phase::Open } else { Phase::Ending };
        }
        if !matches!(self.phase, Phase::Open) {
            self.rx.consume(usize::MAX);
            return Ok(());
        }
        let mut input = self.rx.input();
        loop {
            let event = self.ws.receive(&mut input);
            // A Pong, or a Close that answers a Close or an error, is sent before later messages.
            append(&mut self.out, |out| self.ws.transmit(out))?;
            match event {
                Ok(Event::Data(data)) => {
                    echo(&mut self.ws, &mut self.messages, &data, &mut self.out)?;
                }
                Ok(Event::Ping(_) | Event::Pong(_) | Event::Close(_)) => {}
                Ok(Event::NeedMore(_)) | Err(_) => break,
            }
        }
        if self.ws.transport_action() != TransportAction::Keep {
            self.phase = Phase::Ending;
        }
        Ok(())
    }
}
