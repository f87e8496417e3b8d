//! The limits of what is judged as a session: one step further, the bytes are no state.

use std::time::Duration;

use barews::keepalive::Timeouts;
use barews::session::Session;
use barews::{Client, Config, SendBuffer, Server, UnsealError};

use crate::hex::{hex, to_hex};
use crate::turn::Keys;

fn unseal(text: &str) -> Result<(), UnsealError> {
    let (now, bytes) = (Duration::from_secs(9), hex(text));
    let mut tx = SendBuffer::new(Vec::new());
    let ws = Session::unseal_server(Config::proxy(), Timeouts::none(), &bytes, &mut tx, now)?;
    let mut out = [0; Session::<Server>::MAX_SEALED_LEN];
    let n = ws.seal(now, &mut out).unwrap();
    assert_eq!(to_hex(&out[..n]), to_hex(&bytes));
    Ok(())
}

#[test]
fn the_longest_state_is_this_long() {
    assert_eq!(Session::<Server>::MAX_SEALED_LEN, 252);
    assert_eq!(Session::<Client<Keys>>::MAX_SEALED_LEN, 252);
}

#[test]
fn what_is_a_state() {
    for text in [
        "0103 00 00 0100 00 00 00",
        // Each flag of the session; a transport that was half-closed.
        "0103 00 bc 0100 00 00 00",
        "0103 4a 40 0200 00 00 00",
        // A failure that is not reported, and one that is.
        "0103 4e20 01 41 0200 00 00 00",
        "0103 4e20 02 0200 00 00 00",
        // A Ping without space, and one in the output; a control frame, a message; each flag of the clock.
        "0103 00 00 0100 01 00 00",
        "0103 00 00 0100 02 00 00",
        "0103 00 00 0100 04 00 00",
        "0103 00 00 0100 08 00 00",
        "0103 00 00 0100 f0 00 00",
        // The last tick; a verdict; a standstill; adjournments and extensions.
        "0103 00 00 0100 00 00 ffffffff0f",
        "0103 00 00 0100 00 01 00 06",
        "0103 00 00 0100 00 02 00 ffffffff0f",
        "0103 00 00 0100 00 04 00 08",
        "0103 00 00 0100 00 04 00 80",
        "0103 00 00 0100 00 04 00 88",
        "0103 00 00 0100 00 07 00 06 05 11",
    ] {
        assert_eq!(unseal(text), Ok(()), "{text}");
    }
}

#[test]
fn what_is_refused() {
    for text in [
        // A half-closed transport of an open connection; an unknown health.
        "0103 00 40 0100 00 00 00",
        "0103 00 03 0100 00 00 00",
        // A failure with a detail that it has not, without one that it has, of no kind, for no reason of
        // an open connection.
        "0103 4e20 01 04 0200 00 00 00",
        "0103 4e20 01 fd 0200 00 00 00",
        "0103 4e20 01 03 0200 00 00 00",
        "0103 4e20 01 06 0200 00 00 00",
        "0103 4e20 01 1a 0200 00 00 00",
        // A handshake that is not complete; an unknown Ping; an unknown end.
        "0103 00 00 0000 00 00 00",
        "0103 00 00 0100 03 00 00",
        "0103 00 00 0100 0c 00 00",
        // Unknown bits; a last tick of more than 32 bits; a standstill of 0, or of more.
        "0103 00 00 0100 00 08 00",
        "0103 00 00 0100 00 00 8080808010",
        "0103 00 00 0100 00 02 00 00",
        "0103 00 00 0100 00 02 00 8080808010",
        // No counts, and more than eight.
        "0103 00 00 0100 00 04 00 00",
        "0103 00 00 0100 00 04 00 09",
        "0103 00 00 0100 00 04 00 90",
        // Something more.
        "0103 00 00 0100 00 00 00 00",
    ] {
        assert_eq!(unseal(text), Err(UnsealError::Invalid), "{text}");
    }
}
