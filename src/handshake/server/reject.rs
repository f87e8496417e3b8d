//! Answers that are not 101: a page, an error, a redirect (RFC 6455, sections 4.2.2 and 7.2.2).
//!
//! Each says `Connection: close`. The connection has no further use once the handshake did not
//! succeed, and a peer that goes on sending would have its frames read as a request.

use crate::handshake::error::{BuildError, Error};
use crate::handshake::http::writer::{HeadWriter, check_headers};

/// Writes a whole answer and returns its length in bytes.
///
/// `Connection: close` and `Content-Length` are written by this function. Close after it is sent.
///
/// # Errors
///
/// As [`respond_head`].
pub fn respond(
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut to = HeadWriter::new(out);
    write_head(&mut to, status, headers, u64::try_from(body.len()).unwrap_or(u64::MAX))?;
    to.put(body);
    to.finish()
}

/// Writes the head of an answer whose body of `content_length` bytes the caller sends behind it,
/// and returns the length of the head in bytes. The answer to HEAD has the length, but no body.
///
/// # Errors
///
/// [`BuildError::InvalidStatus`] unless `status` is one of 200 to 599: 101 is not written here, and
/// no other 1xx ends a handshake. [`BuildError::BodyNotAllowed`] if 204, 205 or 304 would get a
/// body. [`BuildError::InvalidHeaderName`], [`BuildError::InvalidHeaderValue`] and
/// [`BuildError::ReservedHeader`] for `headers`. [`BuildError::BufferTooSmall`] with the exact
/// length. Whatever the error, nothing in `out` is an answer.
pub fn respond_head(
    status: u16,
    headers: &[(&str, &str)],
    content_length: u64,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut to = HeadWriter::new(out);
    write_head(&mut to, status, headers, content_length)?;
    to.finish()
}

fn write_head(
    to: &mut HeadWriter<'_>,
    status: u16,
    headers: &[(&str, &str)],
    content_length: u64,
) -> Result<(), BuildError> {
    if !(200..=599).contains(&status) {
        return Err(BuildError::InvalidStatus);
    }
    // 9110, 15.3.5, 15.3.6 and 15.4.5
    if matches!(status, 204 | 205 | 304) && content_length != 0 {
        return Err(BuildError::BodyNotAllowed);
    }
    check_headers(headers)?;
    status_line(to, status);
    to.field("Connection", "close");
    // 9110, 8.6: not in a 204, and in a 304 only the length that the page would have had.
    if !matches!(status, 204 | 304) {
        to.text("Content-Length: ");
        to.decimal(content_length);
        to.end_line();
    }
    to.fields(headers);
    to.end_line();
    Ok(())
}

impl Error {
    /// Writes the shortest answer with [`Error::status`] and returns its length in bytes. Close
    /// after it is sent.
    ///
    /// A 426 names the version that is understood (RFC 6455, section 4.4), a 405 the method (RFC
    /// 9110, section 15.5.6).
    ///
    /// # Errors
    ///
    /// [`BuildError::BufferTooSmall`] with the exact length. It is at most 160 bytes.
    pub fn respond(self, out: &mut [u8]) -> Result<usize, BuildError> {
        let mut to = HeadWriter::new(out);
        let status = self.status();
        status_line(&mut to, status);
        match status {
            426 => {
                // 9110, 7.8 and 15.5.22: a 426 has Upgrade, and whoever sends Upgrade names it in
                // Connection.
                to.field("Connection", "close, Upgrade");
                to.field("Upgrade", "websocket");
                to.field("Sec-WebSocket-Version", "13");
            }
            405 => {
                to.field("Connection", "close");
                to.field("Allow", "GET");
            }
            _ => to.field("Connection", "close"),
        }
        to.field("Content-Length", "0");
        to.end_line();
        to.finish()
    }
}

fn status_line(to: &mut HeadWriter<'_>, status: u16) {
    to.text("HTTP/1.1 ");
    to.decimal(u64::from(status));
    to.text(" ");
    to.text(reason(status));
    to.end_line();
}

/// The phrases of RFC 9110, section 15. A status without one is sent without one, which section 4
/// of RFC 9112 allows.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
