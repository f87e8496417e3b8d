//! The work of `Inflate` is linear in its input and output: twice the bytes take at most 2.1 times
//! the instructions, and each additional unit a bounded number. Without valgrind only the output
//! lengths are checked.

use std::hint::black_box;

use barews::deflate::Inflate;
use barews::{Config, Event, Input, Kind};

use crate::support::bits::{BitWriter, codes};
use crate::support::callgrind::{Job, instructions};
use crate::support::endpoint::Side;
use crate::support::inflated::{compressed, context, memory};

/// The number of units in the shorter run of each family.
const COUNT: usize = 100;

struct Family {
    name: &'static str,
    /// A message of this many units.
    message: fn(usize) -> Vec<u8>,
    /// The lengths of a fragment, of a read and of the output slice.
    sizes: [usize; 3],
    /// The most instructions per unit, including the connection: the count in the test profile plus
    /// a quarter.
    most: u64,
}

static FAMILIES: [Family; 14] = [
    Family { name: "literals", message: literals, sizes: [BIG, BIG, BIG], most: 1460 },
    Family {
        name: "literals, one byte per fragment",
        message: literals,
        sizes: [1, BIG, BIG],
        most: 23_940,
    },
    Family {
        name: "literals, one byte per read",
        message: literals,
        sizes: [BIG, 1, BIG],
        most: 15_410,
    },
    Family {
        name: "literals, one byte of output",
        message: literals,
        sizes: [BIG, BIG, 1],
        most: 5670,
    },
    Family { name: "matches", message: matches, sizes: [BIG, BIG, BIG], most: 1200 },
    Family {
        name: "matches, one byte of output",
        message: matches,
        sizes: [BIG, BIG, 1],
        most: 237_270,
    },
    Family { name: "words", message: words::<600>, sizes: [BIG, BIG, BIG], most: 4980 },
    Family { name: "words, overlapping", message: words::<16>, sizes: [BIG, BIG, BIG], most: 4540 },
    Family {
        name: "words, from the window",
        message: words::<600>,
        sizes: [BIG, BIG, 64],
        most: 7270,
    },
    Family { name: "custom codes", message: custom_codes, sizes: [BIG, BIG, BIG], most: 7460 },
    Family { name: "empty stored blocks", message: stored, sizes: [BIG, BIG, BIG], most: 5240 },
    Family { name: "empty fixed blocks", message: fixed, sizes: [BIG, BIG, BIG], most: 2830 },
    // The most work per input byte: the head of a dynamic block builds two Huffman codes.
    Family { name: "empty dynamic blocks", message: dynamic, sizes: [BIG, BIG, BIG], most: 17_830 },
    Family {
        name: "empty dynamic blocks, one byte per read",
        message: dynamic,
        sizes: [BIG, 1, 1],
        most: 28_110,
    },
];

const BIG: usize = 1 << 20;

/// Literals with codes of 9 bits.
fn literals(n: usize) -> Vec<u8> {
    BitWriter::new().fixed(false).literals(&vec![0xF0; 10 * n]).end().message()
}

fn matches(n: usize) -> Vec<u8> {
    let mut stream = BitWriter::new();
    stream.fixed(false).literals(b"abc");
    for _ in 0..n {
        stream.repeat(258, 3);
    }
    stream.end().message()
}

/// Matches of 16 bytes.
fn words<const DISTANCE: u32>(n: usize) -> Vec<u8> {
    let mut stream = BitWriter::new();
    stream.fixed(false).literals(&[7; 600]);
    for _ in 0..10 * n {
        stream.repeat(16, DISTANCE);
    }
    stream.end().message()
}

