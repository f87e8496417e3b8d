//! RFC 6455 §5.5.1: the Close that the caller sends, on its own or in answer to the peer's.

use barews::{Config, SendError, State};

use crate::support::endpoint::{Call, Keys, SIDES, Side};
use crate::support::event::Ev;
use crate::support::frame::{CLOSE, PING, PONG, frame, plain};

#[test]
fn r5_5_1_09_a_close_without_a_code_is_sent_with_1005() {
    for side in SIDES {
        let key = (side == Side::Client).then(|| Keys::nth(0));
        let mut ws = side.ws(Config::new());
        let close = frame(CLOSE, key, b"");
        // Nothing but the header is needed.
        for room in 0..close.len() {
            let refused = ws.call(Call::Close(1005, ""), &mut vec![0; room]);
            assert_eq!(refused, Err(SendError::BufferTooSmall { needed: close.len() }));
        }
        assert_eq!(ws.sent(Call::Close(1005, "")), close);
        assert_eq!(ws.state(), State::LocalClosed);
        // It is a Close like any other: no second one, and nothing after it.
        assert_eq!(ws.sent(Call::Close(1000, "")), b"");
        assert_eq!(ws.refused(Call::Text("t")), SendError::Closed);
        let mut peer = side.peer().ws(Config::new());
        assert_eq!(peer.push(&close), [Ev::Close(None)]);
        assert_eq!(ws.push(&peer.sent(Call::Transmit)), [Ev::Close(None)]);
        assert_eq!((ws.state(), peer.state()), (State::Closed, State::Closed));
    }
}

#[test]
fn r5_5_1_09_a_reason_needs_a_code() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for reason in ["r", "\0", &"r".repeat(123), &"r".repeat(124)] {
            assert_eq!(ws.refused(Call::Close(1005, reason)), SendError::InvalidCloseCode);
        }
        assert_eq!((ws.keys(), ws.state()), (0, State::Open));
    }
}

#[test]
fn r5_5_1_09_a_close_without_a_code_follows_the_queued_pong() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(PING, b"p"));
        let wire = ws.sent(Call::Close(1005, ""));
        assert_eq!(plain(&wire), [(PONG, b"p".to_vec()), (CLOSE, vec![])]);
    }
}
