//! Masking keys and nonces from the operating system (RFC 6455 §4.1, §10.3).

use std::collections::HashSet;

use barews::{Client, Config, Connection, Event, Input, MaskKeys, OsKeys, Server};

use crate::support::frame::written;

/// Whether each bit is 0 in one of the values and 1 in another.
fn all_bits_vary<const N: usize>(values: &[[u8; N]]) -> bool {
    (0..N).all(|n| {
        let ones = values.iter().fold(0, |ones, value| ones | value[n]);
        let zeros = values.iter().fold(0, |zeros, value| zeros | !value[n]);
        (ones, zeros) == (0xFF, 0xFF)
    })
}

#[test]
fn each_frame_has_a_key_of_its_own() {
    let mut client = Connection::client(Config::new(), OsKeys);
    let mut server = Connection::server(Config::new());
    let mut keys = Vec::new();
    for _ in 0..256 {
        let mut wire = [0; 11];
        assert_eq!(client.send_text("Hello", &mut wire), Ok(11));
        keys.extend(written(&wire)[0].key);
        let mut input = Input::new(&mut wire);
        let Ok(Event::Data(data)) = server.receive(&mut input) else { panic!("no message") };
        assert_eq!(data.payload, b"Hello");
    }
    assert_eq!(keys.len(), 256);
    assert!(all_bits_vary(&keys));
    // Two of 256 are the same by chance once in 130,000 runs, four hardly ever.
    assert!(keys.iter().collect::<HashSet<_>>().len() >= 254);
}

#[test]
fn each_nonce_is_new() {
    let nonces: Vec<_> = (0..256).map(|_| OsKeys::nonce().unwrap()).collect();
    assert!(all_bits_vary(&nonces));
    assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), 256);
}

#[cfg(feature = "handshake")]
#[test]
fn a_nonce_opens_a_handshake() {
    use barews::handshake::client::Handshake;

    let requests = [(); 2].map(|()| {
        let mut out = [0; 512];
        let handshake = Handshake::new(OsKeys::nonce().unwrap(), "example.com", "/");
        let n = handshake.write_request(&mut out).unwrap();
        out[..n].to_vec()
    });
    assert_eq!(requests[0].len(), requests[1].len());
    assert_ne!(requests[0], requests[1]);
}

#[test]
fn the_source_takes_no_memory_and_can_be_shared() {
    fn shared<K: MaskKeys + Copy + Default + Send + Sync + 'static>(_: K) {}
    shared(OsKeys);
    assert_eq!(size_of::<Connection<Client<OsKeys>>>(), size_of::<Connection<Server>>());
    assert_eq!(format!("{OsKeys:?}"), "OsKeys");
}
