//! Faults of other WebSocket implementations and of related protocols that must not occur here.
//!
//! One file per class of faults, and one test per fault that bytes alone cannot express; the others
//! are cases of `tests/transcripts/known_faults.md`. The doc comment says what happened and where;
//! the name begins with the library and the identifier of the fault.

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

use std::collections::BTreeSet;

use barews::{Config, Error};

use crate::support::endpoint::Side;
use crate::support::event::Ev;
use crate::support::transcript::cases;

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

/// Each class with its tests, and how many faults it has.
const CLASSES: [(&str, &str, usize); 10] = [
    ("A", include_str!("a_lengths.rs"), 17),
    ("B", include_str!("b_limits.rs"), 22),
    ("C", include_str!("c_compression.rs"), 16),
    ("D", include_str!("d_work.rs"), 5),
    ("E", include_str!("e_output.rs"), 16),
    ("F", include_str!("f_crashes.rs"), 13),
    ("G", include_str!("g_splits.rs"), 12),
    ("H", include_str!("h_masking.rs"), 12),
    ("I", include_str!("i_handshake.rs"), 27),
    ("J", include_str!("j_protocol.rs"), 23),
];

#[test]
fn every_fault_of_every_class_is_a_test_or_a_transcript() {
    let cases = cases();
    let of = |class: &str| {
        let start = format!("known_faults: class {class}, ");
        // One fault has a case for each side and kind of frame.
        let names = cases.iter().filter_map(|case| case.name.strip_prefix(&start));
        names.map(|name| name.split_once(" (").unwrap().0.to_owned()).collect::<BTreeSet<_>>()
    };
    for (class, source, count) in CLASSES {
        assert_eq!(source.matches("\n#[test]\n").count() + of(class).len(), count, "class {class}");
    }
    let named = CLASSES.iter().flat_map(|(class, ..)| of(class)).count();
    let all = cases.iter().filter(|case| case.name.starts_with("known_faults: "));
    let all: BTreeSet<_> = all.map(|case| case.name.split_once(" (").unwrap().0).collect();
    assert_eq!(named, all.len(), "a transcript of no class");
}
