//! An end that violates the protocol on purpose, so that the peer has an error to report.

use barews::Error;

use super::counts::Count;
use super::ledger::Ledger;
use super::network::Net;
use super::roles::SimulatedRole;
use super::session::Session;
use super::trace::What;
use super::wire::Wire;

/// Appends an invalid frame to the output; returns false if the state does not allow it.
pub(crate) fn send_invalid_frame<R: SimulatedRole>(
    session: &Session<R>,
    wire: &mut Wire,
    own: &mut Ledger,
    net: &mut Net,
) -> bool {
    let is_open = session.ws.state() == barews::State::Open && session.ws.frame_left() == 0;
    if !is_open || session.outbox.is_partial() || own.violation.is_some() || session.close.is_some()
    {
        return false;
    }
    let kinds = if session.is_compressed { 8 } else { 7 };
    let (first, payload, error): (u8, &[u8], Error) = match net.rng.u8(..kinds) {
        0 => (0x83, b"", Error::ReservedOpcode),
        1 => (0x82, b"", if R::SERVER { Error::Masked } else { Error::Unmasked }),
        2 => (0x81, b"\xFF", Error::InvalidUtf8),
        3 => (0x80, b"", Error::UnexpectedContinuation),
        4 => (0x88, &1005_u16.to_be_bytes(), Error::InvalidCloseCode),
        5 => (0x09, b"", Error::FragmentedControl),
        6 => (0x82, b"", Error::FrameTooLong),
        // RFC 1951 §3.2.3: a block of the reserved type.
        _ => (0xC2, b"\x07", Error::InvalidDeflate),
    };
    // RFC 6455 §5.1: a client masks its frames, here with a key of zeros.
    let masks = if R::SERVER { error == Error::Masked } else { error != Error::Unmasked };
    let mask = if masks { 0x80 } else { 0 };
    let len = u8::try_from(payload.len()).expect("the payload is short");
    wire.out.push(first);
    if error == Error::FrameTooLong {
        wire.out.push(mask | 127);
        wire.out.extend((1_u64 << 40).to_be_bytes());
    } else {
        wire.out.push(mask | len);
    }
    if masks {
        wire.out.extend([0; 4]);
    }
    wire.out.extend(payload);
    own.violation = Some(error);
    net.note(wire.end, What::Violation(error));
    let is_deflate = error == Error::InvalidDeflate;
    net.counts.one(if is_deflate { Count::InvalidDeflate } else { Count::InvalidFrames });
    true
}
