//! A server's side of a connection behind four functions of WebAssembly.
#![no_std]

use core::cell::UnsafeCell;

use barews::{Config, Connection, Event, Input, Kind, Server};

/// What crosses the border: the caller writes received bytes into `bytes` and finds a payload there.
struct Shared(UnsafeCell<([u8; 65536], Option<Connection<Server>>)>);

// A module has one thread.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(([0; 65536], None)));

#[expect(clippy::mut_from_ref, reason = "one thread, and no call comes within another")]
fn shared() -> &'static mut ([u8; 65536], Option<Connection<Server>>) {
    unsafe { &mut *SHARED.0.get() }
}

/// Where the bytes are.
#[unsafe(no_mangle)]
extern "C" fn buffer() -> *mut u8 {
    shared().0.as_mut_ptr()
}

/// Begins a connection.
#[unsafe(no_mangle)]
extern "C" fn open() {
    shared().1 = Some(Connection::server(Config::new()));
}

/// Receives `len` bytes; the first event as kind << 24 | length. The kinds: 1 text, 2 binary, 9 Ping, 10 Pong, 8 Close,
/// 0 more bytes are needed, 255 an error and the code of the Close. The payload of data is moved to the start.
#[unsafe(no_mangle)]
extern "C" fn receive(len: usize) -> u32 {
    let (bytes, Some(ws)) = shared() else { return u32::MAX };
    let Some(received) = bytes.get_mut(..len) else { return u32::MAX };
    let mut input = Input::new(received);
    let (kind, len) = match ws.receive(&mut input) {
        Ok(Event::Data(data)) => {
            let kind = if data.kind == Kind::Text { 1 } else { 2 };
            let len = data.payload.len();
            let start = input.consumed() - len;
            bytes.copy_within(start..start + len, 0);
            (kind, len)
        }
        Ok(Event::Ping(payload)) => (9, payload.len()),
        Ok(Event::Pong(payload)) => (10, payload.len()),
        Ok(Event::Close(close)) => (8, close.map_or(0, |close| close.code.as_u16().into())),
        Ok(Event::NeedMore(missing)) => (0, missing.get()),
        Err(error) => (255, error.close_code().as_u16().into()),
    };
    kind << 24 | u32::try_from(len).unwrap_or(0)
}

/// Writes what is due behind the bytes' start and returns its length.
#[unsafe(no_mangle)]
extern "C" fn transmit() -> usize {
    let (bytes, Some(ws)) = shared() else { return 0 };
    ws.transmit(bytes).unwrap_or(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
