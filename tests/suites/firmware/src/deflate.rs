//! Compressed messages, with both codecs in any state.

use barews::deflate::{CompressionContext, Deflate, DeflateParams, Effort, Flush, Inflate, WindowBits};
use barews::frame::Content;
use barews::{Compressed, Connection, Data, Role};

use crate::connection::print;
use crate::frame::kind;
use crate::opaque::{any, bytes, flag, long, number, seen};

fn context() -> Option<CompressionContext> {
    let window_bits = WindowBits::new(any(8))?;
    let params = any(DeflateParams::DEFAULT);
    Some(match number() {
        0 => params.client(),
        1 => params.server(),
        _ => CompressionContext {
            window_bits,
            takeover: flag(),
        },
    })
}

fn effort() -> Option<Effort> {
    let preset = match number() {
        0 => Effort::TINY,
        1 => Effort::SMALL,
        2 => Effort::FAST,
        _ => Effort::BEST,
    };
    let changed = preset
        .window_bits(WindowBits::new(any(8))?)
        .table_bits(any(0))
        .block_bits(any(0))
        .depth(any(0))
        .lazy(any(0))
        .nice(any(0))
        .dynamic(flag())
        .threshold(number());
    Some(if flag() { any(preset) } else { changed })
}

fn flush() -> Flush {
    match number() {
        0 => Flush::None,
        1 => Flush::Sync,
        _ => Flush::Finish,
    }
}

pub fn deflate() -> Option<Deflate<&'static mut [u8]>> {
    let (context, effort) = (context()?, effort()?);
    seen((Deflate::memory(context, effort), Deflate::max_len(number())));
    if let Ok(deflate) = any(Deflate::unseal(effort, bytes(), bytes())) {
        seen(deflate.seal(bytes()));
        return Some(deflate);
    }
    match Deflate::new(context, effort, bytes()) {
        Ok(deflate) => Some(any(deflate)),
        Err(error) => {
            print(error);
            None
        }
    }
}

/// Compresses messages in pieces.
pub fn compressing() -> Option<()> {
    let mut deflate = deflate()?;
    while flag() {
        seen(deflate.wants(number()));
        seen(deflate.push(bytes(), flush(), bytes()));
        if flag() {
            deflate.forget();
        }
    }
    Some(())
}

/// Inflates a piece with the decoder from [`inflate`].
pub fn push(inflate: &mut Inflate<&'static mut [u8]>, mut data: Data<'_>) {
    loop {
        match inflate.push(&mut data, bytes()) {
            Ok(Some(piece)) => seen((piece.payload, piece.first, piece.fin, piece.kind)),
            Ok(None) => return,
            Err(error) => return print(error),
        }
    }
}

pub fn inflate() -> Option<Inflate<&'static mut [u8]>> {
    let context = context()?;
    seen((Inflate::memory(context), Inflate::max_sealed_len(context)));
    if let Ok(inflate) = any(Inflate::unseal(bytes(), bytes())) {
        seen(inflate.seal(bytes()));
        return Some(inflate);
    }
    match Inflate::new(context, bytes()) {
        Ok(inflate) => Some(any(inflate.max_message_len(long()))),
        Err(error) => {
            print(error);
            None
        }
    }
}

pub fn sending<R: Role>(ws: &mut Connection<R>) {
    let content = match number() {
        0 => Content::from(Compressed(kind())),
        1 => Content::new(kind(), flag()),
        _ => kind().into(),
    };
    match number() {
        0 => seen(ws.send_fragment(content, flag(), bytes(), bytes())),
        1 => seen(ws.send_in_place(content, flag(), bytes())),
        2 => seen(ws.begin_frame(content, flag(), long())),
        _ => ws.fail(any(barews::Error::Masked)),
    }
}
