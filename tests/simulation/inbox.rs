//! Received messages: inflates compressed pieces and compares them with the expected messages.

#[cfg(feature = "deflate")]
use barews::deflate::{CompressionContext, Inflate};
use barews::{AssembleError, Assembler, Data, Error, Kind, Message};

#[cfg(feature = "deflate")]
use super::content::LONGEST;
use super::content::Stream;
use super::counts::Count;
use super::network::Net;

pub(crate) struct Inbox {
    /// Assembles whole messages; without it each piece is checked as it arrives.
    assembler: Option<Assembler<Box<[u8]>>>,
    #[cfg(feature = "deflate")]
    inflate: Option<Inflate<Vec<u8>>>,
    #[cfg(feature = "deflate")]
    room: Vec<u8>,
    open: Option<Expected>,
}

/// A message in progress.
struct Expected {
    kind: Kind,
    bytes: Vec<u8>,
    /// How much of it has been received.
    len: usize,
    /// Its last piece has been received.
    is_whole: bool,
}

impl Inbox {
    pub(crate) fn new(net: &mut Net) -> Self {
        let capacity = net.rng.usize(0..300);
        let assembler =
            net.rng.bool().then(|| Assembler::new(vec![0; capacity].into_boxed_slice()));
        Self {
            assembler,
            #[cfg(feature = "deflate")]
            inflate: None,
            #[cfg(feature = "deflate")]
            room: vec![0; 4096],
            open: None,
        }
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn inflate(&mut self, context: CompressionContext) {
        // The initial content of the memory must not matter.
        let memory = vec![0xA5; Inflate::memory(context)];
        let inflate = Inflate::new(context, memory).expect("the memory has the required length");
        self.inflate = Some(inflate.max_message_len(LONGEST as u64));
    }

    /// Whether a message is in progress.
    pub(crate) const fn is_partial(&self) -> bool {
        self.open.is_some()
    }

    /// Takes a piece of the next message; after the last piece, returns the length of the message.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(clippy::unnecessary_wraps, reason = "only compressed data can be invalid here")
    )]
    pub(crate) fn take(
        &mut self,
        data: &mut Data<'_>,
        stream: &Stream,
        net: &mut Net,
    ) -> Result<Option<usize>, Error> {
        #[cfg(feature = "deflate")]
        if let Some(mut inflate) = self.inflate.take() {
            let mut room = std::mem::take(&mut self.room);
            let mut taken = Ok(None);
            loop {
                let len = if net.rng.u8(..8) == 0 {
                    net.rng.usize(1..9)
                } else {
                    net.rng.usize(64..=4096)
                };
                match inflate.push(data, &mut room[..len]) {
                    Ok(Some(piece)) => {
                        if let Some(len) = self.piece(&piece, stream, net) {
                            taken = Ok(Some(len));
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        taken = Err(error);
                        break;
                    }
                }
            }
            (self.inflate, self.room) = (Some(inflate), room);
            return taken;
        }
        Ok(self.piece(data, stream, net))
    }

    /// Takes an uncompressed piece.
    fn piece(&mut self, data: &Data<'_>, stream: &Stream, net: &mut Net) -> Option<usize> {
        assert_eq!(data.first, self.open.is_none(), "`first` is set on exactly the first piece");
        assert!(!data.compressed, "the piece is still compressed");
        let expected = self.open.get_or_insert_with(|| {
            let number = stream.seen + 1;
            assert!(number <= stream.last, "message {number} of {}", stream.last);
            let (kind, bytes) = stream.message(number);
            Expected { kind, bytes, len: 0, is_whole: false }
        });
        assert_eq!(data.kind, expected.kind);
        let end = expected.len + data.payload.len();
        assert!(end <= expected.bytes.len(), "{end} of {} bytes", expected.bytes.len());
        expected.is_whole = data.fin;
        match &mut self.assembler {
            Some(assembler) => assemble(assembler, data, expected, net),
            None => {
                assert!(
                    data.payload == &expected.bytes[expected.len..end],
                    "the bytes of the piece"
                );
            }
        }
        expected.len = end;
        if !expected.is_whole {
            return None;
        }
        assert_eq!(end, expected.bytes.len(), "the length of the message");
        self.open = None;
        Some(end)
    }
}

fn assemble(
    assembler: &mut Assembler<Box<[u8]>>,
    data: &Data<'_>,
    expected: &Expected,
    net: &mut Net,
) {
    let message = match assembler.push(data) {
        Err(AssembleError::StorageFull(full)) => {
            assert!(full.needed <= expected.bytes.len(), "{full} of {}", expected.bytes.len());
            net.counts.one(Count::AssemblersGrown);
            let len = full.needed.next_power_of_two();
            assembler.grow(vec![0; len].into_boxed_slice()).expect("the assembled bytes fit");
            assembler.push(data).expect("the storage is long enough now")
        }
        result => result.expect("text messages are valid UTF-8"),
    };
    let whole = match message {
        None => None,
        Some(Message::Text(text)) => Some((Kind::Text, text.as_bytes())),
        Some(Message::Binary(bytes)) => Some((Kind::Binary, bytes)),
    };
    let sent = expected.is_whole.then_some((expected.kind, &expected.bytes[..]));
    assert!(whole == sent, "the assembled message");
}
