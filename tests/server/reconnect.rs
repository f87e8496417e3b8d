//! The example `client` follows the feed of `echo_server` across 1,000 lost connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::example::{Lines, Server, example, output};
use crate::lifecycle::number;

const LOSSES: usize = 1000;

/// A proxy that cuts the first `LOSSES` connections after a random number of bytes: during the
/// handshake, inside a frame or between frames.
fn lossy(listener: &TcpListener, to: std::net::SocketAddr, lost: &Arc<AtomicUsize>) {
    let mut random = fastrand::Rng::with_seed(11);
    for client in listener.incoming() {
        let mut client = client.unwrap();
        let mut server = TcpStream::connect(to).unwrap();
        let cut = lost.load(Ordering::SeqCst) < LOSSES;
        let mut left = if cut { random.usize(1..400) } else { usize::MAX };
        let (mut from, mut back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let up = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut back);
            let _ = back.shutdown(Shutdown::Both);
        });
        let mut buffer = [0; 512];
        loop {
            let n = server.read(&mut buffer).unwrap_or(0);
            let passed = n.min(left);
            if n == 0 || client.write_all(&buffer[..passed]).is_err() {
                break;
            }
            left -= passed;
            if left == 0 {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
        up.join().unwrap();
        lost.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn loopback_no_gap_and_no_duplicate_across_a_thousand_losses() {
    let server = Server::start(&["--feed-every", "1", "--threads", "2"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let lost = Arc::new(AtomicUsize::new(0));
    let to = server.address;
    let count = Arc::clone(&lost);
    std::thread::spawn(move || lossy(&listener, to, &count));

    let mut client = Command::new(example("client"))
        .arg(format!("ws://{proxy}/feed"))
        .args(["--reconnect", "--resume", "--backoff", "1,4"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut newest: Option<u64> = None;
    let mut received = 0;
    let lines = Lines::of(client.stdout.take().unwrap());
    while let Some(line) = lines.next("the feed to continue") {
        assert!(!line.contains("gap"), "after {newest:?}: {line}");
        let Some(number) = line.strip_prefix(r#"text {"seq":"#) else { continue };
        let number: u64 = number.trim_end_matches('}').parse().unwrap();
        assert!(newest.is_none_or(|newest| number == newest + 1), "{number} after {newest:?}");
        newest = Some(number);
        received += 1;
        if lost.load(Ordering::SeqCst) >= LOSSES {
            break;
        }
    }
    let _ = client.kill();
    let _ = client.wait();
    assert!(lost.load(Ordering::SeqCst) >= LOSSES);
    assert!(received > LOSSES, "{received} messages");
}

#[test]
fn loopback_the_client_stops_at_the_requested_number() {
    let server = Server::start(&["--feed-every", "2"]);
    let until = number(&mut server.open("/feed")) + 20;
    let mut client = Command::new(example("client"));
    client.arg(format!("ws://{}/feed", server.address));
    client.args(["--reconnect", "--resume", "--until", &until.to_string()]);
    let output = output(client);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!(r#"{{"seq":{until}}}"#)) && text.ends_with("close 1000 \n"),
        "{text}"
    );
}

#[test]
fn loopback_the_client_reconnects_to_a_restarted_server() {
    let server = Server::start(&["--feed-every", "1"]);
    let address = server.address.to_string();
    let mut client = Command::new(example("client"))
        .arg(format!("ws://{address}/feed"))
        .args(["--reconnect", "--resume", "--backoff", "5,50"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = Lines::of(client.stdout.take().unwrap());
    // After a hundred lines, the number is one that the next server has not reached.
    for _ in 0..100 {
        lines.until(r#"{"seq":"#);
    }
    drop(server);
    let again = Server::start(&["--listen", &address, "--feed-every", "1000"]);
    lines.until("open");
    // The numbers restart, which the server reports as a gap.
    lines.until("gap");
    let _ = client.kill();
    let _ = client.wait();
    drop(again);
}
