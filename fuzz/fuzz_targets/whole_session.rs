//! A session of either role, from the opening handshake to the drop of its transport: any bytes,
//! arriving and read in any pieces, any calls in any order, any time, storage of every kind.
//!
//! The events are those of `Connection` and the readers of the opening handshake on the same bytes,
//! and what the session promises of time, memory and its end holds after every call.
#![no_main]

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use barews::session::Session;
use barews::{Connection, SendBuffer};
use barews_fuzz::drive::{Drive, Setup};
use barews_fuzz::memory::Memory;
use barews_fuzz::sides::{self, FewKeys};
use barews_fuzz::{frames, watch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let [flags, role, head, rx, tx, times, policy, calls] = <[u8; 8]>::arbitrary(u)?;
    let mut ops = vec![[0; 2]; usize::from(calls % 64)];
    for op in &mut ops {
        *op = <[u8; 2]>::arbitrary(u)?;
    }
    let is_server = role & 1 == 0;
    let config = watch::config(flags).auto_close(role & 2 == 0);
    let is_compressed = flags & watch::DEFLATE != 0;
    let mut wire = sides::head(is_server, head, is_compressed);
    wire.extend(frames::wire(u, is_server, is_compressed)?);
    let setup = Setup {
        wire: &wire,
        is_opened: head % 8 == 0,
        takes_messages: role & 4 != 0 && !is_compressed,
        keys: if role & 0x18 == 0x18 { u32::from(role >> 5) } else { u32::MAX },
        is_compressed,
        policy,
        config,
        rx,
    };
    let timeouts = sides::timeouts(times);
    let tx = Memory::new(tx);
    let most_tx = tx.most();
    let mut tx = SendBuffer::new(tx);
    if is_server {
        let ws = if setup.is_opened {
            Session::opened(Connection::server(config), timeouts, Duration::ZERO)
        } else {
            Session::server(config, timeouts, Duration::ZERO)
        };
        Drive::new(ws, tx, &setup).run(&ops, sides::all_end(times), most_tx);
        return Ok(());
    }
    let keys = FewKeys(setup.keys);
    let ws = if setup.is_opened {
        Session::opened(Connection::client(config, keys), timeouts, Duration::ZERO)
    } else {
        let handshake = sides::handshake(is_compressed);
        match Session::client(config, timeouts, keys, &handshake, &mut tx, Duration::ZERO) {
            Ok(ws) => ws,
            Err(_) => {
                assert!(tx.is_empty(), "a part of a request is queued");
                return Ok(());
            }
        }
    };
    Drive::new(ws, tx, &setup).run(&ops, sides::all_end(times), most_tx);
    Ok(())
}
