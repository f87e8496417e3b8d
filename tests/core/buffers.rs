//! `Input`, `RecvBuffer` and `SendBuffer`: caller-owned bytes, how many are consumed, and when they
//! move.

use std::cell::Cell;

use barews::{Config, Delivery, Event, Input, RecvBuffer, SendBuffer, Storage, StorageFull};

use crate::support::endpoint::{Call, Side};
use crate::support::event::Ev;
use crate::support::frame::{BINARY, FIN, PING, TEXT};
use crate::support::shrinking::Shrinking;

fn receive<S: Storage>(rx: &mut RecvBuffer<S>, bytes: &[u8]) {
    rx.spare_mut()[..bytes.len()].copy_from_slice(bytes);
    rx.advance(bytes.len());
}

fn drain<S: Storage>(rx: &mut RecvBuffer<S>) -> Vec<Ev> {
    Side::Client.ws(Config::new().delivery(Delivery::Frames)).drain(&mut rx.input())
}

/// Receives one text and leaves the start of another unread.
fn any_storage<S: Storage>(storage: S) {
    let mut rx = RecvBuffer::new(storage);
    assert_eq!((rx.capacity(), rx.len(), rx.is_empty()), (16, 0, true));
    assert_eq!(rx.spare_mut().len(), 16);
    receive(&mut rx, b"\x81\x02ab\x81\x03c");
    assert_eq!((rx.len(), rx.is_empty(), rx.spare_mut().len()), (7, false, 9));
    assert_eq!(drain(&mut rx), [Ev::text(b"ab"), Ev::More(2)]);
    assert_eq!(rx.input().unread(), b"\x81\x03c");
    receive(&mut rx, b"de");
    assert_eq!(drain(&mut rx), [Ev::text(b"cde"), Ev::More(2)]);
    assert!(rx.is_empty());
}

#[test]
fn array_slice_vec_and_box_are_storage() {
    any_storage([0; 16]);
    any_storage(&mut [0; 16][..]);
    any_storage(vec![0; 16]);
    any_storage(vec![0; 16].into_boxed_slice());
}

#[test]
fn unread_bytes_of_another_process_come_first() {
    let mut rx = RecvBuffer::with_unread(*b"\x81\x03c*************", 3);
    assert_eq!((rx.capacity(), rx.len(), rx.unread()), (16, 3, &b"\x81\x03c"[..]));
    receive(&mut rx, b"de");
    assert_eq!(drain(&mut rx), [Ev::text(b"cde"), Ev::More(2)]);
    assert_eq!(RecvBuffer::with_unread([7; 16], 17).unread(), [7; 16]);
}

/// A fixed block.
fn block(len: usize) -> Box<[u8]> {
    vec![0; len].into_boxed_slice()
}

#[test]
fn a_fixed_storage_counts_by_its_length() {
    let mut rx = RecvBuffer::new(block(0));
    assert_eq!((rx.capacity(), rx.spare_mut().len()), (0, 0));
    assert_eq!(rx.reserve(1), Err(StorageFull { needed: 1 }));
    assert_eq!(
        StorageFull { needed: 1 }.to_string(),
        "the storage is too short: 1 bytes are needed"
    );
    rx.advance(1);
    assert_eq!(rx.len(), 0);
}

/// A header may announce any length: a growing storage is paid for by what has arrived.
#[test]
fn a_vec_doubles_over_what_has_arrived() {
    let mut rx = RecvBuffer::new(Vec::new());
    assert_eq!(rx.spare_mut().len(), 1024);
    receive(&mut rx, &[0x82, 127, 0, 0, 0, 0, 8, 0, 0, 0, 1]);
    assert_eq!(rx.reserve(1 << 27), Ok(()));
    assert_eq!(rx.capacity(), 1024);
    let (mut len, mut steps) = (11, 0);
    while len < 1 << 20 {
        let spare = rx.spare_mut();
        assert!(!spare.is_empty());
        spare.fill(7);
        let n = spare.len();
        rx.advance(n);
        len += n;
        steps += 1;
        assert_eq!(rx.len(), len);
        assert!(rx.capacity() <= 2 * len.max(512), "{} bytes for {len}", rx.capacity());
    }
    assert!(steps < 14, "{steps} steps");
    assert_eq!(rx.unread()[11..], vec![7; len - 11]);
}

