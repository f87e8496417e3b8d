//! S2: what a connection can send, a session can send.

use barews::keepalive::Timeouts;
use barews::{Config, Kind, Message, SendError};

use crate::turn::{masked, open_client, open_server, plain, server, server_with};

#[test]
fn s2_messages_fragments_and_control_frames() {
    let mut end = open_server();
    end.ws.send_text("text", &mut end.tx).unwrap();
    end.ws.send_message(Message::Binary(b"binary"), &mut end.tx).unwrap();
    end.ws.send_fragment(Kind::Text, false, b"one", &mut end.tx).unwrap();
    let between = end.ws.send_text("not now", &mut end.tx);
    assert_eq!(between, Err(SendError::MessageInProgress));
    end.ws.send_ping(b"ping", &mut end.tx).unwrap();
    end.ws.send_fragment(Kind::Text, true, b"two", &mut end.tx).unwrap();
    end.ws.send_pong(b"pong", &mut end.tx).unwrap();
    let expected = [
        plain(0x81, b"text"),
        plain(0x82, b"binary"),
        plain(0x01, b"one"),
        plain(0x89, b"ping"),
        plain(0x80, b"two"),
        plain(0x8A, b"pong"),
    ];
    assert_eq!(end.tx.unsent(), expected.concat());
}

#[test]
fn s2_a_frame_in_place_after_a_short_vectored_write() {
    for n in 0..=12 {
        let mut end = open_server();
        end.ws.send_ping(b"", &mut end.tx).unwrap();
        let mut payload = *b"in place";
        end.ws.send_in_place(Kind::Binary, true, &mut payload, &mut end.tx).unwrap();
        let mut written = [end.tx.unsent(), &payload].concat();
        written.truncate(n);
        end.tx.sent_with(n, &payload).unwrap();
        written.extend(end.tx.unsent());
        assert_eq!(written, [plain(0x89, b""), plain(0x82, b"in place")].concat(), "{n}");
    }
}

#[test]
fn s2_a_frame_begun_and_continued() {
    let mut end = open_server();
    end.ws.begin_frame(Kind::Binary, true, 6, &mut end.tx).unwrap();
    // A Pong waits for the end of the frame.
    end.receive(&masked(0x89, b"wait"));
    let mut chunk = *b"abc";
    for _ in 0..2 {
        end.ws.mask_next(&mut chunk).unwrap();
        end.tx.push(&chunk).unwrap();
    }
    assert_eq!(end.ws.frame_left(), 0);
    end.turns();
    end.turns();
    assert_eq!(end.take_written(), [plain(0x82, b"abcabc"), plain(0x8A, b"wait")].concat());
}

/// The frame of another connection, passed on while it arrives.
#[test]
fn s2_chunks_are_queued_and_the_sessions_own_chunk_stays_unmasked() {
    let mut end = open_server();
    let chunk = b"abc";
    assert_eq!(end.ws.send_chunk(chunk, &mut end.tx), Err(SendError::PastFrameEnd));
    assert_eq!(end.ws.send_chunk(b"", &mut end.tx), Ok(()));
    end.ws.begin_frame(Kind::Binary, true, 6, &mut end.tx).unwrap();
    for chunk in [chunk, &b""[..], chunk, b""] {
        end.ws.send_chunk(chunk, &mut end.tx).unwrap();
    }
    assert_eq!(end.ws.send_chunk(b"d", &mut end.tx), Err(SendError::PastFrameEnd));
    assert_eq!(end.tx.unsent(), plain(0x82, b"abcabc"));

    let mut client = open_client(Config::new());
    client.ws.begin_frame(Kind::Binary, true, 6, &mut client.tx).unwrap();
    client.ws.send_chunk(chunk, &mut client.tx).unwrap();
    client.ws.send_chunk(chunk, &mut client.tx).unwrap();
    assert_eq!((client.tx.unsent(), chunk), (&masked(0x82, b"abcabc")[..], b"abc"));
}

/// A chunk that finds no space is not masked, and can be queued later.
#[test]
fn s2_a_chunk_waits_for_space() {
    let tx = vec![0; 160].into_boxed_slice();
    let mut end = server_with(Config::new(), Timeouts::new(), vec![0; 512].into(), tx);
    end.open();
    end.ws.begin_frame(Kind::Binary, true, 200, &mut end.tx).unwrap();
    end.ws.send_chunk(&[1; 100], &mut end.tx).unwrap();
    let refused = end.ws.send_chunk(&[2; 100], &mut end.tx);
    assert_eq!(refused, Err(SendError::BufferTooSmall { needed: 204 }));
    assert_eq!((end.ws.frame_left(), end.tx.len()), (100, 104));
    end.turns();
    end.ws.send_chunk(&[2; 100], &mut end.tx).unwrap();
    end.turns();
    assert_eq!(end.take_written(), plain(0x82, &[[1; 100], [2; 100]].concat()));
}

#[test]
fn s2_a_session_says_whether_a_message_is_open() {
    let end = server();
    assert!(!end.ws.is_receiving_message() && !end.ws.is_sending_message());
    let mut end = open_server();
    assert!(!end.ws.is_receiving_message() && !end.ws.is_sending_message());
    end.receive(&masked(0x01, b"begins"));
    end.ws.send_fragment(Kind::Text, false, b"begins", &mut end.tx).unwrap();
    assert!(end.ws.is_receiving_message() && end.ws.is_sending_message());
    end.receive(&masked(0x80, b", ends"));
    end.ws.send_fragment(Kind::Text, true, b", ends", &mut end.tx).unwrap();
    assert!(!end.ws.is_receiving_message() && !end.ws.is_sending_message());
}
