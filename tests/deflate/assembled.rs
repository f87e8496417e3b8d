//! `InflateAssembler::push`: whole messages beside their chunks.

use barews::deflate::{Deflate, DeflateParams, Effort, Flush, Inflate, InflateAssembler};
use barews::frame::Content;
use barews::{
    AssembleError, Client, Config, Connection, Error, Event, Input, Kind, MaskKeys, Storage,
    StorageFull,
};

type Messages<S> = InflateAssembler<S, Vec<u8>>;

fn assembler<S: Storage>(storage: S, most: u64) -> Messages<S> {
    let context = DeflateParams::DEFAULT.server();
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)]).unwrap();
    InflateAssembler::new(inflate.max_message_len(most), storage)
}

/// The messages on the wire, with context takeover: compressed ones in `n` fragments, and plain ones.
fn wire(messages: &[(&str, bool)], n: usize) -> Vec<u8> {
    let context = DeflateParams::DEFAULT.server();
    let storage = vec![0; Deflate::memory(context, Effort::FAST)];
    let mut deflate = Deflate::new(context, Effort::FAST, storage).unwrap();
    let mut ws = Connection::server(Config::new().deflate(true));
    let (mut wire, mut out) = (Vec::new(), vec![0; 1 << 16]);
    for (text, is_compressed) in messages {
        let mut payload = text.as_bytes().to_vec();
        if *is_compressed {
            let written = deflate.push(text.as_bytes(), Flush::Finish, &mut out).written;
            payload = out[..written].to_vec();
        }
        let mut parts = payload.chunks(payload.len().div_ceil(n)).peekable();
        while let Some(part) = parts.next() {
            let fin = parts.peek().is_none();
            let kind = Content::new(Kind::Text, *is_compressed);
            let len = ws.send_fragment(kind, fin, part, &mut out).unwrap();
            wire.extend_from_slice(&out[..len]);
        }
    }
    wire
}

fn client() -> Connection<Client<impl MaskKeys>> {
    Connection::client(Config::new().deflate(true), || [0; 4])
}

/// The results for each chunk of the bytes, which arrive `step` at a time.
fn assembled<S: Storage>(
    messages: &mut Messages<S>,
    wire: &[u8],
    step: usize,
) -> Vec<Result<Option<String>, AssembleError>> {
    let (mut ws, mut unread, mut seen) = (client(), Vec::new(), Vec::new());
    for part in wire.chunks(step) {
        unread.extend_from_slice(part);
        let mut input = Input::new(&mut unread);
        while let Event::Data(mut data) = ws.receive(&mut input).unwrap() {
            let message = messages.push(&mut data);
            seen.push(message.map(|it| it.map(|it| str::from_utf8(it.as_bytes()).unwrap().into())));
        }
        let used = input.consumed();
        unread.drain(..used);
    }
    seen
}

fn text(len: usize) -> String {
    "the same words, again and again; ".chars().cycle().take(len).collect()
}

#[test]
fn messages_are_whole_however_they_arrive() {
    let texts = [text(10), text(900), "a".to_owned(), text(300), text(900)];
    let messages = [
        (&*texts[0], true),
        (&*texts[1], true),
        (&*texts[2], false),
        (&*texts[3], false),
        (&*texts[4], true),
    ];
    for fragments in [1, 3] {
        let wire = wire(&messages, fragments);
        for step in [1, 2, 7, 100, wire.len()] {
            let seen = assembled(&mut assembler([0; 900], 900), &wire, step);
            let whole: Vec<_> = seen.into_iter().filter_map(Result::unwrap).collect();
            assert_eq!(whole, texts, "{fragments} {step}");
        }
    }
}

/// The one after it refers to what was discarded.
#[test]
fn a_message_that_does_not_fit_is_lost_and_the_next_is_not() {
    let long = text(5000);
    let wire = wire(&[(&long, true), (&long[..50], true), (&long[..50], false)], 4);
    let mut messages = assembler([0; 99], 1 << 20);
    let seen = assembled(&mut messages, &wire, 5);
    let full = AssembleError::StorageFull(StorageFull { needed: 100 });
    assert_eq!(seen.iter().filter(|it| **it == Err(full)).count(), 1);
    assert!(seen.contains(&Err(AssembleError::Incomplete)));
    let last: Vec<_> = seen.into_iter().filter_map(|it| it.ok().flatten()).collect();
    assert_eq!(last, vec![long[..50].to_owned(); 2]);
    assert!(messages.is_empty());
    // Without any storage, nothing is whole.
    let seen = assembled(&mut assembler([], 1 << 20), &wire, 5);
    assert!(seen.iter().all(|it| !matches!(it, Ok(Some(_)))));
}

#[test]
fn the_limit_is_the_peers_error() {
    let long = text(101);
    let too_long = Err(AssembleError::Invalid(Error::MessageTooLong));
    let mut messages = assembler(Vec::new(), 100);
    let plain = wire(&[(&long, false), (&long[..100], false)], 1);
    assert_eq!(
        assembled(&mut messages, &plain, plain.len()),
        [too_long.clone(), Ok(Some(text(100)))]
    );
    // The rest of a message that is lost is inflated, too.
    let mut messages = assembler([0; 50], 100);
    let compressed = wire(&[(&long, true), ("a", true)], 1);
    assert_eq!(assembled(&mut messages, &compressed, 200), [too_long.clone(), too_long]);
}
