//! Extensions and permessage-deflate negotiation: RFC 6455, sections 4.3 and 9; RFC 7692, sections
//! 5 and 7.1.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use barews::handshake::client::{Answer, Handshake};
use barews::handshake::deflate::{
    DeflateConfig, DeflateOffer, DeflateParams, WindowBits, confirm, negotiate,
};
use barews::handshake::extension::{Extension, Malformed, parse};
use barews::handshake::server::{Incoming, Origins, Reader};
use barews::handshake::{Error, Field, Status};

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

fn elements(value: &str) -> Vec<Extension<'_>> {
    parse(value.as_bytes()).map(Result::unwrap).collect()
}

/// `name; param=value` in a form of its own, quotes and escapes gone.
fn plainly(value: &str) -> Result<String, Malformed> {
    let mut text = String::new();
    for element in parse(value.as_bytes()) {
        let element = element?;
        text.push_str(element.name());
        for param in element.params() {
            text += &["|", param.name].concat();
            if let Some(value) = param.value {
                text += &["=", &value.to_string()].concat();
            }
        }
        text.push(' ');
    }
    Ok(text.trim_end().to_owned())
}

/// What a server answers to these offers.
fn served(offers: &str, config: DeflateConfig) -> Option<String> {
    negotiate(elements(offers), &config).map(|answer| answer.to_string())
}

/// What a client makes of this answer.
fn judged(answer: &str, offers: &[DeflateOffer]) -> Option<DeflateParams> {
    confirm(elements(answer).remove(0), offers)
}

fn params(server_reset: bool, client_reset: bool, server: u8, client: u8) -> DeflateParams {
    DeflateParams {
        server_no_context_takeover: server_reset,
        client_no_context_takeover: client_reset,
        server_max_window_bits: bits(server),
        client_max_window_bits: bits(client),
    }
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// The outcome of a whole request with this header value.
fn request(value: &str) -> Result<Option<String>, Error> {
    let head = format!("{REQUEST}Sec-WebSocket-Extensions: {value}\r\n\r\n");
    match Reader::new().read(head.as_bytes())? {
        Status::Complete(Incoming::Upgrade(upgrade)) => {
            let answer = upgrade.negotiate_deflate(&DeflateConfig::new());
            let mut accept = upgrade.accept(Origins::Any).unwrap();
            if let Some(answer) = answer {
                accept = accept.deflate(answer);
            }
            let mut out = [0; 512];
            let len = accept.write(&mut out).unwrap();
            let text = str::from_utf8(&out[..len]).unwrap();
            Ok(text
                .lines()
                .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))
                .map(str::to_owned))
        }
        other => panic!("{other:?}"),
    }
}

