//! S3, S5: time.

use std::num::NonZero;
use std::time::Duration;

use barews::keepalive::{Reason, Timeouts};
use barews::session::{Failure, Session};
use barews::{
    CloseCode, Config, Connection, Kind, RecvBuffer, SendBuffer, SendError, Server, TransportAction,
};

use crate::turn::{
    End, REQUEST, Reads, Seen, masked, open_server, plain, secs, server, server_with,
};

pub(crate) fn expired(reason: Reason) -> Seen {
    Seen::Failed(Failure::Expired(reason))
}

#[test]
fn s3_a_silent_peer_is_pinged_and_given_up() {
    let mut end = open_server();
    end.sleep_until(secs(29));
    assert_eq!(end.take_written(), []);
    end.sleep_until(secs(31));
    assert_eq!(end.take_written(), plain(0x89, b""));
    end.sleep_until(secs(49));
    assert_eq!(end.seen, []);
    end.sleep_until(secs(51));
    assert_eq!(end.seen, [expired(Reason::Pong)]);
    assert!(end.transport.is_dropped);
}

/// As the loop of the documentation, which does not receive again between writing and sleeping.
#[test]
fn s3_the_time_for_a_pong_starts_in_the_turn_that_writes_the_ping() {
    for write_within in [None, Some(secs(1000))] {
        let timeouts = Timeouts::new().write_within(write_within);
        let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
        end.open();
        let mut pinged = None;
        while let Some(at) = end.ws.deadline()
            && !end.transport.is_dropped
        {
            end.now = end.now.max(at);
            end.turn();
            if pinged.is_none() && !end.transport.written.is_empty() {
                pinged = Some(end.now);
            }
        }
        assert_eq!(pinged, Some(secs(30)));
        assert_eq!(end.seen, [expired(Reason::Pong)]);
        assert!(end.now < secs(51), "{:?}", end.now);
    }
}

/// An idle connection holds no buffer, so the Ping is written from one and the Pong read into another.
#[test]
fn s3_the_buffers_may_be_replaced_while_they_are_empty() {
    let mut end = open_server();
    end.ws.send_binary(&[7; 1000], &mut end.tx).unwrap();
    end.turns();
    end.now = secs(30);
    while end.now < secs(51) && !end.transport.is_dropped {
        end.turn();
        assert!(end.tx.is_empty() && end.rx.is_empty());
        (end.rx, end.tx) = (RecvBuffer::new(vec![]), SendBuffer::new(vec![]));
        end.now = end.now.max(end.ws.deadline().unwrap_or_default());
        // Reads before it receives.
        assert_eq!(end.rx.spare_mut().len(), 1024);
    }
    assert_eq!(end.seen, [expired(Reason::Pong)]);
}

#[test]
fn s3_a_peer_that_answers_stays() {
    let mut end = open_server();
    for n in 1..100 {
        end.sleep_until(secs(31 * n));
        assert_eq!(end.take_written(), plain(0x89, b""), "{n}");
        end.receive(&masked(0x8A, b""));
    }
    assert!(end.seen.iter().all(|seen| *seen == Seen::Pong(vec![])));
}

/// The time for a Pong starts when the Ping has left.
#[test]
fn s3_a_ping_waits_for_other_output() {
    let mut end = open_server();
    end.transport.window = 10;
    end.ws.send_binary(&[7; 1000], &mut end.tx).unwrap();
    end.sleep_until(secs(29));
    end.transport.window = 10;
    end.sleep_until(secs(58));
    assert_eq!(end.seen, []);
    end.transport.window = usize::MAX;
    end.sleep_until(secs(77));
    assert_eq!(end.seen, []);
    end.sleep_until(secs(80));
    assert_eq!(end.seen, [expired(Reason::Pong)]);
}

#[test]
fn s3_the_opening_handshake_expires() {
    let mut end = server();
    end.receive(&REQUEST.as_bytes()[..20]);
    end.sleep_until(secs(9));
    assert_eq!(end.seen, []);
    end.sleep_until(secs(11));
    assert_eq!(end.seen, [expired(Reason::Handshake)]);
    assert!(end.transport.is_dropped);
}

#[test]
fn s3_blocked_output_expires() {
    let mut end = open_server();
    end.transport.window = 0;
    end.ws.send_text("into the void", &mut end.tx).unwrap();
    for n in 1..30 {
        end.now = secs(n);
        end.receive(&masked(0x8A, b""));
    }
    assert!(!end.transport.is_dropped);
    end.sleep_until(secs(32));
    assert_eq!(end.seen.last(), Some(&expired(Reason::Write)));
    assert!(end.transport.is_dropped);
}

