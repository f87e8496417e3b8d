//! One hostile or honest connection: makes its moves, and checks how the server reacts.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use barews::handshake::Status;
use barews::handshake::client::{Handshake, Response};
use barews::{CloseCode, Data, Event, Input, Kind};
use mio::net::TcpStream;
use socket2::SockRef;

use crate::script::{self, Ws};

use super::Round;
use super::ended::{Ended, Wants};
use super::fault::Fault;
use super::plan::{Move, Plan, message};

/// After this many reads or writes, the other connections take their turn.
const TURN: usize = 8;

/// What is received next: the response to the request, or frames.
enum Incoming {
    Answer(Box<Handshake<'static>>),
    Frames(Box<Ws>),
}

pub(crate) struct Actor {
    pub(crate) fault: Fault,
    pub(crate) wants: Wants,
    stream: TcpStream,
    moves: VecDeque<Move>,
    /// How many bytes of the current move are written.
    done: usize,
    /// The encoded message of the current [`Move::Echo`]; `seen` bytes of its payload are echoed.
    frame: Vec<u8>,
    seen: usize,
    noise: Rc<[u8]>,
    incoming: Incoming,
    /// Received but not consumed.
    unread: Vec<u8>,
    /// Nothing is read until this fraction of the round is over.
    deaf_until: f64,
    /// Our Close was sent.
    closing: bool,
    /// The code of the server's Close.
    close: Option<CloseCode>,
    readable: bool,
    writable: bool,
}

impl Actor {
    pub(crate) fn new(address: SocketAddr, fault: Fault, plan: Plan) -> io::Result<Self> {
        let Plan { handshake, moves, wants, noise } = plan;
        Ok(Self {
            fault,
            wants,
            stream: TcpStream::connect(address)?,
            moves,
            done: 0,
            frame: Vec::new(),
            seen: 0,
            noise,
            incoming: Incoming::Answer(Box::new(handshake)),
            unread: Vec::new(),
            deaf_until: 0.0,
            closing: false,
            close: None,
            readable: false,
            writable: false,
        })
    }

    pub(crate) fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(crate) fn notify(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable();
    }

    /// Makes as much progress as possible. Returns how the connection ended, if it did.
    pub(crate) fn proceed(&mut self, round: &Round, buffer: &mut [u8]) -> Option<Ended> {
        for _ in 0..TURN {
            if !self.readable || round.part() < self.deaf_until {
                break;
            }
            if let Some(ended) = self.read(buffer) {
                return Some(ended);
            }
        }
        for _ in 0..TURN {
            match self.make_move(round) {
                Ok(Made::Next) => {
                    self.moves.pop_front();
                    self.done = 0;
                }
                Ok(Made::Some) => {}
                Ok(Made::Waiting) => break,
                Ok(Made::Reset) => return Some(Ended::Own),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.writable = false;
                    break;
                }
                // The server is gone, but what it sent before can still be read.
                Err(_) => {
                    self.moves.clear();
                    self.deaf_until = 0.0;
                    self.readable = true;
                }
            }
        }
        None
    }

    /// How the connection counts if it is still open when the round is over.
    pub(crate) fn give_up(&self) -> Ended {
        self.close.map_or(Ended::Timeout, Ended::Lingers)
    }

