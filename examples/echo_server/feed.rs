//! The numbered feed at `/feed`. All clients get the same messages; a client that reconnects
//! catches up on the ones that it missed, as far back as the window reaches.
//!
//! The numbers of a server start at the time of its start, in millionths of a second since 1970, and
//! count the messages from there. So a number tells which server it is of: one that was started later has
//! greater numbers only. They are exact in JavaScript for 200 years more.
//!
//! With `--feed`, the messages are those of a Redis Stream, and so are the numbers: N is the entry
//! `0-N`. The window then has the newest entries, which `redis_stream` reads.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// How many of the newest messages are kept for clients to catch up on.
pub(crate) const WINDOW: usize = 1024;

pub(crate) struct Feed {
    window: Mutex<Window>,
}

struct Window {
    /// The number of the newest message, or that before the first one; `None` while it is not known.
    newest: Option<u64>,
    messages: VecDeque<(u64, Arc<str>)>,
    /// For messages from elsewhere: how often all that there were have been read.
    reads: Option<u64>,
}

/// How far a client has come.
pub(crate) struct Place {
    /// The last number that it has seen. 0 is before all messages.
    seen: Option<u64>,
    /// What [`Window::reads`] was when the client came with a number that was not known.
    came: Option<u64>,
}

impl Place {
    /// A client that has seen this number, or that asks for the messages from now on.
    pub(crate) fn new(seen: Option<u64>) -> Self {
        Self { seen, came: None }
    }

    /// The last number that the client has seen.
    #[allow(dead_code, reason = "not every server hands over")]
    pub(crate) fn seen(&self) -> Option<u64> {
        self.seen
    }
}

impl Feed {
    /// A feed of this server alone, to publish to.
    pub(crate) fn new() -> Self {
        Self::from(Window { newest: Some(micros()), messages: VecDeque::new(), reads: None })
    }

    fn from(window: Window) -> Self {
        Self { window: Mutex::new(window) }
    }

    /// Appends the next message.
    pub(crate) fn publish(&self) {
        let mut window = self.window();
        let number = window.newest.map_or(1, |newest| newest.saturating_add(1));
        window.push(number);
    }

