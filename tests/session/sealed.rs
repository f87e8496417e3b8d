//! A session as bytes and back.

use std::time::Duration;

use crate::hex::{hex, to_hex};

use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    CloseCode, Config, Connection, Error, Kind, RecvBuffer, SealError, SendBuffer, Server, State,
    TransportAction, UnsealError,
};

type Rx = RecvBuffer<Vec<u8>>;
type Tx = SendBuffer<Vec<u8>>;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn opened(config: Config, timeouts: Timeouts) -> (Session<Server>, Rx, Tx) {
    let ws = Session::opened(Connection::server(config), timeouts, secs(1000));
    (ws, RecvBuffer::new(Vec::new()), SendBuffer::new(Vec::new()))
}

fn sealed<R: barews::session::SessionRole>(ws: &Session<R>, now: Duration) -> Vec<u8> {
    let mut out = [0; 300];
    let n = ws.seal(now, &mut out).unwrap();
    assert!(n <= Session::<R>::MAX_SEALED_LEN);
    assert_eq!(ws.seal(now, &mut out[..n - 1]), Err(SealError::BufferTooSmall { needed: n }));
    out[..n].to_vec()
}

fn unsealed(bytes: &[u8], now: Duration) -> Result<Session<Server>, UnsealError> {
    let tx = &mut SendBuffer::new(Vec::new());
    Session::unseal_server(Config::new(), Timeouts::new(), bytes, tx, now)
}

/// Sessions in each state at 1000 s, and their bytes in version 1.
#[test]
fn a_server_of_version_1() {
    let now = secs(1000);
    let (config, timeouts) = (Config::new(), Timeouts::new());
    let mut cases = Vec::new();
    let (mut ws, mut rx, mut tx) = opened(config, timeouts);
    assert!(ws.receive(&mut rx, &mut tx, now).is_none());
    cases.push(("idle", sealed(&ws, now), "0103 00 00 0101e0d403 00 00 00"));

    _ = rx.push(b"\x01\x81\0\0\0\0a");
    assert!(matches!(ws.receive(&mut rx, &mut tx, now), Some(SessionEvent::Data(_))));
    assert!(ws.receive(&mut rx, &mut tx, now).is_none());
    ws.send_text("a", &mut tx).unwrap();
    cases.push((
        "inside a message, and output waits",
        sealed(&ws, now),
        "0103 04 00 01 01 00 0105e0d403c0a907 80 00 00",
    ));

    let (mut ws, mut rx, mut tx) = opened(config, timeouts);
    assert!(ws.receive(&mut rx, &mut tx, secs(1030)).is_none());
    cases.push(("a Ping is queued", sealed(&ws, secs(1030)), "0103 00 00 0508e0d403 02 00 00"));

    let (mut ws, mut rx, mut tx) = opened(config, timeouts);
    ws.fail(Error::InvalidDeflate, &mut tx, now);
    cases.push(("a failure is not reported", sealed(&ws, now), "0103 4e20 01 41 0201a09c01"));
    assert!(matches!(ws.receive(&mut rx, &mut tx, now), Some(SessionEvent::Failed(_))));
    cases.push(("a failure is reported", sealed(&ws, now), "0103 4e20 02 0201a09c01"));
    for (name, bytes, golden) in cases {
        let golden = golden.replace(' ', "");
        assert!(to_hex(&bytes).starts_with(&golden), "{name}: {}", to_hex(&bytes));
        let again = unsealed(&bytes, secs(1_000_000)).expect(name);
        assert_eq!(to_hex(&sealed(&again, secs(1_000_000))), to_hex(&bytes), "{name}");
    }
}

#[test]
fn an_idle_session_is_at_most_16_bytes() {
    let (mut ws, mut rx, mut tx) = opened(Config::new(), Timeouts::new());
    assert!(ws.receive(&mut rx, &mut tx, secs(1000)).is_none());
    for after in [0, 1, 29, 30, 3600] {
        let bytes = sealed(&ws, secs(1000 + after));
        assert!(bytes.len() <= 16, "{} bytes after {after} s", bytes.len());
    }
    const { assert!(Session::<Server>::MAX_SEALED_LEN <= 256) }
}

