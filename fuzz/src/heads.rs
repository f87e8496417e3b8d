//! Helpers for HTTP heads: splitting the input, text from the caller, a comparison with `httparse`,
//! and invariants of every written head.

use barews::handshake::HeaderFields;
use barews::handshake::server::{HttpVersion, Request};
use httparse::{EMPTY_HEADER, Header, Status};

/// Returns where to split the input, and the bytes to read. The first byte, modulo 16, is the
/// number of cuts; each of the following bytes is the distance from the previous cut. If the first
/// byte is 255, the rest is read byte by byte.
pub fn cuts(data: &[u8]) -> Option<(Vec<usize>, &[u8])> {
    let (&count, rest) = data.split_first()?;
    if count == 255 {
        return Some(((0..rest.len()).collect(), rest));
    }
    let (steps, bytes) = rest.split_at_checked(usize::from(count % 16))?;
    let mut at = 0;
    let cuts = steps.iter().map(|step| {
        at += usize::from(*step);
        at
    });
    Some((cuts.collect(), bytes))
}

/// Asserts that CR and LF only occur as line ends, and that only the last line is empty.
pub fn clean(head: &[u8]) {
    let lines = head.strip_suffix(b"\r\n\r\n").expect("a head ends with an empty line");
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && !line.contains(&b'\r') && !line.contains(&0));
    }
}

/// Asserts that each of these fields (in lower case) occurs once, and every `Sec-WebSocket-*` field
/// at most once.
pub fn once(head: &[u8], fields: &[&str]) {
    let head = std::str::from_utf8(head).expect("a head is text");
    let names = || {
        let lines = head.split("\r\n").skip(1).filter(|line| !line.is_empty());
        lines.map(|line| line.split_once(':').expect("a field").0.to_ascii_lowercase())
    };
    for field in fields {
        assert_eq!(names().filter(|name| name == field).count(), 1, "{field}");
    }
    for name in names().filter(|name| name.starts_with("sec-websocket-")) {
        assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
    }
}

/// Splits text from the caller at zeros. Missing and empty parts are taken from `usual`.
pub fn texts<'a, const N: usize>(bytes: &'a [u8], usual: [&'a str; N]) -> [&'a str; N] {
    let mut texts = std::str::from_utf8(bytes).unwrap_or_default().split('\0');
    usual.map(|usual| texts.next().filter(|text| !text.is_empty()).unwrap_or(usual))
}

/// Replaces a higher minor version of HTTP/1 by 1, the highest that `httparse` reads.
fn with_version_1_1(bytes: &[u8]) -> Vec<u8> {
    const VERSION: &[u8] = b"HTTP/1.";
    let mut bytes = bytes.to_vec();
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    let rest = &bytes[start..];
    let line = &rest[..rest.iter().position(|byte| *byte == b'\r').unwrap_or(rest.len())];
    let last = line.len().checked_sub(VERSION.len() + 1);
    let at = if line.starts_with(VERSION) { Some(0) } else { last };
    let at = at.filter(|at| line[*at..].starts_with(VERSION));
    if let Some(minor @ b'2'..=b'9') = at.and_then(|at| bytes.get_mut(start + at + VERSION.len())) {
        *minor = b'1';
    }
    bytes
}

/// Asserts that `httparse` parses an accepted request identically. It accepts more than we do.
pub fn is_that_of_httparse(bytes: &[u8], request: &Request<'_>) {
    let mut space = [EMPTY_HEADER; 16];
    let bytes = &with_version_1_1(bytes);
    let mut theirs = httparse::Request::new(&mut space);
    assert_eq!(theirs.parse(bytes), Ok(Status::Complete(request.head_len())));
    assert_eq!(theirs.method, Some(request.method()));
    assert_eq!(theirs.path, Some(request.target()));
    assert_eq!(theirs.version, Some(u8::from(request.version() == HttpVersion::Http11)));
    same_fields(theirs.headers, request.headers());
}

/// Asserts that `httparse` parses an accepted response identically, after any interim responses.
pub fn is_answer_of_httparse(
    bytes: &[u8],
    status: u16,
    head_len: usize,
    headers: HeaderFields<'_>,
) {
    let mut start = 0;
    loop {
        let mut space = [EMPTY_HEADER; 16];
        let mut theirs = httparse::Response::new(&mut space);
        let rest = with_version_1_1(&bytes[start..]);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let Ok(Status::Complete(len)) = config.parse_response(&mut theirs, &rest) else {
            panic!("httparse rejects {:?}", theirs)
        };
        start += len;
        if let Some(100 | 102..=199) = theirs.code {
            continue;
        }
        assert_eq!((theirs.code, start), (Some(status), head_len));
        return same_fields(theirs.headers, headers);
    }
}

fn same_fields(theirs: &[Header<'_>], ours: HeaderFields<'_>) {
    let theirs = theirs.iter().map(|field| (field.name, field.value));
    assert!(theirs.eq(ours.map(|field| (field.name, field.value))));
}
