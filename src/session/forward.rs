//! What a proxy does: one session sends what another has received.

use core::time::Duration;

use super::event::{Cause, SessionEvent};
use super::opening::SessionRole;
use super::state::{Session, Stage};
use crate::buffer::{SendBuffer, Storage};
use crate::bytes;
use crate::protocol::event::Data;
use crate::wire::close::CloseCode;
use crate::wire::error::SendError;
use crate::wire::frame::Content;

impl<R: SessionRole> Session<R> {
    /// Sends what another session has received, as it is, for a proxy.
    ///
    /// - A frame has the same header, and is sent while its payload arrives. A compressed one is not
    ///   inflated: both sessions must have agreed on the same compression, see
    ///   [`accept_as`](crate::handshake::server::Upgrade::accept_as).
    /// - A Ping, Pong or Close has the same payload. This session sends a Close with the code `lost`
    ///   if the other one has failed, or in place of a code that this side must not send. If this one
    ///   has failed, its Close has the code of that failure.
    /// - Other events have no effect, and neither has any event after this side's Close.
    /// - What cannot be sent ends this session, and it reports a
    ///   [`Failure`](super::Failure) that the other one is closed with: `StorageFull` if `tx` does not
    ///   hold it; `Send` with `FrameInProgress` if the other session has failed inside a frame, whose
    ///   beginning no Close can follow; `Send` with the error of [`begin_frame`](Self::begin_frame).
    ///
    /// Both sessions need [`Config::proxy`](crate::Config::proxy): then the peer of a session that
    /// fails still receives what the other side has answered to the frames before, because its Close
    /// waits for the other.
    /// [`pause`](Self::pause) the other one while `tx` has no space for all that it has received.
    pub fn forward<T: Storage>(
        &mut self,
        event: &SessionEvent<'_>,
        lost: CloseCode,
        tx: &mut SendBuffer<T>,
        now: Duration,
    ) {
        let sent = match event {
            SessionEvent::Data(data) => self.forward_data(data, tx),
            SessionEvent::Ping(payload) => self.send_ping(payload, tx),
            SessionEvent::Pong(payload) => self.send_pong(payload, tx),
            SessionEvent::Close(None) => self.close(CloseCode::NO_STATUS, "", tx, now),
            SessionEvent::Close(Some(it)) => self.close(it.code, it.reason, tx, now),
            SessionEvent::Failed(_) => self.close(lost, "", tx, now),
            SessionEvent::Upgrade(_)
            | SessionEvent::Request(_)
            | SessionEvent::Opened(_)
            | SessionEvent::Rejected(_) => Ok(()),
        };
        let sent = match sent {
            Err(SendError::InvalidCloseCode) => self.close(lost, "", tx, now),
            sent => sent,
        };
        let cause = match sent {
            Ok(()) | Err(SendError::Closed) => return,
            Err(SendError::BufferTooSmall { .. }) => Cause::StorageFull,
            Err(error) => Cause::send(error),
        };
        self.report_later(cause);
        self.stage = Stage::Over;
    }

    fn forward_data<T: Storage>(
        &mut self,
        data: &Data<'_>,
        tx: &mut SendBuffer<T>,
    ) -> Result<(), SendError> {
        if self.frame_left() == 0 {
            let content = Content { kind: data.kind, compressed: data.compressed };
            let len = data.frame_left.saturating_add(bytes::len_u64(data.payload));
            self.begin_frame(content, data.frame_fin, len, tx)?;
        }
        self.send_chunk(data.payload, tx)
    }
}