/// A loop that reads only when nothing is unsent, or only when bytes are there, is asked in vain for
/// one more read, and the deadline holds all the same.
#[test]
fn s3_a_deadline_holds_in_a_loop_that_does_not_read() {
    for reads in [Reads::AfterWriting, Reads::WhenReadable] {
        let open = || {
            let mut end = open_server();
            end.reads = reads;
            end
        };
        let mut end = open();
        end.sleep_until(secs(52));
        assert_eq!(end.seen, [expired(Reason::Pong)]);

        let mut end = open();
        end.transport.window = 0;
        end.ws.send_text("into the void", &mut end.tx).unwrap();
        end.sleep_until(secs(29));
        assert_eq!(end.seen, []);
        end.sleep_until(secs(32));
        assert_eq!(end.seen, [expired(Reason::Write)]);

        let mut end = open();
        end.transport.window = 0;
        end.ws.close(CloseCode::GOING_AWAY, "", &mut end.tx, end.now).unwrap();
        end.sleep_until(secs(12));
        assert_eq!(end.seen, [expired(Reason::Close)]);
    }
}

/// While the peer takes its time to read, it is not expected to be heard.
#[test]
fn s3_a_slow_reader_is_not_given_up_by_a_loop_that_writes_first() {
    let mut end = open_server();
    end.reads = Reads::AfterWriting;
    end.transport.window = 0;
    end.receive(&masked(0x02, b"a message begins"));
    end.ws.send_binary(&[7; 1000], &mut end.tx).unwrap();
    end.transport.incoming.extend(masked(0x80, b"and ends"));
    for n in 1..=50 {
        end.sleep_until(secs(20 * n));
        end.transport.window = 20;
        end.turns();
    }
    assert_eq!(end.seen.len(), 1);
    assert!(!end.transport.is_dropped);
    end.transport.window = usize::MAX;
    end.turns();
    assert_eq!(end.seen.last(), Some(&Seen::data(b"and ends")));
}

#[test]
fn s3_an_idle_session_is_closed_with_1001() {
    let timeouts = Timeouts::new().idle_within(Some(secs(100))).ping_after(None);
    let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
    end.open();
    for n in 1..99 {
        end.sleep_until(secs(n));
        end.receive(&masked(0x89, b""));
    }
    end.receive(&masked(0x81, b"a message"));
    end.take_written();
    end.sleep_until(secs(197));
    end.receive(&masked(0x8A, b""));
    assert!(!end.seen.iter().any(|seen| matches!(seen, Seen::Failed(_))));
    end.sleep_until(secs(199));
    assert_eq!(end.seen.last(), Some(&expired(Reason::Idle)));
    assert!(end.take_written().ends_with(&plain(0x88, &1001_u16.to_be_bytes())));
    // The peer's reply ends it.
    end.receive(&masked(0x88, &1001_u16.to_be_bytes()));
    end.ends();
    assert!(end.transport.is_dropped);
}

/// Turns as the documentation says, with no turn more: it sleeps until the deadline that the
/// session has after the write. Returns when the peer was given up.
fn given_up(mut end: End<Server, Vec<u8>>) -> Duration {
    for _ in 0..20 {
        end.turn();
        if end.transport.is_dropped {
            return end.now;
        }
        end.now = end.now.max(end.ws.deadline().expect("the peer is never given up"));
    }
    panic!("the peer is not given up")
}

#[test]
fn s3_output_that_the_caller_queues_after_the_events_expires() {
    let mut end = server_with(Config::new(), Timeouts::new().ping_after(None), vec![], vec![]);
    end.open();
    (end.transport.window, end.now) = (10, secs(100));
    // What is received, and then a message of the caller's own.
    assert!(end.ws.receive(&mut end.rx, &mut end.tx, end.now).is_none());
    end.ws.send_text("into the void", &mut end.tx).unwrap();
    end.tx.sent(10);
    assert_eq!(end.ws.transport_action(&end.tx), TransportAction::Keep);
    end.transport.window = 0;
    end.now = end.now.max(end.ws.deadline().expect("the peer is never given up"));
    let at = given_up(end);
    assert!(at >= secs(130) && at < secs(131), "{at:?}");
}

/// The caller has begun a frame and does not go on, so there can be no Ping.
#[test]
fn s3_a_silent_peer_is_given_up_inside_a_frame() {
    let mut end = open_server();
    end.ws.begin_frame(Kind::Binary, true, 100, &mut end.tx).unwrap();
    end.sleep_until(secs(31));
    // The last that it writes.
    end.tx.push(b"-").unwrap();
    let at = given_up(end);
    assert!(at >= secs(61) && at < secs(62), "{at:?}");
}

#[test]
fn s3_a_send_buffer_shorter_than_a_ping_fails_the_session() {
    let connection = Connection::server(Config::new());
    let ws = Session::opened(connection, Timeouts::new(), secs(0));
    let (rx, tx) = (RecvBuffer::new(vec![0; 64].into()), SendBuffer::new(vec![0; 1].into()));
    let mut end: End<Server, Box<[u8]>> = End::new(ws, rx, tx);
    end.sleep_until(secs(31));
    let needed = SendError::BufferTooSmall { needed: 2 };
    assert_eq!(end.seen, [Seen::Failed(Failure::Send(needed))]);
    assert!(end.transport.is_dropped);
}

