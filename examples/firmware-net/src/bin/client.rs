#![no_std]
#![no_main]
#[path = "../board/mod.rs"]
mod board;
use panic_semihosting as _;
#[cortex_m_rt::entry]
fn main() -> ! { board::run(|_| ()) }
