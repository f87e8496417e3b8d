//! The examples `load` and `echo_server` against each other, and `load` against servers that do one
//! thing wrong: it must notice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

mod common {
    pub(crate) mod example;
    pub(crate) mod wire;
    pub(crate) mod wrong_server;
}

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use common::example::{Server, example};
use common::wrong_server::{Manner, serve};

/// A torment measures times, so it runs alone; the others run beside each other.
static MACHINE: RwLock<()> = RwLock::new(());

/// Exit status 0, and what was printed on both outputs.
fn load(address: SocketAddr, arguments: &str) -> (bool, String) {
    let mut command = Command::new(example("load"));
    command.arg("--connect").arg(address.to_string()).args(arguments.split_whitespace());
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), text.concat())
}

/// The number behind this name in the JSON.
fn field(json: &str, name: &str) -> f64 {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{json}"));
    rest[..rest.find([',', '}']).unwrap()].parse().unwrap()
}

#[test]
fn loopback_every_shape_comes_back() {
    let _others = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start(&[]);
    for shape in [
        "--connections 10 --pipeline 32 --size 16",
        "--connections 3 --pipeline 5 --size 0 --ping-every 2",
        "--connections 3 --size 0 --text",
        "--connections 3 --pipeline 4 --size 1 --fragment 1",
        "--connections 2 --pipeline 4 --size 70000 --text --fragment 777 --ping-every 3",
        "--connections 2 --pipeline 2 --size 3000000 --text",
        "--connections 1 --pipeline 2 --size 200000 --ping-every 1",
    ] {
        let (right, json) = load(server.address, &format!("{shape} --seconds 0.7 --json"));
        assert!(right, "{shape}: {json}");
        assert!(field(&json, "errors") < 1.0, "{shape}: {json}");
        assert!(field(&json, "messages") > 0.0, "{shape}: {json}");
        assert!(field(&json, "p50_us") <= field(&json, "p99_us"), "{shape}: {json}");
        assert_eq!(shape.contains("--ping"), field(&json, "pongs") > 0.0, "{shape}: {json}");
    }
}

#[test]
fn loopback_the_longest_message_takes_little_memory() {
    let _others = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start(&[]);
    let mut command = Command::new(example("load"));
    command.args(["--size", "67108864", "--pipeline", "3", "--connections", "2", "--connect"]);
    let mut child = command.arg(server.address.to_string()).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.success());
    // Less than half of one message; 0 where the system does not tell.
    assert!(most < 24 << 10, "{most} KiB");
}

#[test]
fn loopback_what_is_wrong_is_noticed() {
    let _others = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    for (manner, told) in [
        (Manner::Right, ""),
        (Manner::FlipsABit, "the echo of message 100 differs"),
        (Manner::SwapsMessages, "the echo of message 100 differs"),
        (Manner::TextAsBinary, "the echo of message 100 changed its kind"),
        (Manner::CutsAMessage, "the echo of message 100 is too short"),
        (Manner::LosesAMessage, "the echo of message 100 differs"),
        (Manner::RepeatsAMessage, "the echo of message 101 differs"),
        (Manner::IgnoresPings, "the last Ping was not answered"),
        (Manner::EndsRudely, "the transport ended without a Close frame"),
    ] {
        let arguments =
            "--text --size 40 --connections 2 --pipeline 4 --ping-every 7 --seconds 0.4";
        let (right, output) = load(serve(manner), arguments);
        assert_eq!(right, manner == Manner::Right, "{manner:?}: {output}");
        assert!(output.contains(told), "{manner:?}: {output}");
    }
}

/// With one message in flight nothing comes behind the lost one that could differ.
#[test]
fn loopback_a_server_that_falls_silent_is_noticed() {
    let _others = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    let (right, output) = load(serve(Manner::LosesAMessage), "--connections 2 --seconds 0.4");
    assert!(!right, "{output}");
    assert!(output.contains("the server fell silent"), "{output}");
}

/// Empty messages look all the same, but they can be counted.
#[test]
fn loopback_an_empty_message_too_many_is_noticed() {
    let _others = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    let arguments = "--size 0 --connections 2 --seconds 0.4";
    let (right, output) = load(serve(Manner::RepeatsAMessage), arguments);
    assert!(!right, "{output}");
    assert!(output.contains("a message came that was not sent"), "{output}");
}

#[test]
fn loopback_nobody_there_is_an_error() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(!load(unused, "--seconds 0.1").0);
    assert!(!load(unused, "--torment --seconds 0.1").0);
}

#[test]
fn loopback_the_echo_server_stands_the_torment() {
    let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start(&[]);
    let arguments = "--torment --connections 40 --rounds 2 --seconds 6 --pid";
    let (right, output) = load(server.address, &format!("{arguments} {}", server.process.id()));
    assert!(right, "{output}");
    for fault in ["slow handshake", "Ping flood", "tiny fragments", "bit flips", "honest traffic"] {
        let line = output.lines().find(|line| line.starts_with(fault)).unwrap();
        assert!(line.contains("  yes  "), "{line}");
    }
}

#[test]
fn loopback_a_rude_end_is_no_closing_handshake() {
    let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    let arguments = "--torment --connections 20 --rounds 1 --seconds 2";
    let (right, output) = load(serve(Manner::EndsRudely), arguments);
    assert!(!right, "{output}");
    for (fault, right) in [("huge length", false), ("junk", false), ("reset", true)] {
        let line = output.lines().find(|line| line.starts_with(fault)).unwrap();
        assert_eq!(line.contains("  yes  "), right, "{output}");
    }
}

#[test]
fn loopback_honest_messages_are_compared_under_torment() {
    let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    let arguments = "--torment --connections 20 --rounds 1 --seconds 2";
    let (right, output) = load(serve(Manner::SpoilsLongMessages), arguments);
    assert!(!right, "{output}");
    let line = output.lines().find(|line| line.starts_with("honest traffic")).unwrap();
    assert!(line.contains("WRONG"), "{line}");
}
