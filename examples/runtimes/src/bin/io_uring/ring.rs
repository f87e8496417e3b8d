//! The completion loop.

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, Timespec};
use io_uring::{IoUring, opcode};
use slab::Slab;

use super::client::{Client, Operation};

pub(crate) const ENTRIES: u32 = 256;
/// Each client has at most one operation and its timeout in flight. The completion queue has twice
/// as many entries as the submission queue, so it always has room.
const MAX_CLIENTS: usize = 200;
/// If an operation takes longer than this, its client is dropped.
static LIMIT: Timespec = Timespec::new().sec(60);

const LISTENER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
const POLLIN: u32 = 1;

pub(crate) fn run(mut ring: IoUring, listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // Never dropped, not even if this function returns: the kernel may still write into the
    // buffers.
    let mut clients = ManuallyDrop::new(Slab::new());
    let mut listening = false;
    loop {
        if !listening && clients.len() < MAX_CLIENTS {
            let poll = opcode::PollAdd::new(Fd(listener.as_raw_fd()), POLLIN).build();
            push(&mut ring, &[poll.user_data(LISTENER)])?;
            listening = true;
        }
        match ring.submit_and_wait(1) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            submitted => submitted?,
        };
        let completions: Vec<_> =
            ring.completion().map(|entry| (entry.user_data(), entry.result())).collect();
        for (token, result) in completions {
            match token {
                TIMER => {}
                LISTENER => {
                    listening = false;
                    // An error is ignored: the client may have disconnected again.
                    if let Ok((stream, _)) = listener.accept() {
                        stream.set_nodelay(true)?;
                        let token = clients.insert(Client::new(stream));
                        start(&mut ring, &mut clients[token], token)?;
                    }
                }
                token => {
                    let token = usize::try_from(token).expect("tokens are indices");
                    let client = &mut clients[token];
                    // 0 is the end of the stream; a negative result is an error or the timeout.
                    let result = usize::try_from(result).ok().filter(|n| *n > 0);
                    match result.map(|n| client.complete(n)) {
                        Some(Ok(())) => start(&mut ring, client, token)?,
                        Some(Err(error)) => {
                            eprintln!("{error}");
                            clients.remove(token);
                        }
                        None => drop(clients.remove(token)),
                    }
                }
            }
        }
    }
}

/// Submits the client's next operation, with a timeout.
fn start(ring: &mut IoUring, client: &mut Client, token: usize) -> io::Result<()> {
    let fd = Fd(client.stream.as_raw_fd());
    // If the length exceeds `u32`, the rest is part of the next operation.
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let operation = match client.next_operation() {
        Operation::Receive(room) => opcode::Recv::new(fd, room.as_mut_ptr(), len(room)).build(),
        Operation::Send(rest) => opcode::Send::new(fd, rest.as_ptr(), len(rest)).build(),
    };
    let operation = operation.user_data(token as u64).flags(Flags::IO_LINK);
    push(ring, &[operation, opcode::LinkTimeout::new(&raw const LIMIT).build().user_data(TIMER)])
}

fn push(ring: &mut IoUring, entries: &[Entry]) -> io::Result<()> {
    loop {
        // SAFETY: what an entry points to must stay valid until its completion. `LIMIT` is static.
        // A client's buffers are on the heap, so they do not move when the slab grows. The client
        // has only this operation, and `run` accesses or removes the client only after its
        // completion.
        #[expect(unsafe_code, reason = "the kernel is not bound by lifetimes")]
        if unsafe { ring.submission().push_multiple(entries) }.is_ok() {
            return Ok(());
        }
        // The queue is full: submit it to make room.
        ring.submit()?;
    }
}
