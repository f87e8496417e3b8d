//! HTTP responses other than 101: pages, errors, redirects (RFC 6455 §4.2.2 and §7.2.2).
//!
//! Each has `Connection: close`. After a failed handshake the client may continue to
//! send frames, which must not be parsed as another request.

use crate::handshake::error::{BuildError, Error};
use crate::handshake::http::head::FieldLines;
use crate::handshake::http::writer::{HeadWriter, check_headers};

/// Writes a complete HTTP response and returns its length in bytes. Close the
/// transport after sending it.
///
/// The `Connection: close` and `Content-Length` fields are added automatically.
///
/// ```
/// use barews::handshake::server::respond;
///
/// let mut out = [0; 128];
/// let len = respond(404, &[("Content-Type", "text/plain")], b"not found", &mut out)?;
/// assert_eq!(
///     &out[..len],
///     b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 9\r\n\
///       Content-Type: text/plain\r\n\r\nnot found"
/// );
/// # Ok::<(), barews::handshake::BuildError>(())
/// ```
///
/// # Errors
///
/// The same as [`respond_head`].
pub fn respond(
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut to = HeadWriter::new(out);
    let content_length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    write_head(&mut to, status, headers, FieldLines::empty(), content_length)?;
    to.put(body);
    to.finish()
}

/// Writes the head of an HTTP response and returns its length in bytes. The caller then sends
/// `content_length` bytes of body; the response to a HEAD request has the same head, but no body.
///
/// # Errors
///
/// The contents of `out` are then unspecified.
///
/// - [`BuildError::InvalidStatus`] if `status` is not in the range 200 to 599:
///   [`Accept::write`](super::Accept::write) writes 101, and no other 1xx status ends a handshake.
/// - [`BuildError::BodyNotAllowed`] if `status` is 204, 205 or 304 and `content_length` is not 0.
/// - [`BuildError::InvalidHeaderName`], [`BuildError::InvalidHeaderValue`] or
///   [`BuildError::ReservedHeader`] if a header field is not allowed.
/// - [`BuildError::BufferTooSmall`] if `out` is too short.
pub fn respond_head(
    status: u16,
    headers: &[(&str, &str)],
    content_length: u64,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut to = HeadWriter::new(out);
    write_head(&mut to, status, headers, FieldLines::empty(), content_length)?;
    to.finish()
}

fn write_head(
    to: &mut HeadWriter<'_>,
    status: u16,
    headers: &[(&str, &str)],
    forwarded: FieldLines<'_>,
    content_length: u64,
) -> Result<(), BuildError> {
    if !(200..=599).contains(&status) {
        return Err(BuildError::InvalidStatus);
    }
    // RFC 9110 §15.3.5, §15.3.6 and §15.4.5
    if matches!(status, 204 | 205 | 304) && content_length != 0 {
        return Err(BuildError::BodyNotAllowed);
    }
    check_headers(headers)?;
    status_line(to, status);
    to.field("Connection", "close");
    // RFC 9110 §8.6: a 204 must not have `Content-Length`, and in a 304 it would be
    // the length of the corresponding 200 response.
    if !matches!(status, 204 | 304) {
        to.text("Content-Length: ");
        to.decimal(content_length);
        to.end_line();
    }
    to.fields(headers);
    to.forwarded(forwarded);
    to.end_line();
    Ok(())
}

/// Writes the response of a proxy whose server has answered with `status`.
pub(crate) fn respond_as(
    status: u16,
    forwarded: FieldLines<'_>,
    out: &mut [u8],
) -> Result<usize, BuildError> {
    let mut to = HeadWriter::new(out);
    write_head(&mut to, status, &[], forwarded, 0)?;
    to.finish()
}

impl Error {
    /// Writes the response with status [`Error::status`], without a body, and returns
    /// its length in bytes. Close the transport after sending it.
    ///
    /// A 426 names the supported version (RFC 6455 §4.4), a 405 the allowed method
    /// (RFC 9110 §15.5.6).
    ///
    /// # Errors
    ///
    /// [`BuildError::BufferTooSmall`] if `out` is shorter than the response, which has
    /// at most 160 bytes.
    pub fn respond(self, out: &mut [u8]) -> Result<usize, BuildError> {
        let mut to = HeadWriter::new(out);
        status_line(&mut to, self.status());
        for (name, value) in self.response_fields() {
            to.field(name, value);
        }
        to.field("Content-Length", "0");
        to.end_line();
        to.finish()
    }

    /// The header fields of the response, without `Content-Length`, for a caller that writes it
    /// with another HTTP implementation. The status is [`Error::status`].
    pub fn response_fields(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let fields: &[_] = match self.status() {
            // RFC 9110 §7.8 and §15.5.22: a 426 must have `Upgrade`, and a sender of
            // `Upgrade` must list it in `Connection`.
            426 => &[
                ("Connection", "close, Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
            ],
            405 => &[("Connection", "close"), ("Allow", "GET")],
            _ => &[("Connection", "close")],
        };
        fields.iter().copied()
    }
}

fn status_line(to: &mut HeadWriter<'_>, status: u16) {
    to.text("HTTP/1.1 ");
    to.decimal(u64::from(status));
    to.text(" ");
    to.text(reason(status));
    to.end_line();
}

/// The reason phrases of RFC 9110 §15. Other status codes have an empty one, which RFC
/// 9112 §4 allows.
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
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
