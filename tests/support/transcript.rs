//! Transcripts, read from `tests/transcripts/*.md`: bytes and the events expected from them.
//!
//! `tests/transcripts/README.md` describes the format. A fuzz crate includes this module by path,
//! with the modules for frames and events, and uses [`seeds`].

#![allow(dead_code, reason = "each test uses part of it")]

use barews::Kind;

use super::event::Ev;
use super::frame::{KEY, frame, xor};

/// Every transcript file, by its name without `.md`.
pub(crate) const FILES: [(&str, &str); 11] = [
    ("client", include_str!("../transcripts/client.md")),
    ("close", include_str!("../transcripts/close.md")),
    ("control", include_str!("../transcripts/control.md")),
    ("examples", include_str!("../transcripts/examples.md")),
    ("fragments", include_str!("../transcripts/fragments.md")),
    ("headers", include_str!("../transcripts/headers.md")),
    ("known_faults", include_str!("../transcripts/known_faults.md")),
    ("lengths", include_str!("../transcripts/lengths.md")),
    ("limits", include_str!("../transcripts/limits.md")),
    ("masking", include_str!("../transcripts/masking.md")),
    ("utf8", include_str!("../transcripts/utf8.md")),
];

/// The side, the limits and the delivery mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) server: bool,
    /// Whole frames only.
    pub(crate) frames: bool,
    pub(crate) max_frame_len: u64,
    pub(crate) max_message_len: u64,
    pub(crate) max_fragments: u32,
}

/// The outcome of a stream of bytes, in wire order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Ev>,
    /// The variant of the error, and the bytes consumed.
    pub(crate) error: Option<(String, usize)>,
    /// The number of the last `NeedMore`, if there was no error.
    pub(crate) need: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The file and the heading.
    pub(crate) name: String,
    pub(crate) rules: Rules,
    pub(crate) bytes: Vec<u8>,
    /// Extra cuts to try in addition to the usual ones.
    pub(crate) cuts: Vec<usize>,
    pub(crate) outcome: Outcome,
    /// Pings and Pongs after the fault, which may overtake it if they arrive in time.
    pub(crate) overtaking: Vec<Ev>,
    /// The result of the end of the transport, if the case states one.
    pub(crate) eof: Option<String>,
}

/// The name, whether the receiver is a server, and the bytes of every case, as fuzzer seeds.
pub(crate) fn seeds() -> Vec<(String, bool, Vec<u8>)> {
    cases().into_iter().map(|case| (case.name, case.rules.server, case.bytes)).collect()
}

/// All cases of all files.
pub(crate) fn cases() -> Vec<Case> {
    FILES.iter().flat_map(|(file, text)| parse(file, text)).collect()
}

/// The cases of one file.
pub(crate) fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let (mut heading, mut case, mut inside) = ("", None, false);
    for (index, line) in text.lines().enumerate() {
        let place = format!("{file}.md:{}", index + 1);
        if line.starts_with("```") {
            inside = !inside;
            cases.extend(case.take());
        } else if !inside {
            heading = line.strip_prefix("## ").unwrap_or(heading);
        } else {
            let words = words(line, &place);
            let Some(Token::Word(word)) = words.first() else {
                assert!(words.is_empty(), "{place}: a line must start with a word");
                continue;
            };
            match &mut case {
                None => case = Some(Case::new(format!("{file}: {heading}"), &words, &place)),
                Some(case) => case.line(word, &words[1..], &place),
            }
        }
    }
    assert!(!inside, "{file}.md: unclosed block");
    cases
}

impl Case {
    fn new(name: String, words: &[Token], place: &str) -> Self {
        let mut rules = Rules {
            server: word(words.first()) == "server",
            frames: false,
            max_frame_len: 16 << 20,
            max_message_len: 64 << 20,
            max_fragments: 1 << 16,
        };
        for setting in words {
            let (key, value) =
                word(Some(setting)).split_once('=').unwrap_or((word(Some(setting)), ""));
            let number = || value.parse().unwrap_or(u64::MAX);
            match (key, value) {
                ("server" | "client" | "delivery", "" | "chunks") => {}
                ("delivery", "frames") => rules.frames = true,
                ("frame", _) => rules.max_frame_len = number(),
                ("message", _) => rules.max_message_len = number(),
                ("fragments", _) => rules.max_fragments = number().try_into().unwrap_or(u32::MAX),
                _ => panic!("{place}: unknown setting: {setting:?}"),
            }
        }
        let (bytes, cuts, overtaking) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, rules, bytes, cuts, outcome: Outcome::default(), overtaking, eof: None }
    }

    fn line(&mut self, first: &str, rest: &[Token], place: &str) {
        match first {
            ">" => self.bytes.extend(wire(rest)),
            "cuts" => self.cuts = rest.iter().map(|cut| number(word(Some(cut)), place)).collect(),
            "overtaking" => self.overtaking.push(event(word(rest.first()), &rest[1..], place)),
            "need" => self.outcome.need = Some(number(word(rest.first()), place)),
            "eof" => self.eof = Some(word(rest.first()).to_owned()),
            "error" => {
                let consumed = word(rest.get(1)).strip_prefix("consumed=").unwrap_or_default();
                let consumed = number(consumed, place);
                self.outcome.error = Some((word(rest.first()).to_owned(), consumed));
            }
            _ => self.outcome.events.push(event(first, rest, place)),
        }
    }
}

