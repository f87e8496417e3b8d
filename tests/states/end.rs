//! One end of a connection: its sealed state, the bytes on the way to it, and what is known of it
//! from the outside.

use barews::{CloseCode, Data, Kind};

pub(crate) type Bytes = heapless::Vec<u8, 120, u8>;

/// What was sent, one byte for each part, and is to be delivered.
pub(crate) mod part {
    /// The start of a message.
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BINARY: u8 = 2;
    /// The end of a frame within a message, and of the last one.
    pub(crate) const END_OF_FRAME: u8 = 3;
    pub(crate) const END_OF_MESSAGE: u8 = 4;
    /// Control frames, with a number in the low bits.
    pub(crate) const PING: u8 = 0x10;
    pub(crate) const PONG: u8 = 0x20;
    pub(crate) const CLOSE: u8 = 0x40;
    // Others are bytes of a payload.

    pub(crate) fn is_control(part: u8) -> bool {
        matches!(part & 0xF0, PING | PONG | CLOSE)
    }
}

/// The number `n` of a text as a character of two bytes, and of a binary message.
pub(crate) const fn text(n: u8) -> [u8; 2] {
    [0xC3, 0x80 | n]
}

pub(crate) const fn binary(n: u8) -> u8 {
    0x30 | n
}

/// The Close of the client, of the server, of a deadline.
const CODES: [CloseCode; 3] = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::POLICY];

pub(crate) fn close_code(number: u8) -> CloseCode {
    CODES[usize::from(number)]
}

pub(crate) fn close_number(code: CloseCode) -> u8 {
    let at = CODES.iter().position(|it| *it == code).expect("no other code was sent");
    u8::try_from(at).expect("a few codes")
}

pub(crate) fn key() -> [u8; 4] {
    [0x11, 0x22, 0x44, 0x88]
}

/// This end and the other one.
pub(crate) fn order(ends: &[End; 2], is_server: bool) -> [&End; 2] {
    let [client, server] = ends;
    if is_server { [server, client] } else { [client, server] }
}

pub(crate) fn order_mut(ends: &mut [End; 2], is_server: bool) -> [&mut End; 2] {
    let [client, server] = ends;
    if is_server { [server, client] } else { [client, server] }
}

/// Small facts about an end.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Facts {
    /// The number of messages, Pings.
    pub(crate) messages: u8,
    pub(crate) pings: u8,
    /// The number of fragments of the message that it is sending.
    pub(crate) fragments: u8,
    /// How much of a frame it has to send.
    pub(crate) frame_left: u8,
    /// The Pong or Close that it has to send, as a `part`; 0 is none.
    pub(crate) due: u8,
    /// How much of a message it has received.
    pub(crate) offset: u8,
    /// Bytes have arrived since a connection has asked for more; a session is inside a message.
    pub(crate) is_fed: bool,
    pub(crate) has_sent_close: bool,
    pub(crate) has_received_close: bool,
    /// It has ended its direction of the transport.
    pub(crate) has_ended: bool,
    /// It has seen the end of the other direction.
    pub(crate) has_seen_end: bool,
    /// A session that has failed; one that is done with the transport.
    pub(crate) has_failed: bool,
    pub(crate) is_over: bool,
}

/// For how many steps of time, of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ages {
    /// Nothing was received.
    pub(crate) silent: u8,
    /// A message has not ended.
    pub(crate) inside: u8,
    /// Output waits, and none was written.
    pub(crate) blocked: u8,
    /// This side has closed.
    pub(crate) closing: u8,
    /// No message was sent or received.
    pub(crate) quiet: u8,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub(crate) sealed: Bytes,
    /// Bytes on the way to this end.
    pub(crate) arriving: Bytes,
    /// Bytes that have arrived, and that the connection has not consumed.
    pub(crate) unread: Bytes,
    /// What was sent to this end, and it has not delivered.
    pub(crate) awaited: Bytes,
    /// Bytes that a session has queued, and the transport has not taken.
    pub(crate) unsent: Bytes,
    pub(crate) facts: Facts,
    pub(crate) ages: Ages,
}

