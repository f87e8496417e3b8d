//! Extension lists and permessage-deflate negotiation: parsing, answers and confirmation match a
//! simple model, and both sides get the same parameters.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::{
    DeflateConfig, DeflateOffer, DeflateParams, WindowBits, confirm, negotiate,
};
use barews::handshake::extension::{self, Extension};
use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::handshake::{Error, Field, Status};
use barews_fuzz::extensions::{self, Element, Params, Willing};
use libfuzzer_sys::fuzz_target;

/// An offer of our client.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Offer {
    resets: u8,
    server: u8,
    client: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Config {
    resets: u8,
    server: u8,
    client: u8,
}

fuzz_target!(|data: &[u8]| {
    let _ = check(&mut Unstructured::new(data));
});

/// The first byte selects the value: raw bytes, elements that are mostly valid, or our own offers.
fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let how = u8::arbitrary(u)?;
    let (config, willing) = config(Config::arbitrary(u)?);
    let mut offers = Vec::new();
    for _ in 0..how >> 4 & 3 {
        offers.push(Offer::arbitrary(u)?);
    }
    let ours: Vec<_> = offers.iter().map(|offer| offer.made()).collect();
    match how % 4 {
        0 => list(u.bytes(u.len())?, &ours, config, &willing, how),
        1 | 2 => {
            let mut value = Vec::new();
            while !u.is_empty() && value.len() < 600 {
                element(u, &mut value)?;
            }
            list(&value, &ours, config, &willing, how);
        }
        _ => {
            let texts: Vec<_> = ours.iter().map(ToString::to_string).collect();
            list(texts.join(", ").as_bytes(), &ours, config, &willing, how);
        }
    }
    Ok(())
}

/// Reads the value both as the offers of a client and as the answer of a server to `ours`.
fn list(value: &[u8], ours: &[DeflateOffer], config: DeflateConfig, willing: &Willing, how: u8) {
    let (elements, sound) = extensions::parse(value);
    let mut read = extension::parse(value);
    for element in &elements {
        let read = read.next().expect("too few elements").expect("a valid element was rejected");
        assert_eq!(text(&read), *element);
        same_verdict(element, read, ours);
    }
    assert_eq!(read.next().map(|next| next.is_err()), (!sound).then_some(true));
    assert!(read.next().is_none(), "an element after the error");

    let here = || extension::parse(value).flatten();
    let answer = negotiate(here(), &config);
    let answer_text = answer.map(|answer| answer.to_string());
    assert_eq!(answer_text, extensions::answer(&elements, willing));
    if let (Some(answer), Some(text)) = (answer, &answer_text) {
        let said = only(text);
        let fits = |offer: &Element| {
            Params::of(offer).is_some_and(|offer| Params::of(&said).unwrap().answers(&offer))
        };
        assert!(elements.iter().any(fits), "the answer matches no offer");
        let params = answer.params();
        assert_eq!(
            bits(params.server_max_window_bits),
            Params::of(&said).unwrap().server_bits.unwrap_or(15)
        );
        if how % 4 == 3 {
            agree(text, params, ours);
        }
    }
    // A whole handshake is slower than all of the above, so do it for few inputs.
    if how & 0xC0 == 0 && !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        request(value, &elements, sound, &config, answer_text.as_deref());
        answered(value, &elements, sound, ours);
    }
}

/// Our client accepts our server's answer to its offers.
fn agree(answer: &str, served: DeflateParams, ours: &[DeflateOffer]) {
    let element = extension::parse(answer.as_bytes()).next().unwrap().unwrap();
    let confirmed = confirm(element, ours).expect("the client rejects the answer");
    // The client keeps the promises of every offer that matches, so its side may be stricter.
    assert_eq!(confirmed.server(), served.server());
    assert!(confirmed.client_no_context_takeover || !served.client_no_context_takeover);
    assert!(confirmed.client_max_window_bits <= served.client_max_window_bits);
}

/// An answer is accepted if it matches an offer, with the promises of all offers that it matches.
fn same_verdict(element: &Element, read: Extension<'_>, ours: &[DeflateOffer]) {
    let confirmed = confirm(read, ours).map(|params| {
        (
            (params.server_no_context_takeover, bits(params.server_max_window_bits)),
            (params.client_no_context_takeover, bits(params.client_max_window_bits)),
        )
    });
    let expected = Params::of(element).and_then(|answer| {
        let offers = ours.iter().map(|offer| Params::of(&only(&offer.to_string())).unwrap());
        let fitting: Vec<_> = offers.filter(|offer| answer.answers(offer)).collect();
        let all = || fitting.iter().chain([&answer]);
        let client = all().filter_map(|params| params.client_bits.flatten()).min();
        (!fitting.is_empty()).then(|| {
            (
                (answer.server_reset, answer.server_bits.unwrap_or(15)),
                (all().any(|params| params.client_reset), client.unwrap_or(15)),
            )
        })
    });
    assert_eq!(confirmed, expected);
}

/// Puts the value into a request: the response has the answer, or the request is rejected.
fn request(
    value: &[u8],
    elements: &[Element],
    sound: bool,
    config: &DeflateConfig,
    answer: Option<&str>,
) {
    let head = [
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Extensions: ",
        value,
        b"\r\n\r\n",
    ]
    .concat();
    let mut reader = RequestReader::new();
    let upgrade = match reader.read(&head) {
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => upgrade,
        Err(Error::Invalid(Field::Extensions)) => return assert!(!sound || elements.is_empty()),
        other => panic!("{other:?}"),
    };
    assert!(sound && !elements.is_empty());
    let mut accept = upgrade.accept(Origins::Any).unwrap();
    if let Some(answer) = upgrade.negotiate_deflate(config) {
        accept = accept.deflate(answer);
    }
    let mut out = [0; 512];
    let len = accept.write(&mut out).expect("the answer matches no offer");
    let written = std::str::from_utf8(&out[..len]).unwrap();
    let mut lines =
        written.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    assert_eq!((lines.next(), lines.next()), (answer, None));
}

