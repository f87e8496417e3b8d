//! Class E: output that grows while the peer does not read, and loops without progress.

use allocation_counter::measure;
use barews::{
    CloseCode, Config, Connection, Error, Event, Input, Kind, MIN_BUFFER_LEN, SendError,
    TransportAction,
};

use crate::support::endpoint::{Call, SIDES};
use crate::support::event::Ev;
use crate::support::frame::plain;

/// curl, CVE-2026-11586: Pongs were buffered without a limit, one for each Ping.
#[test]
fn curl_cve_2026_11586_only_the_newest_ping_is_answered() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for n in 0..=255_u8 {
            ws.push(&side.frame(0x89, &[n; 125]).repeat(40));
        }
        assert_eq!(ws.due(), [(0x8A, vec![255; 125])]);
        assert_eq!((ws.due(), ws.wants_write()), (vec![], false));
    }
}

/// ws before 8.23.0: the same, with a peer that sends Pings and does not read.
#[test]
fn ws_8_23_0_a_flood_of_pings_takes_no_memory() {
    let mut ws = Connection::client(Config::new(), || [1, 2, 3, 4]);
    let mut wire = [&[0x89, 125][..], &[b'!'; 125]].concat().repeat(2000);
    let measured = measure(|| {
        let mut input = Input::new(&mut wire);
        while let Ok(Event::Ping(_)) = ws.receive(&mut input) {}
        assert!(input.is_empty());
        assert_eq!(ws.transmit(&mut [0; MIN_BUFFER_LEN]), Ok(MIN_BUFFER_LEN));
    });
    assert_eq!(measured.count_total, 0);
}

/// undici, GHSA-9fm3-97px-rjf6: the same.
#[test]
fn undici_ghsa_9fm3_pings_during_a_long_frame() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.begin(Kind::Binary, true, 1000).unwrap();
        for n in 0..100 {
            ws.push(&side.frame(0x89, &[n]));
            ws.mask_next(&mut [0; 10]).unwrap();
            // RFC 6455 §5.4: nothing interrupts a frame, and nothing accumulates meanwhile.
            assert_eq!(ws.due().is_empty(), n < 99);
        }
    }
}

/// `OkHttp`, reported in openai-java issue 1013: Pongs were queued outside every limit while the
/// peer sent Pings.
#[test]
fn okhttp_openai_java_1013_the_pong_and_the_next_frame_have_a_known_length() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x89, &[7; 125]).repeat(500));
        let wire = ws.sent(Call::Text("x"));
        assert_eq!(plain(&wire), [(0x8A, vec![7; 125]), (0x81, b"x".to_vec())]);
        assert!(wire.len() <= MIN_BUFFER_LEN + 7);
    }
}

/// parity-ws, RUSTSEC-2020-0043: output was queued without a limit.
#[test]
fn parity_ws_rustsec_2020_0043_output_without_room_is_not_kept() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let needed = 100 + 2 + side.key_len();
        for _ in 0..1000 {
            let mut out = vec![0xEE; needed - 1];
            let refused = ws.call(Call::Binary(&[1; 100]), &mut out);
            assert_eq!(refused, Err(SendError::BufferTooSmall { needed }));
            assert_eq!(out, vec![0xEE; needed - 1], "output was written");
        }
        assert_eq!((ws.wants_write(), ws.keys()), (false, 0));
        assert_eq!(plain(&ws.sent(Call::Text("next"))), [(0x81, b"next".to_vec())]);
    }
}

/// curl, CVE-2025-5399: a crafted packet caused an endless loop in the reader.
#[test]
fn curl_cve_2025_5399_every_packet_terminates() {
    for side in SIDES {
        for first in 0..=255 {
            for second in 0..=255 {
                let mut bytes = [&[first, second][..], &[0, 3, 1, 2, 3, 4, 5, 6]].concat();
                bytes.extend([first, second, 0, 0]);
                let mut ws = side.ws(Config::new());
                // `push` returns after `NeedMore` or an error; each event has a header of at least
                // two bytes.
                let events = ws.push(&bytes);
                assert!(events.len() <= bytes.len() / 2 + 1, "{bytes:02X?}: {events:?}");
            }
        }
    }
}

/// rustls, RUSTSEC-2024-0336: the call that completes all I/O never returned if the peer closed
/// during the handshake.
#[test]
fn rustls_rustsec_2024_0336_after_the_end_nothing_is_wanted() {
    for side in SIDES {
        for start in [&[][..], &side.frame(0x89, b"p"), &side.frame(0x88, b""), b"\x70"] {
            let mut ws = side.ws(Config::new());
            ws.push(start);
            let _ = ws.eof();
            let mut turns = 0;
            while ws.wants_write() {
                ws.sent(Call::Transmit);
                turns += 1;
                assert!(turns <= 1, "more than one frame is pending");
            }
            assert_eq!(ws.transport_action(), TransportAction::Drop, "{start:02X?}");
        }
    }
}

/// actix-web, issue 2790: a frame over the limit was never skipped, so each read gave the same
/// error.
#[test]
fn actix_web_2790_a_loop_ends_after_a_frame_that_is_too_long() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().max_frame_len(10));
        let wire = side.frame(0x82, &[0; 11]);
        let mut turns = 0;
        // The loop of a caller that checks the transport action and ignores errors.
        while ws.transport_action() == TransportAction::Keep {
            ws.push(&wire);
            ws.sent(Call::Transmit);
            turns += 1;
            assert!(turns <= 2);
        }
        assert_eq!(ws.transport_action(), TransportAction::HalfClose);
    }
}