    /// Reads once.
    fn read(&mut self, buffer: &mut [u8]) -> Option<Ended> {
        let n = match self.stream.read(buffer) {
            Ok(0) => return Some(self.close.map_or(Ended::Eof, Ended::Close)),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return None;
            }
            Err(_) => return Some(self.close.map_or(Ended::Reset, Ended::Close)),
        };
        let mut bytes = std::mem::take(&mut self.unread);
        bytes.extend_from_slice(&buffer[..n]);
        let consumed = self.receive(&mut bytes);
        if let Ok(consumed) = consumed {
            bytes.drain(..consumed);
            self.unread = bytes;
        }
        consumed.err()
    }

    /// Processes received bytes. Returns how many were consumed.
    fn receive(&mut self, bytes: &mut [u8]) -> Result<usize, Ended> {
        let mut head_len = 0;
        if let Incoming::Answer(handshake) = &mut self.incoming {
            match handshake.read_response(bytes) {
                Ok(Status::NeedMore(_)) => return Ok(0),
                Ok(Status::Complete(Response::Accepted(accepted))) => {
                    head_len = accepted.head_len();
                }
                Ok(Status::Complete(Response::Rejected(rejected))) => {
                    return Err(Ended::Refused(rejected.status()));
                }
                Err(_) => return Err(Ended::Wrong),
            }
            self.incoming = Incoming::Frames(Box::new(script::client()));
        }
        let mut input = Input::new(&mut bytes[head_len..]);
        loop {
            let Incoming::Frames(ws) = &mut self.incoming else { return Ok(0) };
            match ws.receive(&mut input) {
                Ok(Event::Data(data)) => self.compare(&data)?,
                Ok(Event::Close(close)) => {
                    let code = close.map_or(CloseCode::NO_STATUS, |close| close.code);
                    if !self.closing && self.wants.is_answer(code) {
                        return Err(Ended::Wrong);
                    }
                    self.close = Some(code);
                    self.moves.clear();
                    // RFC 6455 §7.1.1: after our Close, the server closes the transport. Otherwise
                    // we may be in the middle of a frame, where no Close can be sent, so
                    // half-close.
                    if !self.closing {
                        let _ = self.stream.shutdown(Shutdown::Write);
                    }
                }
                Ok(Event::Ping(_) | Event::Pong(_)) => {}
                Ok(Event::NeedMore(_)) => return Ok(head_len + input.consumed()),
                Err(_) => return Err(Ended::Wrong),
            }
        }
    }

    /// Compares the echo of an honest message. Echoes of hostile ones are not checked.
    fn compare(&mut self, data: &Data<'_>) -> Result<(), Ended> {
        let Some(Move::Echo(part)) = self.moves.front() else {
            return if self.fault == Fault::Honest { Err(Ended::Wrong) } else { Ok(()) };
        };
        let expected = self.noise[part.clone()].get(self.seen..).unwrap_or_default();
        let all = data.payload.len() == expected.len();
        if data.kind != Kind::Binary || !expected.starts_with(data.payload) || (data.fin != all) {
            return Err(Ended::Wrong);
        }
        self.seen += data.payload.len();
        if data.fin {
            self.moves.pop_front();
            self.frame.clear();
            (self.done, self.seen) = (0, 0);
        }
        Ok(())
    }

    fn make_move(&mut self, round: &Round) -> io::Result<Made> {
        let Some(next) = self.moves.front_mut() else { return Ok(Made::Waiting) };
        match next {
            Move::Write(bytes) if self.done < bytes.len() => {
                if !self.writable {
                    return Ok(Made::Waiting);
                }
                self.done += self.stream.write(&bytes[self.done..])?;
                Ok(Made::Some)
            }
            Move::Close(bytes) => {
                let bytes = std::mem::take(bytes);
                self.closing = true;
                self.moves[0] = Move::Write(bytes);
                Ok(Made::Some)
            }
            Move::Write(_) | Move::Flood(_, 0) => Ok(Made::Next),
            Move::Drip(bytes) => {
                let due = round.of(bytes.len()).min(bytes.len() - 1);
                if self.writable && self.done < due {
                    self.done += self.stream.write(&bytes[self.done..due])?;
                }
                Ok(Made::Waiting)
            }
            Move::Flood(bytes, times) => {
                if !self.writable {
                    return Ok(Made::Waiting);
                }
                self.done += self.stream.write(&bytes[self.done..])?;
                if self.done == bytes.len() {
                    *times -= 1;
                    self.done = 0;
                }
                Ok(Made::Some)
            }
            Move::Answer => Ok(match self.incoming {
                Incoming::Answer(_) => Made::Waiting,
                Incoming::Frames(_) => Made::Next,
            }),
            Move::Echo(part) => {
                if self.frame.is_empty() {
                    self.frame = message(&mut script::client(), &self.noise[part.clone()]);
                }
                if !self.writable || self.done == self.frame.len() {
                    return Ok(Made::Waiting);
                }
                self.done += self.stream.write(&self.frame[self.done..])?;
                Ok(Made::Some)
            }
            Move::DeafUntil(part) => {
                self.deaf_until = *part;
                Ok(Made::Next)
            }
            Move::HalfClose => {
                self.stream.shutdown(Shutdown::Write)?;
                Ok(Made::Next)
            }
            Move::Reset => {
                SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
                Ok(Made::Reset)
            }
        }
    }
}

/// The progress of a move.
enum Made {
    /// The move is done; the next one follows.
    Next,
    /// A part of it is done.
    Some,
    /// It waits for the server or for its time.
    Waiting,
    /// Drop the connection now, so that it is reset.
    Reset,
}
