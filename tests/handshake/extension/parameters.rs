//! The parameters of permessage-deflate: context takeover and the window of each side.

use barews::handshake::deflate::{DeflateConfig, DeflateOffer, WindowBits, negotiate};

use super::{bits, confirmed, elements, negotiated, params, response};

#[test]
fn r7692_7_1_1_1_01_the_flag_has_no_value() {
    for value in ["=1", "=0", "=true", "=\"1\"", "=8"] {
        for name in ["server_no_context_takeover", "client_no_context_takeover"] {
            let element = format!("permessage-deflate; {name}{value}");
            assert_eq!(negotiated(&element, DeflateConfig::new()), None);
            assert_eq!(confirmed(&element, &[DeflateOffer::new()]), None);
        }
    }
}

#[test]
fn r7692_7_1_1_1_02_server_no_context_takeover_is_confirmed() {
    let text = "permessage-deflate; server_no_context_takeover";
    assert_eq!(negotiated(text, DeflateConfig::new()).unwrap(), text);
    // Not requested.
    let config = DeflateConfig::new().server_no_context_takeover(true);
    assert_eq!(negotiated("permessage-deflate", config).unwrap(), text);
    assert_eq!(confirmed(text, &[DeflateOffer::new()]), Some(params(true, false, 15, 15)));
    // Requested, but missing from the answer.
    assert_eq!(
        confirmed("permessage-deflate", &[DeflateOffer::new().server_no_context_takeover(true)]),
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
    assert_eq!(confirmed("permessage-deflate", &offers), Some(params(false, true, 15, 15)));
    // If an answer fits several offers, the promises of all of them apply.
    let offers = [DeflateOffer::new(), offers[0]];
    assert_eq!(confirmed("permessage-deflate", &offers), Some(params(false, true, 15, 15)));
    // The promise of an offer that it does not fit does not apply.
    let offers = [DeflateOffer::new(), offers[1].server_max_window_bits(bits(9))];
    assert_eq!(confirmed("permessage-deflate", &offers), Some(params(false, false, 15, 15)));
    // The server confirms the hint.
    let text = "permessage-deflate; client_no_context_takeover";
    assert_eq!(negotiated(text, DeflateConfig::new()).unwrap(), text);
}

#[test]
fn r7692_7_1_1_2_02_clients_support_it_in_an_answer() {
    let text = "permessage-deflate; client_no_context_takeover";
    assert_eq!(confirmed(text, &[DeflateOffer::new()]), Some(params(false, true, 15, 15)));
    let config = DeflateConfig::new().client_no_context_takeover(true);
    assert_eq!(negotiated("permessage-deflate", config).unwrap(), text);
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
                negotiated(&element, DeflateConfig::new()).is_some(),
                (8..=15).contains(&number),
                "{element}"
            );
            assert_eq!(
                confirmed(&element, &[DeflateOffer::new()]).is_some(),
                (8..=15).contains(&number),
                "{element}"
            );
        }
    }
    for text in ["08", "010", "+8", "8.0", "1e1", "0x8", "-8", "8a", "a8", "1", "150", "\"\\0\\8\""]
    {
        let element = format!("permessage-deflate; server_max_window_bits={text}");
        assert_eq!(negotiated(&element, DeflateConfig::new()), None, "{element}");
        assert_eq!(confirmed(&element, &[DeflateOffer::new()]), None, "{element}");
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
            // Declined if the window is too small for the compressor.
            let config = DeflateConfig::new().server_min_window_bits(bits(ours));
            assert_eq!(negotiated(&offer, config).is_some(), offered >= ours);
        }
    }
    // Not requested, but the window is limited.
    let config = DeflateConfig::new().server_max_window_bits(bits(12));
    assert_eq!(
        negotiated("permessage-deflate", config).unwrap(),
        "permessage-deflate; server_max_window_bits=12"
    );
}

#[test]
fn r7692_7_1_2_1_03_a_client_accepts_no_more_than_it_offered() {
    for offered in 8..=15 {
        let offers = [DeflateOffer::new().server_max_window_bits(bits(offered))];
        // The default can be left out: it is what the offer allows.
        let left_out = (offered == 15).then(|| params(false, false, 15, 15));
        assert_eq!(confirmed("permessage-deflate", &offers), left_out);
        for answered in 8..=15 {
            let element = format!("permessage-deflate; server_max_window_bits={answered}");
            let expected = (answered <= offered).then(|| params(false, false, answered, 15));
            assert_eq!(confirmed(&element, &offers), expected);
        }
    }
}