#[test]
fn a_heapless_vec_grows_within_its_capacity() {
    let mut rx = RecvBuffer::new(heapless::Vec::<u8, 1500>::new());
    assert_eq!(rx.spare_mut().len(), 1024);
    receive(&mut rx, &[1; 1024]);
    assert_eq!(rx.reserve(476), Ok(()));
    assert_eq!(rx.reserve(477), Err(StorageFull { needed: 1501 }));
    assert_eq!(rx.spare_mut().len(), 476);
    receive(&mut rx, &[2; 476]);
    assert!(rx.spare_mut().is_empty());
}

#[test]
fn the_input_records_what_is_consumed_even_if_it_is_dropped_early() {
    let mut rx = RecvBuffer::new([0; 32]);
    receive(&mut rx, b"\x82\x01a\x82\x01b\x82\x01c");
    let mut ws = Side::Client.ws(Config::new());
    for (event, left) in [(b"a", 6), (b"b", 3), (b"c", 0)] {
        // Each event gets a fresh cursor.
        let mut input = rx.input();
        assert_eq!((input.len(), input.is_empty(), input.consumed()), (left + 3, false, 0));
        assert_eq!(ws.next(&mut input), Ev::binary(event));
        assert_eq!((input.len(), input.is_empty(), input.consumed()), (left, left == 0, 3));
        assert_eq!(rx.len(), left);
    }
    // An untouched input consumes nothing.
    receive(&mut rx, b"\x82\x01d");
    let _ = rx.input();
    assert_eq!(rx.len(), 3);
}

#[test]
fn two_events_are_alive_at_once() {
    let mut rx = RecvBuffer::new([0; 32]);
    receive(&mut rx, b"\x82\x01a\x82\x01b");
    let mut ws = Side::Client.ws(Config::new());
    let mut input = rx.input();
    let (one, two) = (ws.receive(&mut input).unwrap(), ws.receive(&mut input).unwrap());
    ws.sent(Call::Text("a reply"));
    let (Event::Data(one), Event::Data(two)) = (one, two) else { unreachable!() };
    assert_eq!((&*one.payload, &*two.payload), (&b"a"[..], &b"b"[..]));
}

#[test]
fn an_input_over_a_plain_slice() {
    let mut bytes = *b"\x82\x01a\x82";
    let mut input = Input::new(&mut bytes);
    assert_eq!((input.len(), input.consumed(), input.unread()), (4, 0, &b"\x82\x01a\x82"[..]));
    let mut ws = Side::Client.ws(Config::new());
    assert_eq!(ws.next(&mut input), Ev::binary(b"a"));
    assert_eq!((input.len(), input.consumed(), input.unread()), (1, 3, &b"\x82"[..]));
    assert!(Input::new(&mut []).is_empty());
}

#[test]
fn bytes_are_moved_only_when_there_is_no_room() {
    let mut memory = [0; 16];
    let base = memory.as_ptr().addr();
    let mut rx = RecvBuffer::new(&mut memory[..]);
    receive(&mut rx, b"\x82\x02ab\x82\x0A12345");
    assert_eq!(drain(&mut rx).len(), 2);
    // The seven unread bytes stay in place: there is room after them.
    assert_eq!(rx.input().unread().as_ptr().addr() - base, 4);
    assert_eq!(rx.spare_mut().len(), 5);
    assert_eq!(rx.input().unread().as_ptr().addr() - base, 4);
    // The room is enough for the five missing bytes, so `reserve` does not move anything either.
    assert_eq!(rx.reserve(5), Ok(()));
    assert_eq!(rx.input().unread().as_ptr().addr() - base, 4);
    // Six bytes fit only after moving to the front.
    assert_eq!(rx.reserve(6), Ok(()));
    let input = rx.input();
    assert_eq!((input.unread().as_ptr().addr() - base, input.unread()), (0, &b"\x82\x0A12345"[..]));
    assert_eq!(rx.spare_mut().len(), 9);
    assert_eq!(rx.reserve(9), Ok(()));
    assert_eq!(rx.reserve(10), Err(StorageFull { needed: 17 }));
    assert_eq!(rx.reserve(usize::MAX), Err(StorageFull { needed: usize::MAX }));
    receive(&mut rx, b"67890");
    assert_eq!(drain(&mut rx), [Ev::binary(b"1234567890"), Ev::More(2)]);
}

