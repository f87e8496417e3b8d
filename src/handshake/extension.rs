//! The `Sec-WebSocket-Extensions` field (RFC 6455 §9.1): extensions and their parameters.
//!
//! ```text
//! list      = extension *( "," extension )
//! extension = token *( ";" token [ "=" ( token / quoted ) ] )
//! ```
//!
//! A single pass without backtracking: each byte is assigned to a token, a separator or
//! a quoted value as soon as it is read. Spaces and tabs are allowed around separators,
//! because §9.1 uses the implied whitespace of RFC 2616; in a response also a line break
//! before one of them (RFC 9112 §5.2). Empty elements are ignored (RFC 9110 §5.6.1.2).
//!
//! ```
//! use barews::handshake::extension;
//!
//! let field = b"permessage-deflate; client_max_window_bits; server_max_window_bits=\"10\"";
//! let mut extensions = extension::parse(field);
//! let extension = extensions.next().unwrap()?;
//! assert_eq!(extension.name(), "permessage-deflate");
//!
//! let mut params = extension.params();
//! assert_eq!(params.next().unwrap().value, None);
//! assert_eq!(params.next().unwrap().value.unwrap(), "10");
//! assert!(extensions.next().is_none());
//! # Ok::<(), extension::Malformed>(())
//! ```

use core::fmt;

use super::http::grammar::is_tchar;

/// A `Sec-WebSocket-Extensions` value does not match the grammar of RFC 6455 §9.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "complete: no fields to add")]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed Sec-WebSocket-Extensions field")
    }
}

impl core::error::Error for Malformed {}

/// Parses one field value. If a head has several such fields, parse them in order:
/// their elements form one list, which must not be empty.
#[must_use]
pub const fn parse(value: &[u8]) -> Extensions<'_> {
    Extensions { next: Some(ElementParser { rest: value }) }
}

/// Iterator over the extensions in a field value, in order of preference. It ends
/// after the first error.
#[derive(Clone, Debug)]
pub struct Extensions<'b> {
    /// `None` after the last element or an error.
    next: Option<ElementParser<'b>>,
}

impl<'b> Iterator for Extensions<'b> {
    type Item = Result<Extension<'b>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut cursor = self.next.take()?;
        cursor.skip_whitespace();
        while cursor.eat(b',') {}
        if cursor.rest.is_empty() {
            return None;
        }
        let extension = cursor.extension();
        if extension.is_some() {
            if cursor.eat(b',') {
                self.next = Some(cursor);
            } else if !cursor.rest.is_empty() {
                return Some(Err(Malformed));
            }
        }
        Some(extension.ok_or(Malformed))
    }
}

/// An extension and its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'b> {
    name: &'b str,
    /// From the first `;`, already validated.
    params: &'b [u8],
}

impl<'b> Extension<'b> {
    /// The extension's name, a token. Extension names are case-sensitive.
    #[must_use]
    pub const fn name(&self) -> &'b str {
        self.name
    }

    /// The parameters, in order, including repeated ones.
    #[must_use]
    pub const fn params(&self) -> Params<'b> {
        Params { cursor: ElementParser { rest: self.params } }
    }
}

/// Iterator over the parameters of an [`Extension`].
#[derive(Clone, Debug)]
pub struct Params<'b> {
    cursor: ElementParser<'b>,
}

impl<'b> Iterator for Params<'b> {
    type Item = Param<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.cursor.eat(b';') {
            return None;
        }
        self.cursor.param()
    }
}

/// A parameter of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Param<'b> {
    /// The parameter's name, a token.
    pub name: &'b str,
    /// The value after the `=`, if any.
    pub value: Option<Value<'b>>,
}

/// The value of a parameter: a token, or a quoted string that contains one.
///
/// Two values are equal if their unescaped bytes are.
#[derive(Clone, Copy)]
pub struct Value<'b> {
    /// Without the quotation marks, but with the backslashes.
    raw: &'b [u8],
}

impl<'b> Value<'b> {
    /// The unescaped bytes: a token, so at least one byte, all ASCII.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        // No backslash is itself escaped, because it is not a `tchar`.
        self.raw.iter().copied().filter(|byte| *byte != b'\\')
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for Value<'_> {}

impl PartialEq<str> for Value<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl PartialEq<&str> for Value<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().try_for_each(|byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The unparsed rest of a field value. Each method consumes what it names and the
/// whitespace that follows.
#[derive(Clone, Copy, Debug)]
struct ElementParser<'b> {
    rest: &'b [u8],
}

impl<'b> ElementParser<'b> {
    /// An extension and all its parameters. The caller checks what follows.
    fn extension(&mut self) -> Option<Extension<'b>> {
        let name = self.token()?;
        let from = self.rest;
        while self.eat(b';') {
            self.param()?;
        }
        let params = from.get(..from.len().checked_sub(self.rest.len())?)?;
        Some(Extension { name, params })
    }

    fn param(&mut self) -> Option<Param<'b>> {
        let name = self.token()?;
        if !self.eat(b'=') {
            return Some(Param { name, value: None });
        }
        let value = match self.rest.strip_prefix(b"\"") {
            Some(rest) => {
                self.rest = rest;
                self.quoted()?
            }
            None => Value { raw: self.token()?.as_bytes() },
        };
        Some(Param { name, value: Some(value) })
    }

    fn token(&mut self) -> Option<&'b str> {
        let token = self.take(self.rest.iter().take_while(|byte| is_tchar(**byte)).count())?;
        self.skip_whitespace();
        if token.is_empty() {
            return None;
        }
        core::str::from_utf8(token).ok()
    }

    /// A quoted value after its opening quotation mark. §9.1: after unescaping it
    /// "MUST conform to the 'token' ABNF".
    fn quoted(&mut self) -> Option<Value<'b>> {
        let mut len = 0_usize;
        let mut escaped = false;
        for byte in self.rest {
            match byte {
                b'"' if !escaped => break,
                b'\\' if !escaped => escaped = true,
                _ if is_tchar(*byte) => escaped = false,
                _ => return None,
            }
            len = len.saturating_add(1);
        }
        let raw = self.take(len)?;
        // The value is empty, or the closing quotation mark is missing.
        if raw.is_empty() || !self.eat(b'"') {
            return None;
        }
        Some(Value { raw })
    }

    fn eat(&mut self, byte: u8) -> bool {
        let Some(rest) = self.rest.strip_prefix(&[byte]) else {
            return false;
        };
        self.rest = rest;
        self.skip_whitespace();
        true
    }

    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn skip_whitespace(&mut self) {
        loop {
            self.rest = match self.rest {
                [b' ' | b'\t', rest @ ..] => rest,
                [b'\r', b'\n', rest @ ..] if matches!(rest, [b' ' | b'\t', ..]) => rest,
                _ => return,
            };
        }
    }
}
