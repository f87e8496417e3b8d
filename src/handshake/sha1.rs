//! SHA-1 (RFC 3174) of 60 bytes, a key and the GUID: the one sum that RFC 6455, section 4.2.2 asks for.
//!
//! The handshake proves that the server read the request. It does not lean on collision resistance,
//! which SHA-1 no longer has (RFC 6455, section 10.8); so this stays private.

/// The sixteen words of one block (RFC 3174, section 2).
type Block = [u32; 16];

/// What a block adds in each of the eighty rounds: W(t) + K(t) (RFC 3174, sections 5 and 6.1).
type Schedule = [[u32; 20]; 4];

/// RFC 3174, section 6.1: H0 to H4 before the first block.
const INITIAL: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// The second block. Padding ends with the length in bits (RFC 3174, section 4), for which there is
/// no room behind 60 bytes: so this block is the same for every message, and spread beforehand.
const LENGTH: Schedule = spread([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 480]);

/// The digest of a message of 60 bytes.
pub(super) fn digest(message: &[u8; 60]) -> [u8; 20] {
    let mut words = [0x8000_0000; 16];
    for (word, bytes) in words.iter_mut().zip(message.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let state = compress(compress(INITIAL, &spread(words)), &LENGTH);
    let mut digest = [0; 20];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

/// RFC 3174, section 6.1, a and b.
const fn spread(first: Block) -> Schedule {
    let second = next_sixteen(first);
    let third = next_sixteen(second);
    let fourth = next_sixteen(third);
    let words = [first, second, third, fourth, next_sixteen(fourth)];
    let mut schedule = [[0x5A82_7999; 20], [0x6ED9_EBA1; 20], [0x8F1B_BCDC; 20], [0xCA62_C1D6; 20]];
    let (mut to, mut from) = (schedule.as_flattened_mut(), words.as_flattened());
    while let (Some((sum, behind)), Some((word, rest))) = (to.split_first_mut(), from.split_first())
    {
        *sum = word.wrapping_add(*sum);
        (to, from) = (behind, rest);
    }
    schedule
}

/// The words of the schedule behind sixteen others.
#[inline]
const fn next_sixteen(words: Block) -> Block {
    const fn word(a: u32, b: u32, c: u32, d: u32) -> u32 {
        (a ^ b ^ c ^ d).rotate_left(1)
    }
    let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15] = words;
    let n0 = word(w13, w8, w2, w0);
    let n1 = word(w14, w9, w3, w1);
    let n2 = word(w15, w10, w4, w2);
    let n3 = word(n0, w11, w5, w3);
    let n4 = word(n1, w12, w6, w4);
    let n5 = word(n2, w13, w7, w5);
    let n6 = word(n3, w14, w8, w6);
    let n7 = word(n4, w15, w9, w7);
    let n8 = word(n5, n0, w10, w8);
    let n9 = word(n6, n1, w11, w9);
    let n10 = word(n7, n2, w12, w10);
    let n11 = word(n8, n3, w13, w11);
    let n12 = word(n9, n4, w14, w12);
    let n13 = word(n10, n5, w15, w13);
    let n14 = word(n11, n6, n0, w14);
    let n15 = word(n12, n7, n1, w15);
    [n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12, n13, n14, n15]
}

/// RFC 3174, section 6.1, c to e: four times twenty rounds. In line, so that the state stays in registers and what
/// [`LENGTH`] adds are constants in the code.
#[inline(always)]
fn compress(state: [u32; 5], [first, second, third, fourth]: &Schedule) -> [u32; 5] {
    // Section 5's functions, two of them in forms that are shorter: where the bits of two terms never
    // meet, their sum is as good as their OR.
    let choice = |b, c, d| d ^ (b & (c ^ d));
    let parity = |b, c, d| b ^ c ^ d;
    let majority = |b: u32, c: u32, d: u32| (b & c).wrapping_add(d & (b ^ c));
    let mixed = rounds(state, first, choice);
    let mixed = rounds(mixed, second, parity);
    let mixed = rounds(mixed, third, majority);
    let mixed = rounds(mixed, fourth, parity);
    let mut state = state;
    for (word, mixed) in state.iter_mut().zip(mixed) {
        *word = word.wrapping_add(mixed);
    }
    state
}

#[inline(always)]
fn rounds(state: [u32; 5], sums: &[u32; 20], mix: impl Fn(u32, u32, u32) -> u32) -> [u32; 5] {
    sums.iter().fold(state, |[a, b, c, d, e], sum| {
        let next = mix(b, c, d).wrapping_add(e.wrapping_add(*sum));
        [a.rotate_left(5).wrapping_add(next), a, b.rotate_left(30), c, d]
    })
}
