//! `Assembler`: joins the pieces of a message in caller-provided storage.

use barews::{
    AssembleError, Assembler, Client, Config, Connection, Event, Input, Message, Storage,
    StorageFull,
};

type Keys = fn() -> [u8; 4];

/// A fixed block.
fn block(len: usize) -> Box<[u8]> {
    vec![0; len].into_boxed_slice()
}

fn client() -> Connection<Client<Keys>> {
    Connection::client(Config::new(), || [0; 4])
}

fn full<T>(needed: usize) -> Result<T, AssembleError> {
    Err(AssembleError::StorageFull(StorageFull { needed }))
}

/// An owned message.
fn owned(message: Message<'_>) -> String {
    match message {
        Message::Text(text) => format!("text {text}"),
        Message::Binary(bytes) => format!("binary {bytes:?}"),
    }
}

/// Pushes the pieces of each read in turn. Returns the messages, or the first error.
fn assemble<S: Storage>(
    messages: &mut Assembler<S>,
    reads: &[&[u8]],
) -> Result<Vec<String>, AssembleError> {
    assemble_with(&mut client(), messages, reads)
}

fn assemble_with<S: Storage>(
    ws: &mut Connection<Client<Keys>>,
    messages: &mut Assembler<S>,
    reads: &[&[u8]],
) -> Result<Vec<String>, AssembleError> {
    let mut whole = Vec::new();
    for read in reads {
        let mut bytes = read.to_vec();
        let mut input = Input::new(&mut bytes);
        loop {
            match ws.receive(&mut input).unwrap() {
                Event::Data(data) => whole.extend(messages.push(&data)?.map(owned)),
                Event::NeedMore(_) => break,
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
            }
        }
        assert!(input.is_empty(), "each read ends where a piece ends");
    }
    Ok(whole)
}

#[test]
fn one_piece_passes_through_without_storage() {
    let mut messages = Assembler::new([0; 0]);
    let got = assemble(&mut messages, &[b"\x81\x05Hello\x82\x02\x00\xFF\x81\x00\x82\x00"]);
    assert_eq!(got.unwrap(), ["text Hello", "binary [0, 255]", "text ", "binary []"]);
    assert!(messages.is_empty());
}

#[test]
fn one_piece_is_not_copied() {
    let mut bytes = *b"\x82\x03abc";
    let payload = bytes.as_ptr().addr() + 2;
    let mut input = Input::new(&mut bytes);
    let mut ws = client();
    let Event::Data(data) = ws.receive(&mut input).unwrap() else { unreachable!() };
    let mut messages = Assembler::new([0; 8]);
    let Some(Message::Binary(message)) = messages.push(&data).unwrap() else { unreachable!() };
    assert_eq!((message.as_ptr().addr(), message), (payload, &b"abc"[..]));
}

#[test]
fn pieces_of_a_frame_and_fragments_are_joined() {
    let reads: [&[u8]; 6] = [
        b"\x01\x05Hel",
        b"lo",
        b"\x89\x01p\x00\x00",
        b"\x80\x04 you",
        b"\x01\x01\xC3",
        b"\x80\x01\xA4",
    ];
    let mut messages = Assembler::new(block(9));
    assert_eq!(assemble(&mut messages, &reads).unwrap(), ["text Hello you", "text ä"]);
    assert!(messages.is_empty());
}

#[test]
fn held_bytes_are_counted() {
    let mut messages = Assembler::new([0; 8]);
    assert_eq!(assemble(&mut messages, &[b"\x02\x02ab\x00\x00\x00\x03cde"]).unwrap(), [""; 0]);
    assert_eq!((messages.len(), messages.is_empty()), (5, false));
}

#[test]
fn empty_messages_and_empty_fragments() {
    let mut messages = Assembler::new([0; 2]);
    let wire = b"\x01\x00\x00\x00\x80\x00\x02\x00\x80\x02ab\x02\x02cd\x80\x00";
    let got = assemble(&mut messages, &[wire]).unwrap();
    assert_eq!(got, ["text ", "binary [97, 98]", "binary [99, 100]"]);
    // Leading empty fragments need no storage.
    let got = assemble(&mut Assembler::new([0; 0]), &[b"\x01\x00\x00\x00\x80\x02ab"]).unwrap();
    assert_eq!(got, ["text ab"]);
}

