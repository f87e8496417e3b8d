//! The feed as bytes and back.

use std::io;
use std::sync::Arc;

use super::{Body, Parts, invalid};
use crate::feed::Feed;

/// For the successor of this process, which goes on with the same numbers.
pub(super) fn seal(feed: &Feed) -> Body {
    let (newest, texts) = feed.kept();
    let mut body = Body::default();
    body.number(newest);
    for text in &texts {
        body.part(text.as_bytes());
    }
    body
}

pub(super) fn unseal(body: &[u8]) -> io::Result<Feed> {
    let mut parts = Parts(body);
    let (newest, mut texts) = (parts.number()?, Vec::<Arc<str>>::new());
    while !parts.is_empty() {
        texts.push(str::from_utf8(parts.part()?).map_err(|_| invalid())?.into());
    }
    Feed::resume(newest, texts).ok_or_else(invalid)
}
