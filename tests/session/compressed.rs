//! S9 with compression: the only difference is the memory that the caller lends.

use std::time::Duration;

use barews::deflate::{Deflate, DeflateParams, Effort, Inflate, InflateAssembler};
use barews::handshake::client::Handshake;
use barews::handshake::deflate::{DeflateConfig, DeflateOffer};
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent};
use barews::{
    Client, CloseCode, Config, Error, Kind, Message, RecvBuffer, SendBuffer, Server, Storage,
};

use crate::turn::{KEY, Keys};

const NOW: Duration = Duration::ZERO;

/// A client and a server that have agreed on compression, with what is on its way to the server.
struct Pair {
    server: Session<Server>,
    client: Session<Client<Keys>>,
    to_server: SendBuffer<Vec<u8>>,
    deflate: Deflate<Vec<u8>>,
}

fn deliver<S: Storage>(tx: &mut SendBuffer<Vec<u8>>, rx: &mut RecvBuffer<S>) {
    let spare = rx.spare_mut();
    let n = spare.len().min(tx.len());
    spare[..n].copy_from_slice(&tx.unsent()[..n]);
    tx.sent(n);
    rx.advance(n);
}

fn pair() -> Pair {
    let offers = [DeflateOffer::new()];
    let handshake = Handshake::new(*b"the sample nonce", "example.com", "/").deflate(&offers);
    let (mut to_server, mut to_client) = (SendBuffer::new(vec![]), SendBuffer::new(vec![]));
    let keys: Keys = || KEY;
    let timeouts = Timeouts::new();
    let mut client =
        Session::client(Config::new(), timeouts, keys, &handshake, &mut to_server, NOW).unwrap();
    let mut server = Session::server(Config::new(), timeouts, NOW);
    let (mut rx, mut client_rx) = (RecvBuffer::new(vec![]), RecvBuffer::new(vec![]));
    deliver(&mut to_server, &mut rx);
    let Some(SessionEvent::Upgrade(upgrade)) = server.receive(&mut rx, &mut to_client, NOW) else {
        panic!("no upgrade");
    };
    let answer = upgrade.negotiate_deflate(&DeflateConfig::new()).unwrap();
    let accept = upgrade.accept(barews::handshake::server::Origins::Any);
    server.answer(accept.map(|accept| accept.deflate(answer)), &mut to_client, NOW).unwrap();
    deliver(&mut to_client, &mut client_rx);
    let Some(SessionEvent::Opened(accepted)) = client.receive(&mut client_rx, &mut to_server, NOW)
    else {
        panic!("not opened");
    };
    let context = accepted.deflate().unwrap().client();
    let storage = vec![0; Deflate::memory(context, Effort::FAST)];
    let deflate = Deflate::new(context, Effort::FAST, storage).unwrap();
    Pair { server, client, to_server, deflate }
}

fn inflater<S: Storage>(storage: S, most: u64) -> InflateAssembler<S, Vec<u8>> {
    let context = DeflateParams::DEFAULT.client();
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)]).unwrap();
    InflateAssembler::new(inflate.max_message_len(most), storage)
}

fn text(len: usize) -> String {
    "the same words, again and again; ".chars().cycle().take(len).collect()
}

/// Receives everything at the server, in reads of `read` bytes.
fn receive<S: Storage>(
    pair: &mut Pair,
    messages: &mut InflateAssembler<S, Vec<u8>>,
    read: usize,
) -> (Vec<String>, Option<Failure>) {
    let (mut rx, mut tx) =
        (RecvBuffer::new(vec![0; read].into_boxed_slice()), SendBuffer::new(vec![]));
    let (mut whole, mut failed) = (Vec::new(), None);
    loop {
        while let Some(event) = pair.server.receive_message(&mut rx, messages, &mut tx, NOW) {
            match event {
                SessionEvent::Data(Message::Text(text)) => {
                    whole.push(text.to_owned());
                    assert_eq!(pair.server.was_compressed(), pair.deflate.wants(text.len()));
                }
                SessionEvent::Failed(failure) => {
                    failed = Some(failure);
                    let close = [3, 241].map(|_| tx.unsent()[0]);
                    assert_eq!(close, [0x88; 2]);
                }
                other => panic!("{other:?}"),
            }
        }
        if pair.to_server.is_empty() {
            return (whole, failed);
        }
        deliver(&mut pair.to_server, &mut rx);
    }
}

