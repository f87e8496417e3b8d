//! The server side of a connection as four WebAssembly functions.
#![no_std]

use core::cell::UnsafeCell;

use barews::{Config, Connection, Event, Input, Kind, Server};

/// The memory shared with the host, which writes received bytes there and reads payloads from it.
struct Shared(UnsafeCell<([u8; 65536], Option<Connection<Server>>)>);

// SAFETY: a module has one thread.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(([0; 65536], None)));

#[expect(clippy::mut_from_ref, reason = "one thread, and no function is reentrant")]
fn shared() -> &'static mut ([u8; 65536], Option<Connection<Server>>) {
    unsafe { &mut *SHARED.0.get() }
}

/// The address of the shared bytes.
#[unsafe(no_mangle)]
extern "C" fn buffer() -> *mut u8 {
    shared().0.as_mut_ptr()
}

/// Begins a connection.
#[unsafe(no_mangle)]
extern "C" fn open() {
    shared().1 = Some(Connection::server(Config::new()));
}

/// Receives `len` bytes and returns the first event as `kind << 24 | value`. The kinds are 1 text,
/// 2 binary, 9 Ping, 10 Pong (value: the payload length), 8 Close (the code), 0 `NeedMore` (the
/// missing bytes) and 255 error (the close code). A data payload is moved to the start of the
/// bytes.
#[unsafe(no_mangle)]
extern "C" fn receive(len: usize) -> u32 {
    let (bytes, Some(ws)) = shared() else { return u32::MAX };
    let Some(received) = bytes.get_mut(..len) else {
        return u32::MAX;
    };
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

/// Writes the pending frame to the start of the bytes and returns its length.
#[unsafe(no_mangle)]
extern "C" fn transmit() -> usize {
    let (bytes, Some(ws)) = shared() else { return 0 };
    ws.transmit(bytes).unwrap_or(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