#[test]
fn a_full_buffer_compacts_and_an_empty_one_starts_over() {
    let mut memory = [0; 8];
    let base = memory.as_ptr().addr();
    let mut rx = RecvBuffer::new(&mut memory[..]);
    receive(&mut rx, b"\x82\x01a\x82\x04123");
    assert_eq!(rx.spare_mut().len(), 0);
    assert_eq!(drain(&mut rx), [Ev::binary(b"a"), Ev::More(1)]);
    assert_eq!(rx.spare_mut().len(), 3);
    let input = rx.input();
    assert_eq!((input.unread().as_ptr().addr() - base, input.unread()), (0, &b"\x82\x04123"[..]));
    receive(&mut rx, b"4");
    assert_eq!(drain(&mut rx), [Ev::binary(b"1234"), Ev::More(2)]);
    // Nothing is unread, so all room is available without a move.
    assert_eq!(rx.spare_mut().len(), 8);
}

#[test]
fn advance_is_limited_to_the_room() {
    let mut rx = RecvBuffer::new([0; 8]);
    rx.advance(5);
    assert_eq!((rx.len(), rx.spare_mut().len()), (5, 3));
    rx.advance(usize::MAX);
    assert_eq!((rx.len(), rx.spare_mut().len()), (8, 0));
    rx.advance(1);
    assert_eq!((rx.len(), rx.input().unread()), (8, &[0; 8][..]));
}

#[test]
fn read_with_receives_what_was_read_and_nothing_on_an_error() {
    let mut rx = RecvBuffer::new([0; 8]);
    let read = rx.read_with(|space| {
        assert_eq!(space.len(), 8);
        space[..6].copy_from_slice(b"abcdef");
        Ok::<_, ()>(6)
    });
    assert_eq!((read, rx.unread()), (Ok(6), &b"abcdef"[..]));
    let blocked = rx.read_with(|space| {
        space[0] = b'?';
        Err("blocked")
    });
    assert_eq!((blocked, rx.unread()), (Err("blocked"), &b"abcdef"[..]));
    // Never more than the space.
    assert_eq!(rx.read_with(|_| Ok::<_, ()>(9)), Ok(9));
    assert_eq!(rx.len(), 8);
    assert_eq!(rx.read_with(|space| Ok::<_, ()>(space.len())), Ok(0));
}

#[test]
fn write_with_keeps_what_was_not_written() {
    let mut tx = SendBuffer::new([0; 16]);
    assert_eq!(tx.write_with(|_| -> Result<usize, ()> { panic!("nothing is unsent") }), Ok(0));
    tx.push(b"abcdef").unwrap();
    assert_eq!(tx.write_with(|_| Err("blocked")), Err("blocked"));
    assert_eq!(tx.unsent(), b"abcdef");
    let written = tx.write_with(|bytes| {
        assert_eq!(bytes, b"abcdef");
        Ok::<_, ()>(4)
    });
    assert_eq!((written, tx.unsent()), (Ok(4), &b"ef"[..]));
    // Never more than what was unsent.
    assert_eq!(tx.write_with(|_| Ok::<_, ()>(usize::MAX)), Ok(2));
    assert!(tx.is_empty());
}

#[test]
fn grow_keeps_the_unread_bytes_and_gives_the_old_storage_back() {
    let mut rx = RecvBuffer::new(block(8));
    receive(&mut rx, b"\x82\x01a\x82\x0612");
    assert_eq!(drain(&mut rx), [Ev::binary(b"a"), Ev::More(4)]);
    assert_eq!(rx.reserve(4), Ok(()));
    assert_eq!(rx.reserve(5), Err(StorageFull { needed: 9 }));
    let old = rx.grow(block(9)).unwrap();
    assert_eq!(old.len(), 8);
    assert_eq!((rx.capacity(), rx.len(), rx.input().unread()), (9, 4, &b"\x82\x0612"[..]));
    assert_eq!(rx.spare_mut().len(), 5);
    receive(&mut rx, b"3456");
    assert_eq!(drain(&mut rx), [Ev::binary(b"123456"), Ev::More(2)]);
}

