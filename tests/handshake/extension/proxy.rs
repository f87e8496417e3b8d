//! What a proxy negotiates: it offers what its client offers, and answers as its server answers.

use barews::handshake::deflate::{DeflateConfig, DeflateOffer, confirm, negotiate};
use barews::handshake::server::{Incoming, RequestReader};
use barews::handshake::{BuildError, Status};

use super::{REQUEST, bits, elements};

/// Offers with every parameter, each with and without a value.
fn offers() -> Vec<DeflateOffer> {
    let mut offers = vec![DeflateOffer::new()];
    for windows in [[9, 9], [9, 15], [15, 9], [15, 15]] {
        for resets in 0..4 {
            let offer = DeflateOffer::new()
                .server_no_context_takeover(resets & 1 != 0)
                .client_no_context_takeover(resets & 2 != 0);
            offers.extend([
                offer,
                offer.client_max_window_bits(None),
                offer.server_max_window_bits(bits(windows[0])),
                offer.client_max_window_bits(Some(bits(windows[1]))),
                offer
                    .server_max_window_bits(bits(windows[0]))
                    .client_max_window_bits(Some(bits(windows[1]))),
            ]);
        }
    }
    offers
}

fn configs() -> impl Iterator<Item = DeflateConfig> {
    (0..16).map(|n| {
        let size = |is_small| bits(if is_small { 9 } else { 15 });
        DeflateConfig::new()
            .server_no_context_takeover(n & 1 != 0)
            .client_no_context_takeover(n & 2 != 0)
            .server_max_window_bits(size(n & 4 != 0))
            .client_max_window_bits(size(n & 8 != 0))
    })
}

#[test]
fn an_offer_is_parsed_to_what_it_was() {
    for offer in offers() {
        let text = offer.to_string();
        assert_eq!(DeflateOffer::parse(elements(&text).remove(0)), Some(offer), "{text}");
    }
    for bad in ["foo", "permessage-deflate; foo", "permessage-deflate; server_max_window_bits"] {
        assert_eq!(DeflateOffer::parse(elements(bad).remove(0)), None, "{bad}");
    }
}

/// With two offers and a server that accepts either, all three have the same parameters.
#[test]
fn client_proxy_and_server_agree_on_the_same_parameters() {
    let mut agreed = 0;
    let offers = offers();
    for pair in offers.iter().flat_map(|a| offers.iter().map(move |b| [*a, *b])) {
        let field = format!("{}, foo; bar, {}", pair[0], pair[1]);
        let head = format!("{REQUEST}Sec-WebSocket-Extensions: {field}\r\n\r\n");
        let read = RequestReader::new().read(head.as_bytes());
        let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = read else { panic!() };
        let passed: Vec<_> = upgrade.extensions().filter_map(DeflateOffer::parse).collect();
        assert_eq!(passed, pair);
        let sent = format!("{}, {}", passed[0], passed[1]);
        for config in configs() {
            let Some(answer) = negotiate(elements(&sent), &config) else { continue };
            let answer = answer.to_string();
            let params = confirm(elements(&answer).remove(0), &passed).unwrap();
            let accept = upgrade.accept_as(None, Some(params)).unwrap();
            let mut out = [0; 512];
            let n = accept.write(&mut out).unwrap();
            let response = str::from_utf8(&out[..n]).unwrap();
            let answer = response
                .lines()
                .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))
                .unwrap();
            assert_eq!(confirm(elements(answer).remove(0), &pair), Some(params), "{field}");
            agreed += 1;
        }
    }
    assert!(agreed > 50_000, "{agreed}");
}

#[test]
fn a_proxy_answers_with_what_the_client_has_offered() {
    let head = format!("{REQUEST}Sec-WebSocket-Protocol: chat\r\n\r\n");
    let read = RequestReader::new().read(head.as_bytes());
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = read else { panic!() };
    let accept = upgrade.accept_as(Some("chat"), None).unwrap();
    let mut out = [0; 512];
    let n = accept.write(&mut out).unwrap();
    assert!(str::from_utf8(&out[..n]).unwrap().contains("\r\nSec-WebSocket-Protocol: chat\r\n"));
    let accept = upgrade.accept_as(Some("other"), None).unwrap();
    assert_eq!(accept.write(&mut out), Err(BuildError::ProtocolNotOffered));
    assert!(upgrade.accept_as(None, Some(super::params(false, false, 15, 15))).is_none());
}
