//! The deadlines of a connection as bytes. Instants are relative to the time of sealing: clocks of
//! two processes have nothing in common.

use core::time::Duration;

use super::{Keepalive, Peer, Phase, Reason, Timeouts};
use crate::bytes::seal::{Bits, PREFIX_LEN, Reader, SealError, UnsealError, What, Writer, valid};
use crate::time::millis::{NONE, after, floor};

/// The longest time from or to an instant, in milliseconds: 34 years.
const FARTHEST: u64 = (1 << 40) - 1;

/// The most bytes of [`instant`].
pub(crate) const INSTANT_LEN: usize = 6;

/// The most bytes of [`Keepalive::seal_into`].
pub(crate) const MAX_LEN: usize = 2 + 4 * INSTANT_LEN + 5;

/// Writes the time from `now` to `at`; the lowest bit is set if `at` is in the past.
pub(crate) fn instant(at: u64, now: u64, writer: &mut Writer<'_>) {
    let is_past = u64::from(at < now);
    writer.int(at.abs_diff(now).min(FARTHEST) << 1 | is_past);
}

/// Reads what [`instant`] has written.
pub(crate) fn read_instant(now: u64, reader: &mut Reader<'_>) -> Result<u64, UnsealError> {
    let n = reader.int()?;
    let (time, is_past) = (n >> 1, n & 1 != 0);
    valid(time <= FARTHEST && (time > 0 || !is_past))?;
    Ok(if is_past { now.saturating_sub(time) } else { now.saturating_add(time).min(NONE - 1) })
}

/// The numbers of the reasons, which never change; 0 is none.
const REASONS: [Reason; 6] =
    [Reason::Handshake, Reason::Pong, Reason::Idle, Reason::Message, Reason::Write, Reason::Close];

impl Reason {
    /// 1 to 6.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Handshake => 1,
            Self::Pong => 2,
            Self::Idle => 3,
            Self::Message => 4,
            Self::Write => 5,
            Self::Close => 6,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, UnsealError> {
        let at = usize::from(number).checked_sub(1);
        at.and_then(|at| REASONS.get(at).copied()).ok_or(UnsealError::Invalid)
    }
}

impl Keepalive {
    /// The longest state, in bytes.
    pub const MAX_SEALED_LEN: usize = PREFIX_LEN + MAX_LEN;

