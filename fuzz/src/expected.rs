//! What the received bytes mean, read at once by [`Connection`] and the readers of the opening
//! handshake; and a record of what a session reports, to compare with that.

use barews::handshake::client::{Handshake, Response};
use barews::handshake::server::{Incoming, RequestReader};
use barews::handshake::{self, Status};
use barews::{CloseFrame, Connection, Error, Event, Input, Kind, Role};

type Message = (Kind, bool, Vec<u8>);

/// Events without their pieces, and without the order between data and control frames.
#[derive(Debug, Default, PartialEq)]
pub struct Log {
    messages: Vec<Message>,
    open: Option<Message>,
    /// Whether it is a Ping, and the payload.
    controls: Vec<(bool, Vec<u8>)>,
    pub close: Option<Option<(u16, String)>>,
    pub error: Option<Error>,
}

impl Log {
    pub fn piece(&mut self, kind: Kind, compressed: bool, fin: bool, payload: &[u8]) {
        let open = self.open.get_or_insert_with(|| (kind, compressed, Vec::new()));
        assert_eq!((open.0, open.1), (kind, compressed), "the kind changes inside a message");
        open.2.extend_from_slice(payload);
        if fin {
            self.messages.extend(self.open.take());
        }
    }

    pub fn control(&mut self, is_ping: bool, payload: &[u8]) {
        self.controls.push((is_ping, payload.to_vec()));
    }

    pub fn close(&mut self, close: Option<CloseFrame<'_>>) {
        let close = close.map(|close| (close.code.as_u16(), close.reason.to_owned()));
        assert!(self.close.replace(close).is_none(), "a second Close");
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Asserts that these are the first events of `whole`.
    pub fn is_start_of(&self, whole: &Self) {
        let n = self.messages.len();
        assert!(whole.messages.starts_with(&self.messages), "{self:?} {whole:?}");
        if let Some((kind, compressed, payload)) = &self.open {
            let next = whole.messages.get(n).or(whole.open.as_ref()).expect("no such message");
            assert_eq!((*kind, *compressed), (next.0, next.1));
            assert!(next.2.starts_with(payload), "{self:?} {whole:?}");
        }
        assert!(whole.controls.starts_with(&self.controls), "{self:?} {whole:?}");
        if self.close.is_some() {
            assert_eq!((&self.close, n), (&whole.close, whole.messages.len()));
            assert_eq!(self.controls, whole.controls);
        }
        if self.error.is_some() {
            assert_eq!(self.error, whole.error);
        }
    }
}

impl Log {
    /// Asserts that `seen` lacks none of these whole messages and control frames.
    pub fn is_complete_in(&self, seen: &Self) {
        assert_eq!(self.messages, seen.messages);
        assert_eq!((&self.controls, &self.close), (&seen.controls, &seen.close));
    }
}

/// The events of frames that arrive at once.
pub fn frames<R: Role>(mut ws: Connection<R>, bytes: &[u8]) -> Log {
    let (mut log, mut bytes) = (Log::default(), bytes.to_vec());
    let mut input = Input::new(&mut bytes);
    loop {
        match ws.receive(&mut input) {
            Ok(Event::NeedMore(_)) => return log,
            Ok(Event::Data(it)) => log.piece(it.kind, it.compressed, it.fin, it.payload),
            Ok(Event::Ping(payload)) => log.control(true, &payload),
            Ok(Event::Pong(payload)) => log.control(false, &payload),
            Ok(Event::Close(close)) => log.close(close),
            Err(error) => {
                log.error = Some(error);
                return log;
            }
        }
    }
}

/// The opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    Incomplete,
    /// A request for a WebSocket, or a 101: frames follow after this length.
    Upgrade(usize),
    /// Another request or response.
    Other,
    Invalid(handshake::Error),
}

pub fn request(bytes: &[u8]) -> Head {
    match RequestReader::new().read(bytes) {
        Ok(Status::NeedMore(_)) => Head::Incomplete,
        Ok(Status::Complete(Incoming::Upgrade(it))) => Head::Upgrade(it.request().head_len()),
        Ok(Status::Complete(Incoming::Plain(_))) => Head::Other,
        Err(error) => Head::Invalid(error),
    }
}

pub fn response(mut handshake: Handshake<'_>, bytes: &[u8]) -> Head {
    match handshake.read_response(bytes) {
        Ok(Status::NeedMore(_)) => Head::Incomplete,
        Ok(Status::Complete(Response::Accepted(it))) => Head::Upgrade(it.head_len()),
        Ok(Status::Complete(Response::Rejected(_))) => Head::Other,
        Err(error) => Head::Invalid(error),
    }
}

/// Asserts that these frames are valid and that nothing follows a Close. The last one may be
/// incomplete.
pub fn is_accepted<R: Role>(mut ws: Connection<R>, bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    loop {
        match ws.receive(&mut input) {
            Ok(Event::NeedMore(_)) => return,
            Ok(Event::Data(_) | Event::Ping(_) | Event::Pong(_)) => {}
            Ok(Event::Close(_)) => return assert!(input.is_empty(), "a frame after a Close"),
            Err(error) => panic!("the peer refuses what was written: {error:?}"),
        }
    }
}