#[test]
fn s9_compressed_and_plain_messages_arrive_whole() {
    let lens = [0, 1, 70, 200, 5000, 66_000, 300];
    for read in [131, 1000, 100_000] {
        let mut pair = pair();
        let texts: Vec<_> = lens.iter().map(|len| text(*len)).collect();
        for text in &texts {
            let Pair { client, to_server, deflate, .. } = &mut pair;
            client.send_compressed(Message::Text(text), deflate, to_server).unwrap();
        }
        assert!(pair.to_server.len() < 2000, "{} bytes", pair.to_server.len());
        let got = receive(&mut pair, &mut inflater(Vec::new(), 1 << 20), read);
        assert_eq!(got, (texts, None));
    }
}

#[test]
fn s9_fixed_storage_of_exactly_the_length_holds_a_message() {
    for (len, fits) in [(999, true), (1000, true), (1001, false)] {
        let mut pair = pair();
        let Pair { client, to_server, deflate, .. } = &mut pair;
        client.send_compressed(Message::Text(&text(len)), deflate, to_server).unwrap();
        let (whole, failed) = receive(&mut pair, &mut inflater([0; 1000], 1 << 20), 500);
        assert_eq!((whole.len(), failed.is_none()), (usize::from(fits), fits), "{len}");
        assert!(fits || failed == Some(Failure::StorageFull));
    }
}

#[test]
fn s9_an_idle_connection_returns_the_storage_of_its_longest_message() {
    let mut pair = pair();
    let Pair { client, to_server, deflate, .. } = &mut pair;
    client.send_compressed(Message::Text(&text(5000)), deflate, to_server).unwrap();
    client.send_fragment(Kind::Text, false, b"1", to_server).unwrap();
    let mut messages = inflater(Vec::new(), 1 << 20);
    assert_eq!(receive(&mut pair, &mut messages, 500), (vec![text(5000)], None));
    assert_eq!((messages.len(), messages.is_empty()), (1, false));
    assert_eq!(messages.grow(Vec::new()), Err(Vec::new()));
    assert!(messages.grow(vec![0; 1]).is_ok_and(|old| old.len() >= 5000));
    pair.client.send_fragment(Kind::Text, true, b"2", &mut pair.to_server).unwrap();
    let whole = receive(&mut pair, &mut messages, 500);
    assert_eq!(whole, (vec!["12".to_owned()], None));
    assert!(messages.grow(Vec::new()).is_ok() && messages.is_empty());
}

#[test]
fn s9_a_decompression_bomb_is_the_peers_error() {
    let mut pair = pair();
    let Pair { client, to_server, deflate, .. } = &mut pair;
    client.send_compressed(Message::Text(&text(1 << 20)), deflate, to_server).unwrap();
    let (whole, failed) = receive(&mut pair, &mut inflater(Vec::new(), 100_000), 500);
    assert_eq!((whole.len(), failed), (0, Some(Failure::Protocol(Error::MessageTooLong))));
}

/// The limit is that of messages, however they come.
#[test]
fn s9_a_plain_message_over_the_limit_is_the_peers_error() {
    for (len, fits) in [(1000, true), (1001, false)] {
        for fragments in [1, 2] {
            let mut pair = pair();
            let Pair { client, to_server, .. } = &mut pair;
            let text = text(len);
            let (first, last) = text.split_at(len / fragments);
            client.send_fragment(Kind::Text, fragments == 1, first.as_bytes(), to_server).unwrap();
            if fragments == 2 {
                client.send_fragment(Kind::Text, true, last.as_bytes(), to_server).unwrap();
            }
            let (mut rx, mut tx) = (RecvBuffer::new(vec![]), SendBuffer::new(vec![]));
            let mut messages = inflater(Vec::new(), 1000);
            deliver(&mut pair.to_server, &mut rx);
            deliver(&mut pair.to_server, &mut rx);
            match pair.server.receive_message(&mut rx, &mut messages, &mut tx, NOW) {
                Some(SessionEvent::Data(message)) => assert_eq!(message.as_bytes().len(), len),
                Some(SessionEvent::Failed(failure)) => {
                    assert_eq!(failure, Failure::Protocol(Error::MessageTooLong));
                    assert!(!fits);
                }
                other => panic!("{other:?}"),
            }
            assert!(!pair.server.was_compressed());
            assert_eq!(pair.server.is_open(), fits);
        }
    }
}

