//! A Unix stream of frames: a kind, the length of the body in 8 bytes, and the body, perhaps with a
//! file descriptor.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::{PATIENCE, invalid};

const HEADER_LEN: usize = 9;

pub(crate) struct Socket(UnixStream);

pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
    fd: Option<OwnedFd>,
}

impl Frame {
    pub(crate) fn take_fd(&mut self) -> io::Result<OwnedFd> {
        // If there are no more of them, the system leaves it out.
        self.fd.take().ok_or_else(|| io::Error::other("a file descriptor was not received"))
    }
}

impl Socket {
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    pub(crate) fn send(&self, kind: u8, body: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut header = [kind; HEADER_LEN];
        for (to, byte) in header.iter_mut().skip(1).zip((body.len() as u64).to_le_bytes()) {
            *to = byte;
        }
        let fds = fd.as_slice();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        let sent = retry_on_intr(|| sendmsg(&self.0, &parts, &mut control, SendFlags::empty()))?;
        let sent = sent.checked_sub(HEADER_LEN).ok_or(ErrorKind::WriteZero)?;
        (&self.0).write_all(body.get(sent..).unwrap_or_default())
    }

    /// The next frame. The file descriptor comes with the first byte of its header.
    pub(crate) fn receive(&self) -> io::Result<Frame> {
        let mut header = [0; HEADER_LEN];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            let parts = &mut [IoSliceMut::new(&mut header)];
            recvmsg(&self.0, parts, &mut control, RecvFlags::empty())
        });
        let received = received.map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::other("the other server does not answer"),
            error => error.into(),
        })?;
        let fd = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        if received.bytes == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the other server has ended"));
        }
        (&self.0).read_exact(header.get_mut(received.bytes..).unwrap_or_default())?;
        let [kind, len @ ..] = header;
        let len = u64::from_le_bytes(len);
        let mut body = Vec::new();
        (&self.0).take(len).read_to_end(&mut body)?;
        if body.len() as u64 == len { Ok(Frame { kind, body, fd }) } else { Err(invalid()) }
    }

    /// From now on, the other side cannot send. What it has sent can still be received.
    pub(crate) fn refuse_more(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Read)
    }
}
