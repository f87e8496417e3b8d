//! The buffers and assemblers on storage that refuses to grow, at random: after every call, they hold
//! what a simple model holds. A refusal changes nothing, no bytes are lost or repeated, and no message
//! has a gap.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use barews_fuzz::{assemblers, buffers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    match u8::arbitrary(u)? % 4 {
        0 => buffers::receive(u),
        1 => buffers::send(u),
        2 => assemblers::assemble(u),
        _ => assemblers::inflate(u),
    }
}
