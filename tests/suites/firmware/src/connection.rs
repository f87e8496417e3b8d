//! Both sides of a connection, in any state.

use core::fmt::Write as _;

use barews::{
    AssembleError, Assembler, CloseCode, Config, Connection, ControlOrder, Delivery, Error, Event, Input, Message,
    NoKey, RecvBuffer, Role, SealError, SendError, StorageFull, UnsealError,
};

use crate::frame::kind;
use crate::opaque::{Sink, any, bytes, flag, long, number, seen, text};

/// A source of masking keys that may fail.
pub struct Keys;

impl barews::MaskKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        any(Ok([0; 4]))
    }
}

pub fn config() -> Config {
    let config = if flag() { Config::new() } else { Config::proxy() };
    let config = config
        .max_frame_len(long())
        .max_message_len(long())
        .max_fragments(any(0))
        .delivery(any(Delivery::Chunks))
        .control_order(any(ControlOrder::Ahead))
        .auto_pong(flag())
        .auto_close(flag())
        .auto_fail(flag());
    #[cfg(feature = "deflate")]
    let config = config.deflate(flag());
    config
}

pub fn all() {
    let mut server = any(Connection::server(config()));
    receiving(&mut server);
    if let Ok(mut server) = any(Connection::unseal_server(config(), bytes())) {
        sending(&mut server);
    }
    if let Ok(mut client) = any(Connection::unseal_client(config(), Keys, bytes())) {
        receiving(&mut client);
    }
    sending(&mut server);
    let mut client = any(Connection::client(config(), Keys));
    receiving(&mut client);
    sending(&mut client);
    printed();
}

fn receiving<R: Role>(ws: &mut Connection<R>) {
    let mut buffer = any(RecvBuffer::new(bytes()));
    let mut messages = any(Assembler::new(bytes()));
    #[cfg(feature = "deflate")]
    let mut inflate = crate::deflate::inflate();
    while flag() {
        let mut input = if flag() { Input::new(bytes()) } else { buffer.input() };
        match ws.receive(&mut input) {
            #[cfg(feature = "deflate")]
            Ok(Event::Data(data)) if data.compressed => {
                if let Some(inflate) = &mut inflate {
                    crate::deflate::push(inflate, data);
                }
            }
            Ok(Event::Data(data)) => match messages.push(&data) {
                Ok(Some(Message::Text(text))) => seen(text),
                Ok(Some(Message::Binary(bytes))) => seen(bytes),
                Ok(None) => {}
                Err(error) => print(error),
            },
            Ok(Event::Ping(payload) | Event::Pong(payload)) => seen((payload.as_ref(), payload.len())),
            Ok(Event::Close(close)) => seen(close.map(|close| (close.code, close.reason))),
            Ok(Event::NeedMore(missing)) => seen(missing),
            Err(error) => print(error),
        }
        seen((
            Connection::<R>::send_len(number()),
            ws.is_receiving_message(),
            ws.is_sending_message(),
        ));
        seen((ws.state(), ws.transport_action(), ws.wants_write(), ws.frame_left()));
    }
    seen(ws.receive_eof());
    seen(ws.seal(bytes()));
}

fn sending<R: Role>(ws: &mut Connection<R>) {
    while flag() {
        match number() {
            0 => seen(ws.send_text(text(), bytes())),
            1 => seen(ws.send_binary(bytes(), bytes())),
            2 => seen(ws.send_fragment(kind(), flag(), bytes(), bytes())),
            3 => seen(ws.send_in_place(kind(), flag(), bytes())),
            4 => seen(ws.begin_frame(kind(), flag(), long())),
            5 => seen(ws.mask_next(bytes())),
            6 => seen(ws.send_ping(bytes(), bytes())),
            7 => seen(ws.send_pong(bytes(), bytes())),
            #[cfg(feature = "deflate")]
            9 => crate::deflate::sending(ws),
            8 => seen(ws.send_close(CloseCode::new(any(0)), text(), bytes())),
            _ => seen(ws.transmit(bytes())),
        }
    }
}

fn printed() {
    print(any(Error::Masked));
    print(any(SendError::Closed));
    print(any(AssembleError::InvalidUtf8));
    print(any(StorageFull { needed: number() }));
    print(any(NoKey));
    print(any(SealError::NotOpen));
    print(any(UnsealError::Config));
    print(CloseCode::new(any(0)));
    seen(any(Error::Masked).close_code());
}

pub fn print(value: impl core::fmt::Display) {
    seen(write!(Sink, "{value}"));
}