/// Everything goes on: the message, the Pong's deadline, the end.
#[test]
fn a_session_goes_on_in_another_process() {
    let (mut ws, mut rx, mut tx) = opened(Config::new(), Timeouts::new());
    _ = rx.push(b"\x01\x82\0\0\0\0ab");
    assert!(matches!(ws.receive(&mut rx, &mut tx, secs(1000)), Some(SessionEvent::Data(_))));
    assert!(ws.receive(&mut rx, &mut tx, secs(1000)).is_none());
    ws.send_text("unsent", &mut tx).unwrap();
    let bytes = sealed(&ws, secs(1020));

    let now = secs(3);
    let mut new_tx: Tx = SendBuffer::new(Vec::new());
    new_tx.push(tx.unsent()).unwrap();
    let mut ws =
        Session::unseal_server(Config::new(), Timeouts::new(), &bytes, &mut new_tx, now).unwrap();
    let mut rx: Rx = RecvBuffer::new(Vec::new());
    assert!(ws.is_receiving_message() && ws.is_open());
    _ = rx.push(b"\x80\x81\0\0\0\0c\x88\x80\0\0\0\0");
    let event = ws.receive(&mut rx, &mut new_tx, now);
    assert!(matches!(event, Some(SessionEvent::Data(data)) if data.fin && data.offset == 2));
    assert!(matches!(ws.receive(&mut rx, &mut new_tx, now), Some(SessionEvent::Close(None))));
    assert_eq!(new_tx.unsent(), b"\x81\x06unsent\x88\x00");
    new_tx.sent(usize::MAX);
    assert_eq!(ws.transport_action(&new_tx), TransportAction::HalfClose);

    let bytes = sealed(&ws, now);
    let mut ws = unsealed(&bytes, secs(50)).unwrap();
    assert_eq!(
        (ws.state(), ws.transport_action(&new_tx)),
        (State::Closed, TransportAction::AwaitEnd)
    );
}

/// The unread bytes of the sealed session are not signs of life for the new one.
#[test]
fn bytes_that_another_process_has_received_move_no_deadline() {
    let (mut ws, mut rx, mut tx) = opened(Config::new(), Timeouts::new());
    _ = rx.push(b"\x81\x82\0\0");
    assert!(ws.receive(&mut rx, &mut tx, secs(1000)).is_none());
    assert_eq!(ws.deadline(), Some(secs(1030)));
    let bytes = sealed(&ws, secs(1020));
    let unread = rx.unread().to_vec();

    let deadline = |mut rx: Rx| {
        let mut ws = unsealed(&bytes, secs(0)).unwrap();
        assert!(ws.receive(&mut rx, &mut SendBuffer::new(Vec::new()), secs(1)).is_none());
        (ws.deadline(), rx.unread().to_vec())
    };
    let mut pushed = RecvBuffer::new(Vec::new());
    pushed.push(&unread).unwrap();
    assert_eq!(deadline(pushed), (Some(secs(31)), unread.clone()));
    let rx = RecvBuffer::with_unread(unread.clone(), unread.len());
    assert_eq!(deadline(rx), (Some(secs(10)), unread));
}

/// The time for the Pong begins when the Ping has left, also in another process.
#[test]
fn a_queued_ping_is_awaited() {
    let (mut ws, mut rx, mut tx) = opened(Config::new(), Timeouts::new());
    assert!(ws.receive(&mut rx, &mut tx, secs(1030)).is_none());
    assert_eq!(tx.unsent(), b"\x89\x00");
    let bytes = sealed(&ws, secs(1030));

    let mut new_tx: Tx = SendBuffer::new(Vec::new());
    new_tx.push(tx.unsent()).unwrap();
    let mut ws =
        Session::unseal_server(Config::new(), Timeouts::new(), &bytes, &mut new_tx, secs(0))
            .unwrap();
    let mut rx: Rx = RecvBuffer::new(Vec::new());
    assert!(ws.receive(&mut rx, &mut new_tx, secs(10)).is_none());
    assert!(ws.deadline().is_some_and(|at| at > secs(29)), "only the write expires");
    new_tx.sent(2);
    assert!(ws.receive(&mut rx, &mut new_tx, secs(10)).is_none());
    assert_eq!(ws.deadline(), Some(secs(30)));
}

