//! The completion loop.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, Timespec};
use io_uring::{IoUring, opcode};
use slab::Slab;

use super::Client;

const ENTRIES: u32 = 256;
/// Each client has at most one operation and its timeout in flight. The completion queue has twice
/// as many entries as the submission queue, so it always has room.
const MAX_CLIENTS: usize = 200;
/// After an error of `accept`, such as that no descriptor is left.
static PAUSE: Timespec = Timespec::new().nsec(10_000_000);

const LISTENER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
const POLLIN: u32 = 1;
/// What an operation returns whose time is over.
const CANCELED: [i32; 2] = [-125, -4];

pub(crate) fn listen(address: SocketAddr) -> io::Result<()> {
    // Containers often forbid it, and machines by `kernel.io_uring_disabled`.
    let mut ring = match IoUring::new(ENTRIES) {
        Ok(ring) => ring,
        Err(error) => {
            println!("io_uring is not available: {error}");
            return Ok(());
        }
    };
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let poll = opcode::PollAdd::new(Fd(listener.as_raw_fd()), POLLIN).build();
    let poll = [poll.user_data(LISTENER)];
    let pause = [opcode::Timeout::new(&raw const PAUSE).build().user_data(LISTENER)];
    // Never dropped, not even if this function returns: the kernel may still write into the buffers.
    let mut clients = ManuallyDrop::new(Slab::<Box<(Client, Timespec)>>::new());
    let mut is_listening = false;
    loop {
        if !is_listening && clients.len() < MAX_CLIENTS {
            push(&mut ring, &poll)?;
            is_listening = true;
        }
        match ring.submit_and_wait(1) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            submitted => submitted?,
        };
        let done: Vec<_> = ring.completion().map(|it| (it.user_data(), it.result())).collect();
        for (token, result) in done {
            let (token, result) = match token {
                TIMER => continue,
                LISTENER => {
                    is_listening = false;
                    // A negative result is the end of the pause.
                    if result < 0 {
                        continue;
                    }
                    let Ok((stream, _)) = listener.accept() else {
                        push(&mut ring, &pause)?;
                        is_listening = true;
                        continue;
                    };
                    let client = (Client::new(stream), Timespec::new());
                    (clients.insert(Box::new(client)), CANCELED[0])
                }
                token => (usize::try_from(token).expect("tokens are indices"), result),
            };
            match turn(&mut clients[token], token as u64, result) {
                Ok(Some(operation)) => push(&mut ring, &operation)?,
                ended => {
                    clients.remove(token);
                    ended.map_or_else(|error| eprintln!("{error}"), |_| ());
                }
            }
        }
    }
}

/// Takes the result of a client's operation, and returns the next one, with its timeout; `None` at
/// the end.
fn turn(
    (client, time): &mut (Client, Timespec),
    token: u64,
    result: i32,
) -> Result<Option<[Entry; 2]>, Box<dyn Error>> {
    match usize::try_from(result) {
        Ok(n) => client.complete(n),
        Err(_) if CANCELED.contains(&result) => {}
        Err(_) => return Err(io::Error::from_raw_os_error(-result).into()),
    }
    let Some(wait) = client.turn()? else { return Ok(None) };
    *time = wait.into();
    let timer = opcode::LinkTimeout::new(time).build().user_data(TIMER);
    let fd = Fd(client.stream.as_raw_fd());
    // If the length exceeds `u32`, the rest is part of the next operation.
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let operation = if client.tx.is_empty() {
        let spare = client.rx.spare_mut();
        opcode::Recv::new(fd, spare.as_mut_ptr(), len(spare)).build()
    } else {
        let unsent = client.tx.unsent();
        opcode::Send::new(fd, unsent.as_ptr(), len(unsent)).build()
    };
    Ok(Some([operation.user_data(token).flags(Flags::IO_LINK), timer]))
}

fn push(ring: &mut IoUring, entries: &[Entry]) -> io::Result<()> {
    loop {
        // SAFETY: what an entry points to must stay valid until its completion. `PAUSE` is static. A
        // client is boxed, and so are its buffers. It has only this operation, and is neither used
        // nor removed before the completion. A timeout is read when it is submitted.
        #[expect(unsafe_code, reason = "the kernel is not bound by lifetimes")]
        if unsafe { ring.submission().push_multiple(entries) }.is_ok() {
            return Ok(());
        }
        // The queue is full: submit it to make room.
        ring.submit()?;
    }
}
