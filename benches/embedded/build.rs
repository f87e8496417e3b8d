//! Passes `memory.x` and the linker script of cortex-m-rt to the linker, and generates the messages
//! for the codecs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

use flate2::{Compress, Compression, FlushCompress};

/// The first lines of `readings.txt` are one message each; all others together are one message.
/// table.py has the same number.
const SHORT: usize = 24;

const WINDOW_BITS: u8 = 9;

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::copy("memory.x", out.join("memory.x"))?;
    fs::write(out.join("messages.rs"), messages(&fs::read_to_string("readings.txt")?)?)?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rerun-if-changed=readings.txt");
    Ok(())
}

/// Each message, and its payload as compressed by zlib with context takeover (RFC 7692 §7.2.1).
fn messages(readings: &str) -> io::Result<String> {
    let lines: Vec<&str> = readings.lines().collect();
    let (short, long) = lines.split_at(SHORT);
    let long = long.join("\n");
    let mut zlib = Compress::new_with_window_bits(Compression::new(6), false, WINDOW_BITS);
    let mut source = String::from("[\n");
    for message in short.iter().copied().chain([long.as_str()]) {
        let mut payload = Vec::with_capacity(2 * message.len() + 64);
        zlib.compress_vec(message.as_bytes(), &mut payload, FlushCompress::Sync)?;
        payload.truncate(payload.len() - 4);
        writeln!(source, "(&{:?}, &{payload:?}),", message.as_bytes())
            .expect("writing to a String cannot fail");
    }
    source.push(']');
    Ok(source)
}
