//! The list in a `Sec-WebSocket-Extensions` field: its grammar (RFC 6455 §9.1) and unknown
//! extensions.

use barews::handshake::deflate::DeflateOffer;
use barews::handshake::extension::{Malformed, parse};
use barews::handshake::{Error, Field};

use super::{elements, request, response};

/// The list as `name|param=value`, without quotes and escapes.
fn normalized(value: &str) -> Result<String, Malformed> {
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

#[test]
fn r4_3_01_a_quoted_value_is_a_token_once_unescaped() {
    let good = [
        (r#"a; b="10""#, "a|b=10"),
        (r#"a; b="\1\0""#, "a|b=10"),
        (r#"a; b="x\-y" , c"#, "a|b=x-y c"),
        (r#"a;b="1";b="\2""#, "a|b=1|b=2"),
    ];
    for (value, expected) in good {
        assert_eq!(normalized(value).as_deref(), Ok(expected));
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
        assert_eq!(normalized(value), Err(Malformed), "{value}");
    }
    let value = elements(r#"a; b="\1\0""#)[0].params().next().unwrap().value.unwrap();
    assert!(value == "10" && value != "1" && value != "100" && value.bytes().eq(*b"10"));
    assert_eq!(Some(value), elements("a; b=10")[0].params().next().unwrap().value);
    assert_ne!(Some(value), elements("a; b=11")[0].params().next().unwrap().value);
    assert_eq!(format!("{value} {value:?}"), "10 \"10\"");
}

/// The iterator takes one step per byte. A parser that backtracks would not finish on these lists.
#[test]
fn r4_3_01_hostile_lists_take_one_pass() {
    let long = 1 << 20;
    for piece in ["\\c", "\\", " ", "a", "\\\""] {
        assert_eq!(normalized(&format!("a; b=\"{}", piece.repeat(long))), Err(Malformed));
    }
    assert_eq!(parse("a,".repeat(long).as_bytes()).flatten().count(), long);
    assert_eq!(elements(&format!("a{}", ";b=\"\\1\"".repeat(long)))[0].params().count(), long);
    assert!(normalized(&format!("a{}b", " ".repeat(long))).is_err());
}

#[test]
fn r9_1_01_an_invalid_list_fails() {
    let good = [
        ("a", "a"),
        (" a ", "a"),
        ("a,b , c\t,\td", "a b c d"),
        ("a;b", "a|b"),
        ("a ; b = c ;d= \"e\" , f", "a|b=c|d=e f"),
        ("a;b;b", "a|b|b"),
        ("!#$%&'*+-.^_`|~09AZaz", "!#$%&'*+-.^_`|~09AZaz"),
        ("a,", "a"),
        (",a", "a"),
        (" ,\t, a , ,b,", "a b"),
        ("a,,b", "a b"),
        ("a, ,b", "a b"),
    ];
    for (value, expected) in good {
        assert_eq!(normalized(value).as_deref(), Ok(expected));
        assert!(request(value).is_ok());
    }
    for value in ["", " ", ",", " ,\t,"] {
        assert_eq!(normalized(value).as_deref(), Ok(""), "{value}");
        assert_eq!(request(value), Err(Error::Invalid(Field::Extensions)), "{value}");
    }
    let bad = [
        ";", "a;", ",;", "a,;", "a;;b", "a;,b", "=", "a=b", "a;=b", "a;b=", "a;b=,c", "a;b=c d",
        "a b", "a/b", "a;b/c", "a;b=c=d", "(a)", "a;b=[c]", "\u{e9}", "a{", "a@", "a:b",
    ];
    let offers = [DeflateOffer::new()];
    for value in bad {
        assert_eq!(normalized(value), Err(Malformed), "{value}");
        assert_eq!(request(value), Err(Error::Invalid(Field::Extensions)), "{value}");
        let first = response(value, &offers).unwrap_err();
        assert!(
            matches!(first, Error::Invalid(Field::Extensions) | Error::ExtensionNotOffered),
            "{value}"
        );
    }
    // The iterator yields the elements before the error, then the error, and ends.
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
    // Valid in RFC 6455, but not in RFC 7692: a server declines it, a client fails.
    let value = "permessage-deflate; server_max_window_bits=many";
    assert_eq!(request(value), Ok(None));
    assert_eq!(response(value, &[DeflateOffer::new()]), Err(Error::DeflateParameters));
}

#[test]
fn r9_1_02_unknown_extensions_are_skipped_by_a_server_and_fatal_for_a_client() {
    assert_eq!(request("x-webkit-deflate-frame, constructor; a=b"), Ok(None));
    assert_eq!(request("x; a=b, permessage-deflate").unwrap().unwrap(), "permessage-deflate");
    assert_eq!(response("constructor", &[DeflateOffer::new()]), Err(Error::ExtensionNotOffered));
    assert_eq!(
        response("x-webkit-deflate-frame", &[DeflateOffer::new()]),
        Err(Error::ExtensionNotOffered)
    );
}
