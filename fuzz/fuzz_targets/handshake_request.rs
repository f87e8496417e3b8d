//! Feeds any bytes, cut in any way, to a server's handshake reader, and compares with `httparse`.
//! Puts any text from the caller into its responses.
#![no_main]

use barews::handshake::server::{Accept, Incoming, Origins, RequestReader, Upgrade, respond};
use barews::handshake::{BuildError, Error, Limits, Status};
use barews_fuzz::heads;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((cuts, bytes)) = heads::cuts(data) else { return };
    let whole = outcome(&mut reader(), bytes);
    let mut reader = reader();
    for cut in cuts {
        let part = outcome(&mut reader, &bytes[..cut.min(bytes.len())]);
        assert!(part == Ok(None) || part == whole, "the outcome depends on the cut");
    }
    assert_eq!(outcome(&mut reader, bytes), whole);

    match self::reader().read(bytes) {
        Ok(Status::NeedMore(_)) => {}
        Err(error) => answer(|out| error.respond(out), &error.status().to_string()),
        Ok(Status::Complete(incoming)) => complete(bytes, &incoming),
    }
});

fn reader() -> RequestReader {
    RequestReader::with_limits(Limits::new().max_head_len(1024).max_fields(16))
}

/// The length of the head, and whether it is an upgrade request. `None` if more bytes are needed.
fn outcome(reader: &mut RequestReader, bytes: &[u8]) -> Result<Option<(usize, bool)>, Error> {
    Ok(match reader.read(bytes)? {
        Status::NeedMore(_) => None,
        Status::Complete(Incoming::Upgrade(upgrade)) => Some((upgrade.request().head_len(), true)),
        Status::Complete(Incoming::Plain(request)) => Some((request.head_len(), false)),
    })
}

fn complete(bytes: &[u8], incoming: &Incoming<'_>) {
    let request = match incoming {
        Incoming::Upgrade(upgrade) => upgrade.request(),
        Incoming::Plain(request) => *request,
    };
    let head = &bytes[..request.head_len()];
    assert!(head.ends_with(b"\r\n\r\n"));
    assert!(!request.method().is_empty() && !request.path().is_empty());
    heads::is_that_of_httparse(bytes, &request);
    for header in request.headers() {
        assert!(request.header(header.name).any(|value| value == header.value));
    }
    // The parts of the head have the same outcome.
    let parts = request.headers().map(|header| (header.name, header.value));
    let parts = Upgrade::from_parts(request.method(), request.target(), request.version(), parts);
    match (incoming, parts) {
        (Incoming::Upgrade(upgrade), Ok(parts)) => {
            assert_eq!((upgrade.key(), upgrade.origin()), (parts.key(), parts.origin()));
            assert!(upgrade.protocols().eq(parts.protocols()));
            let config = Default::default();
            assert_eq!(upgrade.negotiate_deflate(&config), parts.negotiate_deflate(&config));
        }
        (Incoming::Plain(_), Err(Error::UpgradeRequired)) => {}
        (_, parts) => panic!("{parts:?}"),
    }
    // The bytes after the head make no difference.
    let other = [head, b"\x81\x80\0\0\0\0"].concat();
    assert_eq!(outcome(&mut reader(), &other), outcome(&mut reader(), bytes));

    let caller = heads::texts(&bytes[request.head_len()..], ["X-Y", "value", "chat"]);
    let [name, value, protocol] = caller;
    let headers = [(name, value)];
    caller_text(|out| respond(404, &headers, b"", out), &["connection", "content-length"]);
    let Incoming::Upgrade(upgrade) = incoming else { return };
    let fields = ["upgrade", "connection", "sec-websocket-accept"];
    let accept = || upgrade.accept(Origins::Any).expect("any origin is accepted");
    let write = |accept: Accept<'_, '_>| {
        caller_text(|out| accept.headers(&headers).write(out), &fields);
    };
    write(accept());
    write(accept().protocol(protocol));
    assert_eq!(request.method(), "GET");
    let accept = upgrade.accept(Origins::Any).expect("any origin is accepted");
    let accept = match upgrade.protocols().next() {
        Some(protocol) => accept.protocol(protocol),
        None => accept,
    };
    let accept = match upgrade.negotiate_deflate(&Default::default()) {
        Some(deflate) => accept.deflate(deflate),
        None => accept,
    };
    answer(|out| accept.write(out), "101");
}

/// For any text from the caller, the written head is clean, or nothing is written.
fn caller_text(write: impl Fn(&mut [u8]) -> Result<usize, BuildError>, fields: &[&str]) {
    let mut out = [0xAA; 512];
    match write(&mut out) {
        Ok(len) => {
            heads::clean(&out[..len]);
            heads::once(&out[..len], fields);
            assert!(out[len..].iter().all(|byte| *byte == 0xAA));
        }
        Err(BuildError::BufferTooSmall { needed }) => assert!(needed > out.len()),
        Err(_) => assert!(out.iter().all(|byte| *byte == 0xAA)),
    }
}

/// Each response reports exactly the room that it needs, and is one clean head.
fn answer(write: impl Fn(&mut [u8]) -> Result<usize, BuildError>, status: &str) {
    let Err(BuildError::BufferTooSmall { needed }) = write(&mut []) else {
        panic!("the response needs no room")
    };
    let mut out = vec![0; needed];
    assert_eq!(write(&mut out), Ok(needed));
    assert!(write(&mut out[1..]).is_err());
    assert_eq!(write(&mut out), Ok(needed));
    heads::clean(&out);
    assert!(out.starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
}
