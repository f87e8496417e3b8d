//! `Deflate` of barews with `Effort::SMALL`, for a window of 512 bytes.
#![no_std]
#![no_main]

#[path = "../compress.rs"]
mod compress;

use barews::deflate::Effort;
use barews_embedded::codecs::measure;

const EFFORT: Effort = Effort::SMALL;

#[cortex_m_rt::entry]
fn main() -> ! {
    measure(&compress::CODEC)
}
