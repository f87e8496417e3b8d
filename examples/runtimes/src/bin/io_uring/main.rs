//! `io_uring`: one thread, no call of the system for a single read or write.
//!
//! The kernel owns the buffer of an operation until that is complete. A state machine that is fed with
//! what has come, and gives what is to go, fits that: between two completions nobody holds a borrow.
//!
//! `cargo run -p barews-runtimes --bin io_uring -- 127.0.0.1:9001`

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod ring;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    barews_runtimes::start("io_uring", listen)
}

#[cfg(target_os = "linux")]
fn listen(address: std::net::SocketAddr) -> std::io::Result<()> {
    // Containers often forbid it, and machines by `kernel.io_uring_disabled`.
    let ring = match io_uring::IoUring::new(ring::ENTRIES) {
        Ok(ring) => ring,
        Err(error) => {
            println!("io_uring is refused by this kernel: {error}");
            return Ok(());
        }
    };
    let listener = std::net::TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    ring::run(ring, &listener)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("io_uring is refused by this kernel: it is not Linux");
}
