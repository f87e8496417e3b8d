//! Class D: work that grows faster than the input.
//!
//! Each family runs with `n` and with `2 n` bytes, and the instructions are counted.

use std::hint::black_box;

use barews::handshake::client::Handshake;
use barews::handshake::deflate::{DeflateConfig, negotiate};
use barews::handshake::server::RequestReader;
use barews::handshake::{Limits, Status, extension};

use crate::support::callgrind::are_linear;
use crate::support::heads;

const LIMITS: Limits = Limits::new().max_head_len(1 << 20).max_fields(1 << 20);

/// Reproduces one fault with `n` bytes.
type Family = fn(usize);

const FAMILIES: [(&str, Family); 8] = [
    ("a request head received byte by byte", head_byte_at_a_time),
    ("a response head received byte by byte", answer_byte_at_a_time),
    ("spaces around commas in Sec-WebSocket-Protocol", |n| {
        upgraded("Sec-WebSocket-Protocol: a", " \t, a", n, "");
    }),
    ("spaces without a comma in Sec-WebSocket-Protocol", |n| {
        refused("Sec-WebSocket-Protocol: a", " ", n, "b");
    }),
    ("spaces around commas in Connection", |n| upgraded("Connection: a", "   ,a", n, ", upgrade")),
    ("an unterminated quoted value of backslashes", |n| unclosed("\\c", n)),
    ("an unterminated quoted value of letters", |n| unclosed("a", n)),
    ("many extensions", |n| {
        let list = "x; y=\"1\", ".repeat(n / 10);
        let offers = extension::parse(list.as_bytes()).flatten();
        assert_eq!(negotiate(offers, &DeflateConfig::new()), None);
    }),
];

fn long_head(line: &str, n: usize) -> Vec<u8> {
    format!("{line}\r\n{}", "X: 0123456789\r\n".repeat(n / 15)).into_bytes()
}

fn head_byte_at_a_time(n: usize) {
    let head = long_head("GET / HTTP/1.1", n);
    let mut reader = RequestReader::with_limits(LIMITS);
    for end in 0..=head.len() {
        assert!(matches!(reader.read(black_box(&head[..end])), Ok(Status::NeedMore(_))));
    }
}

fn answer_byte_at_a_time(n: usize) {
    let head = long_head("HTTP/1.1 101 Switching Protocols", n);
    let mut handshake = Handshake::new([1; 16], "a", "/").limits(LIMITS);
    for end in 0..=head.len() {
        assert!(matches!(
            handshake.read_response(black_box(&head[..end])),
            Ok(Status::NeedMore(_))
        ));
    }
}

/// A request with a field of `n` bytes.
fn request(start: &str, piece: &str, n: usize, end: &str) -> String {
    let field = format!("{start}{}{end}", piece.repeat(n / piece.len()));
    let name = start.split(':').next().unwrap();
    heads::with(&[name], &[&field])
}

fn upgraded(start: &str, piece: &str, n: usize, end: &str) {
    let request = request(start, piece, n, end);
    let mut reader = RequestReader::with_limits(LIMITS);
    assert!(matches!(reader.read(request.as_bytes()), Ok(Status::Complete(_))), "{start}");
}

fn refused(start: &str, piece: &str, n: usize, end: &str) {
    let request = request(start, piece, n, end);
    assert!(RequestReader::with_limits(LIMITS).read(request.as_bytes()).is_err(), "{start}");
}

fn unclosed(piece: &str, n: usize) {
    let value = format!("a; b=\"{}", piece.repeat(n / piece.len()));
    refused("Sec-WebSocket-Extensions: ", &value, value.len(), "");
}

/// Fails if the work of these families is not linear from `n` bytes on; `test` names the calling test.
fn linear(test: &str, n: usize, families: &[usize]) {
    let families: Vec<_> = families.iter().map(|family| FAMILIES[*family]).collect();
    let names: Vec<_> = families.iter().map(|family| family.0).collect();
    are_linear(&format!("known_faults::d_work::{test}"), &names, n, |family, n| {
        let run = families[family].1;
        Box::new(move || run(n))
    });
}

/// tungstenite, CVE-2023-43669, RUSTSEC-2023-0065: each read parsed the head from its start, so a
/// long head in small pieces took minutes.
#[test]
fn tungstenite_cve_2023_43669_a_head_is_not_parsed_again() {
    linear("tungstenite_cve_2023_43669_a_head_is_not_parsed_again", 1_000, &[0, 1]);
}

/// ws, CVE-2021-32640: a regular expression for the commas in Sec-WebSocket-Protocol took quadratic
/// time on spaces.
#[test]
fn ws_cve_2021_32640_spaces_in_a_list_of_protocols() {
    linear("ws_cve_2021_32640_spaces_in_a_list_of_protocols", 10_000, &[2, 3]);
}

/// Deno, CVE-2023-26103: the same expression for Connection.
#[test]
fn deno_cve_2023_26103_spaces_in_connection() {
    linear("deno_cve_2023_26103_spaces_in_connection", 10_000, &[4]);
}

/// websocket-extensions for Ruby, CVE-2020-7663: an unterminated quoted value caused catastrophic
/// backtracking.
#[test]
fn websocket_extensions_cve_2020_7663_an_unterminated_quoted_value() {
    linear("websocket_extensions_cve_2020_7663_an_unterminated_quoted_value", 10_000, &[5]);
}

/// websocket-extensions for Node, CVE-2020-7662: the same.
#[test]
fn websocket_extensions_cve_2020_7662_an_unterminated_quoted_value() {
    linear("websocket_extensions_cve_2020_7662_an_unterminated_quoted_value", 10_000, &[6, 7]);
}
