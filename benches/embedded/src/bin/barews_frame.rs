//! Only the lowest layer of barews: headers and masking. The caller checks the order of frames.
#![no_std]
#![no_main]

use barews::Status;
use barews::frame::{Header, Lead, Opcode};
use barews::mask;
use barews_embedded::{Column, KEY, delivered};

barews_embedded::firmware!(Column { state: size_of::<Header>(), decode, encode });

#[inline(never)]
fn decode(bytes: &mut [u8], _: &mut [u8]) {
    let mut rest = bytes;
    while let Ok(Status::Complete((header, n))) = Header::parse(rest) {
        let Some((payload, behind)) = usize::try_from(header.payload_len)
            .ok()
            .and_then(|len| rest.get_mut(n..)?.split_at_mut_checked(len))
        else {
            return;
        };
        mask::mask(payload, header.masking_key.unwrap_or_default());
        if header.lead.opcode != Opcode::Close {
            delivered(payload);
        }
        rest = behind;
    }
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let masking_key = client.then_some(KEY);
    let lead = Lead { fin: true, rsv1: false, opcode: Opcode::Binary };
    let payload_len = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    let header = Header { lead, masking_key, payload_len }.encode();
    let Some((head, rest)) = out.split_at_mut_checked(header.len()) else { return 0 };
    for (to, from) in head.iter_mut().zip(header.iter()) {
        *to = *from;
    }
    let Some((body, _)) = rest.split_at_mut_checked(payload.len()) else { return 0 };
    body.copy_from_slice(payload);
    if let Some(key) = masking_key {
        mask::mask(body, key);
    }
    head.len() + body.len()
}
