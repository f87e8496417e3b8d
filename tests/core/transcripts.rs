//! Every transcript yields the same events however its bytes are cut.

use std::collections::BTreeSet;

use barews::ControlOrder::{Ahead, Wire};

use crate::support::driver::{check, run};
use crate::support::event::Ev;
use crate::support::reference;
use crate::support::transcript;
use crate::support::transcript::{Case, Outcome, Rules, cases};

/// Longer transcripts are cut near both ends and at random places instead of everywhere.
const ALL_CUTS: usize = 700;

/// Marsaglia's xorshift generator with 64 bits of state, which is never 0.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// The places for a single cut: all of them, or a sample if there are too many.
fn places(len: usize) -> Vec<usize> {
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    match len {
        0..=ALL_CUTS => (0..=len).collect(),
        _ => (0..150).chain((0..20).map(|_| random.below(len))).chain(len - 30..=len).collect(),
    }
}

/// Runs one way to cut, in both control orders.
fn try_cuts(case: &Case, rules: &Rules, wanted: &Outcome, cuts: &[usize], seed: u64) {
    for order in [Wire, Ahead] {
        let result =
            run(&case.bytes, cuts, rules, order).and_then(|run| check(&run, wanted, rules, order));
        if let Err(error) = result {
            let cuts = &cuts[..cuts.len().min(40)];
            let Case { name, .. } = case;
            panic!("{name}\n{order:?}, {rules:?}\ncuts {cuts:?}, seed {seed:#x}\n{error}");
        }
    }
}

fn try_all_cuts(case: &Case, rules: &Rules, wanted: &Outcome) {
    let len = case.bytes.len();
    try_cuts(case, rules, wanted, &[], 0);
    try_cuts(case, rules, wanted, &case.cuts, 0);
    for cut in places(len) {
        try_cuts(case, rules, wanted, &[cut], 0);
    }
    let bytewise: Vec<usize> = (1..len).collect();
    try_cuts(case, rules, wanted, &bytewise, 0);
    for round in 1..=20 {
        let seed = 0x2545_F491_4F6C_DD1D ^ round << 32 ^ len as u64;
        let mut random = Xorshift(seed);
        let count = 1 + random.below(len.clamp(1, 12));
        let mut cuts: Vec<usize> = (0..count).map(|_| random.below(len + 1)).collect();
        cuts.sort_unstable();
        try_cuts(case, rules, wanted, &cuts, seed);
    }
}

#[test]
fn p01_every_case_in_every_cut() {
    for case in cases() {
        try_all_cuts(&case, &case.rules, &case.outcome);
    }
}

#[test]
fn every_case_with_the_other_delivery_in_every_cut() {
    for case in cases() {
        let rules = Rules { frames: !case.rules.frames, ..case.rules };
        let (wanted, _) = reference::decode(&case.bytes, &rules);
        try_all_cuts(&case, &rules, &wanted);
    }
}

#[test]
fn the_reference_agrees_with_every_case() {
    for case in cases() {
        let (outcome, _) = reference::decode(&case.bytes, &case.rules);
        assert_eq!(outcome, case.outcome, "{}", case.name);
    }
}

#[test]
fn pushed_at_once_pings_and_pongs_overtake_all_data() {
    for case in cases() {
        let run = run(&case.bytes, &[], &case.rules, Ahead).unwrap();
        let control = |event: &&Ev| matches!(event, Ev::Ping(_) | Ev::Pong(_));
        let wire: Vec<_> = case.outcome.events.iter().filter(control).collect();
        let early: Vec<_> =
            run.events.iter().map(|(_, _, event)| event).take_while(control).collect();
        let wanted: Vec<_> = wire.into_iter().chain(&case.overtaking).collect();
        assert_eq!(early, wanted, "{}", case.name);
    }
}

#[test]
fn the_transcripts_reach_every_error_and_every_event() {
    let cases = cases();
    assert!(cases.len() >= 120, "only {} cases", cases.len());
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "duplicate case name");
    for case in &cases {
        let closed = case.outcome.error.is_some() || case.outcome.need.is_some();
        assert!(closed, "{}: must end with `error` or `need`", case.name);
        assert!(case.name.contains('('), "{}: no section cited", case.name);
        let eof = match (&case.outcome.error, case.outcome.events.last()) {
            (Some((error, _)), _) => error,
            (None, Some(Ev::Close(_))) => "ok",
            (None, _) => "UnexpectedEof",
        };
        assert_eq!(case.eof.as_deref().unwrap_or(eof), eof, "{}", case.name);
    }
    for server in [true, false] {
        let side = || cases.iter().filter(|case| case.rules.server == server);
        let mask = if server { "Unmasked" } else { "Masked" };
        let wanted = BTreeSet::from([
            "ReservedBits",
            "ReservedOpcode",
            "FragmentedControl",
            "ControlTooLong",
            "NonMinimalLength",
            "LengthTopBit",
            mask,
            "UnexpectedContinuation",
            "ExpectedContinuation",
            "InvalidUtf8",
            "CloseTooShort",
            "InvalidCloseCode",
            "FrameTooLong",
            "MessageTooLong",
            "TooManyFragments",
            "UnexpectedEof",
        ]);
        let errors =
            side().filter_map(|case| case.outcome.error.as_ref().map(|error| &error.0[..]));
        let eofs = side().filter_map(|case| case.eof.as_deref()).filter(|&eof| eof != "ok");
        let reached: BTreeSet<_> = errors.chain(eofs).collect();
        assert_eq!(reached, wanted, "server: {server}");
    }
}

#[test]
fn every_file_of_transcripts_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".md")?.to_owned()))
        .filter(|name| name != "README")
        .collect();
    found.sort();
    assert_eq!(found, transcript::FILES.map(|(name, _)| name));
    for (name, text) in transcript::FILES {
        let headings = text.lines().filter(|line| line.starts_with("## ")).count();
        assert_eq!(transcript::parse(name, text).len(), headings, "{name}: one block per heading");
    }
}

#[test]
fn every_case_is_a_seed() {
    let seeds = transcript::seeds();
    assert_eq!(seeds.len(), cases().len());
    assert!(seeds.iter().any(|(_, server, bytes)| *server && bytes.starts_with(b"\x81\x85\x37")));
}
