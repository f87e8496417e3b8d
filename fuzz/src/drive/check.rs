//! What holds at the end.

use barews::handshake::Error as HeadError;
use barews::session::Failure;
use barews::{Config, State};

use super::Drive;
use crate::expected::Head;
use crate::sides::Side;

impl<R: Side> Drive<'_, R> {
    /// Compares the events with those of the same bytes at once, and judges what was written.
    pub(super) fn check(&mut self) {
        let fed = &self.setup.wire[..self.fed];
        let mut start = 0;
        if !self.setup.is_opened {
            let head = R::head(fed, self.setup.is_compressed);
            if let Head::Upgrade(n) = head {
                start = n;
            }
            if let Some(seen) = self.head {
                assert_eq!(
                    std::mem::discriminant(&seen),
                    std::mem::discriminant(&head),
                    "{seen:?} {head:?}"
                );
            }
            if let Some(Failure::Handshake(error)) = self.failed {
                let is_answered = matches!(
                    error,
                    HeadError::HeadTooLong | HeadError::UpgradeRequired | HeadError::OriginRefused
                );
                assert!(is_answered || head == Head::Invalid(error), "{error:?} {head:?}");
            }
        }
        let mut frames = &[][..];
        let unsent = self.tx.unsent();
        let all = [&self.written, unsent].concat();
        match self.frames {
            None => assert!(self.log.is_empty()),
            Some(is_compressed) => {
                let config = self.setup.config.deflate(is_compressed);
                let whole = R::frames(config, &fed[start..]);
                self.log.is_start_of(&whole);
                let is_well = matches!(self.failed, None | Some(Failure::Protocol(_)));
                if is_well && self.rx.is_empty() && self.log.error.is_none() {
                    whole.is_complete_in(&self.log);
                }
                frames = &all;
                if !self.setup.is_opened {
                    let end = all.windows(4).position(|four| four == b"\r\n\r\n");
                    frames = &all[end.expect("a head was written") + 4..];
                }
            }
        }
        let config = Config::new().max_frame_len(Config::UNLIMITED);
        let config = config.deflate(self.frames == Some(true));
        R::is_accepted(config.max_message_len(Config::UNLIMITED), frames);
        assert!(
            self.is_dropped || self.ws.state() != State::Closed || self.ws.deadline().is_some()
        );
    }
}