#[test]
fn storage_full_reports_room_for_the_rest_of_the_frame() {
    // Three of the frame's ten bytes have arrived, and none fits.
    assert_eq!(assemble(&mut Assembler::new([0; 2]), &[b"\x82\x0Aabc"]), full(10));
    assert_eq!(assemble(&mut Assembler::new([0; 3]), &[b"\x82\x0Aabc", b"d"]), full(10));
    // Two fragments of four and six bytes.
    let wire = b"\x02\x04abcd\x80\x06efghij";
    assert_eq!(assemble(&mut Assembler::new([0; 3]), &[wire]), full(4));
    assert_eq!(assemble(&mut Assembler::new([0; 9]), &[wire]), full(10));
    assert_eq!(
        assemble(&mut Assembler::new([0; 9]), &[b"\x02\x04abcd\x80\x06ef", b"ghij"]),
        full(10)
    );
    assert_eq!(assemble(&mut Assembler::new([0; 10]), &[wire]).unwrap().len(), 1);
}

#[test]
fn the_piece_can_be_pushed_again_after_grow() {
    let mut ws = client();
    let mut bytes = *b"\x02\x04abcd\x80\x06efghij";
    let mut input = Input::new(&mut bytes);
    let mut messages = Assembler::new(block(4));
    let Event::Data(one) = ws.receive(&mut input).unwrap() else { unreachable!() };
    assert_eq!(messages.push(&one), Ok(None));
    let Event::Data(two) = ws.receive(&mut input).unwrap() else { unreachable!() };
    for _ in 0..2 {
        assert_eq!(messages.push(&two), full(10));
        assert_eq!(messages.len(), 4);
    }
    // The new storage is too small for the bytes held, so it is returned.
    assert_eq!(messages.grow(block(3)), Err(block(3)));
    assert_eq!(&*messages.grow(block(10)).unwrap(), b"abcd");
    assert_eq!(messages.push(&two), Ok(Some(Message::Binary(b"abcdefghij"))));
    assert!(messages.is_empty());
}

/// A caller that does not trust a header can grow by the bytes received, not the length announced.
#[test]
fn room_for_the_piece_is_enough_for_the_piece() {
    let mut ws = client();
    let mut messages = Assembler::new(block(0));
    for (read, held) in [(&b"\x02\x0Aabc"[..], 3), (b"d", 4), (b"efg", 7)] {
        let mut bytes = read.to_vec();
        let mut input = Input::new(&mut bytes);
        let Event::Data(piece) = ws.receive(&mut input).unwrap() else { unreachable!() };
        assert_eq!(messages.push(&piece), full(10));
        messages.grow(block(held)).unwrap();
        assert_eq!(messages.push(&piece), Ok(None));
        assert_eq!(messages.len(), held);
    }
    messages.grow(block(10)).unwrap();
    assert_eq!(assemble_with(&mut ws, &mut messages, &[b"hij\x80\x00"]).unwrap().len(), 1);
}

#[test]
fn a_first_piece_that_does_not_fit_can_be_pushed_again() {
    let mut ws = client();
    let mut bytes = *b"\x02\x02ab";
    let mut input = Input::new(&mut bytes);
    let mut messages = Assembler::new(block(0));
    let Event::Data(data) = ws.receive(&mut input).unwrap() else { unreachable!() };
    assert_eq!(messages.push(&data), full(2));
    messages.grow(block(2)).unwrap();
    assert_eq!(messages.push(&data), Ok(None));
    assert_eq!(messages.len(), 2);
}

#[test]
fn a_new_message_starts_over_after_an_error() {
    let wire = b"\x02\x02ab\x80\x09cdefghijk\x01\x02xy\x80\x01z";
    let seen = pushed(&mut client(), wire, 4);
    assert_eq!(seen, [Ok(None), full(11), Ok(None), Ok(Some("text xyz".to_owned()))]);
}

/// Pushes every piece of `wire` and collects the results.
fn pushed(ws: &mut Connection<Client<Keys>>, wire: &[u8], room: usize) -> Vec<Pushed> {
    let mut bytes = wire.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut messages = Assembler::new(block(room));
    let mut seen = Vec::new();
    while let Event::Data(data) = ws.receive(&mut input).unwrap() {
        seen.push(messages.push(&data).map(|message| message.map(owned)));
    }
    seen
}

type Pushed = Result<Option<String>, AssembleError>;

const INCOMPLETE: Pushed = Err(AssembleError::Incomplete);

#[test]
fn a_refused_piece_leaves_no_hole_in_a_message() {
    let holed = b"\x01\x03ok \x00\x08NOT THIS\x80\x03end\x82\x03new";
    let new = Ok(Some("binary [110, 101, 119]".to_owned()));
    assert_eq!(pushed(&mut client(), holed, 6), [Ok(None), full(11), INCOMPLETE, new.clone()]);
    // After a refused first piece, the last piece alone must not pass for the whole message.
    let headless = b"\x02\x08NOT THIS\x00\x07NOR TOO\x80\x01k\x82\x03new";
    assert_eq!(pushed(&mut client(), headless, 6), [full(8), INCOMPLETE, INCOMPLETE, new]);
}

