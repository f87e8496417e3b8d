//! S6, S9: backpressure, and whole messages in fixed and growing storage.

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    Assembler, Config, Delivery, Error, Message, RecvBuffer, SendBuffer, Server, Storage,
    StorageFull,
};

use crate::turn::{End, REQUEST, Seen, masked, open_server, plain, secs, server_with};

/// 60 MB inside one message, to a server that echoes, from a client that never reads.
#[test]
fn s6_a_peer_that_does_not_read_costs_at_most_the_high_mark_and_one_read() {
    let mut end = open_server();
    end.echoes = true;
    end.transport.window = 0;
    let fragment = masked(0x00, &vec![7; 60_000]);
    end.receive(&masked(0x02, b"begins"));
    for _ in 0..1000 {
        end.receive(&fragment);
    }
    assert!(!end.ws.wants_read());
    let most = (64 << 10) + end.rx.capacity() + 131;
    assert!(end.tx.len() <= most, "{} of {most}", end.tx.len());
    let before = end.tx.len();
    end.receive(&masked(0x89, b"not read either"));
    assert_eq!(end.tx.len(), before);
    // It reads on, and gets everything.
    end.transport.window = usize::MAX;
    end.turns();
    assert!(end.ws.wants_read() && end.tx.is_empty() && end.rx.is_empty());
    let echoed: usize = end.seen.iter().map(len).sum();
    assert_eq!(echoed, 6 + 60_000 * 1000);
}

/// The length of the payload.
fn len(seen: &Seen) -> usize {
    if let Seen::Data { payload, .. } = seen { payload.len() } else { 0 }
}

/// Between the marks nothing changes.
#[test]
fn s6_reading_stops_above_the_high_mark_and_resumes_at_the_low_one() {
    let mut tx = SendBuffer::with_marks(vec![0; 1000].into_boxed_slice(), 100, 200);
    for (sent, queued, is_over) in
        [(0, 200, false), (0, 1, true), (100, 0, true), (0, 50, true), (50, 0, true), (1, 0, false)]
    {
        tx.sent(sent);
        tx.push(&vec![0; queued]).unwrap();
        assert_eq!(tx.is_over_mark(), is_over, "{} unsent", tx.len());
    }
}

#[test]
fn s6_fixed_storage_works_for_any_stream() {
    let mut end = server_with(
        Config::new(),
        Timeouts::new(),
        vec![0; 256].into_boxed_slice(),
        vec![0; 1024].into(),
    );
    end.open();
    end.echoes = true;
    for n in 0..2000 {
        end.transport.window = n % 300;
        end.receive(&masked(0x82, &[9; 100]));
    }
    end.transport.window = usize::MAX;
    end.turns();
    assert_eq!(end.seen.iter().map(len).sum::<usize>(), 2000 * 100);
    assert!(end.take_written().len() >= 2000 * 102);
}

/// Receives whole messages and returns them.
fn messages<M: Storage>(storage: M, bytes: &[u8], cut: usize) -> (Vec<Vec<u8>>, Option<Failure>) {
    let mut ws = Session::server(Config::new(), Timeouts::new(), secs(0));
    let (mut rx, mut tx) = (RecvBuffer::new([0; 512]), SendBuffer::new([0; 512]));
    let mut assembler = Assembler::new(storage);
    let (mut whole, mut failed) = (Vec::new(), None);
    let bytes = [REQUEST.as_bytes(), bytes].concat();
    for read in bytes.chunks(cut) {
        rx.spare_mut()[..read.len()].copy_from_slice(read);
        rx.advance(read.len());
        while let Some(event) = ws.receive_message(&mut rx, &mut assembler, &mut tx, secs(0)) {
            match event {
                SessionEvent::Upgrade(upgrade) => {
                    ws.answer(upgrade.accept(Origins::Any), &mut tx, secs(0)).unwrap();
                }
                SessionEvent::Data(message) => whole.push(message.as_bytes().to_vec()),
                SessionEvent::Failed(failure) => failed = Some(failure),
                _ => {}
            }
        }
        tx.sent(tx.len());
    }
    (whole, failed)
}

#[test]
fn s9_whole_messages_at_every_length_of_a_read() {
    let bytes = [
        masked(0x01, "a text in ".as_bytes()),
        masked(0x89, b"between"),
        masked(0x00, b""),
        masked(0x80, "two ä".as_bytes()),
        masked(0x82, &[5; 300]),
        masked(0x81, b""),
    ]
    .concat();
    for cut in 1..=300 {
        let (whole, failed) = messages(Vec::new(), &bytes, cut);
        assert_eq!(whole, ["a text in two ä".as_bytes(), &[5; 300], b""], "{cut}");
        assert_eq!(failed, None);
    }
}

#[test]
fn s9_a_message_longer_than_fixed_storage_fails_with_1009() {
    let mut bytes = masked(0x02, &[1; 60]);
    bytes.extend(masked(0x80, &[2; 60]));
    let (whole, failed) = messages([0; 100], &bytes, 50);
    assert_eq!((whole.len(), failed), (0, Some(Failure::StorageFull)));
    let (whole, failed) = messages([0; 120], &bytes, 50);
    assert_eq!((whole.len(), failed), (1, None));
}

