//! Incremental reading of the response, without the strings of the request.

use core::fmt;

use super::response::{Response, is_interim, judge};
use crate::bytes::Status;
use crate::handshake::deflate::DeflateOffer;
use crate::handshake::error::Error;
use crate::handshake::http::head::Limits;
use crate::handshake::http::parser::HeadParser;
use crate::handshake::key::Key;

/// Reads the response to the request with `key`.
#[derive(Clone)]
pub(crate) struct ResponseReader {
    pub(crate) key: Key,
    pub(crate) limits: Limits,
    parser: HeadParser,
    /// The length in bytes of the interim responses already skipped.
    interim: usize,
}

impl ResponseReader {
    pub(crate) const fn new(key: Key) -> Self {
        Self { key, limits: Limits::new(), parser: HeadParser::response(), interim: 0 }
    }

    /// Finds the end of the final response: its length in bytes, with the interim responses (1xx
    /// other than 101) before it. `bytes` always begins with the first byte of all.
    pub(crate) fn find_end(&mut self, bytes: &[u8]) -> Result<Status<usize>, Error> {
        loop {
            let bytes = bytes.get(self.interim..).unwrap_or_default();
            match self.parser.parse(bytes, self.limits.minus(self.interim))? {
                Status::NeedMore(more) => return Ok(Status::NeedMore(more)),
                Status::Complete(head) if !is_interim(&head) => {
                    return Ok(Status::Complete(self.interim.saturating_add(head.len)));
                }
                Status::Complete(head) => {
                    self.interim = self.interim.saturating_add(head.len);
                    self.parser = HeadParser::response();
                }
            }
        }
    }

    /// Parses and judges the response: `is_offered` tells which subprotocols were offered.
    pub(crate) fn read<'b>(
        &mut self,
        bytes: &'b [u8],
        is_offered: impl Fn(&str) -> bool,
        offers: &[DeflateOffer],
    ) -> Result<Status<Response<'b>>, Error> {
        self.find_end(bytes)?;
        let bytes = bytes.get(self.interim..).unwrap_or_default();
        Ok(match self.parser.parse(bytes, self.limits.minus(self.interim))? {
            Status::NeedMore(more) => Status::NeedMore(more),
            Status::Complete(head) => {
                Status::Complete(judge(&head, self.interim, self.key, is_offered, offers)?)
            }
        })
    }
}

/// Omits the key, like the `Debug` of the handshake.
impl fmt::Debug for ResponseReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseReader")
            .field("limits", &self.limits)
            .field("parser", &self.parser)
            .field("interim", &self.interim)
            .finish_non_exhaustive()
    }
}
