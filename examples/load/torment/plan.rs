//! The plan for each fault: the moves of a connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;

use barews::frame::{Header, Lead, Opcode};
use barews::handshake::client::Handshake;
use barews::{CloseCode, Kind};
use fastrand::Rng;

use crate::open;
use crate::script::{self, Ws};

use super::ended::Wants;
use super::fault::Fault;

pub(crate) enum Move {
    /// Writes as fast as the server reads.
    Write(Vec<u8>),
    /// Writes evenly over the whole round, but never the last byte.
    Drip(Vec<u8>),
    /// Writes these bytes this many times.
    Flood(Rc<[u8]>, u32),
    /// Waits for the response to the request.
    Answer,
    /// Sends a message with this part of the noise, and waits for its echo.
    Echo(Range<usize>),
    /// Reads nothing until this fraction of the round is over.
    DeafUntil(f64),
    /// Sends a Close; the server has to close the transport (RFC 6455 §7.1.1).
    Close(Vec<u8>),
    HalfClose,
    /// Drops the connection so that the server sees a reset.
    Reset,
}

pub(crate) struct Plan {
    pub(crate) handshake: Handshake<'static>,
    pub(crate) moves: VecDeque<Move>,
    pub(crate) wants: Wants,
    /// The payloads of honest messages.
    pub(crate) noise: Rc<[u8]>,
}

/// More fragments in one message than a server should accept; `echo_server` does not.
const FRAGMENTS: u32 = 1_100_000;
/// How many fragments or Pings are encoded together.
const PIECE: u32 = 1000;
const PINGS: u32 = 100_000;
const PONGS: u32 = 1_000_000;
/// The fragments of a message of which nothing is read.
const LONG: u32 = 40;
const LONG_LEN: usize = 20_000;
/// The number of messages on an honest connection.
const MESSAGES: usize = 12;
/// The longest of them.
const HONEST_LEN: usize = 1 << 20;
/// One bit per this many bytes is flipped.
const FLIP_EVERY: usize = 1000;

pub(crate) struct Planner {
    address: SocketAddr,
    random: Rng,
    pings: Rc<[u8]>,
    pongs: Rc<[u8]>,
    fragments: Rc<[u8]>,
    long: Rc<[u8]>,
    noise: Rc<[u8]>,
    /// How many plans were made.
    made: usize,
}

