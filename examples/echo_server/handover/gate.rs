//! The Unix socket at PATH. A server passes it on with its connections, so successors that come
//! meanwhile wait for their turn.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Type};

use super::{HELLO, REFUSED, Socket, VERSION, invalid};
use crate::end::Cause;

/// A process that wants to be the successor.
pub(crate) struct Candidate {
    pub(crate) socket: Socket,
    /// Sending to it lets the next candidate come. Dropping it ends [`watch`].
    pub(crate) goes_on: Sender<()>,
}

/// Connects to the server at `path`, if there is one.
pub(super) fn connect(path: &Path) -> io::Result<Option<Socket>> {
    match UnixStream::connect(path) {
        Ok(stream) => Socket::new(stream).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // A socket that a killed server has left.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(None),
        Err(error) => Err(error),
    }
}

/// Listens at `path`, where no server is.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    remove(path);
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before another process can connect: it would get the connections.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.listen(16)?;
    Ok(OwnedFd::from(socket).into())
}

/// Removes the socket at `path`, and nothing else.
pub(crate) fn remove(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        let _ = fs::remove_file(path);
    }
}

/// Reports successors, one after the other.
pub(crate) fn watch(gate: Arc<UnixListener>, causes: Sender<Cause>) {
    thread::spawn(move || {
        loop {
            let socket = match gate.accept() {
                Ok((stream, _)) => greet(stream),
                Err(error) => {
                    thread::sleep(Duration::from_millis(100));
                    Err(error)
                }
            };
            let (goes_on, end) = channel();
            match socket {
                Err(error) => eprintln!("no hand-over: {error}"),
                Ok(socket) => {
                    let _ = causes.send(Cause::Successor(Candidate { socket, goes_on }));
                    if end.recv().is_err() {
                        return;
                    }
                }
            }
        }
    });
}

fn greet(stream: UnixStream) -> io::Result<Socket> {
    let socket = Socket::new(stream)?;
    let hello = socket.receive()?;
    match (hello.kind, &hello.body[..]) {
        (HELLO, [newest]) if *newest >= VERSION => Ok(socket),
        (HELLO, [newest]) => {
            let why =
                format!("the new server reads version {newest}, the old one writes {VERSION}");
            socket.send(REFUSED, why.as_bytes(), None)?;
            Err(io::Error::other(why))
        }
        _ => Err(invalid()),
    }
}