/// The same session takes both.
#[test]
fn s9_pieces_and_whole_messages_on_the_same_session() {
    let mut end = open_server();
    end.receive(&masked(0x01, b"pie"));
    let mut assembler = Assembler::new(Vec::new());
    let bytes = [masked(0x80, b"ces"), masked(0x81, b"whole")].concat();
    end.rx.spare_mut()[..bytes.len()].copy_from_slice(&bytes);
    end.rx.advance(bytes.len());
    let event = end.ws.receive(&mut end.rx, &mut end.tx, end.now);
    assert_eq!(event.map(Seen::of), Some(Seen::data(b"ces")));
    let event = end.ws.receive_message(&mut end.rx, &mut assembler, &mut end.tx, end.now);
    assert!(matches!(event, Some(SessionEvent::Data(Message::Text("whole")))));
}

/// A control frame finds no space in a fixed send buffer, and is sent when there is.
#[test]
fn s6_a_pong_waits_for_space() {
    let mut end: End<Server, Box<[u8]>> =
        server_with(Config::new(), Timeouts::new(), vec![0; 512].into(), vec![0; 200].into());
    end.open();
    end.transport.window = 0;
    end.ws.send_binary(&[0; 95], &mut end.tx).unwrap();
    end.receive(&masked(0x89, &[7; 120]));
    assert_eq!(end.tx.len(), 97);
    end.transport.window = usize::MAX;
    end.turns();
    end.turns();
    assert!(end.take_written().ends_with(&plain(0x8A, &[7; 120])));
}

/// What follows a request is not read before the answer, so it neither fills memory nor wakes the
/// loop.
#[test]
fn s6_nothing_is_read_while_a_request_waits_for_its_answer() {
    let mut end = server_with(Config::new(), Timeouts::new(), vec![], vec![]);
    end.is_silent = true;
    end.receive(&[REQUEST.as_bytes(), &vec![0x82; 100_000]].concat());
    assert!(!end.ws.wants_read() && end.rx.capacity() <= 2048, "{}", end.rx.capacity());
    end.sleep_until(secs(9));
    assert!(end.ws.deadline() > Some(secs(9)));
    // Afterwards it is.
    end.ws.respond(404, &[], b"", &mut end.tx, end.now).unwrap();
    assert!(end.ws.wants_read());
    end.turns();
    assert!(end.transport.incoming.is_empty());
}

/// A read would return at once, and again.
#[test]
fn s6_nothing_is_read_after_the_end() {
    let config = Config::new().auto_close(false);
    let mut end = server_with(config, Timeouts::new(), vec![], vec![]);
    end.open();
    end.receive(&masked(0x88, b""));
    assert!(end.ws.wants_read());
    end.ends();
    assert!(!end.ws.wants_read() && !end.transport.is_dropped);
    assert!(end.ws.deadline() > Some(end.now));
    end.sleep_until(secs(11));
    assert!(end.transport.is_dropped);
}

/// Memory that can grow, until there is no more.
#[derive(Debug)]
struct Scarce(Vec<u8>);

impl AsRef<[u8]> for Scarce {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Scarce {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Storage for Scarce {
    fn max_len(&self) -> usize {
        usize::MAX
    }

    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        if len > 2000 { Err(StorageFull { needed: len }) } else { self.0.try_grow(len) }
    }
}

#[test]
fn s6_a_receive_buffer_that_the_allocator_refuses_to_grow_fails_the_session() {
    let config = Config::new().delivery(Delivery::Frames);
    let mut end = server_with(config, Timeouts::new(), Scarce(vec![0; 512]), Scarce(vec![0; 512]));
    end.open();
    end.receive(&masked(0x82, &[0; 10_000]));
    end.sleep_until(secs(1));
    assert_eq!(end.seen, [Seen::Failed(Failure::StorageFull)]);
    assert!(end.take_written().ends_with(&plain(0x88, &1009_u16.to_be_bytes())));
}

/// The buffer is full, and the output over its mark: only the peer can change that.
#[test]
fn s6_a_full_buffer_waits_for_the_output() {
    let config = Config::new().delivery(Delivery::Frames);
    let mut end = server_with(config, Timeouts::new(), vec![0; 256].into(), vec![0; 512].into());
    let end: &mut End<Server, Box<[u8]>> = &mut end;
    end.open();
    end.transport.incoming.extend(masked(0x82, &[0; 1000]));
    end.turn();
    assert!(end.ws.receive(&mut end.rx, &mut end.tx, end.now).is_none());
    assert_eq!(end.ws.deadline(), Some(secs(0)));
    end.transport.window = 0;
    end.ws.send_binary(&[0; 300], &mut end.tx).unwrap();
    end.turns();
    assert!(end.ws.deadline() > Some(secs(0)));
}

/// The buffer was full, and was replaced by a longer one.
#[test]
fn s6_a_failed_session_does_not_ask_for_a_longer_buffer() {
    let config = Config::new().delivery(Delivery::Frames);
    let mut end = server_with(config, Timeouts::new(), vec![0; 256].into(), vec![0; 512].into());
    let end: &mut End<Server, Box<[u8]>> = &mut end;
    end.open();
    let bytes = [masked(0x82, &[0; 300]), masked(0x83, b"")].concat();
    end.rx.spare_mut().copy_from_slice(&bytes[..256]);
    end.rx.advance(256);
    assert!(end.ws.receive(&mut end.rx, &mut end.tx, end.now).is_none());
    end.rx.grow(vec![0; 1024].into()).unwrap();
    let rest = &bytes[256..];
    end.rx.spare_mut()[..rest.len()].copy_from_slice(rest);
    end.rx.advance(rest.len());
    end.turns();
    assert_eq!(end.seen.last(), Some(&Seen::Failed(Failure::Protocol(Error::ReservedOpcode))));
    assert!(end.ws.deadline() > Some(end.now));
}
