//! The walk: every state that can be reached, and the steps between them.

use std::fmt::{self, Debug};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// What is walked.
pub(crate) trait Model {
    type State;
    type Step: Copy + Debug;

    fn start(&self) -> Self::State;
    fn steps(&self) -> Vec<Self::Step>;

    /// The state after a step, or `None` if it is not possible. Panics if the step shows a fault.
    fn step(&self, state: &Self::State, step: Self::Step) -> Option<Self::State>;

    /// Whether a step is taken though nobody has more to say.
    fn is_forced(&self, state: &Self::State, step: Self::Step) -> bool;

    /// Panics if anything about the state is wrong.
    fn check(&self, state: &Self::State);

    fn is_over(&self, state: &Self::State) -> bool;

    /// Whether forced steps alone must lead to the end.
    fn must_end(&self, state: &Self::State) -> bool;

    /// Writes the state to the end of `to`.
    fn encode(&self, state: &Self::State, to: &mut Vec<u8>);
    fn decode(&self, from: &[u8]) -> Self::State;
}

/// The states in the order in which they were found, each with the step that led there.
struct Found<S> {
    bytes: Vec<u8>,
    /// Where the bytes of each state end.
    ends: Vec<usize>,
    from: Vec<Option<(u32, S)>>,
    /// A hash table of indices; `EMPTY` is none.
    slots: Vec<u32>,
}

const EMPTY: u32 = u32::MAX;

impl<S: Copy> Found<S> {
    fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), from: Vec::new(), slots: vec![EMPTY; 1 << 10] }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn state(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// The index of a state, which is added if it is new.
    fn index(&mut self, state: &[u8], from: Option<(u32, S)>) -> u32 {
        if self.slots.len() < 2 * self.len() {
            self.grow();
        }
        let slot = self.slot(state);
        if self.slots[slot] == EMPTY {
            self.slots[slot] = u32::try_from(self.len()).expect("fewer states than 2^32");
            self.bytes.extend_from_slice(state);
            self.ends.push(self.bytes.len());
            self.from.push(from);
        }
        self.slots[slot]
    }

    fn slot(&self, state: &[u8]) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(state);
        let mask = self.slots.len() - 1;
        let mut slot = usize::try_from(hash & 0xFFFF_FFFF).expect("32 bits") & mask;
        while self.slots[slot] != EMPTY && self.state(self.slots[slot] as usize) != state {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; self.slots.len() * 2];
        for index in 0..self.len() {
            let slot = self.slot(self.state(index));
            self.slots[slot] = u32::try_from(index).expect("fewer states than 2^32");
        }
    }

    /// The steps from the first state to this one.
    fn way_to(&self, mut index: usize) -> Vec<S> {
        let mut way = Vec::new();
        while let Some((from, step)) = self.from[index] {
            way.push(step);
            index = from as usize;
        }
        way.reverse();
        way
    }
}

/// What a walk has seen.
pub(crate) struct Report {
    pub(crate) states: usize,
    pub(crate) steps: u64,
    /// States at the end.
    pub(crate) ends: usize,
    /// The most forced steps from a state that must end to the end.
    pub(crate) longest: u32,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, steps, ends, longest } = self;
        write!(f, "{states} states, {steps} steps, {ends} ends, at most {longest} steps to an end")
    }
}

struct Walk<M: Model> {
    model: M,
    found: Found<M::Step>,
    /// The state that is walked from, and the step that is taken.
    at: usize,
    taken: Option<M::Step>,
    /// The states after each one that must end, by forced steps.
    next: Vec<u32>,
    /// Where in `next` those of each state end.
    next_ends: Vec<usize>,
}

/// Prints how the state of a panic was reached.
impl<M: Model> Drop for Walk<M> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let way = self.found.way_to(self.at);
            eprintln!("at state {}, after {way:?}, in step {:?}", self.at, self.taken);
        }
    }
}

/// Walks all states.
pub(crate) fn walk<M: Model>(model: M) -> Report {
    let found = Found::new();
    let mut walk =
        Walk { model, found, at: 0, taken: None, next: Vec::new(), next_ends: Vec::new() };
    let mut bytes = Vec::new();
    let start = walk.model.start();
    walk.model.encode(&start, &mut bytes);
    walk.found.index(&bytes, None);
    let (mut report, all) =
        (Report { states: 0, steps: 0, ends: 0, longest: 0 }, walk.model.steps());
    while walk.at < walk.found.len() {
        walk.visit(&all, &mut report);
        walk.at += 1;
    }
    report.states = walk.found.len();
    report.longest = walk.longest();
    report
}

impl<M: Model> Walk<M> {
    /// Takes every step from the current state.
    fn visit(&mut self, all: &[M::Step], report: &mut Report) {
        let state = self.model.decode(self.found.state(self.at));
        self.model.check(&state);
        let (is_over, must_end) = (self.model.is_over(&state), self.model.must_end(&state));
        report.ends += usize::from(is_over);
        let (mut bytes, mut any, mut forced) = (Vec::new(), false, false);
        for step in all {
            self.taken = Some(*step);
            let Some(next) = self.model.step(&state, *step) else { continue };
            bytes.clear();
            self.model.encode(&next, &mut bytes);
            let from = u32::try_from(self.at).expect("fewer states than 2^32");
            let index = self.found.index(&bytes, Some((from, *step)));
            report.steps += 1;
            any = true;
            if self.model.is_forced(&state, *step) {
                forced = true;
                if must_end {
                    self.next.push(index);
                }
            }
        }
        self.taken = None;
        self.next_ends.push(self.next.len());
        assert!(any != is_over, "a dead end, or a step after the end");
        assert!(forced || is_over || !must_end, "nobody does what leads to the end");
    }

    /// The length of the longest way of forced steps to an end.
    fn longest(&mut self) -> u32 {
        // A way that comes back to its start has no end.
        const ENDLESS: u32 = 5_000;
        let mut left = vec![0_u32; self.found.len()];
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            // A state is mostly found before those after it.
            for index in (0..left.len()).rev() {
                let start = if index == 0 { 0 } else { self.next_ends[index - 1] };
                let next = &self.next[start..self.next_ends[index]];
                let most = next.iter().map(|next| left[*next as usize] + 1).max().unwrap_or(0);
                has_changed |= most != left[index];
                left[index] = most;
                self.at = index;
                assert!(most < ENDLESS, "a way without an end");
            }
        }
        left.into_iter().max().unwrap_or(0)
    }
}
