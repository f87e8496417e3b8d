//! Buffers and the assembler.

use barews::{Assembler, Input, RecvBuffer};

use crate::opaque::{any, bytes, number, seen};

pub fn all() {
    let input = Input::new(bytes());
    seen((input.len(), input.is_empty(), input.consumed(), input.unread()));
    let mut buffer = any(RecvBuffer::new(bytes()));
    seen((buffer.capacity(), buffer.len(), buffer.is_empty(), buffer.unread()));
    seen(buffer.spare_mut());
    seen(buffer.reserve(number()));
    seen(buffer.need_more());
    buffer.advance(number());
    buffer.consume(number());
    seen(buffer.push(bytes()));
    buffer.end();
    seen(buffer.spare_mut());
    seen(buffer.input().len());
    seen(buffer.grow(bytes()));
    let mut buffer = any(RecvBuffer::with_unread(bytes(), number()));
    seen((buffer.len(), buffer.unread()));
    seen(buffer.spare_mut());
    seen(buffer.reserve(number()));
    seen(buffer.input().len());
    let mut messages = any(Assembler::new(bytes()));
    seen((messages.len(), messages.is_empty()));
    seen(messages.grow(bytes()));
    seen(messages.seal(bytes()));
    if let Ok(messages) = any(Assembler::unseal(bytes(), bytes())) {
        seen((messages.len(), messages.seal(bytes())));
    }
    let growing = Assembler::unseal(bytes(), any(heapless::Vec::<u8, 100>::new()));
    seen(any(growing).map(|messages| messages.len()));
}
