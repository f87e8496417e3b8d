//! Sizes of the types: an idle peer costs one connection and nothing else.

use std::mem::size_of;

use barews::frame::HeaderBytes;
use barews::{Client, Connection, Data, Event, Input, RecvBuffer, Server};

type Keyless = fn() -> [u8; 4];

#[test]
fn p06_a_connection_is_at_most_256_bytes() {
    assert!(size_of::<Connection<Server>>() <= 256);
    let least = size_of::<Connection<Server>>() + size_of::<Keyless>();
    assert_eq!(
        size_of::<Connection<Client<Keyless>>>(),
        least.next_multiple_of(align_of::<Connection<Server>>()),
        "a client adds only its source of masking keys"
    );
}

#[test]
fn a_header_is_15_bytes_everywhere() {
    assert_eq!(size_of::<HeaderBytes>(), 15);
}

/// Users pay for any increase: mention changes in the changelog.
#[cfg(target_pointer_width = "64")]
#[test]
fn sizes_on_64_bit() {
    assert_eq!(size_of::<Connection<Server>>(), 248);
    assert_eq!(size_of::<Event<'_>>(), 128);
    assert_eq!(size_of::<Data<'_>>(), 40);
    assert_eq!(size_of::<Input<'_>>(), 32);
    assert_eq!(size_of::<RecvBuffer<&mut [u8]>>(), 56);
}

/// Sizes are smaller where `u64` may be aligned to four bytes.
#[cfg(target_pointer_width = "32")]
#[test]
fn sizes_on_32_bit() {
    assert!(size_of::<Connection<Server>>() <= 248);
    assert!(size_of::<Event<'_>>() <= 128);
    assert!(size_of::<Data<'_>>() <= 32);
    assert!(size_of::<Input<'_>>() <= 16);
    assert!(size_of::<RecvBuffer<&mut [u8]>>() <= 28);
}

/// The window of 256 bytes to 32 KiB is separate, in caller-provided memory.
#[cfg(feature = "deflate")]
#[test]
fn an_inflater_is_2_5_kib_at_most() {
    use barews::deflate::Inflate;

    assert!(size_of::<Inflate<&mut [u8]>>() <= 2560);
    #[cfg(target_pointer_width = "64")]
    assert_eq!(size_of::<Inflate<&mut [u8]>>(), 2416);
}
