//! The frame layer, close codes and the masking kernels.

use barews::Status;
use barews::frame::{self, Header, Lead, Opcode};
use barews::{CloseCode, CloseFrame, Fragmentation, Kind, mask};

use crate::opaque::{any, bytes, flag, long, number, seen};

pub fn opcode() -> Opcode {
    any(Opcode::Text)
}

pub fn kind() -> Kind {
    any(Kind::Text)
}

fn lead() -> Lead {
    Lead {
        fin: flag(),
        rsv1: flag(),
        opcode: opcode(),
    }
}

pub fn all() {
    seen(Opcode::parse(any(0)));
    seen((opcode().bits(), opcode().is_control(), Opcode::from(kind())));
    seen(Lead::parse(any(0)));
    if let Ok(Status::Complete((header, len))) = Header::parse(bytes()) {
        seen((header, len));
    }
    let header = Header {
        lead: lead(),
        masking_key: any(None),
        payload_len: long(),
    };
    seen(header.encoded_len());
    let encoded = header.encode();
    seen(&*encoded);
    seen(encoded.as_ref());
    seen(frame::frame_len(number(), flag()));
    seen(frame::encode(opcode(), flag(), bytes(), bytes()));
    seen(mask::mask(bytes(), any([0; 4])));
    seen(any(Fragmentation::Idle).step(lead()));
    let code = CloseCode::new(any(0));
    seen((code.as_u16(), code.is_receivable(), code.is_sendable(flag())));
    if let Ok(Some(close)) = CloseFrame::parse(bytes()) {
        seen((close.code, close.reason));
    }
    seen(number());
}
