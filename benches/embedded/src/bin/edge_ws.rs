//! edge-ws: headers and masking.
#![no_std]
#![no_main]

use barews_embedded::{Column, KEY, delivered};
use edge_ws::{FrameHeader, FrameType};

barews_embedded::firmware!(Column { state: size_of::<FrameHeader>(), decode, encode });

#[inline(never)]
fn decode(bytes: &mut [u8], _: &mut [u8]) {
    let mut rest = bytes;
    while let Ok((header, n)) = FrameHeader::deserialize(rest) {
        let Some((payload, behind)) = usize::try_from(header.payload_len)
            .ok()
            .and_then(|len| rest.get_mut(n..)?.split_at_mut_checked(len))
        else {
            return;
        };
        header.mask(payload, 0);
        if header.frame_type != FrameType::Close {
            delivered(payload);
        }
        rest = behind;
    }
}

#[inline(never)]
fn encode(payload: &[u8], out: &mut [u8], client: bool) -> usize {
    let mask_key = client.then_some(u32::from_be_bytes(KEY));
    let payload_len = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    let header = FrameHeader { frame_type: FrameType::Binary(false), payload_len, mask_key };
    let Ok(n) = header.serialize(out) else { return 0 };
    let Some(to) = out.get_mut(n..).and_then(|to| to.get_mut(..payload.len())) else { return 0 };
    to.copy_from_slice(payload);
    header.mask(to, 0);
    n + payload.len()
}
