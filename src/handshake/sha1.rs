//! SHA-1 (RFC 3174, section 6.1), for the one sum that RFC 6455, section 4.2.2 asks for.
//!
//! The handshake proves that the server read the request. It does not lean on collision resistance,
//! which SHA-1 no longer has (RFC 6455, section 10.8); so this stays private.

use core::iter::{once, repeat_n};

const BLOCK_LEN: usize = 64;
/// The 0x80 byte and the 64-bit length that follow the message.
const PADDING_LEN: usize = 9;

/// The digest of one message.
pub(super) fn digest(message: &[u8]) -> [u8; 20] {
    let blocks = message.len().saturating_add(PADDING_LEN).div_ceil(BLOCK_LEN);
    let zeros =
        blocks.saturating_mul(BLOCK_LEN).saturating_sub(message.len()).saturating_sub(PADDING_LEN);
    let bits = u64::try_from(message.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    let mut bytes = message
        .iter()
        .copied()
        .chain(once(0x80))
        .chain(repeat_n(0, zeros))
        .chain(bits.to_be_bytes());

    let mut state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    for _ in 0..blocks {
        let mut words = [0_u32; 16];
        for word in &mut words {
            *word = bytes.by_ref().take(4).fold(0, |word, byte| (word << 8) | u32::from(byte));
        }
        state = compress(state, words);
    }

    let mut digest = [0; 20];
    for (to, from) in digest.iter_mut().zip(state.iter().flat_map(|word| word.to_be_bytes())) {
        *to = from;
    }
    digest
}

/// One block: eighty rounds over a window of sixteen words that slides along the schedule.
#[expect(clippy::many_single_char_names, reason = "the names of RFC 3174")]
fn compress(state: [u32; 5], mut words: [u32; 16]) -> [u32; 5] {
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for round in 0..80 {
        let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15] = words;
        let (mixed, constant) = match round {
            0..20 => ((b & c) | (!b & d), 0x5A82_7999),
            20..40 => (b ^ c ^ d, 0x6ED9_EBA1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC_u32),
            _ => (b ^ c ^ d, 0xCA62_C1D6),
        };
        let sum = a
            .rotate_left(5)
            .wrapping_add(mixed)
            .wrapping_add(e)
            .wrapping_add(w0)
            .wrapping_add(constant);
        (a, b, c, d, e) = (sum, a, b.rotate_left(30), c, d);
        let next = (w13 ^ w8 ^ w2 ^ w0).rotate_left(1);
        words = [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, next];
    }
    let [s0, s1, s2, s3, s4] = state;
    [
        s0.wrapping_add(a),
        s1.wrapping_add(b),
        s2.wrapping_add(c),
        s3.wrapping_add(d),
        s4.wrapping_add(e),
    ]
}

#[cfg(test)]
mod tests {
    use super::digest;

    /// RFC 3174, section 7.3, tests 1, 2 and 4, and the empty message of FIPS 180.
    #[test]
    fn r10_8_01_sha1_gives_the_published_digests() {
        let vectors: [(&[u8], [u32; 5]); 3] = [
            (b"abc", [0xA999_3E36, 0x4706_816A, 0xBA3E_2571, 0x7850_C26C, 0x9CD0_D89D]),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                [0x8498_3E44, 0x1C3B_D26E, 0xBAAE_4AA1, 0xF951_29E5, 0xE546_70F1],
            ),
            (b"", [0xDA39_A3EE, 0x5E6B_4B0D, 0x3255_BFEF, 0x9560_1890, 0xAFD8_0709]),
        ];
        for (message, words) in vectors {
            assert!(digest(message).into_iter().eq(words.into_iter().flat_map(u32::to_be_bytes)));
        }
        let long = [*b"01234567"; 80];
        let expected = [0xDEA3_56A2_u32, 0xCDDD_90C7, 0xA7EC_EDC5, 0xEBB5_6393, 0x4F46_0452];
        assert!(
            digest(long.as_flattened())
                .into_iter()
                .eq(expected.into_iter().flat_map(u32::to_be_bytes))
        );
    }

    #[test]
    fn r10_8_01_sha1_agrees_with_another_implementation() {
        let message: [u8; 300] = core::array::from_fn(|at| u8::try_from(at * 7 % 256).unwrap_or(0));
        for len in 0..=message.len() {
            let message = message.get(..len).unwrap_or_default();
            assert_eq!(
                digest(message),
                sha1_smol::Sha1::from(message).digest().bytes(),
                "length {len}"
            );
        }
    }
}
