//! A static library with a panic handler of its own: `std` would bring a second one, and `alloc`
//! would ask for a global allocator.
#![no_std]

use barews::{Config, Connection, Event, Input};

/// Receives from `bytes` on a server's side; the kind of the first event as a number.
pub fn first_event(bytes: &mut [u8]) -> u8 {
    let mut ws = Connection::server(Config::new());
    match ws.receive(&mut Input::new(bytes)) {
        Ok(Event::Data(_)) => 1,
        Ok(Event::Ping(_)) => 2,
        Ok(Event::Pong(_)) => 3,
        Ok(Event::Close(_)) => 4,
        Ok(Event::NeedMore(_)) => 5,
        Err(_) => 6,
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
