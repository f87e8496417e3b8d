//! `Sec-WebSocket-Extensions` (RFC 6455, section 9.1): extensions, their parameters, and quoted
//! values.
//!
//! ```text
//! list      = extension *( "," extension )
//! extension = token *( ";" token [ "=" ( token / quoted ) ] )
//! ```
//!
//! One pass from left to right that never goes back: every byte belongs to exactly one token,
//! separator or quoted value at the moment when it is seen. Spaces and tabs may stand around any
//! separator, since section 9.1 takes over the implied whitespace of RFC 2616. Empty elements are
//! refused.

use core::fmt;

use super::http::grammar::is_tchar;

/// A field value breaks the grammar of RFC 6455, section 9.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the grammar is one thing, and there is nothing to add"
)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed list of extensions")
    }
}

impl core::error::Error for Malformed {}

/// Reads one field value. Where a request has several lines, their elements follow one another in
/// order.
#[must_use]
pub const fn parse(value: &[u8]) -> Extensions<'_> {
    Extensions { next: Some(ElementParser { rest: value }) }
}

/// The extensions in one field value, in order of preference. It ends after the first error.
#[derive(Clone, Debug)]
pub struct Extensions<'b> {
    /// `None` after the last element and after a fault.
    next: Option<ElementParser<'b>>,
}

impl<'b> Iterator for Extensions<'b> {
    type Item = Result<Extension<'b>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut cursor = self.next.take()?;
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

/// One element of the list.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'b> {
    name: &'b str,
    /// From the first `;` on, already checked.
    params: &'b [u8],
}

impl<'b> Extension<'b> {
    /// The extension's token. Registered names are compared exactly.
    #[must_use]
    pub const fn name(&self) -> &'b str {
        self.name
    }

    /// The parameters, in order, repeated ones included.
    #[must_use]
    pub const fn params(&self) -> Params<'b> {
        Params { cursor: ElementParser { rest: self.params } }
    }
}

/// The parameters of one [`Extension`].
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

/// One parameter of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Param<'b> {
    /// The parameter's token.
    pub name: &'b str,
    /// What follows the `=`, if there is one.
    pub value: Option<Value<'b>>,
}

/// The value of a parameter: a token, whether it was quoted or not.
///
/// Backslashes are left out while reading, so two values are equal if they mean the same.
#[derive(Clone, Copy)]
pub struct Value<'b> {
    /// Without the quotation marks, with the backslashes.
    raw: &'b [u8],
}

impl<'b> Value<'b> {
    /// The bytes of the token: one or more, all ASCII, no backslash among them.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        // A backslash is no token character, so none can be the escaped one.
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

/// What is left of a field value. Each method takes what it names off the front, with the
/// whitespace behind it.
#[derive(Clone, Copy, Debug)]
struct ElementParser<'b> {
    rest: &'b [u8],
}

impl<'b> ElementParser<'b> {
    /// An element and all its parameters. What stands behind it is the caller's to judge.
    fn extension(&mut self) -> Option<Extension<'b>> {
        self.skip_whitespace();
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

    /// A quoted value behind its opening mark. 9.1: after unescaping it "MUST conform to the
    /// 'token' ABNF".
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
        // No closing mark, or nothing before it.
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
        while let Some((b' ' | b'\t', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }
}
