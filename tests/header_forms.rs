//! A header by value and a header in the output are the same bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use barews::frame::{self, Header, Lead, Opcode};
use barews::{Config, Connection, Kind, Role};

const LENGTHS: [usize; 9] = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000];

fn compare<R: Role>(make: impl Fn() -> Connection<R>) {
    let mut out = vec![0; 70_100];
    for len in LENGTHS {
        for (kind, fin) in [(Kind::Text, true), (Kind::Text, false), (Kind::Binary, false)] {
            let payload = vec![b'a'; len];
            let n = make().send_fragment(kind, fin, &payload, &mut out).unwrap();

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
        let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
        let header = Header { lead, masking_key: None, payload_len: u64::try_from(len).unwrap() };
        assert_eq!(header.encoded_len(), header.encode().len());
        assert_eq!(out[..n], [&header.encode()[..], &vec![7; len]].concat(), "{len}");
    }
}
