//! Both sides of a session, in any state.

use core::time::Duration;

use barews::handshake::Limits;
use barews::handshake::client::Handshake;
use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent, SessionRole};
use barews::{Assembler, CloseCode, Config, Connection, Message, RecvBuffer, SendBuffer};

use crate::connection::{Keys, config, print};
use crate::frame::kind;
use crate::opaque::{any, bytes, flag, long, number, seen, text};

type Tx = SendBuffer<&'static mut [u8]>;

pub fn all() {
    buffer();
    let mut tx = any(SendBuffer::with_marks(bytes(), number(), number()));
    let limits = Limits::new().max_head_len(number()).max_fields(number());
    serving(any(Session::server(config(), timeouts(), now())), &mut tx);
    serving(any(Session::server_with_limits(config(), timeouts(), limits, now())), &mut tx);
    serving(any(Session::opened(Connection::server(config()), timeouts(), now())), &mut tx);
    let handshake = any(Handshake::new(any([0; 16]), text(), text()).protocols(any(&[])).deflate(any(&[])));
    match Session::client(any(Config::new()), timeouts(), Keys, &handshake, &mut tx, now()) {
        Ok(session) => used(&mut any(session), &mut tx),
        Err(error) => print(error),
    }
    print(any(Failure::StorageFull));
}

fn buffer() {
    let mut tx = any(SendBuffer::new(bytes()));
    while flag() {
        seen((tx.len(), tx.is_empty(), tx.is_over_mark(), tx.unsent()));
        match number() {
            0 => tx.sent(number()),
            1 => seen(tx.sent_with(number(), bytes())),
            2 => seen(tx.spare_mut(number())),
            3 => tx.advance(number()),
            _ => seen(tx.push(bytes())),
        }
    }
}

fn serving(mut session: Session<barews::Server>, tx: &mut Tx) {
    let mut rx = any(RecvBuffer::new(bytes()));
    while flag() {
        let answered = match session.receive(&mut rx, tx, now()) {
            Some(SessionEvent::Upgrade(upgrade)) => session.answer(upgrade.accept(any(Origins::Any)), tx, now()),
            Some(SessionEvent::Request(_)) => session.respond(any(404), any(&[]), bytes(), tx, now()),
            event => Ok(seen(event)),
        };
        seen(answered);
        rx.advance(number());
        used(&mut session, tx);
    }
}

fn used<R: SessionRole>(session: &mut Session<R>, tx: &mut Tx) {
    let mut rx = any(RecvBuffer::new(bytes()));
    let mut messages = any(Assembler::new(bytes()));
    while flag() {
        seen((session.state(), session.is_open(), session.wants_read(), session.deadline()));
        seen((session.transport_action(tx), session.frame_left(), rx.need_more()));
        rx.advance(number());
        if flag() {
            seen(session.receive(&mut rx, tx, now()));
        } else {
            seen(session.receive_message(&mut rx, &mut messages, tx, now()));
        }
        sending(session, tx);
        tx.sent(number());
    }
}

fn sending<R: SessionRole>(session: &mut Session<R>, tx: &mut Tx) {
    match number() {
        0 => seen(session.send_text(text(), tx)),
        1 => seen(session.send_binary(bytes(), tx)),
        2 => seen(session.send_fragment(kind(), flag(), bytes(), tx)),
        3 => seen(session.send_in_place(kind(), flag(), bytes(), tx)),
        4 => seen(session.begin_frame(kind(), flag(), long(), tx)),
        5 => seen(session.mask_next(bytes())),
        6 => seen(session.send_ping(bytes(), tx)),
        7 => seen(session.send_pong(bytes(), tx)),
        8 => seen(session.close(CloseCode::new(any(0)), text(), tx, now())),
        _ => seen(session.send_message(any(Message::Text("")), tx)),
    }
}

fn timeouts() -> Timeouts {
    any(Timeouts::new())
}

fn now() -> Duration {
    any(Duration::ZERO)
}