/// The outcome of a whole answer with this header value.
fn answer(value: &str, offers: &[DeflateOffer]) -> Result<Option<DeflateParams>, Error> {
    let head = format!("{ANSWER}Sec-WebSocket-Extensions: {value}\r\n\r\n");
    match Handshake::new(*b"the sample nonce", "a", "/")
        .deflate(offers)
        .response(head.as_bytes())?
    {
        Status::Complete(Answer::Established(established)) => Ok(established.deflate()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r4_3_01_a_quoted_value_is_a_token_once_unescaped() {
    let good = [
        (r#"a; b="10""#, "a|b=10"),
        (r#"a; b="\1\0""#, "a|b=10"),
        (r#"a; b="x\-y" , c"#, "a|b=x-y c"),
        (r#"a;b="1";b="\2""#, "a|b=1|b=2"),
    ];
    for (value, expected) in good {
        assert_eq!(plainly(value).as_deref(), Ok(expected));
    }
    let bad = [
        "a; b=",
        r#"a; b=""#,
        r#"a; b="""#,
        r#"a; b="1"#,
        r#"a; b="1\"#,
        r#"a; b="1\""#,
        r#"a; b="1 0""#,
        r#"a; b="1,0""#,
        r#"a; b="\ ""#,
        r#"a; b="\\""#,
        r#"a; b="\\1""#,
        r#"a; b="\"""#,
        r#"a; b="1"0"#,
        r#"a; b=1"0""#,
        r#"a; b="1""0""#,
        "a; b='1 0'",
        "a; b=\"\u{e9}\"",
        "a; b=\"\\\u{e9}\"",
        r#""a""#,
        r#"a; "b""#,
        r"a; b=\1",
    ];
    for value in bad {
        assert_eq!(plainly(value), Err(Malformed), "{value}");
    }
    let value = elements(r#"a; b="\1\0""#)[0].params().next().unwrap().value.unwrap();
    assert!(value == "10" && value != "1" && value != "100" && value.bytes().eq(*b"10"));
    assert_eq!(Some(value), elements("a; b=10")[0].params().next().unwrap().value);
    assert_ne!(Some(value), elements("a; b=11")[0].params().next().unwrap().value);
    assert_eq!(format!("{value} {value:?}"), "10 \"10\"");
}

/// The iterator's work is one step for each byte: its rest only shrinks. Backtracking would not end
/// on these.
#[test]
fn r4_3_01_hostile_lists_take_one_pass() {
    let long = 1 << 20;
    for piece in ["\\c", "\\", " ", "a", "\\\""] {
        assert_eq!(plainly(&format!("a; b=\"{}", piece.repeat(long))), Err(Malformed));
    }
    assert_eq!(parse("a,".repeat(long).as_bytes()).flatten().count(), long);
    assert_eq!(elements(&format!("a{}", ";b=\"\\1\"".repeat(long)))[0].params().count(), long);
    assert!(plainly(&format!("a{}b", " ".repeat(long))).is_err());
}

#[test]
fn r9_1_01_a_broken_list_fails_at_once() {
    let good = [
        ("a", "a"),
        (" a ", "a"),
        ("a,b , c\t,\td", "a b c d"),
        ("a;b", "a|b"),
        ("a ; b = c ;d= \"e\" , f", "a|b=c|d=e f"),
        ("a;b;b", "a|b|b"),
        ("!#$%&'*+-.^_`|~09AZaz", "!#$%&'*+-.^_`|~09AZaz"),
    ];
    for (value, expected) in good {
        assert_eq!(plainly(value).as_deref(), Ok(expected));
        assert!(request(value).is_ok());
    }
    let bad = [
        "", " ", ",", "a,", ",a", "a,,b", "a, ,b", ";", "a;", "a;;b", "a;,b", "=", "a=b", "a;=b",
        "a;b=", "a;b=,c", "a;b=c d", "a b", "a/b", "a;b/c", "a;b=c=d", "(a)", "a;b=[c]", "\u{e9}",
        "a{", "a@", "a:b",
    ];
    let offers = [DeflateOffer::new()];
    for value in bad {
        assert_eq!(plainly(value), Err(Malformed), "{value}");
        assert_eq!(request(value), Err(Error::Invalid(Field::Extensions)), "{value}");
        let first = answer(value, &offers).unwrap_err();
        assert!(
            matches!(first, Error::Invalid(Field::Extensions) | Error::ExtensionNotOffered),
            "{value}"
        );
    }
    // The fault ends the list, and what stood before it was given.
    let mut list = parse(b"a, b c, d");
    assert_eq!(list.next().unwrap().unwrap().name(), "a");
    assert_eq!((list.next().unwrap().unwrap_err(), list.next().is_none()), (Malformed, true));
    for byte in
        (0..=255_u8).filter(|byte| !byte.is_ascii_graphic() && !matches!(byte, b' ' | b'\t'))
    {
        assert!(parse(&[b'a', byte, b'b']).any(|element| element.is_err()), "{byte}");
    }
}

#[test]
fn r9_02_parameters_follow_their_extension() {
    // Grammatical for RFC 6455, and nonsense for RFC 7692: declined by a server, fatal for a
    // client.
    let value = "permessage-deflate; server_max_window_bits=many";
    assert_eq!(request(value), Ok(None));
    assert_eq!(answer(value, &[DeflateOffer::new()]), Err(Error::DeflateParameters));
}

#[test]
fn r9_1_02_unknown_extensions_are_skipped_by_a_server_and_fatal_for_a_client() {
    assert_eq!(request("x-webkit-deflate-frame, constructor; a=b"), Ok(None));
    assert_eq!(request("x; a=b, permessage-deflate").unwrap().unwrap(), "permessage-deflate");
    assert_eq!(answer("constructor", &[DeflateOffer::new()]), Err(Error::ExtensionNotOffered));
    assert_eq!(
        answer("x-webkit-deflate-frame", &[DeflateOffer::new()]),
        Err(Error::ExtensionNotOffered)
    );
}

#[test]
fn r7692_5_01_several_offers_in_order() {
    let offers = [
        DeflateOffer::new()
            .server_no_context_takeover(true)
            .client_no_context_takeover(true)
            .server_max_window_bits(bits(9))
            .client_max_window_bits(Some(bits(10))),
        DeflateOffer::default().client_max_window_bits(None),
    ];
    let mut out = [0; 512];
    let len = Handshake::new([0; 16], "a", "/").deflate(&offers).request(&mut out).unwrap();
    let text = str::from_utf8(&out[..len]).unwrap();
    assert!(text.contains(
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=9; client_max_window_bits=10, permessage-deflate; client_max_window_bits\r\n"
    ));
}

#[test]
fn r7692_5_02_the_first_acceptable_offer_is_taken() {
    let config = DeflateConfig::default();
    assert_eq!(config, DeflateConfig::new());
    let served = |offers| served(offers, config);
    assert_eq!(
        served("permessage-deflate, permessage-deflate; server_no_context_takeover").unwrap(),
        "permessage-deflate"
    );
    assert_eq!(
        served("x, permessage-deflate; y, permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=11, permessage-deflate").unwrap(),
        "permessage-deflate; server_max_window_bits=11"
    );
    assert_eq!(served("x, permessage-deflate; y"), None);
    assert_eq!(served("permessage-bzip2"), None);
    // Over several lines too.
    let head = format!(
        "{REQUEST}Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = Reader::new().read(head.as_bytes())
    else {
        panic!()
    };
    assert_eq!(upgrade.negotiate_deflate(&config).unwrap().params(), DeflateParams::default());
}

#[test]
fn r7692_5_03_an_answer_that_was_not_asked_for_fails() {
    assert_eq!(answer("permessage-deflate", &[]), Err(Error::ExtensionNotOffered));
    assert_eq!(answer("permessage-bzip2", &[DeflateOffer::new()]), Err(Error::ExtensionNotOffered));
    assert_eq!(
        answer("permessage-deflate", &[DeflateOffer::new()]),
        Ok(Some(DeflateParams::default()))
    );
}

#[test]
fn r7692_5_04_an_answer_names_one_extension() {
    let offers = [DeflateOffer::new(), DeflateOffer::new().client_max_window_bits(None)];
    assert_eq!(
        answer("permessage-deflate, permessage-deflate", &offers),
        Err(Error::ExtensionNotOffered)
    );
    assert_eq!(answer("permessage-deflate, x", &offers), Err(Error::ExtensionNotOffered));
    assert_eq!(answer("x, permessage-deflate", &offers), Err(Error::ExtensionNotOffered));
}

/// Elements that no peer may accept: unknown, repeated, without the value that is due, with one
/// that is not.
const INVALID: [&str; 17] = [
    "unknown",
    "unknown=1",
    "Server_no_context_takeover",
    "server_no_context_takeover; server_no_context_takeover",
    "client_no_context_takeover; client_no_context_takeover",
    "server_max_window_bits=10; server_max_window_bits=10",
    "client_max_window_bits=10; client_max_window_bits=10",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=0",
    "client_max_window_bits=16",
    "client_max_window_bits=1000",
    "client_max_window_bits=99999999999999999999999",
    "server_no_context_takeover=1",
    "server_no_context_takeover=true",
    "client_no_context_takeover=\"0\"",
];

#[test]
fn r7692_7_01_an_invalid_offer_is_declined() {
    for invalid in INVALID {
        let offer = format!("permessage-deflate; {invalid}");
        assert_eq!(served(&offer, DeflateConfig::new()), None, "{invalid}");
        assert_eq!(request(&offer), Ok(None), "{invalid}");
        let second = format!("{offer}, permessage-deflate");
        assert_eq!(request(&second).unwrap().unwrap(), "permessage-deflate", "{invalid}");
    }
    assert_eq!(
        served(
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            DeflateConfig::new()
        ),
        None
    );
}

#[test]
fn r7692_7_02_an_invalid_answer_fails() {
    let offers = [DeflateOffer::new().client_max_window_bits(None)];
    for invalid in INVALID {
        assert_eq!(
            answer(&format!("permessage-deflate; {invalid}"), &offers),
            Err(Error::DeflateParameters),
            "{invalid}"
        );
    }
}

#[test]
fn r7692_7_1_1_1_01_the_flag_has_no_value() {
    for value in ["=1", "=0", "=true", "=\"1\"", "=8"] {
        for name in ["server_no_context_takeover", "client_no_context_takeover"] {
            let element = format!("permessage-deflate; {name}{value}");
            assert_eq!(served(&element, DeflateConfig::new()), None);
            assert_eq!(judged(&element, &[DeflateOffer::new()]), None);
        }
    }
}

#[test]
fn r7692_7_1_1_1_02_server_no_context_takeover_is_repeated() {
    let text = "permessage-deflate; server_no_context_takeover";
    assert_eq!(served(text, DeflateConfig::new()).unwrap(), text);
    // Unasked.
    let config = DeflateConfig::new().server_no_context_takeover(true);
    assert_eq!(served("permessage-deflate", config).unwrap(), text);
    assert_eq!(judged(text, &[DeflateOffer::new()]), Some(params(true, false, 15, 15)));
    // Asked for and not repeated.
    assert_eq!(
        judged("permessage-deflate", &[DeflateOffer::new().server_no_context_takeover(true)]),
        None
    );
}

#[test]
fn r7692_7_1_1_1_03_servers_support_it() {
    let offer = elements("permessage-deflate; server_no_context_takeover");
    let answer = negotiate(offer, &DeflateConfig::new()).unwrap();
    assert_eq!(answer.params(), params(true, false, 15, 15));
}

#[test]
fn r7692_7_1_1_2_01_the_clients_promise_binds_it() {
    let offers = [DeflateOffer::new().client_no_context_takeover(true)];
    assert_eq!(judged("permessage-deflate", &offers), Some(params(false, true, 15, 15)));
    // Of several offers that the answer fits, each promise counts.
    let offers = [DeflateOffer::new(), offers[0]];
    assert_eq!(judged("permessage-deflate", &offers), Some(params(false, true, 15, 15)));
    // But not that of one that it does not fit.
    let offers = [DeflateOffer::new(), offers[1].server_max_window_bits(bits(9))];
    assert_eq!(judged("permessage-deflate", &offers), Some(params(false, false, 15, 15)));
    // A server takes the hint and says so.
    let text = "permessage-deflate; client_no_context_takeover";
    assert_eq!(served(text, DeflateConfig::new()).unwrap(), text);
}

#[test]
fn r7692_7_1_1_2_02_clients_support_it_in_an_answer() {
    let text = "permessage-deflate; client_no_context_takeover";
    assert_eq!(judged(text, &[DeflateOffer::new()]), Some(params(false, true, 15, 15)));
    let config = DeflateConfig::new().client_no_context_takeover(true);
    assert_eq!(served("permessage-deflate", config).unwrap(), text);
}

#[test]
fn r7692_7_1_2_1_01_window_bits_are_8_to_15_in_decimal() {
    for number in 0..=255_u8 {
        assert_eq!(
            WindowBits::new(number).map(WindowBits::get),
            (8..=15).contains(&number).then_some(number)
        );
        for text in [format!("{number}"), format!("\"{number}\""), format!("\"\\{number}\"")] {
            let element = format!("permessage-deflate; server_max_window_bits={text}");
            assert_eq!(
                served(&element, DeflateConfig::new()).is_some(),
                (8..=15).contains(&number),
                "{element}"
            );
            assert_eq!(
                judged(&element, &[DeflateOffer::new()]).is_some(),
                (8..=15).contains(&number),
                "{element}"
            );
        }
    }
    for text in ["08", "010", "+8", "8.0", "1e1", "0x8", "-8", "8a", "a8", "1", "150", "\"\\0\\8\""]
    {
        let element = format!("permessage-deflate; server_max_window_bits={text}");
        assert_eq!(served(&element, DeflateConfig::new()), None, "{element}");
        assert_eq!(judged(&element, &[DeflateOffer::new()]), None, "{element}");
    }
    assert_eq!((WindowBits::MIN.get(), WindowBits::MAX.get()), (8, 15));
}

#[test]
fn r7692_7_1_2_1_02_a_server_answers_with_no_more_than_was_offered() {
    for offered in 8..=15 {
        for ours in 8..=15 {
            let offer = format!("permessage-deflate; server_max_window_bits={offered}");
            let config = DeflateConfig::new().server_max_window_bits(bits(ours));
            let answer = negotiate(elements(&offer), &config).unwrap();
            let least = offered.min(ours);
            assert_eq!(
                answer.to_string(),
                format!("permessage-deflate; server_max_window_bits={least}")
            );
            assert_eq!(answer.params(), params(false, false, least, 15));
            // Too small for our compressor: declined.
            let config = DeflateConfig::new().server_min_window_bits(bits(ours));
            assert_eq!(served(&offer, config).is_some(), offered >= ours);
        }
    }
    // Unasked, where it says something.
    let config = DeflateConfig::new().server_max_window_bits(bits(12));
    assert_eq!(
        served("permessage-deflate", config).unwrap(),
        "permessage-deflate; server_max_window_bits=12"
    );
}

#[test]
fn r7692_7_1_2_1_03_a_client_wants_no_more_than_it_offered() {
    for offered in 8..=15 {
        let offers = [DeflateOffer::new().server_max_window_bits(bits(offered))];
        assert_eq!(judged("permessage-deflate", &offers), None);
        for answered in 8..=15 {
            let element = format!("permessage-deflate; server_max_window_bits={answered}");
            let expected = (answered <= offered).then(|| params(false, false, answered, 15));
            assert_eq!(judged(&element, &offers), expected);
        }
    }
}

#[test]
fn r7692_7_1_2_1_04_a_client_takes_it_unasked() {
    for answered in 8..=15 {
        let element = format!("permessage-deflate; server_max_window_bits={answered}");
        assert_eq!(
            judged(&element, &[DeflateOffer::new()]),
            Some(params(false, false, answered, 15))
        );
    }
}

#[test]
fn r7692_7_1_2_2_01_client_window_with_and_without_a_value() {
    let config = DeflateConfig::new().client_max_window_bits(bits(12));
    let nine = served("permessage-deflate; client_max_window_bits=9", config);
    assert_eq!(nine.unwrap(), "permessage-deflate; client_max_window_bits=9");
    let any = served("permessage-deflate; client_max_window_bits", config);
    assert_eq!(any.unwrap(), "permessage-deflate; client_max_window_bits=12");
    for text in ["7", "16", "08", "x"] {
        assert_eq!(
            served(&format!("permessage-deflate; client_max_window_bits={text}"), config),
            None
        );
    }
    // Where nothing needs to be limited, nothing is said.
    let any = served("permessage-deflate; client_max_window_bits", DeflateConfig::new());
    assert_eq!(any.unwrap(), "permessage-deflate");
}

#[test]
fn r7692_7_1_2_2_02_not_offered_is_not_answered() {
    // A server that cannot inflate the full window has nothing to hold such a client by.
    for ours in 8..=15 {
        let config = DeflateConfig::new().client_max_window_bits(bits(ours));
        let answer = served("permessage-deflate", config);
        assert_eq!(answer.as_deref(), (ours == 15).then_some("permessage-deflate"));
    }
}

#[test]
fn r7692_7_1_2_2_03_an_answer_has_a_value_within_the_offer() {
    let any = [DeflateOffer::new().client_max_window_bits(None)];
    assert_eq!(judged("permessage-deflate; client_max_window_bits", &any), None);
    for answered in 8..=15 {
        let element = format!("permessage-deflate; client_max_window_bits={answered}");
        assert_eq!(judged(&element, &[DeflateOffer::new()]), None);
        assert_eq!(judged(&element, &any), Some(params(false, false, 15, answered)));
        for offered in 8..=15 {
            let offers = [DeflateOffer::new().client_max_window_bits(Some(bits(offered)))];
            let expected = (answered <= offered).then(|| params(false, false, 15, answered));
            assert_eq!(judged(&element, &offers), expected);
        }
    }
}

#[test]
fn r7692_7_1_2_2_04_the_clients_window_is_what_was_answered_or_promised() {
    let offers = [DeflateOffer::new().client_max_window_bits(Some(bits(12)))];
    let judged = |element| judged(element, &offers).unwrap().client_max_window_bits.get();
    assert_eq!(judged("permessage-deflate; client_max_window_bits=10"), 10);
    assert_eq!(judged("permessage-deflate"), 12);
}

/// The offers and answers of RFC 7692, section 7.1.3.
#[test]
fn r7692_7_1_3_01_the_examples_of_the_rfc() {
    assert_eq!(served("permessage-deflate", DeflateConfig::new()).unwrap(), "permessage-deflate");
    let one = "permessage-deflate; client_max_window_bits; server_max_window_bits=10";
    let two = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits";
    assert_eq!(
        served(one, DeflateConfig::new()).unwrap(),
        "permessage-deflate; server_max_window_bits=10"
    );
    assert_eq!(
        served(two, DeflateConfig::new()).unwrap(),
        "permessage-deflate; server_max_window_bits=10"
    );
    let cannot = DeflateConfig::new().server_min_window_bits(bits(11));
    assert_eq!(served(one, cannot), None);
    assert_eq!(served(two, cannot).unwrap(), "permessage-deflate");
    let first = DeflateOffer::new().client_max_window_bits(None).server_max_window_bits(bits(10));
    let offers = [first, DeflateOffer::new().client_max_window_bits(None)];
    assert_eq!(
        judged("permessage-deflate; server_max_window_bits=10", &offers),
        Some(params(false, false, 10, 15))
    );
    assert_eq!(judged("permessage-deflate", &offers), Some(DeflateParams::default()));
}

/// Each answer that a server can give to each offer is one that the client takes, and both see the
/// same parameters.
#[test]
fn every_offer_and_every_configuration_agree() {
    let sizes = [None, Some(8), Some(11), Some(15)];
    let flags = [(false, false), (false, true), (true, false), (true, true)];
    let mut agreed = 0;
    for (server_reset, client_reset) in flags {
        for server in sizes {
            for client in [None, Some(None), Some(Some(8)), Some(Some(11)), Some(Some(15))] {
                let mut offer = DeflateOffer::new()
                    .server_no_context_takeover(server_reset)
                    .client_no_context_takeover(client_reset);
                if let Some(size) = server {
                    offer = offer.server_max_window_bits(bits(size));
                }
                if let Some(size) = client {
                    offer = offer.client_max_window_bits(size.map(bits));
                }
                for (server_reset, client_reset) in flags {
                    for ours in 8..=15 {
                        let config = DeflateConfig::new()
                            .server_no_context_takeover(server_reset)
                            .client_no_context_takeover(client_reset)
                            .server_max_window_bits(bits(ours))
                            .client_max_window_bits(bits(23 - ours));
                        let text = offer.to_string();
                        let Some(answer) = negotiate(elements(&text), &config) else { continue };
                        let params = judged(&answer.to_string(), &[offer]);
                        assert_eq!(params, Some(answer.params()), "{text} / {answer}");
                        agreed += 1;
                    }
                }
            }
        }
    }
    assert_eq!(agreed, 4 * 4 * 4 * (4 * 8 + 1));
}
