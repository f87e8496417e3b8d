//! The exact output of `Deflate` is pinned: it is the same on every machine and for every cut of
//! the input, and any change to it fails a test.

use std::fmt::Write as _;

use barews::deflate::{CompressionContext, Deflate, Effort, Flush, WindowBits};

/// Messages of one kind, from the generator in this file.
type Corpus = fn(&mut Numbers) -> Vec<Vec<u8>>;

const CORPORA: [(&str, Corpus); 6] = [
    ("feed", feed),
    ("pages", pages),
    ("chinese", chinese),
    ("far", far),
    ("noise", noise),
    ("runs", runs),
];

/// The linear congruential generator of Knuth's MMIX; only the upper bits are used.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Prefers small numbers.
    fn skewed(&mut self, end: u64) -> usize {
        let widest = self.below(end) + 1;
        usize::try_from(self.below(widest)).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// JSON lines like those of a feed: short and similar.
fn feed(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let symbols = ["BTC-EUR", "ETH-EUR", "BTC-USD", "SOL-USD", "XRP-EUR"];
    let line = |sequence| {
        let symbol = symbols[numbers.skewed(5)];
        let (price, size) = (30_000 + numbers.below(900), numbers.below(100_000));
        format!(
            "{{\"type\":\"ticker\",\"sequence\":{sequence},\"symbol\":\"{symbol}\",\"price\":\"{price}.5\",\"size\":0.{size}}}\n"
        )
        .into_bytes()
    };
    (4_000_100..4_000_300).map(line).collect()
}

/// Pages of words and tags, of 0 to 24 KiB.
fn pages(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let word = |numbers: &mut Numbers| -> String {
        let letters = 1 + numbers.skewed(9);
        (0..letters).map(|_| char::from(b'a' + u8::try_from(numbers.skewed(26)).unwrap())).collect()
    };
    let words: Vec<_> = (0..700).map(|_| word(numbers)).collect();
    let page = |len: u64| {
        let mut page = String::new();
        while page.len() < usize::try_from(len).unwrap() {
            match numbers.below(12) {
                0 => page.push_str("</p>\n<p class=\"text\">"),
                1 => page.push_str("<a href=\"/"),
                2 => page.push_str("\">"),
                _ => page.push(' '),
            }
            page.push_str(&words[numbers.skewed(700)]);
        }
        page.into_bytes()
    };
    [0, 1, 3, 40, 300, 2_000, 9_000, 24_000].map(page).into()
}

/// Text of three-byte characters with few repetitions.
fn chinese(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let sentence = |_| {
        let len = 20 + numbers.below(200);
        let character = |_| {
            let code = 0x4E00 + u32::try_from(numbers.skewed(2_000)).unwrap();
            char::from_u32(code).unwrap()
        };
        (0..len).map(character).collect::<String>().into_bytes()
    };
    (0..30).map(sentence).collect()
}

/// A block repeated after 0 to 40,000 other bytes, so at distances below, at and above a window of
/// 32 KiB.
fn far(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let again: Vec<u8> = (0..600).map(|_| numbers.byte()).collect();
    let message = |between: usize| {
        let other: Vec<u8> = (0..between).map(|_| numbers.byte()).collect();
        [&again[..], &other, &again].concat()
    };
    [0, 1, 200, 255, 500, 3_000, 16_000, 32_000, 32_768, 40_000].map(message).into()
}

/// Random bytes, which are best stored, and random bytes of few values, where only codes help.
fn noise(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let message = |kind: u64| {
        let values = [256, 2, 17, 100][usize::try_from(kind % 4).unwrap()];
        let len = numbers.below(5_000) + kind * 100;
        (0..len).map(|_| u8::try_from(numbers.skewed(values)).unwrap()).collect()
    };
    (0..16).map(message).collect()
}

/// Repeated short patterns, with lengths around each limit of a match.
fn runs(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let lens = [1, 2, 3, 4, 5, 8, 9, 10, 11, 66, 257, 258, 259, 260, 516, 517, 3_000, 70_000];
    let message = |(index, len): (usize, usize)| {
        let pattern: Vec<u8> = (0..=index % 5).map(|_| numbers.byte()).collect();
        pattern.into_iter().cycle().take(len).collect()
    };
    lens.into_iter().enumerate().map(message).collect()
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

/// Compresses all messages, `input` and `output` bytes at a time; returns the output length and its
/// FNV-1a hash.
fn written(
    context: CompressionContext,
    effort: Effort,
    messages: &[Vec<u8>],
    input: usize,
    output: usize,
) -> (usize, u64) {
    let memory = vec![0xAA; Deflate::memory(context, effort)];
    let mut deflate = Deflate::new(context, effort, memory).unwrap();
    let (mut len, mut digest) = (0, 0xCBF2_9CE4_8422_2325_u64);
    let mut out = vec![0; output];
    for message in messages {
        let mut rest = &message[..];
        loop {
            let fin = rest.len() <= input;
            let flush = if fin { Flush::Finish } else { Flush::None };
            let deflated = deflate.push(&rest[..rest.len().min(input)], flush, &mut out);
            len += deflated.written;
            for byte in &out[..deflated.written] {
                digest = (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
            }
            rest = &rest[deflated.consumed..];
            if fin && deflated.done {
                break;
            }
        }
    }
    (len, digest)
}

fn efforts() -> Vec<(&'static str, Effort)> {
    vec![
        ("TINY", Effort::TINY),
        ("SMALL", Effort::SMALL),
        ("FAST", Effort::FAST),
        ("BEST", Effort::BEST),
        ("BEST, not lazy", Effort::BEST.lazy(0)),
        ("BEST, nice 20", Effort::BEST.nice(20).depth(7)),
        ("SMALL, dynamic", Effort::SMALL.dynamic(true).block_bits(8)),
        ("FAST, 3 bits", Effort::FAST.table_bits(3).depth(4)),
    ]
}

/// A line for each effort, window and corpus, with lengths and hashes with and without takeover.
fn all() -> String {
    let mut lines = String::new();
    for (name, effort) in efforts() {
        for window in [8, 10, 15] {
            for (corpus, messages) in CORPORA {
                let messages = messages(&mut Numbers(1));
                let mut line = format!("{name}, window {window}, {corpus}:");
                for takeover in [true, false] {
                    let context = CompressionContext { window_bits: bits(window), takeover };
                    let (len, digest) = written(context, effort, &messages, usize::MAX, 1 << 17);
                    write!(line, " {len} {digest:016x}").unwrap();
                }
                lines += &line;
                lines.push('\n');
            }
        }
    }
    lines
}

#[test]
fn the_bytes_are_the_same_on_every_machine() {
    let (known, now) = (include_str!("exact_output.txt"), all());
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/exact_output.txt");
    std::fs::write(file, &now).unwrap();
    for (known, now) in known.lines().zip(now.lines()) {
        assert_eq!(known, now, "if the change is intended, use the new table: {file}");
    }
    assert_eq!(known.len(), now.len());
}

#[test]
fn cuts_of_input_and_output_change_no_byte() {
    for (name, effort) in efforts() {
        for (corpus, messages) in CORPORA {
            let messages = messages(&mut Numbers(2));
            let context = CompressionContext { window_bits: bits(15), takeover: true };
            let whole = written(context, effort, &messages, usize::MAX, 1 << 17);
            for (input, output) in [(7, 1 << 17), (1 << 17, 5), (300, 64)] {
                let pieces = written(context, effort, &messages, input, output);
                assert_eq!(whole, pieces, "{name}, {corpus}: {input} in, {output} out");
            }
        }
    }
}
