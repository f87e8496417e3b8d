//! The work of `Deflate` is bounded for any text, since a peer may choose what is compressed: without
//! a limit, text in which all bytes have the same hashes costs ten times as much as JSON.

use std::hint::black_box;

use barews::deflate::{Deflate, DeflateParams, Effort, Flush};

use crate::support::callgrind::{Job, instructions};

const LEN: usize = 60_000;

/// A feed, as in `benches/deflate`.
fn json(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = String::new();
    for id in 0.. {
        if text.len() > LEN {
            break;
        }
        let (sensor, value, part, ok) =
            (random.u32(..16), random.u32(..64), random.u32(..100), random.bool());
        let line = format!(
            "{{\"id\":{id},\"ts\":17000{:05},\"sensor\":\"temp-{sensor}\",\"value\":{value}.{part:02},\"ok\":{ok}}}\n",
            id * 7,
        );
        text.push_str(&line);
    }
    text.into_bytes()
}

/// The bucket of three bytes in the hash table of `Effort::BEST`.
fn bucket(bytes: [u8; 3]) -> u32 {
    let [a, b, c] = bytes;
    u32::from_le_bytes([0, a, b, c]).wrapping_mul(0x9E37_79B1) >> 20
}

/// Text without repetitions, in which all three bytes are in a few buckets, so that every byte has
/// hundreds of candidates.
fn colliding(buckets: u32, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = vec![0, 1];
    while text.len() < LEN {
        let [.., a, b] = text[..] else { unreachable!() };
        let near: Vec<u8> = (0..=255).filter(|c| bucket([a, b, *c]) < buckets).collect();
        text.push(random.choice(near).unwrap_or(random.u8(..)));
    }
    text
}

/// A few letters at random: every byte has many candidates, and short matches at most.
fn letters(count: u8, random: &mut fastrand::Rng) -> Vec<u8> {
    (0..LEN).map(|_| random.u8(..count)).collect()
}

/// The same block over and over, with a random byte after each.
fn blocks(len: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let block: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
    let mut text = Vec::new();
    while text.len() < LEN {
        text.extend(&block);
        text.push(random.u8(..));
    }
    text
}

/// In messages of this length, with context takeover.
fn compress(effort: Effort, text: Vec<u8>, len: usize) -> Job {
    let server = DeflateParams::DEFAULT.server();
    let memory = vec![0; Deflate::memory(server, effort)];
    let mut deflate = Deflate::new(server, effort, memory).unwrap();
    let mut out = vec![0; Deflate::max_len(len)];
    Box::new(move || {
        for message in text.chunks(len) {
            _ = black_box(deflate.push(message, Flush::Finish, &mut out));
        }
    })
}

#[test]
fn no_text_costs_more_than_four_times_as_much_as_json() {
    let mut random = fastrand::Rng::with_seed(1);
    let texts = [
        ("JSON", json(&mut random)),
        ("16 buckets", colliding(16, &mut random)),
        ("32 buckets", colliding(32, &mut random)),
        ("64 buckets", colliding(64, &mut random)),
        ("256 buckets", colliding(256, &mut random)),
        ("2 letters", letters(2, &mut random)),
        ("4 letters", letters(4, &mut random)),
        ("6 letters", letters(6, &mut random)),
        ("blocks of 3", blocks(3, &mut random)),
        ("blocks of 31", blocks(31, &mut random)),
        ("blocks of 127", blocks(127, &mut random)),
        ("zeros", vec![0; LEN]),
    ];
    // The limit holds for any depth.
    let deep = Effort::BEST.depth(u16::MAX).nice(258).lazy(258);
    // How many times as much as JSON is allowed. A message of 100 different bytes has codes of its own,
    // which are a quarter of its work.
    let cases =
        [("BEST", Effort::BEST, 1000, 4), ("BEST", Effort::BEST, 100, 5), ("deep", deep, 1000, 4)];
    let jobs = cases.iter().flat_map(|(_, effort, len, _)| {
        texts.iter().map(|text| compress(*effort, text.1.clone(), *len))
    });
    let jobs = jobs.collect();
    let test = "deflate::no_text_costs_more_than_four_times_as_much_as_json";
    let Some(counts) = instructions(test, jobs) else { return };
    let bytes = u64::try_from(LEN).unwrap();
    // The first case: `BEST`, messages of 1,000 bytes.
    let json = counts[0] / bytes;
    for (counts, (name, _, len, times)) in counts.chunks_exact(texts.len()).zip(cases) {
        for (count, (text, _)) in counts.iter().zip(&texts) {
            let each = count / bytes;
            println!("{each:>6} instructions per byte: {name}, messages of {len} bytes, {text}");
            assert!(each <= times * json, "{name} {len} {text}: {each}, JSON {json}");
        }
    }
}
