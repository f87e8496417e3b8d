//! Passes the linker the memory map of the board, and the script of `cortex-m-rt`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let size = if cfg!(feature = "many-sockets") { "large" } else { "small" };
    fs::copy(format!("memory/{size}.x"), out.join("memory.x"))?;
    println!("cargo::rerun-if-changed=memory");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    Ok(())
}