/// A dynamic block: literal and length codes of two lengths, distance codes of one.
fn custom_codes(n: usize) -> Vec<u8> {
    let literals = [[8; 254].as_slice(), &[9; 4]].concat();
    let codes = codes(&literals);
    let mut stream = BitWriter::new();
    stream.dynamic(false, &literals, &[1, 1]).code(codes[0]);
    for _ in 0..10 * n {
        // A literal, and a match of length 3 at distance 2.
        stream.code(codes[7]).code(codes[257]).bits(1, 1);
    }
    stream.code(codes[256]).message()
}

fn stored(n: usize) -> Vec<u8> {
    let mut stream = BitWriter::new();
    for _ in 0..10 * n {
        stream.stored(false, b"");
    }
    stream.message()
}

fn fixed(n: usize) -> Vec<u8> {
    let mut stream = BitWriter::new();
    for _ in 0..10 * n {
        stream.fixed(false).end();
    }
    stream.message()
}

/// The shortest possible dynamic blocks: the code lengths are runs of zeros, and the end has one
/// bit.
fn dynamic(n: usize) -> Vec<u8> {
    let mut code = [0; 19];
    (code[0], code[1], code[18]) = (2, 2, 1);
    let mut stream = BitWriter::new();
    for _ in 0..n {
        stream.dynamic_head(false, 257, 1, &code, &[(18, 127), (18, 107), (1, 0), (0, 0)]);
        stream.code(codes(&[1])[0]);
    }
    stream.message()
}

/// The frames of a family.
fn frames(family: &Family, n: usize) -> Vec<u8> {
    let message = (family.message)(n);
    let parts: Vec<_> = message.chunks(family.sizes[0]).collect();
    compressed(Side::Server, Kind::Binary, &parts)
}

/// Runs a family and returns the length of its output.
fn run(family: &Family, mut wire: Vec<u8>) -> usize {
    let [_, read, size] = family.sizes;
    let context = context(15, true);
    let mut memory = memory(context);
    let mut inflate = Inflate::new(context, &mut memory).unwrap();
    let mut ws = Side::Server.ws(Config::new().deflate(true));
    let mut room = vec![0; size];
    let (mut start, mut end, mut out) = (0, 0, 0);
    while end < wire.len() {
        end = wire.len().min(end + read);
        let mut input = Input::new(&mut wire[start..end]);
        while let Event::Data(mut data) = ws.receive(&mut input).unwrap() {
            while let Some(piece) = inflate.push(&mut data, &mut room).unwrap() {
                out += piece.payload.len();
            }
        }
        start += input.consumed();
    }
    out
}

#[test]
fn the_output_has_the_expected_length() {
    for family in &FAMILIES {
        let [once, twice] = [100, 200].map(|n| run(family, frames(family, n)));
        let each = match family.name.split_once(',').map_or(family.name, |name| name.0) {
            "literals" => 10,
            "matches" => 258,
            "words" => 160,
            "custom codes" => 40,
            _ => 0,
        };
        assert_eq!(twice - once, 100 * each, "{}", family.name);
    }
}

#[test]
fn twice_the_bytes_take_at_most_2_1_times_the_work() {
    const TEST: &str = "inflate::twice_the_bytes_take_at_most_2_1_times_the_work";
    let jobs = FAMILIES.iter().flat_map(|family| {
        [COUNT, 2 * COUNT].map(|n| -> Job {
            let wire = frames(family, n);
            Box::new(move || _ = black_box(run(family, wire)))
        })
    });
    let Some(counts) = instructions(TEST, jobs.collect()) else { return };
    for (family, counts) in FAMILIES.iter().zip(counts.chunks_exact(2)) {
        let [once, twice] = [counts[0], counts[1]];
        let each = (twice - once) / u64::try_from(COUNT).unwrap();
        println!("{once:>9} {twice:>9} {each:>7} per unit  {}", family.name);
        assert!(once > 20_000, "{}: {once} instructions are too few to compare", family.name);
        assert!(10 * twice <= 21 * once, "{}: {once}, then {twice}", family.name);
        assert!(each <= family.most, "{}: {each} instructions per unit", family.name);
    }
}
