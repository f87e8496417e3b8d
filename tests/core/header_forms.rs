//! A header returned by value and one written to the output are the same bytes, as many as
//! `frame_len` says.

use barews::Status;
use barews::frame::{self, Header, Lead, Opcode};
use barews::{Client, Config, Connection, Input, Kind, MIN_BUFFER_LEN, Role, SendError, Server};

use crate::support::endpoint::Side;
use crate::support::frame::PING;

const LENGTHS: [usize; 9] = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000];

fn compare<R: Role>(make: impl Fn() -> Connection<R>) {
    let mut out = vec![0; 70_100];
    for len in LENGTHS {
        for (kind, fin) in [(Kind::Text, true), (Kind::Text, false), (Kind::Binary, false)] {
            let payload = vec![b'a'; len];
            let n = make().send_fragment(kind, fin, &payload, &mut out).unwrap();

            assert_eq!(n, frame::frame_len(len, !R::SERVER));

            let mut masked = payload.clone();
            let header = make().send_in_place(kind, fin, &mut masked).unwrap();
            assert_eq!(out[..n], [&header[..], &masked].concat(), "{len}");

            let begun = make().begin_frame(kind, fin, u64::try_from(len).unwrap()).unwrap();
            assert_eq!(begun, header, "{len}");
        }
    }
}

#[test]
fn both_roles_write_the_header_that_they_give_by_value() {
    compare(|| Connection::server(Config::new()));
    compare(|| Connection::client(Config::new(), || [0x37, 0xFA, 0x21, 0x3D]));
}

#[test]
fn the_stateless_frame_begins_with_the_stateless_header() {
    let mut out = vec![0; 70_100];
    for len in LENGTHS {
        let n = frame::encode(Opcode::Binary, true, &vec![7; len], &mut out).unwrap();
        assert_eq!(n, frame::frame_len(len, false));
        // An exact fit succeeds.
        assert_eq!(frame::encode(Opcode::Binary, true, &vec![7; len], &mut out[..n]), Ok(n));
        let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
        let header = Header { lead, masking_key: None, payload_len: u64::try_from(len).unwrap() };
        assert_eq!(header.encoded_len(), header.encode().len());
        assert_eq!(header.encode().as_ref(), &header.encode()[..]);
        assert_eq!(out[..n], [&header.encode()[..], &vec![7; len]].concat(), "{len}");
    }
}

#[test]
fn a_stateless_frame_must_be_valid_to_send() {
    let mut out = [0xAA; 140];
    // RFC 6455 §5.5: control frames have at most 125 bytes and are not fragmented.
    for (opcode, first) in [(Opcode::Close, 0x88), (Opcode::Ping, 0x89), (Opcode::Pong, 0x8A)] {
        for fin in [false, true] {
            assert_eq!(frame::encode(opcode, fin, b"abc", &mut out), Ok(5));
            assert_eq!(out[..5], [first, 3, b'a', b'b', b'c']);
            assert_eq!(frame::encode(opcode, fin, &[7; 125], &mut out), Ok(127));
            let refused = frame::encode(opcode, fin, &[7; 126], &mut out);
            assert_eq!(refused, Err(SendError::ControlTooLong));
        }
    }
    for (opcode, byte) in [(Opcode::Continuation, 0), (Opcode::Text, 1), (Opcode::Binary, 2)] {
        for (fin, bit) in [(false, 0), (true, 0x80)] {
            assert_eq!(frame::encode(opcode, fin, &[7; 126], &mut out), Ok(130));
            assert_eq!(out[..5], [byte | bit, 126, 0, 126, 7]);
        }
    }
    // Nothing is written if the frame does not fit.
    let mut out = [0xAA; 129];
    let refused = frame::encode(Opcode::Text, true, &[7; 126], &mut out);
    assert_eq!(refused, Err(SendError::BufferTooSmall { needed: 130 }));
    assert_eq!(out, [0xAA; 129]);
}

#[test]
fn the_room_that_a_send_needs_is_known() {
    fn check<R: Role>(make: impl Fn() -> Connection<R>, side: Side, longest: usize) {
        for len in LENGTHS {
            let payload = vec![b'a'; len];
            let needed = Connection::<R>::send_len(len);
            assert_eq!(needed, longest + frame::frame_len(len, !R::SERVER));
            let mut ws = make();
            let mut ping = side.frame(PING, &[b'p'; 125]);
            assert!(ws.receive(&mut Input::new(&mut ping)).is_ok());
            let mut out = vec![0; needed];
            // The longest control frame is queued, so that no byte of it is too much.
            let refused = ws.send_binary(&payload, &mut out[1..]);
            assert_eq!(refused, Err(SendError::BufferTooSmall { needed }));
            assert_eq!(ws.send_binary(&payload, &mut out), Ok(needed));
        }
        assert_eq!(Connection::<R>::send_len(usize::MAX), usize::MAX);
    }
    check(|| Connection::server(Config::new()), Side::Server, 127);
    check(|| Connection::client(Config::new(), || [1, 2, 3, 4]), Side::Client, MIN_BUFFER_LEN);
    const { assert!(Connection::<Server>::send_len(0) == 129) };
    const { assert!(Connection::<Client<fn() -> [u8; 4]>>::send_len(126) == 131 + 8 + 126) };
}

#[test]
fn an_impossible_length_loses_its_top_bit() {
    let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
    let header = |payload_len| Header { lead, masking_key: Some([1; 4]), payload_len }.encode();
    for len in [0x0123_4567_89AB_CDEF, u64::MAX >> 1] {
        assert_eq!(header(len | 1 << 63), header(len));
        assert_eq!(header(len)[2..10], len.to_be_bytes());
    }
}

/// The top bit of a length cannot be sent (RFC 6455 §5.2): it is cleared, and the header is the
/// shortest one for the remaining value.
#[test]
fn a_length_with_its_top_bit_set_is_the_length_without_it() {
    for key in [None, Some([1, 2, 3, 4])] {
        for (payload_len, len) in [(5, 2), (300, 4), (70_000, 10)] {
            let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
            let header = Header { lead, masking_key: key, payload_len };
            let topped = Header { payload_len: payload_len | 1 << 63, ..header };
            let encoded = topped.encode();
            assert_eq!(encoded, header.encode());
            assert_eq!(encoded.len(), len + if key.is_some() { 4 } else { 0 });
            assert_eq!(
                (topped.encoded_len(), header.encoded_len()),
                (encoded.len(), encoded.len())
            );
            assert_eq!(Header::parse(&encoded), Ok(Status::Complete((header, encoded.len()))));
        }
    }
}
