//! S2: what a connection can send, a session can send.

use barews::{Kind, Message, SendError};

use crate::turn::{masked, open_server, plain};

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