fn number<N: core::str::FromStr>(word: &str, place: &str) -> N {
    word.parse().unwrap_or_else(|_| panic!("{place}: not a number: {word:?}"))
}

fn event(name: &str, rest: &[Token], place: &str) -> Ev {
    let says = |flag: &str| rest.iter().any(|token| word(Some(token)) == flag);
    match name {
        "text" | "binary" => {
            let left = rest.iter().find_map(|token| word(Some(token)).strip_prefix("left="));
            Ev::Data {
                kind: if name == "text" { Kind::Text } else { Kind::Binary },
                first: says("first"),
                fin: says("fin"),
                left: left.map_or(0, |left| number(left, place)),
                payload: payload(rest),
            }
        }
        "ping" => Ev::Ping(payload(rest)),
        "pong" => Ev::Pong(payload(rest)),
        "close" if says("none") => Ev::Close(None),
        "close" => {
            let reason = String::from_utf8(payload(&rest[1..])).unwrap_or_default();
            Ev::Close(Some((number(word(rest.first()), place), reason)))
        }
        _ => panic!("{place}: unknown line: {name}"),
    }
}

/// The bytes of a `>` line: a frame if an opcode is named, otherwise raw bytes.
fn wire(tokens: &[Token]) -> Vec<u8> {
    let mut bytes = payload(tokens);
    let (mut key, mut first, mut fin) = (None, None, 0);
    for token in tokens {
        match word(Some(token)) {
            "continuation" => first = Some(0x0),
            "text" => first = Some(0x1),
            "binary" => first = Some(0x2),
            "close" => first = Some(0x8),
            "ping" => first = Some(0x9),
            "pong" => first = Some(0xA),
            "fin" => fin = 0x80,
            "mask" => key = Some(KEY),
            other => {
                let given = other.strip_prefix("mask(0x").and_then(|key| key.strip_suffix(')'));
                key = given.and_then(hex).and_then(|key| key.try_into().ok()).or(key);
            }
        }
    }
    if let Some(first) = first {
        return frame(fin | first, key, &bytes);
    }
    if let Some(key) = key {
        xor(&mut bytes, key);
    }
    bytes
}

#[derive(Clone, Debug)]
enum Token {
    Word(String),
    Bytes(Vec<u8>),
}

fn word(token: Option<&Token>) -> &str {
    match token {
        Some(Token::Word(word)) => word,
        _ => "",
    }
}

/// All bytes of the tokens, concatenated.
fn payload(tokens: &[Token]) -> Vec<u8> {
    let bytes = tokens.iter().filter_map(|token| match token {
        Token::Bytes(bytes) => Some(&bytes[..]),
        Token::Word(_) => None,
    });
    bytes.flatten().copied().collect()
}

/// Parses an even number of hexadecimal digits, at least two.
fn hex(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() % 2 == 1 || !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}

/// Splits a line into words, hexadecimal bytes and strings; `*n` repeats bytes or a string.
fn words(line: &str, place: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let bytes;
        (bytes, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (string, behind) =
                    quoted.split_once('"').unwrap_or_else(|| panic!("{place}: no closing quote"));
                (Some(string.as_bytes().to_vec()), behind)
            }
            None => (None, rest),
        };
        let (word, behind) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        // The second word of `close 1000` and `need 10` is a number, not bytes.
        let names = ["close", "need", "cuts"];
        let counts = !tokens.is_empty() && names.contains(&self::word(tokens.first()));
        rest = behind.trim_start();
        tokens.push(match bytes.or_else(|| hex(digits).filter(|_| !counts)) {
            Some(bytes) => Token::Bytes(bytes.repeat(number(times, place))),
            None => Token::Word(word.to_owned()),
        });
    }
    tokens
}
