//! In a build without the feature `redis`, there is none.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::end::Cause;
use crate::feed::Feed;
use crate::worker::Peer;

pub(crate) struct Source(Infallible);

impl Source {
    pub(crate) fn parse(_: &str) -> Result<Self, Box<dyn Error>> {
        Err("--feed: this server was built without --features redis".into())
    }

    pub(crate) fn start(
        &self,
        _: &Arc<Feed>,
        _: &[Peer],
        _: (SocketAddr, Duration),
        _: &Sender<Cause>,
    ) {
        match self.0 {}
    }
}