/// soketto before 0.7.1: the same. Here the connection has failed, and every call returns the
/// error.
#[test]
fn soketto_0_7_1_the_error_is_permanent_and_consumes_nothing() {
    for side in SIDES {
        let mut ws = side.ws(Config::new().max_frame_len(10));
        let wire = side.frame(0x82, &[0; 11]);
        for _ in 0..10 {
            assert_eq!(ws.push(&wire), [Ev::Fail(Error::FrameTooLong)]);
        }
        assert_eq!(ws.consumed, 0);
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xF1])]);
    }
}

/// Python websockets, issue 312: unanswered Pings were kept permanently.
#[test]
fn websockets_312_pings_without_an_answer_are_not_kept() {
    let mut ws = Connection::server(Config::new());
    let mut out = [0; 16];
    let measured = measure(|| {
        for n in 0..100_000_u32 {
            assert_eq!(ws.send_ping(&n.to_be_bytes(), &mut out), Ok(6));
        }
    });
    assert_eq!(measured.count_total, 0);
}

/// block/buzz, issue 4885: the Pong waited for the program's next write, which did not come, and
/// the server dropped the connection.
#[test]
fn buzz_4885_a_reader_learns_that_a_pong_is_pending() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        assert!(!ws.wants_write());
        assert_eq!(ws.push(&side.frame(0x89, b"1")), [Ev::Ping(b"1".to_vec())]);
        assert!(ws.wants_write());
        assert_eq!(ws.due(), [(0x8A, b"1".to_vec())]);
    }
}

/// libwebsockets, issue 1097: once a huge frame had started, neither a Pong nor a Close could be
/// sent.
#[test]
fn libwebsockets_1097_between_fragments_pong_and_close_go_out() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.push(&side.frame(0x89, b"1"));
        let wire = ws.sent(Call::Fragment(Kind::Binary, false, &[0; 100]));
        assert_eq!(plain(&wire)[0], (0x8A, b"1".to_vec()));
        ws.push(&side.frame(0x89, b"2"));
        assert_eq!(ws.due(), [(0x8A, b"2".to_vec())], "the open message holds back the Pong");
        assert_eq!(plain(&ws.sent(Call::Close(1001, "")))[0].0, 0x88);
    }
}

/// sockudo-ws before 3.1.0: a Close after a Ping in the same read did not suppress the Pong.
#[test]
fn sockudo_ws_3_1_0_a_close_after_a_ping_outranks_the_pong() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        let wire = [side.frame(0x89, b"1"), side.frame(0x88, b"\x03\xE8")].concat();
        assert_eq!(ws.push(&wire), [Ev::Ping(b"1".to_vec()), Ev::closed(1000, "")]);
        assert_eq!(ws.due(), [(0x88, vec![0x03, 0xE8])]);
    }
}

/// sockudo-ws before 3.1.0: no Pong was sent as long as data arrived.
#[test]
fn sockudo_ws_3_1_0_endless_data_does_not_starve_the_pong() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        for n in 0..100 {
            let wire = [side.frame(0x82, &[n; 500]).repeat(5), side.frame(0x89, &[n])];
            let events = ws.push(&wire.concat());
            assert_eq!(events[0], Ev::Ping(vec![n]), "the Ping must precede the data of its read");
            assert_eq!(events[1..], vec![Ev::binary(&[n; 500]); 5]);
            assert_eq!(ws.due(), [(0x8A, vec![n])]);
        }
    }
}

/// ws, commits ac2dade and 55c68e7: an endless loop and a stack overflow while closing.
#[test]
fn ws_ac2dade_closing_ends_in_two_turns() {
    let mut server = Connection::server(Config::new());
    let mut client = Connection::client(Config::new(), || [9; 4]);
    let (mut there, mut back) = ([0; 131], [0; 131]);
    // Both sides start to close at once, repeatedly.
    let mut n = client.send_close(CloseCode::NORMAL, "a", &mut there).unwrap();
    let mut m = server.send_close(CloseCode::GOING_AWAY, "b", &mut back).unwrap();
    let mut turns = 0;
    while n + m > 0 {
        let _ = server.receive(&mut Input::new(&mut there[..n]));
        let _ = client.receive(&mut Input::new(&mut back[..m]));
        n = client.transmit(&mut there).unwrap();
        n += client.send_close(CloseCode::NORMAL, "a", &mut there[n..]).unwrap();
        m = server.transmit(&mut back).unwrap();
        m += server.send_close(CloseCode::NORMAL, "b", &mut back[m..]).unwrap();
        turns += 1;
        assert!(turns <= 2);
    }
    assert_eq!(
        (server.transport_action(), client.transport_action()),
        (TransportAction::HalfClose, TransportAction::AwaitEnd)
    );
}

/// curl, CVE-2026-107928: more bytes were reported as sent than existed, and memory after the
/// buffer was read.
#[test]
fn curl_cve_2026_107928_excess_lengths_do_not_count() {
    for side in SIDES {
        let mut ws = side.ws(Config::new());
        ws.begin(Kind::Binary, true, 5).unwrap();
        assert_eq!(ws.mask_next(&mut [0; 6]), Err(SendError::PastFrameEnd));
        ws.mask_next(&mut [0; 5]).unwrap();
        assert_eq!(ws.mask_next(&mut [0; 1]), Err(SendError::PastFrameEnd));
        assert_eq!(ws.push(&side.frame(0x02, b"")), [Ev::piece(Kind::Binary, b"", true, false, 0)]);
    }
    let mut rx = barews::RecvBuffer::new([0xEE; 8]);
    rx.advance(1000);
    assert_eq!((rx.len(), rx.unread().len()), (8, 8));
    rx.consume(1000);
    assert_eq!((rx.len(), rx.unread().len()), (0, 0));
}
