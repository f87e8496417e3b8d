//! A bare-metal program that calls every public function of barews. Its panic handler calls an
//! undefined function, so the program links only if no panic is reachable.
#![no_std]
#![no_main]

mod connection;
#[cfg(feature = "deflate")]
mod deflate;
mod frame;
#[cfg(feature = "handshake")]
mod handshake;
mod input;
mod opaque;
#[cfg(feature = "handshake")]
mod session;
mod time;

use core::hint::black_box;

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    frame::all();
    connection::all();
    #[cfg(feature = "deflate")]
    opaque::seen(deflate::compressing());
    input::all();
    time::all();
    #[cfg(feature = "handshake")]
    handshake::all();
    #[cfg(feature = "handshake")]
    session::all();
    #[cfg(feature = "control")]
    black_box(opaque::bytes()[opaque::number()]);
    loop {
        black_box(());
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_can_be_reached() -> !;
    }
    unsafe { a_panic_can_be_reached() }
}