#[test]
fn grow_to_less_than_is_unread_gives_the_new_storage_back() {
    let mut rx = RecvBuffer::new(block(8));
    receive(&mut rx, b"\x82\x03ab");
    assert_eq!(rx.grow(block(3)), Err(block(3)));
    assert_eq!((rx.capacity(), rx.input().unread()), (8, &b"\x82\x03ab"[..]));
    // An exact fit succeeds.
    assert_eq!(rx.grow(block(4)).unwrap().len(), 8);
    assert_eq!((rx.capacity(), rx.input().unread()), (4, &b"\x82\x03ab"[..]));
    assert_eq!(rx.spare_mut().len(), 0);
}

#[test]
fn an_idle_buffer_can_give_its_storage_back() {
    // With nothing unread, a pooled buffer can return its whole block.
    let mut rx = RecvBuffer::new(block(64));
    receive(&mut rx, &Side::Client.frame(FIN | TEXT, b"whole"));
    assert_eq!(drain(&mut rx).len(), 2);
    assert_eq!(rx.grow(block(0)).unwrap().len(), 64);
    assert_eq!((rx.capacity(), rx.input().len()), (0, 0));
    rx.grow(block(64)).unwrap();
    receive(&mut rx, &Side::Client.frame(PING, b"p"));
    assert_eq!(drain(&mut rx), [Ev::ping(b"p"), Ev::More(2)]);
}

#[test]
fn connections_share_a_read_buffer_and_keep_only_the_tail() {
    // Typical event loop: the read buffer is shared, and an incomplete frame moves to the
    // connection's own memory.
    let frame = Side::Server.frame(FIN | BINARY, &[5; 300]);
    let mut ws = Side::Server.ws(Config::new().delivery(Delivery::Frames));
    let mut shared = [0; 200];
    shared.copy_from_slice(&frame[..200]);
    let mut input = Input::new(&mut shared);
    assert_eq!(ws.next(&mut input), Ev::More(108));
    let mut own = RecvBuffer::new(vec![0; input.len() + 108]);
    receive(&mut own, input.unread());
    receive(&mut own, &frame[200..]);
    assert_eq!(ws.drain(&mut own.input()), [Ev::binary(&[5; 300]), Ev::More(6)]);
    assert!(own.is_empty());
}

#[test]
fn a_storage_that_becomes_shorter_loses_bytes_and_does_not_panic() {
    for consumed in [0, 4] {
        let len = Cell::new(16);
        let mut rx = RecvBuffer::new(Shrinking(vec![0; 16], &len));
        receive(&mut rx, b"\x81\x02ab\x81\x0Acdefgh");
        rx.consume(consumed);
        len.set(8);
        let unread = 12 - consumed;
        assert_eq!((rx.capacity(), rx.len()), (8, unread));
        assert!(rx.unread().is_empty() && rx.input().is_empty());
        assert_eq!(rx.reserve(1), Err(StorageFull { needed: unread + 1 }));
        assert!(rx.spare_mut().is_empty());
        rx.advance(1);
        assert_eq!(rx.len(), unread);
        // The lost bytes cannot be read, so the owner must discard them.
        rx.consume(unread);
        assert_eq!(rx.spare_mut().len(), 8);
    }
}

#[test]
fn a_pushed_piece_goes_after_the_unread_bytes() {
    let mut rx = RecvBuffer::new(block(8));
    rx.push(b"\x82\x01a\x82\x03b").unwrap();
    assert_eq!(drain(&mut rx), [Ev::binary(b"a"), Ev::More(2)]);
    // The unread bytes move, and the storage is full to the last byte, or refuses.
    assert_eq!(rx.push(b"123456"), Err(StorageFull { needed: 9 }));
    assert_eq!(rx.unread(), b"\x82\x03b");
    rx.push(b"cd\x82\x01e").unwrap();
    assert_eq!((rx.len(), rx.spare_mut().len()), (8, 0));
    assert_eq!(drain(&mut rx), [Ev::binary(b"bcd"), Ev::binary(b"e"), Ev::More(2)]);
    rx.push(b"").unwrap();
    assert!(rx.is_empty());
}

#[test]
fn a_pushed_piece_grows_the_storage_over_what_has_come() {
    let mut rx = RecvBuffer::new(Vec::new());
    rx.push(&[&b"\x82\x7F\0\0\0\0\x7F\xFF\xFF\xFF"[..], &[7; 3000]].concat()).unwrap();
    assert_eq!((rx.len(), rx.capacity()), (3010, 3010));
    rx.push(&[8; 10]).unwrap();
    assert_eq!((rx.len(), rx.capacity()), (3020, 6020));
}