#[test]
fn a_client_needs_new_keys() {
    let keys = || [1, 2, 3, 4];
    let connection = Connection::client(Config::new(), keys);
    let ws = Session::opened(connection, Timeouts::none(), secs(1));
    let bytes = sealed(&ws, secs(1));
    let mut tx: Tx = SendBuffer::new(Vec::new());
    let (config, timeouts) = (Config::new(), Timeouts::none());
    let mut again =
        Session::unseal_client(config, timeouts, keys, &bytes, &mut tx, secs(9)).unwrap();
    assert_eq!(sealed(&again, secs(9)), bytes);
    again.send_fragment(Kind::Binary, true, b"", &mut tx).unwrap();
    assert_eq!(tx.unsent(), b"\x82\x80\x01\x02\x03\x04");
    assert_eq!(unsealed(&bytes, secs(1)).unwrap_err(), UnsealError::OtherType);
}

#[test]
fn before_and_after_the_connection_there_is_nothing_to_seal() {
    let mut ws = Session::server(Config::new(), Timeouts::new(), secs(1));
    let mut out = [0; 300];
    assert_eq!(ws.seal(secs(1), &mut out), Err(SealError::NotOpen));
    let mut tx: Tx = SendBuffer::new(Vec::new());
    ws.close(CloseCode::NORMAL, "", &mut tx, secs(1)).unwrap();
    assert_eq!(ws.seal(secs(1), &mut out), Err(SealError::NotOpen));
}

/// What has failed for another reason than the protocol.
#[test]
fn each_failure_is_reported_once() {
    let cases = [
        ("00", Failure::StorageFull),
        ("41", Failure::Protocol(Error::InvalidDeflate)),
        ("0e", Failure::Expired(Reason::Idle)),
        ("12", Failure::Expired(Reason::Message)),
    ];
    for (cause, failure) in cases {
        let text = format!("01034e2001{cause}0200000000");
        let bytes = hex(&text);
        let mut ws = unsealed(&bytes, secs(1)).unwrap();
        let (mut rx, mut tx) = (RecvBuffer::new(Vec::new()), SendBuffer::new(Vec::new()));
        let reported = ws.receive(&mut rx, &mut tx, secs(1));
        assert!(matches!(reported, Some(SessionEvent::Failed(it)) if it == failure), "{cause}");
        assert!(ws.receive(&mut rx, &mut tx, secs(1)).is_none());
    }
}

#[test]
fn any_bytes_are_judged() {
    let config = Config::proxy().control_order(barews::ControlOrder::Ahead);
    let timeouts = Timeouts::none().message_rate(std::num::NonZero::<u32>::MAX);
    let now = Duration::from_millis(1 << 50);
    let seeds = [
        "010300000101e0d4030000 00",
        "0103 04 00 01 01 00 0105e0d403c0a907 80 00 00",
        "0103 00 00 0508e0d403 02 00 00",
        "0103 4e20 01 41 0201a09c01 00 00 00",
        "0103 3ae907 00 0201a09c01 62 07 00 0a 05 21",
    ];
    let mut rng = fastrand::Rng::with_seed(19);
    let mut states = 0;
    for seed in seeds {
        for _ in 0..20_000 {
            let mut bytes = hex(seed);
            for _ in 0..rng.usize(..4) {
                let at = rng.usize(2..bytes.len());
                match rng.u8(..6) {
                    0 => bytes.insert(at, rng.u8(..)),
                    1 if bytes.len() > 3 => drop(bytes.remove(at)),
                    2 => bytes[at] = rng.u8(..),
                    _ => bytes[at] ^= 1 << rng.u8(..8),
                }
            }
            let mut tx: Tx = SendBuffer::new(Vec::new());
            if let Ok(ws) = Session::unseal_server(config, timeouts, &bytes, &mut tx, now) {
                assert_eq!(to_hex(&sealed(&ws, now)), to_hex(&bytes));
                states += 1;
            }
        }
    }
    assert!(states > 10_000, "{states}");
}
