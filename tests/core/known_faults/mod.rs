//! Faults of other WebSocket implementations and of related protocols that must not occur here.
//!
//! One file per class of faults and one test per fault. The doc comment says what happened and
//! where; the test name begins with the library and the identifier of the fault.

mod a_lengths;
mod b_limits;
#[cfg(feature = "deflate")]
mod c_compression;
#[cfg(feature = "handshake")]
mod d_work;
mod e_output;
mod f_crashes;
mod g_splits;
mod h_masking;
#[cfg(feature = "handshake")]
mod i_handshake;
mod j_protocol;

use barews::{Config, Error};

use crate::support::endpoint::Side;
use crate::support::event::Ev;

/// No limits at all.
const UNLIMITED: Config = Config::new()
    .max_frame_len(Config::UNLIMITED)
    .max_message_len(Config::UNLIMITED)
    .max_fragments(Config::UNLIMITED_FRAGMENTS);

/// The error that `wire` ends in, which must not depend on the cuts; nothing after it is consumed.
#[track_caller]
fn fault(side: Side, config: Config, wire: &[u8]) -> Error {
    let ends = (1..=wire.len()).rev().map(|step| {
        let mut ws = side.ws(config);
        let Some(Ev::Fail(error)) = ws.push_by(step, wire).pop() else {
            panic!("{side:?} by {step}: no error")
        };
        let consumed = ws.consumed;
        let more = side.frame(0x81, b"more");
        assert_eq!(
            ws.push(&more),
            [Ev::Fail(error)],
            "{side:?} by {step}: the error is not permanent"
        );
        assert_eq!(ws.consumed, consumed, "{side:?} by {step}: bytes are consumed after the error");
        error
    });
    let mut errors: Vec<_> = ends.collect();
    errors.dedup();
    assert_eq!(errors.len(), 1, "{side:?}: the error depends on the cuts: {errors:?}");
    errors[0]
}
