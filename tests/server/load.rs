//! The examples `load` and `echo_server` against each other, and `load` against servers with one
//! fault each, which it must detect.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::example::{Lines, Server, example, output};
use crate::faulty_server::{Fault, serve};

/// Runs `load`; returns whether it succeeded, and its combined output.
fn load(address: SocketAddr, arguments: &str) -> (bool, String) {
    let mut command = Command::new(example("load"));
    command.arg("--connect").arg(address.to_string()).args(arguments.split_whitespace());
    let output = output(command);
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), text.concat())
}

/// The number with this name in the JSON.
fn field(json: &str, name: &str) -> f64 {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{json}"));
    rest[..rest.find([',', '}']).unwrap()].parse().unwrap()
}

/// Durations in seconds to try in turn, because the speed depends on the machine.
const SECONDS: [f64; 3] = [0.2, 5.0, 100.0];

/// Runs `load` with JSON output and longer durations until the output is enough.
fn load_until(
    address: SocketAddr,
    arguments: &str,
    is_enough: impl Fn(&str) -> bool,
) -> (bool, String) {
    for seconds in SECONDS {
        let (is_ok, printed) = load(address, &format!("{arguments} --json --seconds {seconds}"));
        if is_enough(&printed) {
            return (is_ok, printed);
        }
    }
    panic!("{SECONDS:?} seconds are not enough for {arguments}");
}

fn has_errors(json: &str) -> bool {
    field(json, "errors") > 0.0
}

fn has_messages(json: &str) -> bool {
    field(json, "messages") > 0.0
}

#[test]
fn loopback_messages_of_every_shape_are_echoed() {
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
        let has_pings = shape.contains("--ping");
        let arguments = format!("{shape} --patience 150");
        let (is_ok, json) = load_until(server.address, &arguments, |json| {
            let is_whole = has_messages(json) && (!has_pings || field(json, "pongs") > 0.0);
            has_errors(json) || is_whole
        });
        assert!(is_ok, "{shape}: {json}");
        assert!(field(&json, "errors") < 1.0, "{shape}: {json}");
        assert!(field(&json, "messages") > 0.0, "{shape}: {json}");
        assert!(field(&json, "p50_us") <= field(&json, "p99_us"), "{shape}: {json}");
        assert_eq!(has_pings, field(&json, "pongs") > 0.0, "{shape}: {json}");
    }
}

#[test]
fn loopback_the_longest_message_takes_little_memory() {
    let server = Server::start(&[]);
    let came_back = SECONDS.into_iter().any(|seconds| {
        let (json, most) = longest(server.address, seconds);
        assert!(!has_errors(&json), "{json}");
        // Less than half of one message; 0 if the system does not report it.
        assert!(most < 24 << 10, "{most} KiB");
        has_messages(&json)
    });
    assert!(came_back, "no message came back in {SECONDS:?} seconds");
}

/// Runs `load` with messages of the greatest length; returns its output and its peak memory in KiB.
fn longest(address: SocketAddr, seconds: f64) -> (String, u64) {
    let mut command = Command::new(example("load"));
    command.args(["--size", "67108864", "--pipeline", "2", "--connections", "1", "--json"]);
    command.args(["--patience", "150", "--seconds"]).arg(seconds.to_string()).arg("--connect");
    let mut child = command.arg(address.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::of(child.stdout.take().unwrap());
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(20));
    }
    (lines.next("the output of `load`").unwrap(), most)
}

const NOT_SENT: &str = "a message came that was not sent";