impl Planner {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut ws = script::client();
        let pings = (0..PIECE).flat_map(|_| ping(&mut ws)).collect();
        let unsolicited = (0..PIECE).flat_map(|_| frame(0, |out| ws.send_pong(b"", out))).collect();
        // The flood is continuation frames only: the first fragment is sent before it, the last one
        // after it.
        fragment(&mut ws, false, b"");
        let fragments = (0..PIECE).flat_map(|n| fragment(&mut ws, false, &b"x"[n as usize % 2..]));
        let fragments = fragments.collect();
        let long = fragment(&mut ws, false, &vec![7; LONG_LEN]).into();
        let mut random = Rng::with_seed(1006);
        let noise = (0..HONEST_LEN).map(|_| random.u8(..)).collect();
        Self { address, random, pings, pongs: unsolicited, fragments, long, noise, made: 0 }
    }

    pub(crate) fn plan(&mut self, fault: Fault) -> Plan {
        self.made += 1;
        let (handshake, request) = open::handshake(self.address);
        let mut ws = script::client();
        let close = |ws: &mut Ws| Move::Close(close_frame(ws));
        let noise = Rc::clone(&self.noise);
        let (mut moves, wants) = match fault {
            Fault::Honest => (self.honest(&mut ws), Wants::Answer),
            Fault::SlowHandshake => {
                let moves = vec![Move::Drip(request)].into();
                return Plan { handshake, moves, noise, wants: Wants::NoWebSocket };
            }
            Fault::SlowFrame => {
                (vec![Move::Drip(message(&mut ws, &self.noise[..125]))], Wants::Anything)
            }
            Fault::Reset => {
                let mut bytes = match self.made % 3 {
                    0 => close_frame(&mut ws),
                    1 => message(&mut ws, &self.noise[..1000]),
                    // A reset in the middle of the request: there is no response to wait for.
                    _ => {
                        let half = Move::Write(request[..request.len() / 2].to_vec());
                        let moves = vec![half, Move::Reset].into();
                        return Plan { handshake, moves, noise, wants: Wants::Own };
                    }
                };
                bytes.truncate(bytes.len() / 2);
                (vec![Move::Write(bytes), Move::Reset], Wants::Own)
            }
            // §5.5.1: a Close has to be answered even if the client half-closes after it.
            Fault::HalfClose if self.made.is_multiple_of(2) => {
                (vec![close(&mut ws), Move::HalfClose], Wants::Answer)
            }
            Fault::HalfClose => {
                let mut bytes = message(&mut ws, &self.noise[..1000]);
                bytes.truncate(500);
                (vec![Move::Write(bytes), Move::HalfClose], Wants::AnEnd)
            }
            Fault::PingFlood | Fault::PongFlood | Fault::TinyFragments | Fault::DeafInMessage => {
                (self.flood(fault, &mut ws), Wants::Limit)
            }
            Fault::EndlessMessage => {
                let fragments = (0..200).flat_map(|_| fragment(&mut ws, false, b"more"));
                (vec![Move::Drip(fragments.collect())], Wants::Anything)
            }
            // A length that a server may accept, and a single byte.
            Fault::EmptyPromise => {
                let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
                let payload_len = [1 << 16, 1 << 20, 16 << 20][self.made % 3];
                let header = Header { lead, masking_key: Some([1, 2, 3, 4]), payload_len };
                (vec![Move::Write([&header.encode()[..], b"x"].concat())], Wants::Anything)
            }
            Fault::HugeLength => {
                let payload_len = [1 << 40, (1 << 63) - 1][self.made % 2];
                let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
                let header = Header { lead, masking_key: Some([1, 2, 3, 4]), payload_len };
                let mut bytes = header.encode().to_vec();
                bytes.extend_from_slice(&self.noise[..4096]);
                (vec![Move::Write(bytes)], Wants::Close(CloseCode::TOO_BIG))
            }
            Fault::BitFlips => {
                let mut bytes = Vec::new();
                for n in 0..200 {
                    bytes.extend(message(&mut ws, &self.noise[n..n + 125]));
                    bytes.extend(ping(&mut ws));
                }
                for _ in 0..=bytes.len() / FLIP_EVERY {
                    let at = self.random.usize(..bytes.len());
                    bytes[at] ^= 1 << self.random.u8(..8);
                }
                (vec![Move::Write(bytes), Move::HalfClose], Wants::AnEnd)
            }
            Fault::Junk => {
                let junk: &[u8] = match self.made % 3 {
                    // A second request: 'G' has a reserved bit set (§5.2).
                    0 => &request.clone(),
                    // An unmasked frame (§5.1).
                    1 => b"\x82\x03abc",
                    // A reserved opcode (§5.2).
                    _ => b"\x83\x80\x01\x02\x03\x04",
                };
                let mut glued = request;
                glued.extend_from_slice(junk);
                let moves = vec![Move::Write(glued), Move::Answer].into();
                return Plan { handshake, moves, noise, wants: Wants::Close(CloseCode::PROTOCOL) };
            }
            Fault::Body => {
                let end = request.len() - 2;
                let mut with_body = request;
                with_body.truncate(end);
                with_body.extend_from_slice(b"Content-Length: 5\r\n\r\nhello");
                let moves = vec![Move::Write(with_body), Move::Answer].into();
                return Plan { handshake, moves, noise, wants: Wants::Refusal };
            }
            Fault::Storm => (vec![close(&mut ws)], Wants::Answer),
        };
        moves.splice(..0, [Move::Write(request), Move::Answer]);
        Plan { handshake, moves: moves.into(), wants, noise }
    }

    /// More than a server should accept, or more than it can send back before it is read.
    fn flood(&self, fault: Fault, ws: &mut Ws) -> Vec<Move> {
        let flood = |bytes: &Rc<[u8]>, times| Move::Flood(Rc::clone(bytes), times);
        let mut moves = match fault {
            Fault::PingFlood => vec![Move::DeafUntil(0.5), flood(&self.pings, PINGS / PIECE)],
            // RFC 6455 §5.5.3: "A response to an unsolicited Pong frame is not expected."
            Fault::PongFlood => vec![flood(&self.pongs, PONGS / PIECE)],
            Fault::DeafInMessage => {
                let first = Move::Write(fragment(ws, false, b""));
                vec![Move::DeafUntil(0.5), first, flood(&self.long, LONG)]
            }
            _ => {
                let first = Move::Write(fragment(ws, false, b""));
                let last = Move::Write(fragment(ws, true, b""));
                vec![first, flood(&self.fragments, FRAGMENTS / PIECE), last]
            }
        };
        moves.push(Move::Close(close_frame(ws)));
        moves
    }

    /// Messages of up to 1 MiB, each sent after the echo of the one before, and a Close.
    fn honest(&mut self, ws: &mut Ws) -> Vec<Move> {
        let mut moves = Vec::new();
        for _ in 0..MESSAGES {
            // A random power of two as the bound makes every order of magnitude equally likely.
            let most = self.noise.len() >> self.random.u32(..21);
            let len = self.random.usize(..=most);
            let start = self.random.usize(..=self.noise.len() - len);
            moves.push(Move::Echo(start..start + len));
        }
        moves.push(Move::Close(close_frame(ws)));
        moves
    }
}

pub(crate) fn message(ws: &mut Ws, payload: &[u8]) -> Vec<u8> {
    frame(payload.len(), |out| ws.send_binary(payload, out))
}

fn fragment(ws: &mut Ws, fin: bool, payload: &[u8]) -> Vec<u8> {
    frame(payload.len(), |out| ws.send_fragment(Kind::Binary, fin, payload, out))
}

fn ping(ws: &mut Ws) -> Vec<u8> {
    frame(8, |out| ws.send_ping(b"anybody?", out))
}

fn close_frame(ws: &mut Ws) -> Vec<u8> {
    frame(2, |out| ws.send_close(CloseCode::NORMAL, "", out))
}

/// The frame that `send` writes, for a payload of this length.
fn frame(len: usize, send: impl FnOnce(&mut [u8]) -> Result<usize, barews::SendError>) -> Vec<u8> {
    let mut out = vec![0; len + barews::frame::MAX_HEADER_LEN];
    let n = send(&mut out).expect("the frames are in order, and there is room");
    out.truncate(n);
    out
}