/// A message that cannot be sent must not leave the compressor ahead of the peer.
#[test]
fn s9_a_refused_message_does_not_disturb_the_next() {
    let mut pair = pair();
    let Pair { client, to_server, deflate, .. } = &mut pair;
    client.begin_frame(Kind::Text, true, 2, to_server).unwrap();
    let refused = client.send_compressed(Message::Text(&text(500)), deflate, to_server);
    assert!(refused.is_err());
    let mut rest = *b"ok";
    client.mask_next(&mut rest).unwrap();
    to_server.push(&rest).unwrap();
    client.send_compressed(Message::Text(&text(500)), deflate, to_server).unwrap();
    let got = receive(&mut pair, &mut inflater(Vec::new(), 1 << 20), 500);
    assert_eq!(got, (vec!["ok".to_owned(), text(500)], None));
    let Pair { client, to_server, deflate, .. } = &mut pair;
    client.close(CloseCode::NORMAL, "", to_server, NOW).unwrap();
    let before = to_server.len();
    client.send_compressed(Message::Text(&text(500)), deflate, to_server).unwrap();
    assert_eq!(to_server.len(), before);
}

/// The last byte of the storage is filled before the end of the message has come.
#[test]
fn s9_a_full_storage_waits_for_the_end_of_a_message() {
    let mut pair = pair();
    let Pair { client, to_server, deflate, .. } = &mut pair;
    client.send_compressed(Message::Text(&text(1000)), deflate, to_server).unwrap();
    let mut messages = inflater([0; 1000], 1 << 20);
    let (mut rx, mut tx) = (RecvBuffer::new([0; 512]), SendBuffer::new(Vec::new()));
    let mut lens = Vec::new();
    for byte in pair.to_server.unsent().to_vec() {
        rx.push(&[byte]).unwrap();
        while let Some(event) = pair.server.receive_message(&mut rx, &mut messages, &mut tx, NOW) {
            let SessionEvent::Data(message) = event else { panic!("{event:?}") };
            lens.push(message.as_bytes().len());
        }
    }
    assert_eq!(lens, [1000]);
}

/// With context takeover, a message read in chunks is part of the history of the next one.
#[test]
fn s9_a_compressed_message_in_chunks_and_a_whole_one_after_it() {
    let mut pair = pair();
    let mut messages = inflater(Vec::new(), 1000);
    let mut rx = RecvBuffer::new(vec![]);
    let text = "the same words, the same words";
    for _ in 0..2 {
        let message = Message::Text(text);
        pair.client.send_compressed(message, &mut pair.deflate, &mut pair.to_server).unwrap();
    }
    deliver(&mut pair.to_server, &mut rx);
    let mut tx = SendBuffer::new(vec![]);
    let Some(SessionEvent::Data(mut data)) = pair.server.receive(&mut rx, &mut tx, NOW) else {
        panic!("no data");
    };
    let (mut out, mut all) = ([0; 7], vec![]);
    while let Some(chunk) = messages.inflate().push(&mut data, &mut out).unwrap() {
        all.extend_from_slice(chunk.payload);
    }
    assert_eq!(all, text.as_bytes());
    let event = pair.server.receive_message(&mut rx, &mut messages, &mut tx, NOW);
    assert!(matches!(event, Some(SessionEvent::Data(Message::Text(it))) if it == text));
}