#[test]
fn loopback_every_fault_of_a_server_is_detected() {
    for (fault, message) in [
        (Fault::None, ""),
        (Fault::FlipsABit, "the echo of message 100 differs"),
        (Fault::SwapsMessages, "the echo of message 100 differs"),
        (Fault::TextAsBinary, "the echo of message 100 changed its kind"),
        (Fault::TruncatesAMessage, "the echo of message 100 is too short"),
        (Fault::DropsAMessage, "the echo of message 100 differs"),
        (Fault::RepeatsAMessage, "the echo of message 101 differs"),
        (Fault::IgnoresPings, "the last Ping was not answered"),
        (Fault::EndsWithoutClose, "the transport ended without a Close frame"),
    ] {
        let arguments = "--text --size 40 --connections 2 --pipeline 4 --ping-every 7";
        let (is_ok, output) = load_until(serve(fault), arguments, |json| {
            has_errors(json) || fault == Fault::None && has_messages(json)
        });
        assert_eq!(is_ok, fault == Fault::None, "{fault:?}: {output}");
        // At the end of a run, nothing may be awaited when the repeated message comes.
        let is_last = fault == Fault::RepeatsAMessage && output.contains(NOT_SENT);
        assert!(is_last || output.contains(message), "{fault:?}: {output}");
    }
}

/// With one message in flight, no later message reveals the lost one.
#[test]
fn loopback_a_server_that_stops_responding_is_detected() {
    let arguments = "--connections 2 --patience 1";
    let (is_ok, output) = load_until(serve(Fault::DropsAMessage), arguments, has_errors);
    assert!(!is_ok, "{output}");
    assert!(output.contains("the server fell silent"), "{output}");
}

/// Empty messages are all alike, but they are counted.
#[test]
fn loopback_an_additional_empty_message_is_detected() {
    let arguments = "--size 0 --connections 2";
    let (is_ok, output) = load_until(serve(Fault::RepeatsAMessage), arguments, has_errors);
    assert!(!is_ok, "{output}");
    assert!(output.contains(NOT_SENT), "{output}");
}

#[test]
fn loopback_a_refused_connection_is_an_error() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(!load(unused, "--seconds 0.1").0);
    assert!(!load(unused, "--torment --seconds 0.1").0);
}

#[test]
fn loopback_the_echo_server_survives_the_torment() {
    let server = Server::start(&[]);
    let arguments = "--torment --connections 48 --rounds 6 --seconds 9 --patience 150 --pid";
    let (_, output) = load(server.address, &format!("{arguments} {}", server.process.id()));
    for fault in [
        "slow handshake",
        "Ping flood",
        "Pong flood",
        "tiny fragments",
        "endless message",
        "deaf in a message",
        "empty promise",
        "bit flips",
        "honest traffic",
    ] {
        let line = output.lines().find(|line| line.starts_with(fault)).expect(fault);
        let opened = line[20..].split_whitespace().next().unwrap();
        assert_ne!(opened, "0", "{output}");
    }
    // Everything but the latency of the canary, which depends on the machine.
    let mut faults = output.lines().skip(1).take_while(|line| !line.starts_with("canary"));
    assert!(faults.all(|line| line.contains("  yes  ")), "{output}");
    assert!(output.contains("canary, tormented: p99 "), "{output}");
    let memory = output.lines().find(|line| line.starts_with("server: ")).unwrap();
    assert!(memory.ends_with(": yes"), "{output}");
}

#[test]
fn loopback_an_end_without_a_close_is_detected() {
    let arguments = "--torment --connections 20 --rounds 1 --seconds 2 --patience 20";
    let (is_ok, output) = load(serve(Fault::EndsWithoutClose), arguments);
    assert!(!is_ok, "{output}");
    for (fault, is_ok) in [("huge length", false), ("junk", false), ("reset", true)] {
        let line = output.lines().find(|line| line.starts_with(fault)).unwrap();
        assert_eq!(line.contains("  yes  "), is_ok, "{output}");
    }
}

#[test]
fn loopback_honest_messages_are_compared_under_torment() {
    let arguments = "--torment --connections 20 --rounds 1 --seconds 2 --patience 20";
    let (is_ok, output) = load(serve(Fault::CorruptsLongMessages), arguments);
    assert!(!is_ok, "{output}");
    let line = output.lines().find(|line| line.starts_with("honest traffic")).unwrap();
    assert!(line.contains("WRONG"), "{line}");
}
