//! Any bytes as sealed state: they are refused, or they are a state, which seals to the same bytes
//! and takes any input without a panic.
#![no_main]

use std::num::NonZero;
use std::time::Duration;

use arbitrary::Arbitrary;
use barews::deflate::{Deflate, Effort, Inflate, InflateAssembler};
use barews::keepalive::{Keepalive, Timeouts};
use barews::session::{Session, SessionRole};
use barews::{
    Assembler, Config, Connection, ControlOrder, Error, Event, Input, Kind, RecvBuffer, Role,
    SendBuffer, UnsealError,
};
use barews_fuzz::watch;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    /// What was sealed, after the version.
    what: u8,
    config: u8,
    state: &'a [u8],
    /// What arrives afterwards.
    input: &'a [u8],
}

/// So late that no instant of the state is before the start of the clock.
const NOW: Duration = Duration::from_millis(1 << 50);

/// Options that allow every state.
const ALL: Config = Config::proxy().control_order(ControlOrder::Ahead);

fn key() -> [u8; 4] {
    [1, 2, 3, 4]
}

fuzz_target!(|case: Case<'_>| {
    let what = case.what % 9;
    // Inside a message, an `Inflate` has another version.
    let is_in_message = what == 5 && case.what >= 128;
    let sealed = [&[1 + u8::from(is_in_message), what], case.state].concat();
    let any = watch::config(case.config);
    for config in [ALL, ALL.validate_sent_text(false), any] {
        match what {
            0 => connection(Connection::unseal_client(config, key, &sealed), &sealed, case.input),
            1 => connection(Connection::unseal_server(config, &sealed), &sealed, case.input),
            2 => {
                let mut tx = SendBuffer::new(vec![0; 512]);
                let timeouts = timeouts();
                session(
                    Session::unseal_client(config, timeouts, key, &sealed, &mut tx, NOW),
                    tx,
                    &sealed,
                    case.input,
                );
            }
            3 => {
                let mut tx = SendBuffer::new(vec![0; 512]);
                let ws = Session::unseal_server(config, timeouts(), &sealed, &mut tx, NOW);
                session(ws, tx, &sealed, case.input);
            }
            5 | 8 => messages(&sealed, case.input),
            _ => rest(&sealed),
        }
    }
});

/// Timeouts that shorten nothing.
fn timeouts() -> Timeouts {
    Timeouts::none().message_rate(NonZero::<u32>::MAX)
}

fn connection<R: Role>(ws: Result<Connection<R>, UnsealError>, sealed: &[u8], input: &[u8]) {
    let Ok(mut ws) = ws else { return };
    let mut out = vec![0; Connection::<R>::MAX_SEALED_LEN];
    let n = ws.seal(&mut out).expect("the longest state fits");
    assert_eq!(&out[..n], sealed);
    assert_eq!(ws.seal(&mut out), Ok(n));
    let mut out = [0; 200];
    _ = ws.send_fragment(Kind::Text, true, b"a", &mut out);
    _ = ws.mask_next(&mut [b'a']);
    let mut bytes = input.to_vec();
    let mut input = Input::new(&mut bytes);
    for _ in 0..64 {
        _ = ws.transmit(&mut out);
        if matches!(ws.receive(&mut input), Ok(Event::NeedMore(_)) | Err(_)) {
            break;
        }
    }
    _ = ws.receive_eof();
}

fn session<R: SessionRole>(
    ws: Result<Session<R>, UnsealError>,
    mut tx: SendBuffer<Vec<u8>>,
    sealed: &[u8],
    input: &[u8],
) {
    let Ok(mut ws) = ws else { return };
    let mut out = vec![0; Session::<R>::MAX_SEALED_LEN];
    let n = ws.seal(NOW, &mut out).expect("the longest state fits");
    assert_eq!(&out[..n], sealed);
    let mut rx = RecvBuffer::new(vec![0; 512]);
    _ = rx.push(&input[..input.len().min(512)]);
    for step in 0..16 {
        let now = NOW + Duration::from_secs(step * 7);
        while ws.receive(&mut rx, &mut tx, now).is_some() {}
        tx.sent(usize::MAX);
        _ = ws.transport_action(&tx);
        _ = ws.deadline();
    }
}

/// A decompressor, alone and with what it has decompressed, and the rest of its message. Of its
/// storage, it reads nothing but the window.
fn messages(sealed: &[u8], input: &[u8]) {
    let after = [0x00, 0xFF].map(|junk| {
        let mut inflate =
            Inflate::unseal(sealed, vec![junk; 32_768]).ok()?.max_message_len(1 << 17);
        let mut out = vec![0; sealed.len()];
        assert_eq!(inflate.seal(&mut out), Ok(sealed.len()));
        assert_eq!(out, sealed);
        Some(inflated(&mut inflate, input))
    });
    assert_eq!(after[0], after[1]);
    if let Ok(messages) = InflateAssembler::unseal(sealed, vec![0; 512], vec![0; 32_768]) {
        let mut out = vec![0; sealed.len()];
        assert_eq!(messages.seal(&mut out), Ok(sealed.len()));
        assert_eq!(out, sealed);
    }
}

/// What comes out for the rest of a compressed message.
fn inflated(inflate: &mut Inflate<Vec<u8>>, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut ws = Connection::client(Config::new().deflate(true), key);
    // The first frame of the message is not pushed again.
    let input = &input[..input.len().min(125)];
    let mut frames = [&[0x42, 0x00, 0x80, input.len() as u8], input].concat();
    let mut frames = Input::new(&mut frames);
    assert!(matches!(ws.receive(&mut frames), Ok(Event::Data(_))));
    let Ok(Event::Data(mut data)) = ws.receive(&mut frames) else { panic!("a frame") };
    let (mut text, mut out) = (Vec::new(), [0; 300]);
    while let Some(chunk) = inflate.push(&mut data, &mut out)? {
        text.extend_from_slice(chunk.payload);
        if chunk.fin {
            break;
        }
    }
    Ok(text)
}

fn rest(sealed: &[u8]) {
    if let Ok(keepalive) = Keepalive::unseal(timeouts(), sealed, NOW) {
        let mut out = [0; Keepalive::MAX_SEALED_LEN];
        let n = keepalive.seal(NOW, &mut out).expect("the longest state fits");
        assert_eq!(&out[..n], sealed);
    }
    if let Ok(deflate) = Deflate::unseal(Effort::TINY, sealed, vec![0; 512]) {
        let mut out = [0; Deflate::SEALED_LEN];
        assert_eq!(deflate.seal(&mut out), Ok(sealed.len()));
        assert_eq!(out, sealed);
    }
    if let Ok(messages) = Assembler::unseal(sealed, vec![0; 512]) {
        let mut out = vec![0; sealed.len()];
        assert_eq!(messages.seal(&mut out), Ok(sealed.len()));
        assert_eq!(out, sealed);
    }
}
