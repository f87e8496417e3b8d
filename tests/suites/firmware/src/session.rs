//! Both sides of a session, in any state, from the first byte to the last.

use core::time::Duration;

use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::DeflateConfig;
use barews::handshake::server::Origins;
use barews::handshake::{BuildError, Limits, Status};
use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{Assembler, CloseCode, Connection, Message, Messages, RecvBuffer, SendBuffer, Server, Storage};

use crate::connection::{Keys, config, print};
use crate::frame::kind;
use crate::opaque::{any, bytes, flag, long, number, seen, text};
use crate::time::timeouts;

type Rx = RecvBuffer<&'static mut [u8]>;
type Tx<S> = SendBuffer<S>;

fn now() -> Duration {
    Duration::from_millis(long())
}

pub fn all() {
    let mut tx = any(SendBuffer::with_marks(bytes(), number(), number()));
    let mut server = any(Session::server_with_limits(config(), timeouts(), Limits::new(), now()));
    serve(&mut server, &mut tx);
    run(&mut server, &mut tx);
    run(
        &mut any(Session::opened(Connection::server(config()), timeouts(), now())),
        &mut tx,
    );
    let mut growing = any(SendBuffer::new(any(heapless::Vec::<u8, 300>::new())));
    let protocols = [text()];
    let handshake = Handshake::new([any(0); 16], text(), text()).protocols(&protocols);
    match any(Session::client(
        config(),
        timeouts(),
        Keys,
        &handshake,
        &mut growing,
        now(),
    )) {
        Ok(mut client) => run(&mut client, &mut growing),
        Err(error) => print(error),
    }
    let sealed = Session::unseal_server(config(), timeouts(), bytes(), &mut tx, now());
    if let Ok(mut server) = any(sealed) {
        run(&mut server, &mut tx);
        seen(server.seal(now(), bytes()));
    }
    let sealed = Session::unseal_client(config(), timeouts(), Keys, bytes(), &mut tx, now());
    if let Ok(mut client) = any(sealed) {
        run(&mut client, &mut tx);
        seen(client.seal(now(), bytes()));
    }
    print(any(Failure::StorageFull));
    print(any(BuildError::TooManyOffers));
}

/// What only a server does.
fn serve<S: Storage>(ws: &mut Session<Server>, tx: &mut Tx<S>) {
    let mut rx = any(RecvBuffer::new(bytes()));
    while flag() {
        match ws.receive(&mut rx, tx, now()) {
            Some(SessionEvent::Upgrade(upgrade)) => {
                let accept = upgrade.accept(Origins::List(&[text()]));
                let answer = upgrade.negotiate_deflate(&DeflateConfig::new());
                let accept = accept.map(|accept| match answer {
                    Some(answer) => accept.deflate(answer).protocol(text()),
                    None => accept.protocol(text()),
                });
                seen(ws.answer(accept, tx, now()));
            }
            Some(SessionEvent::Request(_)) => {
                seen(ws.respond(any(0), &[(text(), text())], bytes(), tx, now()));
                let mut handshake = Handshake::new([any(0); 16], text(), text());
                if let Ok(Status::Complete(Response::Rejected(it))) = handshake.read_response(bytes()) {
                    seen(ws.reject_as(&it, tx, now()));
                }
            }
            event => seen(event.is_some()),
        }
    }
}

fn run<R: SessionRole, S: Storage>(ws: &mut Session<R>, tx: &mut Tx<S>) {
    let mut rx: Rx = any(RecvBuffer::new(bytes()));
    let mut messages = any(Assembler::new(any(heapless::Vec::<u8, 100>::new())));
    let mut other = any(Session::opened(Connection::server(config()), timeouts(), now()));
    while flag() {
        match ws.receive(&mut rx, tx, now()) {
            Some(SessionEvent::Data(data)) if flag() => seen(data.payload),
            Some(SessionEvent::Failed(failure)) if flag() => print(failure),
            Some(event) => other.forward(&event, CloseCode::new(any(0)), tx, now()),
            None => seen(()),
        }
        whole(ws, &mut rx, &mut messages, tx);
        #[cfg(feature = "deflate")]
        if let Some(inflate) = crate::deflate::inflate() {
            let mut messages = any(barews::deflate::InflateAssembler::new(inflate, bytes()));
            if let Some(SessionEvent::Data(mut data)) = ws.receive(&mut rx, tx, now()) {
                seen(messages.push(&mut data));
            }
            whole(ws, &mut rx, &mut messages, tx);
            let sealed = barews::deflate::InflateAssembler::unseal(bytes(), bytes(), bytes());
            if let Ok(messages) = any(sealed) {
                let mut messages = messages.max_message_len(long());
                whole(ws, &mut rx, &mut messages, tx);
                seen(messages.seal(bytes()));
            }
        }
        send(ws, tx);
        ws.fail(any(barews::Error::InvalidUtf8), tx, now());
        seen((
            ws.deadline(),
            ws.timeout(now()),
            ws.wants_read(),
            ws.state(),
            ws.is_open(),
            ws.frame_left(),
        ));
        seen(ws.transport_action(tx));
        seen((tx.unsent().len(), tx.len(), tx.is_empty(), tx.is_over_mark()));
        tx.sent(number());
        seen(tx.sent_with(number(), bytes()));
        seen(tx.write_with(|_| any(Ok::<_, bool>(0))));
        seen(rx.read_with(|_| any(Ok::<_, bool>(0))));
        seen(tx.push(bytes()));
        seen(tx.spare_mut(number()).map(|spare| spare.len()));
        tx.advance(number());
        seen((rx.spare_mut().len(), rx.need_more()));
        rx.advance(number());
    }
}

fn whole<R: SessionRole, S: Storage, M: Messages>(ws: &mut Session<R>, rx: &mut Rx, messages: &mut M, tx: &mut Tx<S>) {
    if let Some(SessionEvent::Data(message)) = ws.receive_message(rx, messages, tx, now()) {
        seen((message.kind(), message.as_bytes()));
    }
}

fn send<R: SessionRole, S: Storage>(ws: &mut Session<R>, tx: &mut Tx<S>) {
    match number() {
        0 => seen(ws.send_text(text(), tx)),
        1 => seen(ws.send_message(Message::Binary(bytes()), tx)),
        2 => seen(ws.send_fragment(kind(), flag(), bytes(), tx)),
        3 => seen(ws.send_in_place(kind(), flag(), bytes(), tx)),
        4 => seen(ws.begin_frame(kind(), flag(), long(), tx)),
        5 => seen(ws.mask_next(bytes())),
        6 => seen(ws.send_ping(bytes(), tx)),
        7 => seen(ws.send_pong(bytes(), tx)),
        #[cfg(feature = "deflate")]
        8 => {
            if let Some(mut deflate) = crate::deflate::deflate() {
                seen(ws.send_compressed(Message::Text(text()), &mut deflate, tx));
            }
        }
        _ => seen(ws.close(CloseCode::new(any(0)), text(), tx, now())),
    }
}