impl End {
    /// Whether a frame of the caller may begin.
    pub(crate) fn may_send(&self) -> bool {
        let Facts { frame_left, due, has_sent_close, .. } = self.facts;
        frame_left == 0 && !has_sent_close && due & 0xF0 != part::CLOSE
    }

    /// Takes the next part of a message, or the next control frame. `may_overtake` is whether others
    /// that were sent before may still be to come.
    fn take(&mut self, is_control: bool, may_overtake: bool) -> u8 {
        let at = self.awaited.iter().position(|part| part::is_control(*part) == is_control);
        let at = at.expect("only what was sent is delivered");
        assert!(at == 0 || may_overtake, "delivered too early");
        self.awaited.remove(at)
    }

    pub(crate) fn receive_control(&mut self, part: u8, may_overtake: bool) {
        assert_eq!(self.take(true, may_overtake), part, "not the next control frame");
    }

    pub(crate) fn receive_data(&mut self, data: &Data<'_>, may_overtake: bool) {
        if data.first {
            let kind = if data.kind == Kind::Text { part::TEXT } else { part::BINARY };
            assert_eq!(self.take(false, may_overtake), kind, "the start of a message");
            self.facts.offset = 0;
        }
        assert_eq!(data.offset, u64::from(self.facts.offset));
        for byte in &*data.payload {
            assert_eq!(self.take(false, may_overtake), *byte, "not the next byte");
            self.facts.offset += 1;
        }
        assert!(data.frame_left == 0 || !data.fin);
        if data.frame_left == 0 {
            let end = if data.fin { part::END_OF_MESSAGE } else { part::END_OF_FRAME };
            assert_eq!(self.take(false, may_overtake), end, "the end of a frame");
            assert_eq!(data.frame_fin, data.fin);
        }
    }

    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let Self { sealed, arriving, unread, awaited, unsent, facts, ages } = self;
        for bytes in [sealed, arriving, unread, awaited, unsent] {
            to.push(u8::try_from(bytes.len()).expect("at most 120"));
            to.extend_from_slice(bytes);
        }
        let Facts { messages, pings, fragments, frame_left, due, offset, .. } = *facts;
        let flags = facts.flags().iter().fold(0, |bits, flag| bits << 1 | u8::from(*flag));
        to.extend([messages << 4 | pings, fragments << 4 | frame_left, due, offset, flags]);
        let Ages { silent, inside, blocked, closing, quiet } = *ages;
        to.extend([silent << 4 | inside, blocked << 4 | closing, quiet]);
    }

    /// Takes an end from the front of `from`.
    pub(crate) fn decode(from: &mut &[u8]) -> Self {
        let mut end = Self::default();
        let Self { sealed, arriving, unread, awaited, unsent, .. } = &mut end;
        for to in [sealed, arriving, unread, awaited, unsent] {
            let (len, rest) = from.split_first().expect("a length");
            let (bytes, rest) = rest.split_at(usize::from(*len));
            to.extend_from_slice(bytes).expect("it came from such a vector");
            *from = rest;
        }
        let ([counts, sending, due, offset, flags, past, own, quiet], rest) =
            from.split_first_chunk().expect("the facts");
        *from = rest;
        end.facts = Facts {
            messages: counts >> 4,
            pings: counts & 15,
            fragments: sending >> 4,
            frame_left: sending & 15,
            due: *due,
            offset: *offset,
            is_fed: flags & 64 != 0,
            has_sent_close: flags & 32 != 0,
            has_received_close: flags & 16 != 0,
            has_ended: flags & 8 != 0,
            has_seen_end: flags & 4 != 0,
            has_failed: flags & 2 != 0,
            is_over: flags & 1 != 0,
        };
        end.ages = Ages {
            silent: past >> 4,
            inside: past & 15,
            blocked: own >> 4,
            closing: own & 15,
            quiet: *quiet,
        };
        end
    }
}

impl Facts {
    const fn flags(&self) -> [bool; 7] {
        let Self { is_fed, has_sent_close, has_received_close, .. } = *self;
        let Self { has_ended, has_seen_end, has_failed, is_over, .. } = *self;
        [is_fed, has_sent_close, has_received_close, has_ended, has_seen_end, has_failed, is_over]
    }
}