/// Until a refused chunk has been pushed again, the rest of its message is refused, however much
/// space there is by then.
#[test]
fn a_refused_chunk_is_remembered() {
    let mut ws = client();
    let mut bytes = *b"\x02\x06abcdef\x80\x01g";
    let mut input = Input::new(&mut bytes);
    let mut messages = Assembler::new(block(2));
    let Event::Data(first) = ws.receive(&mut input).unwrap() else { unreachable!() };
    let Event::Data(last) = ws.receive(&mut input).unwrap() else { unreachable!() };
    assert_eq!(messages.push(&first), full(6));
    assert_eq!(messages.push(&last), Err(AssembleError::Incomplete));
    messages.grow(block(100)).unwrap();
    assert_eq!(messages.push(&last), Err(AssembleError::Incomplete));
    assert_eq!(messages.push(&first), Ok(None));
    assert_eq!(messages.push(&last), Ok(Some(Message::Binary(b"abcdefg"))));
    // A chunk that was added already is no second one.
    assert_eq!(messages.push(&last), Err(AssembleError::Incomplete));
}

/// A header announces 64 MiB; the storage follows what has arrived.
#[test]
fn a_vec_grows_with_the_message() {
    let mut ws = Connection::client(Config::new().max_frame_len(1 << 26), || [0; 4]);
    let mut messages = Assembler::new(Vec::new());
    let mut head = *b"\x82\x7f\0\0\0\0\x04\0\0\0a";
    let Event::Data(data) = ws.receive(&mut Input::new(&mut head)).unwrap() else { panic!() };
    assert_eq!(messages.push(&data), Ok(None));
    let mut len = 1;
    while len < 1 << 20 {
        let mut bytes = [b'b'; 5000];
        let Event::Data(data) = ws.receive(&mut Input::new(&mut bytes)).unwrap() else { panic!() };
        assert_eq!(messages.push(&data), Ok(None));
        len += 5000;
    }
    assert_eq!(messages.len(), len);
    let storage = messages.grow(vec![0; len]).unwrap();
    assert!(storage.len() <= 2 * len, "{} bytes for {len}", storage.len());
}

#[cfg(feature = "deflate")]
#[test]
fn a_compressed_message_needs_an_inflater_first() {
    let mut ws: Connection<Client<Keys>> =
        Connection::client(Config::new().deflate(true), || [0; 4]);
    let wire = b"\xC2\x07\xF2\x48\xCD\xC9\xC9\x07\x00\xC1\x01\x00\x81\x01a";
    let compressed = Err(AssembleError::Compressed);
    let plain = Ok(Some("text a".to_owned()));
    assert_eq!(pushed(&mut ws, wire, 16), [compressed.clone(), compressed, plain]);
}

#[test]
fn a_text_corrupted_by_the_caller_is_an_error() {
    for (wire, pieces) in [(&b"\x81\x03abc"[..], 1), (b"\x01\x02ab\x80\x01c", 2)] {
        let mut ws = client();
        let mut bytes = [wire, b"\x81\x04good"].concat();
        let mut input = Input::new(&mut bytes);
        let mut messages = Assembler::new([0; 8]);
        for piece in 1..=pieces {
            let Event::Data(data) = ws.receive(&mut input).unwrap() else { unreachable!() };
            data.payload.fill(0xFF);
            let pushed = messages.push(&data);
            let spoiled = Err(AssembleError::InvalidUtf8);
            assert_eq!(pushed, if piece < pieces { Ok(None) } else { spoiled });
        }
        let Event::Data(data) = ws.receive(&mut input).unwrap() else { unreachable!() };
        assert_eq!(messages.push(&data), Ok(Some(Message::Text("good"))));
    }
}

#[test]
fn errors_have_messages() {
    let full = AssembleError::StorageFull(StorageFull { needed: 7 });
    assert_eq!(full.to_string(), "the storage is too short: 7 bytes are needed");
    assert_eq!(AssembleError::Compressed.to_string(), "the message is compressed");
    assert_eq!(AssembleError::InvalidUtf8.to_string(), "the bytes of a text were modified");
    let invalid = AssembleError::Invalid(barews::Error::MessageTooLong);
    assert_eq!(invalid.to_string(), barews::Error::MessageTooLong.to_string());
}
