//! `io_uring`: one thread, no system call for a single read or write.
//!
//! The kernel owns the buffer of an operation until it completes. A sans-IO state machine fits
//! that: it borrows no buffer between two completions.
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
            println!("io_uring is not available: {error}");
            return Ok(());
        }
    };
    let listener = std::net::TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    ring::run(ring, &listener)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("io_uring is not available: it needs Linux");
}