/// Each parameter that an offer names with its default value.
#[test]
fn r7692_7_1_01_an_answer_may_leave_out_a_default() {
    let (plain, all) = ("permessage-deflate", params(false, false, 15, 15));
    let offers = [
        DeflateOffer::new().server_max_window_bits(bits(15)),
        DeflateOffer::new().client_max_window_bits(Some(bits(15))),
        DeflateOffer::new().client_max_window_bits(None),
        DeflateOffer::new().server_max_window_bits(bits(15)).client_max_window_bits(Some(bits(15))),
    ];
    for offer in offers {
        assert_eq!(confirmed(plain, &[offer]), Some(all), "{offer}");
    }
    assert_eq!(response(plain, &offers[..1]), Ok(Some(all)));
    // What the other parameters restrict still holds.
    let both = offers[0].server_no_context_takeover(true);
    assert_eq!(confirmed(plain, &[both]), None);
    let answer = "permessage-deflate; server_no_context_takeover";
    assert_eq!(confirmed(answer, &[both]), Some(params(true, false, 15, 15)));
    // A proxy may pass on such an answer.
    let answer =
        negotiate(elements("permessage-deflate; server_max_window_bits=15"), &DeflateConfig::new());
    assert_eq!(answer.map(|answer| answer.params()), Some(all));
}

#[test]
fn r7692_7_1_2_1_04_a_client_accepts_it_without_an_offer() {
    for answered in 8..=15 {
        let element = format!("permessage-deflate; server_max_window_bits={answered}");
        assert_eq!(
            confirmed(&element, &[DeflateOffer::new()]),
            Some(params(false, false, answered, 15))
        );
    }
}

#[test]
fn r7692_7_1_2_2_01_client_window_with_and_without_a_value() {
    let config = DeflateConfig::new().client_max_window_bits(bits(12));
    let nine = negotiated("permessage-deflate; client_max_window_bits=9", config);
    assert_eq!(nine.unwrap(), "permessage-deflate; client_max_window_bits=9");
    let any = negotiated("permessage-deflate; client_max_window_bits", config);
    assert_eq!(any.unwrap(), "permessage-deflate; client_max_window_bits=12");
    for text in ["7", "16", "08", "x"] {
        assert_eq!(
            negotiated(&format!("permessage-deflate; client_max_window_bits={text}"), config),
            None
        );
    }
    // An unlimited window is not mentioned.
    let any = negotiated("permessage-deflate; client_max_window_bits", DeflateConfig::new());
    assert_eq!(any.unwrap(), "permessage-deflate");
}

#[test]
fn r7692_7_1_2_2_02_the_client_window_is_answered_only_if_offered() {
    // Nothing limits the window of such a client, so a server with a smaller one declines.
    for ours in 8..=15 {
        let config = DeflateConfig::new().client_max_window_bits(bits(ours));
        let answer = negotiated("permessage-deflate", config);
        assert_eq!(answer.as_deref(), (ours == 15).then_some("permessage-deflate"));
    }
}

#[test]
fn r7692_7_1_2_2_03_an_answer_has_a_value_within_the_offer() {
    let any = [DeflateOffer::new().client_max_window_bits(None)];
    assert_eq!(confirmed("permessage-deflate; client_max_window_bits", &any), None);
    for answered in 8..=15 {
        let element = format!("permessage-deflate; client_max_window_bits={answered}");
        assert_eq!(confirmed(&element, &[DeflateOffer::new()]), None);
        assert_eq!(confirmed(&element, &any), Some(params(false, false, 15, answered)));
        for offered in 8..=15 {
            let offers = [DeflateOffer::new().client_max_window_bits(Some(bits(offered)))];
            let expected = (answered <= offered).then(|| params(false, false, 15, answered));
            assert_eq!(confirmed(&element, &offers), expected);
        }
    }
}

#[test]
fn r7692_7_1_2_2_04_the_clients_window_is_the_answered_or_the_promised_one() {
    let offers = [DeflateOffer::new().client_max_window_bits(Some(bits(12)))];
    let confirmed = |element| confirmed(element, &offers).unwrap().client_max_window_bits.get();
    assert_eq!(confirmed("permessage-deflate; client_max_window_bits=10"), 10);
    assert_eq!(confirmed("permessage-deflate"), 12);
}