/// Puts the value into a response: it has one element that matches an offer, or the handshake
/// fails.
fn answered(value: &[u8], elements: &[Element], sound: bool, ours: &[DeflateOffer]) {
    let head = [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: ",
        value,
        b"\r\n\r\n",
    ]
    .concat();
    let mut handshake = Handshake::new(*b"the sample nonce", "a", "/").deflate(ours);
    match handshake.read_response(&head) {
        Ok(Status::Complete(Response::Accepted(accepted))) => {
            assert!(sound && elements.len() == 1);
            let one = extension::parse(value).next().unwrap().unwrap();
            assert!(accepted.deflate().is_some());
            assert_eq!(accepted.deflate(), confirm(one, ours));
        }
        Err(Error::Invalid(Field::Extensions)) => assert!(!sound || elements.is_empty()),
        Err(Error::ExtensionNotOffered | Error::DeflateParameters) => {
            let one = elements.len() == 1 && sound;
            let taken =
                one && extension::parse(value).flatten().any(|one| confirm(one, ours).is_some());
            assert!(!taken);
        }
        other => panic!("{other:?}"),
    }
}

fn text(read: &Extension<'_>) -> Element {
    let params = read
        .params()
        .map(|param| (param.name.to_owned(), param.value.map(|value| value.to_string())));
    (read.name().to_owned(), params.collect())
}

/// The only element in a text that we wrote.
fn only(text: &str) -> Element {
    let (mut elements, sound) = extensions::parse(text.as_bytes());
    assert!(sound && elements.len() == 1, "{text}");
    elements.remove(0)
}

fn bits(bits: WindowBits) -> u8 {
    bits.get()
}

fn window(any: u8) -> WindowBits {
    WindowBits::new(8 + any % 8).unwrap()
}

impl Offer {
    fn made(self) -> DeflateOffer {
        let mut offer = DeflateOffer::new()
            .server_no_context_takeover(self.resets & 1 != 0)
            .client_no_context_takeover(self.resets & 2 != 0);
        if self.server % 16 < 8 {
            offer = offer.server_max_window_bits(window(self.server));
        }
        match self.client % 32 {
            any @ ..8 => offer.client_max_window_bits(Some(window(any))),
            8..16 => offer.client_max_window_bits(None),
            _ => offer,
        }
    }
}

fn config(any: Config) -> (DeflateConfig, Willing) {
    // The smallest window must not be larger than the largest one.
    let most = if any.server & 0x40 == 0 { 15 } else { 8 + any.server % 8 };
    let least = if any.server & 0x80 == 0 { 8 } else { (8 + (any.server >> 3) % 8).min(most) };
    let client = if any.client & 0x40 == 0 { 15 } else { 8 + any.client % 8 };
    let willing = Willing {
        server_reset: any.resets & 0x41 == 0x41,
        client_reset: any.resets & 0x82 == 0x82,
        server_bits: (least, most),
        client_bits: client,
    };
    let config = DeflateConfig::new()
        .server_no_context_takeover(willing.server_reset)
        .client_no_context_takeover(willing.client_reset)
        .server_min_window_bits(WindowBits::new(least).unwrap())
        .server_max_window_bits(WindowBits::new(most).unwrap())
        .client_max_window_bits(WindowBits::new(client).unwrap());
    (config, willing)
}

/// Appends an element that is mostly valid, with spaces, quotes and escapes.
fn element(u: &mut Unstructured<'_>, value: &mut Vec<u8>) -> arbitrary::Result<()> {
    const PARAMS: [&[u8]; 8] = [
        b"server_no_context_takeover",
        b"client_no_context_takeover",
        b"server_max_window_bits",
        b"client_max_window_bits",
        b"server_max_window_bits",
        b"client_max_window_bits",
        b"x",
        b"Server_max_window_bits",
    ];
    let how = u8::arbitrary(u)?;
    if !value.is_empty() {
        value.extend(if how & 1 == 0 { &b", "[..] } else { b"\t," });
    }
    value.extend(if how & 0x0E == 0x0E { &b"x-deflate"[..] } else { b"permessage-deflate" });
    for _ in 0..how >> 4 & 3 {
        let [name, form] = <[u8; 2]>::arbitrary(u)?;
        value.extend(if name & 0x40 == 0 { &b"; "[..] } else { b" ;" });
        value.extend(PARAMS[usize::from(name % 8)]);
        let number = (u32::from(form % 16) + 4).to_string();
        match form >> 4 {
            0..4 if name & 2 == 0 => {}
            0..7 => value.extend([b"=", number.as_bytes()].concat()),
            7 | 8 => value.extend([b"=\"", number.as_bytes(), b"\""].concat()),
            9 => value.extend([b" = \"\\", number.as_bytes(), b"\" "].concat()),
            10 => value.extend([b"=0", number.as_bytes()].concat()),
            11 => value.extend([b"=\"", number.as_bytes()].concat()),
            12 => value.extend(u.bytes(usize::from(form % 4).min(u.len()))?),
            13 => {
                let some = u.bytes(usize::from(form % 4).min(u.len()))?;
                value.extend(b"=\"");
                value.extend(some.iter().map(|any| match any % 16 {
                    near @ ..8 => b"1\\\" \t,;="[usize::from(near)],
                    _ => *any,
                }));
                value.push(b'"');
            }
            _ => {}
        }
    }
    if how >= 0xF0 {
        value.push(u8::arbitrary(u)?);
    }
    Ok(())
}
