//! A well-behaved connection that measures how well the server serves its other clients meanwhile.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use barews::{CloseCode, Event, RecvBuffer};
use hdrhistogram::Histogram;

use crate::fault::Fault;
use crate::report::{histogram, nanoseconds};
use crate::{open, script};

/// The pause between an echo and the next message.
const PAUSE: Duration = Duration::from_millis(2);
const PAYLOAD: [u8; 125] = [0x5A; 125];

/// Sends messages of 125 bytes while `goes_on` returns true, and measures each round trip.
pub(crate) fn round_trips(
    address: SocketAddr,
    goes_on: impl Fn() -> bool,
) -> Result<Histogram<u64>, Fault> {
    let (mut stream, frames) = open::open(address)?;
    let mut rx = RecvBuffer::new(vec![0; 4096]);
    rx.spare_mut()[..frames.len()].copy_from_slice(&frames);
    rx.advance(frames.len());
    let mut ws = script::client();
    let (mut round_trips, mut out) = (histogram(), [0; 512]);
    while goes_on() {
        let n = ws.send_binary(&PAYLOAD, &mut out)?;
        let begun = Instant::now();
        stream.write_all(&out[..n])?;
        let mut seen = 0;
        'echo: loop {
            let mut input = rx.input();
            loop {
                let event = ws.receive(&mut input)?;
                let n = ws.transmit(&mut out)?;
                stream.write_all(&out[..n])?;
                match event {
                    Event::Data(data) => {
                        if !PAYLOAD[seen..].starts_with(data.payload) {
                            return Err(Fault::Payload { message: round_trips.len() });
                        }
                        seen += data.payload.len();
                        if data.fin && seen == PAYLOAD.len() {
                            break 'echo;
                        }
                    }
                    Event::Close(close) => {
                        let code = close.map_or(CloseCode::NO_STATUS, |close| close.code);
                        return Err(Fault::Closed(code));
                    }
                    Event::Ping(_) | Event::Pong(_) => {}
                    Event::NeedMore(_) => break,
                }
            }
            let n = stream.read(rx.spare_mut())?;
            if n == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            rx.advance(n);
        }
        round_trips.saturating_record(nanoseconds(begun.elapsed()));
        thread::sleep(PAUSE);
    }
    let n = ws.send_close(CloseCode::NORMAL, "", &mut out)?;
    stream.write_all(&out[..n])?;
    Ok(round_trips)
}
