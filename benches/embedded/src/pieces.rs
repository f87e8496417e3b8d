//! Pieces of messages from a connection, which alone can create a `Data`.

use barews::{Client, Config, Connection, Data, Event, Input};
use barews_embedded::codecs::ROOM;

type Keyless = fn() -> [u8; 4];

pub struct Pieces {
    ws: Connection<Client<Keyless>>,
    frame: [u8; ROOM],
}

impl Pieces {
    pub fn new() -> Self {
        Self { ws: Connection::client(Config::new().deflate(true), || [0; 4]), frame: [0; ROOM] }
    }

    /// Receives a compressed message with this payload in one frame.
    #[inline(never)]
    pub fn piece(&mut self, payload: &[u8]) -> Option<Data<'_>> {
        let [high, low] = u16::try_from(payload.len()).ok()?.to_be_bytes();
        let header: &[u8] =
            if payload.len() < 126 { &[0xC2, low] } else { &[0xC2, 126, high, low] };
        for (to, from) in self.frame.iter_mut().zip(header.iter().chain(payload)) {
            *to = *from;
        }
        let frame = self.frame.get_mut(..header.len() + payload.len())?;
        match self.ws.receive(&mut Input::new(frame)) {
            Ok(Event::Data(data)) => Some(data),
            _ => None,
        }
    }
}
