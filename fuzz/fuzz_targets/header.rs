//! `Header`: parse and encode are inverse, and every prefix of a header is partial.
#![no_main]

use arbitrary::Arbitrary;
use std::num::NonZero;

use barews::Status;
use barews::frame::{Header, Lead, Opcode};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    fields: Option<Fields>,
    bytes: &'a [u8],
}

#[derive(Arbitrary, Debug)]
struct Fields {
    opcode: u8,
    fin: bool,
    rsv1: bool,
    masking_key: Option<[u8; 4]>,
    len: u64,
    shift: u8,
}

fuzz_target!(|case: Case<'_>| {
    bytes(&case.bytes[..case.bytes.len().min(32)]);
    if let Some(Fields { opcode, fin, rsv1, masking_key, len, shift }) = case.fields
        && let Ok(opcode) = Opcode::parse(opcode)
    {
        let len = (len & (u64::MAX >> 1)) >> (shift % 63);
        let payload_len = if opcode.is_control() { len % 126 } else { len };
        let lead = Lead { fin: fin || opcode.is_control(), rsv1, opcode };
        let header = Header { lead, masking_key, payload_len };
        let encoded = header.encode();
        assert_eq!(encoded.len(), header.encoded_len());
        assert_eq!(Header::parse(&encoded), Ok(Status::Complete((header, encoded.len()))));
        bytes(&encoded);
    }
});

fn bytes(bytes: &[u8]) {
    let whole = Header::parse(bytes);
    if let Ok(Status::Complete((header, len))) = whole {
        assert_eq!(header.encode()[..], bytes[..len]);
        assert_eq!(header.encoded_len(), len);
        for k in 0..len {
            let missing = if k < 2 { 2 - k } else { len - k };
            let missing = NonZero::new(missing).unwrap();
            assert_eq!(Header::parse(&bytes[..k]), Ok(Status::NeedMore(missing)));
        }
    }
    let mut failed = None;
    for k in 0..=bytes.len() {
        let parsed = Header::parse(&bytes[..k]);
        match (failed, parsed) {
            // After an error, more bytes do not change it.
            (Some(error), parsed) => assert_eq!(parsed, Err(error)),
            (None, Err(error)) => failed = Some(error),
            (None, Ok(Status::NeedMore(missing))) => {
                assert!((1..=13).contains(&missing.get()));
                for end in k..=bytes.len().min(k + missing.get() - 1) {
                    let parsed = Header::parse(&bytes[..end]);
                    assert!(!matches!(parsed, Ok(Status::Complete(_))));
                }
            }
            (None, Ok(Status::Complete(_))) => assert_eq!(parsed, whole),
        }
    }
}
