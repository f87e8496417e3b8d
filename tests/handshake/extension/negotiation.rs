//! Offers of permessage-deflate and the answers to them: which are accepted, declined or fatal, and
//! that both sides agree.

use barews::handshake::client::Handshake;
use barews::handshake::deflate::{DeflateConfig, DeflateOffer, DeflateParams, negotiate};
use barews::handshake::server::{Incoming, RequestReader};
use barews::handshake::{Error, Status};

use super::{REQUEST, bits, confirmed, elements, negotiated, params, request, response};

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
    let len = Handshake::new([0; 16], "a", "/").deflate(&offers).write_request(&mut out).unwrap();
    let text = str::from_utf8(&out[..len]).unwrap();
    assert!(text.contains(
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=9; client_max_window_bits=10, permessage-deflate; client_max_window_bits\r\n"
    ));
}

#[test]
fn r7692_5_02_the_first_acceptable_offer_is_accepted() {
    let config = DeflateConfig::default();
    assert_eq!(config, DeflateConfig::new());
    let negotiated = |offers| negotiated(offers, config);
    assert_eq!(
        negotiated("permessage-deflate, permessage-deflate; server_no_context_takeover").unwrap(),
        "permessage-deflate"
    );
    assert_eq!(
        negotiated("x, permessage-deflate; y, permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=11, permessage-deflate").unwrap(),
        "permessage-deflate; server_max_window_bits=11"
    );
    assert_eq!(negotiated("x, permessage-deflate; y"), None);
    assert_eq!(negotiated("permessage-bzip2"), None);
    // The same for offers in several fields.
    let head = format!(
        "{REQUEST}Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) =
        RequestReader::new().read(head.as_bytes())
    else {
        panic!()
    };
    assert_eq!(upgrade.negotiate_deflate(&config).unwrap().params(), DeflateParams::default());
}

#[test]
fn r7692_5_03_an_answer_without_an_offer_fails() {
    assert_eq!(response("permessage-deflate", &[]), Err(Error::ExtensionNotOffered));
    assert_eq!(
        response("permessage-bzip2", &[DeflateOffer::new()]),
        Err(Error::ExtensionNotOffered)
    );
    assert_eq!(
        response("permessage-deflate", &[DeflateOffer::new()]),
        Ok(Some(DeflateParams::default()))
    );
}

#[test]
fn r7692_5_04_an_answer_names_one_extension() {
    let offers = [DeflateOffer::new(), DeflateOffer::new().client_max_window_bits(None)];
    assert_eq!(
        response("permessage-deflate, permessage-deflate", &offers),
        Err(Error::ExtensionNotOffered)
    );
    assert_eq!(response("permessage-deflate, x", &offers), Err(Error::ExtensionNotOffered));
    assert_eq!(response("x, permessage-deflate", &offers), Err(Error::ExtensionNotOffered));
}

/// Parameters that no peer may accept: unknown, repeated, without a required value, with an invalid
/// or forbidden one.
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
        assert_eq!(negotiated(&offer, DeflateConfig::new()), None, "{invalid}");
        assert_eq!(request(&offer), Ok(None), "{invalid}");
        let second = format!("{offer}, permessage-deflate");
        assert_eq!(request(&second).unwrap().unwrap(), "permessage-deflate", "{invalid}");
    }
    assert_eq!(
        negotiated(
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
            response(&format!("permessage-deflate; {invalid}"), &offers),
            Err(Error::DeflateParameters),
            "{invalid}"
        );
    }
}

/// The offers and answers of RFC 7692 §7.1.3.
#[test]
fn r7692_7_1_3_01_the_examples_of_the_rfc() {
    assert_eq!(
        negotiated("permessage-deflate", DeflateConfig::new()).unwrap(),
        "permessage-deflate"
    );
    let one = "permessage-deflate; client_max_window_bits; server_max_window_bits=10";
    let two = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits";
    assert_eq!(
        negotiated(one, DeflateConfig::new()).unwrap(),
        "permessage-deflate; server_max_window_bits=10"
    );
    assert_eq!(
        negotiated(two, DeflateConfig::new()).unwrap(),
        "permessage-deflate; server_max_window_bits=10"
    );
    let cannot = DeflateConfig::new().server_min_window_bits(bits(11));
    assert_eq!(negotiated(one, cannot), None);
    assert_eq!(negotiated(two, cannot).unwrap(), "permessage-deflate");
    let first = DeflateOffer::new().client_max_window_bits(None).server_max_window_bits(bits(10));
    let offers = [first, DeflateOffer::new().client_max_window_bits(None)];
    assert_eq!(
        confirmed("permessage-deflate; server_max_window_bits=10", &offers),
        Some(params(false, false, 10, 15))
    );
    assert_eq!(confirmed("permessage-deflate", &offers), Some(DeflateParams::default()));
}

/// The client accepts each answer that a server can give to each offer, and both get the same
/// parameters.
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
                        let params = confirmed(&answer.to_string(), &[offer]);
                        assert_eq!(params, Some(answer.params()), "{text} / {answer}");
                        agreed += 1;
                    }
                }
            }
        }
    }
    assert_eq!(agreed, 4 * 4 * 4 * (4 * 8 + 1));
}