    /// The messages after the place of a client, which moves to the newest. A client that has seen
    /// nothing starts with the next message. Where messages are missing, because they are older than
    /// the window or the number is of another life of the feed, one announces the number at which
    /// the feed continues.
    ///
    /// A number that is not known may be one that another server has already read from elsewhere.
    /// So the client waits until all that was there when it came has been read here, too.
    pub(crate) fn after(&self, place: &mut Place) -> Vec<Arc<str>> {
        let window = self.window();
        let Some(newest) = window.newest else { return Vec::new() };
        let seen = place.seen.unwrap_or(newest);
        if seen > newest && window.may_learn(&mut place.came) {
            return Vec::new();
        }
        *place = Place::new(Some(newest));
        if seen == newest {
            return Vec::new();
        }
        let known = if seen > newest {
            0
        } else {
            window.messages.partition_point(|(number, _)| *number <= seen)
        };
        let mut texts = Vec::new();
        let mut last = seen;
        for (number, text) in window.messages.iter().skip(known) {
            if last != 0 && last.checked_add(1) != Some(*number) {
                texts.push(gap(*number));
            }
            texts.push(Arc::clone(text));
            last = *number;
        }
        if texts.is_empty() && seen != 0 {
            texts.push(gap(newest.saturating_add(1)));
        }
        texts
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A feed that goes on in another process.
#[allow(dead_code, reason = "not every server hands over")]
impl Feed {
    /// The number of the newest message, and the messages up to it.
    pub(crate) fn kept(&self) -> (u64, Vec<Arc<str>>) {
        let window = self.window();
        let texts = window.messages.iter().map(|(_, text)| Arc::clone(text)).collect();
        (window.newest.unwrap_or(0), texts)
    }

    /// The feed of this server alone that has kept this. `None` if there are more messages than numbers.
    pub(crate) fn resume(newest: u64, texts: Vec<Arc<str>>) -> Option<Self> {
        let before = newest.checked_sub(texts.len() as u64)?;
        let messages = (before.saturating_add(1)..).zip(texts).collect();
        Some(Self::from(Window { newest: Some(newest), messages, reads: None }))
    }
}

/// A feed of messages from elsewhere.
#[allow(dead_code, reason = "a server without Redis has no such feed")]
impl Feed {
    /// None of the messages has been read.
    pub(crate) fn remote() -> Self {
        Self::from(Window { newest: None, messages: VecDeque::new(), reads: Some(0) })
    }

    /// Appends messages, with rising numbers. `is_all` says that there were no more.
    pub(crate) fn extend(&self, numbers: &[u64], is_all: bool) {
        let mut window = self.window();
        for number in numbers {
            window.push(*number);
        }
        // Before the first message of all.
        window.newest.get_or_insert(0);
        window.reads = window.reads.map(|reads| reads + u64::from(is_all));
    }

    /// The number of the newest message that was read.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.window().newest
    }
}

impl Window {
    fn push(&mut self, number: u64) {
        self.newest = Some(number);
        self.messages.push_back((number, format!(r#"{{"seq":{number}}}"#).into()));
        if self.messages.len() > WINDOW {
            self.messages.pop_front();
        }
    }

    /// Whether messages that were there when a client came may still be unread. The reply that
    /// comes next may be older than the client, the one after it is not.
    fn may_learn(&self, came: &mut Option<u64>) -> bool {
        self.reads.is_some_and(|reads| reads < *came.get_or_insert(reads) + 2)
    }
}

fn gap(next: u64) -> Arc<str> {
    format!(r#"{{"gap":{next}}}"#).into()
}

/// The time, in millionths of a second since 1970.
pub(crate) fn micros() -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_micros()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client that has seen this number gets.
    fn after(feed: &Feed, seen: u64) -> String {
        feed.after(&mut Place::new(Some(seen))).concat()
    }

    fn messages(numbers: impl IntoIterator<Item = u64>) -> String {
        let all: Vec<_> = numbers.into_iter().map(|n| format!(r#"{{"seq":{n}}}"#)).collect();
        all.concat()
    }

    #[test]
    fn a_number_of_another_life_is_a_gap() {
        let old = Feed::new();
        old.publish();
        let before = old.newest().unwrap_or(0);
        std::thread::sleep(std::time::Duration::from_millis(1));
        let new = Feed::new();
        let epoch = new.newest().unwrap_or(0);
        // Also before the first message.
        assert_eq!(after(&new, before), *gap(epoch + 1));
        (0..3).for_each(|_| new.publish());
        for seen in [1, before, epoch - 1, epoch + 4, u64::MAX] {
            let all = gap(epoch + 1).to_string() + &messages(epoch + 1..epoch + 4);
            assert_eq!(after(&new, seen), all, "{seen}");
        }
        for count in 0..=3 {
            assert_eq!(after(&new, epoch + count), messages(epoch + 1 + count..epoch + 4));
        }
        // No number at all.
        assert_eq!(after(&new, 0), messages(epoch + 1..epoch + 4));
        let mut place = Place::new(None);
        assert!(new.after(&mut place).is_empty());
        new.publish();
        assert_eq!(new.after(&mut place).concat(), messages([epoch + 4]));
    }

    #[test]
    fn the_window_is_bounded() {
        let feed = Feed::new();
        let epoch = feed.newest().unwrap_or(0);
        let window = WINDOW as u64;
        (0..window + 2).for_each(|_| feed.publish());
        let rest = epoch + 3..epoch + window + 3;
        assert_eq!(after(&feed, epoch + 2), messages(rest.clone()));
        assert_eq!(after(&feed, epoch + 1), gap(epoch + 3).to_string() + &messages(rest));
    }

    #[test]
    fn missing_entries_of_a_stream_are_a_gap() {
        let feed = Feed::remote();
        feed.extend(&[5, 6, 9], true);
        assert_eq!(after(&feed, 4), messages([5, 6]) + &gap(9) + &messages([9]));
        assert_eq!(after(&feed, 6), gap(9).to_string() + &messages([9]));
        assert_eq!(after(&feed, 7), gap(9).to_string() + &messages([9]));
        assert_eq!(after(&feed, 8), messages([9]));
        assert_eq!(
            after(&feed, 3),
            gap(5).to_string() + &messages([5, 6]) + &gap(9) + &messages([9])
        );
    }

    #[test]
    fn a_number_that_is_not_known_yet_waits() {
        let feed = Feed::remote();
        let (mut first, mut new) = (Place::new(Some(7)), Place::new(None));
        // Nothing has been read.
        assert!(feed.after(&mut first).is_empty() && feed.after(&mut new).is_empty());
        feed.extend(&[5, 6], true);
        assert!(feed.after(&mut first).is_empty() && feed.after(&mut new).is_empty());
        // There is more to read.
        feed.extend(&[7], false);
        assert!(feed.after(&mut first).is_empty());
        assert_eq!(feed.after(&mut new).concat(), messages([7]));
        feed.extend(&[8], true);
        assert_eq!(feed.after(&mut first).concat(), messages([8]));
    }

    #[test]
    fn a_number_that_stays_unknown_is_a_gap() {
        let feed = Feed::remote();
        feed.extend(&[5, 6], true);
        let mut lost = Place::new(Some(9));
        for is_all in [false, true, false] {
            assert!(feed.after(&mut lost).is_empty());
            feed.extend(&[], is_all);
        }
        // The one read may have been under way when the client came.
        assert!(feed.after(&mut lost).is_empty());
        feed.extend(&[], true);
        assert_eq!(feed.after(&mut lost).concat(), gap(5).to_string() + &messages([5, 6]));
        assert!(feed.after(&mut lost).is_empty());
    }

    #[test]
    fn an_empty_stream_starts_without_a_gap() {
        let feed = Feed::remote();
        feed.extend(&[], true);
        let mut new = Place::new(None);
        assert!(feed.after(&mut new).is_empty());
        feed.extend(&[1_000_000], true);
        assert_eq!(feed.after(&mut new).concat(), messages([1_000_000]));
    }
}
