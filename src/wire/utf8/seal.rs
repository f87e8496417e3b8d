//! The validation state of a text as a number of three bits.

use super::{Utf8, state};

/// The states in the order of their numbers, which never change.
const STATES: [u8; 8] = [
    state::ACCEPT,
    state::ONE,
    state::TWO,
    state::THREE,
    state::E0,
    state::ED,
    state::F0,
    state::F4,
];

impl Utf8 {
    /// 0 to 7; 0 is the end of a character.
    pub(crate) fn number(self) -> u8 {
        let at = (0_u8..).zip(STATES).find(|(_, state)| *state == self.state);
        debug_assert!(at.is_some(), "a rejected text has no state");
        at.map_or(0, |(number, _)| number)
    }

    /// Only the lowest three bits of `number` count.
    pub(crate) fn from_number(number: u8) -> Self {
        let state = STATES.get(usize::from(number & 7)).copied();
        Self { state: state.unwrap_or(state::ACCEPT) }
    }
}