    /// Writes the state to `out` and returns its length in bytes: about 7 for an idle connection, at
    /// most [`MAX_SEALED_LEN`](Self::MAX_SEALED_LEN). Instants are sealed relative to `now`.
    ///
    /// A [`Session`](crate::session::Session) seals its deadlines itself.
    ///
    /// # Errors
    ///
    /// [`SealError::BufferTooSmall`].
    ///
    /// # Examples
    ///
    /// ```
    /// use core::time::Duration;
    /// use barews::keepalive::{Keepalive, Timeouts};
    ///
    /// let second = Duration::from_secs;
    /// let mut keepalive = Keepalive::new(Timeouts::new(), second(1000));
    /// keepalive.on_open(second(1000));
    /// let mut sealed = [0; Keepalive::MAX_SEALED_LEN];
    /// let n = keepalive.seal(second(1010), &mut sealed)?;
    ///
    /// // In the new process, whose clock shows 5 s: 20 s are left until the Ping.
    /// let keepalive = Keepalive::unseal(Timeouts::new(), &sealed[..n], second(5))?;
    /// assert_eq!(keepalive.next_deadline(), Some(second(25)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seal(&self, now: Duration, out: &mut [u8]) -> Result<usize, SealError> {
        let mut writer = Writer::begin(What::Keepalive, out);
        self.seal_into(floor(now), &mut writer);
        writer.end()
    }

    /// Restores the deadlines that were sealed with [`seal`](Self::seal), as if the time of sealing
    /// were `now`.
    ///
    /// A deadline that is running stays, unless that of `timeouts` is sooner. From then on,
    /// `timeouts` alone count.
    ///
    /// # Errors
    ///
    /// [`UnsealError::Version`], [`OtherType`](UnsealError::OtherType) or
    /// [`Invalid`](UnsealError::Invalid) if `sealed` is not such a state.
    pub fn unseal(timeouts: Timeouts, sealed: &[u8], now: Duration) -> Result<Self, UnsealError> {
        let mut reader = Reader::begin(What::Keepalive, sealed)?;
        let mut keepalive = Self::new(timeouts, now);
        keepalive.restore(now, &mut reader)?;
        reader.end()?;
        Ok(keepalive)
    }

    #[cfg(all(reseal, feature = "handshake"))]
    pub(crate) const fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn seal_into(&self, now: u64, writer: &mut Writer<'_>) {
        let phase = match self.phase {
            Phase::Opening => 0,
            Phase::Open => 1,
            Phase::Closing => 2,
        };
        let peer = match self.peer {
            // What is known of the peer no longer counts.
            _ if self.phase == Phase::Closing => 0,
            Peer::Heard => 0,
            Peer::Asked => 1,
            Peer::Awaited => 2,
        };
        let expired = self.expired.map_or(0, Reason::number);
        let bits = Bits::new().with(2, phase).with(2, peer).with(3, expired);
        writer.byte(bits.with_flag(self.paused).byte());
        let instants = [self.due, self.idle, self.message, self.write];
        let rest = if self.message == NONE { 0 } else { self.rest };
        let bits = instants.iter().fold(Bits::new(), |bits, at| bits.with_flag(*at != NONE));
        writer.byte(bits.with_flag(rest > 0).byte());
        for at in instants.into_iter().filter(|at| *at != NONE) {
            instant(at, now, writer);
        }
        if rest > 0 {
            writer.int(rest.into());
        }
    }

    /// Reads the state into this one, which is new.
    pub(crate) fn restore(
        &mut self,
        now: Duration,
        reader: &mut Reader<'_>,
    ) -> Result<(), UnsealError> {
        let mut bits = Bits::of(reader.byte()?);
        let phase = match bits.take(2) {
            0 => Phase::Opening,
            1 => Phase::Open,
            2 => Phase::Closing,
            _ => return Err(UnsealError::Invalid),
        };
        let peer = match bits.take(2) {
            0 => Peer::Heard,
            1 => Peer::Asked,
            2 => Peer::Awaited,
            _ => return Err(UnsealError::Invalid),
        };
        let expired = match bits.take(3) {
            0 => None,
            number => Some(Reason::from_number(number)?),
        };
        let paused = bits.take_flag();
        let mut has = Bits::of(reader.byte()?);
        let mut instants = [NONE; 4];
        for at in &mut instants {
            if has.take_flag() {
                *at = read_instant(floor(now), reader)?;
            }
        }
        let [due, idle, message, write] = instants;
        let has_rest = has.take_flag();
        has.end()?;
        let rest = if has_rest { reader.small()? } else { 0 };
        valid((rest > 0) == has_rest && (message != NONE || !has_rest))?;
        valid(match phase {
            Phase::Opening => {
                let reasons = [Reason::Handshake, Reason::Message, Reason::Write];
                peer == Peer::Heard
                    && idle == NONE
                    && expired.is_none_or(|it| reasons.contains(&it))
            }
            // What expired before the connection was open is still reported.
            Phase::Open => expired != Some(Reason::Close) && (peer != Peer::Asked || due == NONE),
            Phase::Closing => {
                peer == Peer::Heard
                    && (idle, message, write) == (NONE, NONE, NONE)
                    && expired.is_none_or(|it| it == Reason::Close)
            }
        })?;
        (self.phase, self.peer, self.expired, self.paused) = (phase, peer, expired, paused);
        (self.due, self.idle, self.message, self.write) = (due, idle, message, write);
        self.rest = rest;
        self.shorten(now);
        Ok(())
    }

    /// Applies the new timeouts to what is running, where they are shorter. The time of a message may
    /// have been extended.
    const fn shorten(&mut self, now: Duration) {
        let timeouts = &self.timeouts;
        let due = match (self.phase, self.peer) {
            (Phase::Opening, _) => after(now, timeouts.handshake),
            (Phase::Open, Peer::Heard) => after(now, timeouts.ping),
            (Phase::Open, Peer::Asked) => NONE,
            (Phase::Open, Peer::Awaited) => after(now, timeouts.pong),
            (Phase::Closing, _) => after(now, timeouts.close),
        };
        self.due = earlier(self.due, due);
        if matches!(self.phase, Phase::Open) {
            self.idle = earlier(self.idle, after(now, timeouts.idle));
        }
        if self.write != NONE {
            self.write = earlier(self.write, after(now, timeouts.write));
        }
        if self.rest >= timeouts.message_rate {
            self.rest = 0;
        }
    }
}

const fn earlier(a: u64, b: u64) -> u64 {
    if a < b { a } else { b }
}
