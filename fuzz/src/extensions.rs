//! A simple model of `Sec-WebSocket-Extensions` and permessage-deflate negotiation: the value is
//! split into lexemes, then parsed; the answer is found by trying all window sizes, largest first.

/// An extension's name and its parameters.
pub type Element = (String, Vec<(String, Option<String>)>);

#[derive(Clone, Debug, PartialEq)]
enum Lexeme {
    Token(String),
    Quoted(String),
    Separator(u8),
    /// A syntax error; parsing ends here.
    Wrong,
}

/// The elements before the first syntax error, and whether there is no error. Empty elements are
/// ignored.
pub fn parse(value: &[u8]) -> (Vec<Element>, bool) {
    let mut elements = Vec::new();
    for part in lexemes(value).split(|lexeme| *lexeme == Lexeme::Separator(b',')) {
        if part.is_empty() {
            continue;
        }
        let Some(element) = element(part) else { return (elements, false) };
        elements.push(element);
    }
    (elements, true)
}

/// RFC 7230 §3.2.6.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn lexemes(value: &[u8]) -> Vec<Lexeme> {
    let (mut lexemes, mut at) = (Vec::new(), 0);
    while let Some(&byte) = value.get(at) {
        let len = match byte {
            b' ' | b'\t' => 1,
            // A folded line (RFC 9112 §5.2).
            b'\r' if matches!(value[at..], [_, b'\n', b' ' | b'\t', ..]) => 3,
            b',' | b';' | b'=' => {
                lexemes.push(Lexeme::Separator(byte));
                1
            }
            b'"' => match quoted(&value[at + 1..]) {
                Some((text, len)) => {
                    lexemes.push(Lexeme::Quoted(text));
                    len + 1
                }
                None => {
                    lexemes.push(Lexeme::Wrong);
                    return lexemes;
                }
            },
            _ if is_tchar(byte) => {
                let end = value[at..].iter().position(|byte| !is_tchar(*byte));
                let token = &value[at..end.map_or(value.len(), |end| at + end)];
                lexemes.push(Lexeme::Token(String::from_utf8(token.to_vec()).unwrap()));
                token.len()
            }
            _ => {
                lexemes.push(Lexeme::Wrong);
                return lexemes;
            }
        };
        at += len;
    }
    lexemes
}

/// Parses a quoted value after its opening quote. The length includes the closing quote. RFC 6455
/// §9.1: after unescaping it "MUST conform to the 'token' ABNF".
fn quoted(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut text, mut at) = (String::new(), 0);
    loop {
        let byte = match *bytes.get(at)? {
            b'"' => return (!text.is_empty()).then_some((text, at + 1)),
            b'\\' => {
                at += 1;
                *bytes.get(at)?
            }
            byte => byte,
        };
        if !is_tchar(byte) {
            return None;
        }
        text.push(char::from(byte));
        at += 1;
    }
}

fn element(lexemes: &[Lexeme]) -> Option<Element> {
    let mut parts = lexemes.split(|lexeme| *lexeme == Lexeme::Separator(b';'));
    let [Lexeme::Token(name)] = parts.next()? else { return None };
    let params = parts.map(|part| match part {
        [Lexeme::Token(name)] => Some((name.clone(), None)),
        [
            Lexeme::Token(name),
            Lexeme::Separator(b'='),
            Lexeme::Token(value) | Lexeme::Quoted(value),
        ] => Some((name.clone(), Some(value.clone()))),
        _ => None,
    });
    Some((name.clone(), params.collect::<Option<_>>()?))
}

/// The parameters of an offer or an answer (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Params {
    pub server_reset: bool,
    pub client_reset: bool,
    pub server_bits: Option<u8>,
    /// `Some(None)` without a value.
    pub client_bits: Option<Option<u8>>,
}

impl Params {
    /// `None` if the element is another extension, or violates RFC 7692 §7.1.
    pub fn of((name, params): &Element) -> Option<Self> {
        let mut names: Vec<_> = params.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        if name != "permessage-deflate" || names.len() < params.len() {
            return None;
        }
        let mut all = Self::default();
        for (name, value) in params {
            match (name.as_str(), value) {
                ("server_no_context_takeover", None) => all.server_reset = true,
                ("client_no_context_takeover", None) => all.client_reset = true,
                ("server_max_window_bits", Some(value)) => all.server_bits = Some(bits(value)?),
                ("client_max_window_bits", None) => all.client_bits = Some(None),
                ("client_max_window_bits", Some(value)) => {
                    all.client_bits = Some(Some(bits(value)?));
                }
                _ => return None,
            }
        }
        Some(all)
    }

    /// Whether this is a valid answer to `offer`.
    pub fn answers(&self, offer: &Self) -> bool {
        // §7.1.1.1: a server "accepts" the parameter "by including" it. It may include it
        // unoffered.
        let reset = self.server_reset || !offer.server_reset;
        // §7.1.2.1: accepted "by including" it "with the same or smaller value". It may be included
        // unoffered, and the default may be left out.
        let server = offer.server_bits.is_none()
            || (8..=offer.server_bits.unwrap_or(15)).contains(&self.server_bits.unwrap_or(15));
        // §7.1.2.2: only in an answer if it was offered, and then with a value.
        let client = self.client_bits.is_none()
            || offer.client_bits.is_some_and(|most| {
                (8..=most.unwrap_or(15)).any(|bits| self.client_bits == Some(Some(bits)))
            });
        reset && server && client
    }
}

fn bits(value: &str) -> Option<u8> {
    let all = ["8", "9", "10", "11", "12", "13", "14", "15"];
    (8..).zip(all).find(|(_, text)| *text == value).map(|(bits, _)| bits)
}

/// The configuration of a server.
#[derive(Clone, Copy, Debug)]
pub struct Willing {
    pub server_reset: bool,
    pub client_reset: bool,
    /// The smallest and the largest window with which it compresses.
    pub server_bits: (u8, u8),
    /// The largest window with which it inflates.
    pub client_bits: u8,
}

/// The answer to the first acceptable offer, with the largest possible windows.
pub fn answer(offers: &[Element], willing: &Willing) -> Option<String> {
    offers.iter().filter_map(Params::of).find_map(|offer| answer_to(&offer, willing))
}

fn answer_to(offer: &Params, willing: &Willing) -> Option<String> {
    let windows =
        (8..=15).rev().flat_map(|server| (8..=15).rev().map(move |client| (server, client)));
    let (server, client) = windows.into_iter().find(|(server, client)| {
        let able = (willing.server_bits.0..=willing.server_bits.1).contains(server);
        let asked = offer.server_bits.is_none_or(|most| *server <= most);
        // A client that does not offer the parameter cannot be given a limit.
        let bound = match offer.client_bits {
            None => *client == 15,
            Some(most) => *client <= most.unwrap_or(15),
        };
        able && asked && bound && *client <= willing.client_bits
    })?;
    let mut text = "permessage-deflate".to_owned();
    if willing.server_reset || offer.server_reset {
        text += "; server_no_context_takeover";
    }
    if willing.client_reset || offer.client_reset {
        text += "; client_no_context_takeover";
    }
    if offer.server_bits.is_some() || server < 15 {
        text += &format!("; server_max_window_bits={server}");
    }
    if client < 15 {
        text += &format!("; client_max_window_bits={client}");
    }
    Some(text)
}