/// The time of a message that the caller sends after the events is that of the write.
#[test]
fn s3_the_idle_time_starts_with_the_last_message_sent() {
    let timeouts = Timeouts::new().idle_within(Some(secs(20)));
    let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
    end.open();
    end.now = secs(1);
    end.turns();
    end.ws.send_text("pushed", &mut end.tx).unwrap();
    end.tx.sent(end.tx.len());
    assert_eq!(end.ws.transport_action(&end.tx), TransportAction::Keep);
    end.now = end.now.max(end.ws.deadline().unwrap());
    end.turns();
    end.now = secs(15);
    end.receive(&masked(0x8A, b""));
    end.sleep_until(Duration::from_millis(21_100));
    assert_eq!(end.seen, [Seen::Pong(vec![]), expired(Reason::Idle)]);
}

/// A head in pieces is no message.
#[test]
fn s3_only_the_time_for_the_handshake_runs_before_it_is_complete() {
    let timeouts = Timeouts::new().message_within(Some(secs(1)));
    let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
    end.receive(&REQUEST.as_bytes()[..20]);
    end.sleep_until(secs(5));
    end.receive(&REQUEST.as_bytes()[20..]);
    assert_eq!(end.seen, [Seen::Upgrade("/chat".to_owned())]);
}

fn sends_every(end: &mut End<Server, Vec<u8>>, bytes: &[u8], times: u64, pause: Duration) {
    for _ in 0..times {
        end.sleep_until(end.now + pause);
        end.receive(bytes);
    }
}

#[test]
fn s5_a_message_has_one_deadline_however_many_fragments() {
    for fragment in [&b"x"[..], b""] {
        let mut end = open_server();
        end.receive(&masked(0x02, fragment));
        sends_every(&mut end, &masked(0x00, fragment), 59, secs(1));
        assert!(!end.seen.iter().any(|seen| matches!(seen, Seen::Failed(_))));
        sends_every(&mut end, &masked(0x00, fragment), 2, secs(1));
        assert!(end.seen.contains(&expired(Reason::Message)));
        assert!(end.take_written().ends_with(&plain(0x88, &1008_u16.to_be_bytes())));
    }
}

#[test]
fn s5_a_byte_now_and_then_does_not_hold_a_frame_open() {
    let mut end = open_server();
    end.receive(&masked(0x82, &[0; 200])[..8]);
    sends_every(&mut end, &[0], 61, secs(1));
    assert_eq!(end.seen.last(), Some(&expired(Reason::Message)));
}

#[test]
fn s5_pings_between_fragments_do_not_extend_a_message() {
    let mut end = open_server();
    end.receive(&masked(0x02, b"x"));
    sends_every(&mut end, &masked(0x89, b""), 61, secs(1));
    assert!(end.seen.contains(&expired(Reason::Message)));
}

/// The time of a message starts with its own first byte.
#[test]
fn s5_a_ping_in_pieces_is_not_part_of_the_message_after_it() {
    let timeouts = Timeouts::new().ping_after(None);
    let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
    end.open();
    let bytes = [masked(0x89, b"ping"), masked(0x02, b"begins")].concat();
    end.receive(&bytes[..3]);
    end.sleep_until(secs(50));
    end.receive(&bytes[3..]);
    end.sleep_until(secs(109));
    end.receive(&masked(0x80, b"ends"));
    assert!(!end.seen.contains(&expired(Reason::Message)));
}

/// A peer whose reads always end inside a frame is not slow.
#[test]
fn s5_complete_frames_extend_the_deadline_of_the_next() {
    for frame in [masked(0x89, b"ping"), masked(0x82, b"message")] {
        let mut end = open_server();
        end.receive(&frame[..3]);
        let shifted = [&frame[3..], &frame[..3]].concat();
        sends_every(&mut end, &shifted, 200, secs(1));
        assert!(!end.seen.iter().any(|seen| matches!(seen, Seen::Failed(_))));
    }
}

#[test]
fn s5_progress_above_a_rate_is_not_cut() {
    let timeouts =
        Timeouts::new().message_within(Some(secs(10))).message_rate(NonZero::new(100).unwrap());
    for (bytes, is_cut) in [(120, false), (80, true)] {
        let mut end = server_with(Config::new(), timeouts, vec![], vec![]);
        end.open();
        end.receive(&masked(0x02, b"stream"));
        let fragment = masked(0x00, &vec![1; bytes - 6]);
        sends_every(&mut end, &fragment, 300, secs(1));
        assert_eq!(end.seen.contains(&expired(Reason::Message)), is_cut, "{bytes} bytes a second");
    }
}
