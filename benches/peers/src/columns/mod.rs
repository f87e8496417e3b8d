//! The columns: ours, the floors, the peers.

use crate::streams::{Row, Tally};

mod barews;
#[cfg(feature = "deflate")]
pub mod deflate;
mod edge_ws;
mod embedded_websocket;
mod fastwebsockets;
mod floors;
mod nexus_web;
#[cfg(feature = "shiguredo")]
mod shiguredo_websocket;
mod sockudo_ws;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod websocket_sans_io;
mod websocketz;
mod ws_framer;
#[cfg(feature = "wslay")]
#[expect(unsafe_code, reason = "calls C")]
mod wslay;
mod wtx;
mod yawc;

/// One pass over a row.
pub type Run = Box<dyn FnMut() -> Result<Tally, String>>;

/// The group of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Ours,
    Peer,
    Floor,
}

/// A column of the tables, and what it checks on receipt.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    /// The crate whose version is shown; empty for our own code.
    pub package: &'static str,
    pub group: Group,
    pub unmasks: bool,
    /// Rejects violations of RFC 6455: reserved bits and opcodes, long or fragmented control
    /// frames, fragments out of order.
    pub protocol: bool,
    /// Validates the UTF-8 of text messages.
    pub utf8: bool,
    pub note: &'static str,
    /// Starts a connection for a row; `None` if the column does not support it.
    pub start: fn(&'static Row) -> Option<Run>,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Column {
    /// Whether it does everything that a receiver has to.
    pub const fn is_checked(&self) -> bool {
        self.unmasks && self.protocol && self.utf8
    }

    /// The version in the lock file.
    pub fn version(&self) -> &'static str {
        include_str!("../../../../Cargo.lock")
            .split("[[package]]")
            .find_map(|package| {
                let name = format!("name = \"{}\"\n", self.package);
                package.split_once(&name)?.1.strip_prefix("version = \"")?.split('"').next()
            })
            .unwrap_or("")
    }
}

/// All columns, in the order of the tables.
pub fn all() -> Vec<&'static Column> {
    let mut all = Vec::new();
    all.extend(barews::COLUMNS);
    all.extend(nexus_web::COLUMNS);
    all.push(&sockudo_ws::COLUMN);
    all.push(&tokio_websockets::COLUMN);
    all.push(&fastwebsockets::COLUMN);
    all.extend(tungstenite::COLUMNS);
    all.push(&soketto::COLUMN);
    all.push(&wtx::COLUMN);
    all.push(&yawc::COLUMN);
    all.push(&web_socket::COLUMN);
    all.push(&ws_framer::COLUMN);
    all.push(&websocketz::COLUMN);
    all.push(&embedded_websocket::COLUMN);
    all.push(&websocket_sans_io::COLUMN);
    all.push(&edge_ws::COLUMN);
    #[cfg(feature = "shiguredo")]
    all.push(&shiguredo_websocket::COLUMN);
    #[cfg(feature = "wslay")]
    all.push(&wslay::COLUMN);
    #[cfg(feature = "deflate")]
    all.extend(deflate::all());
    all.extend(floors::COLUMNS);
    all
}

/// The error of a run that receives a Close.
pub const CLOSED: &str = "closed";

/// Makes a run from a closure.
fn run(pass: impl FnMut() -> Result<Tally, String> + 'static) -> Option<Run> {
    Some(Box::new(pass))
}

/// An error of a peer, as text.
fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

/// Counts the response to a request. Only the first one of a pass is checked, because the search
/// takes time.
fn accepted(tally: &mut Tally, answer: &[u8]) -> Result<(), String> {
    let accept = crate::streams::ACCEPT;
    if tally.messages == 0 && !answer.windows(accept.len()).any(|window| window == accept) {
        return Err("the response does not accept the request".into());
    }
    std::hint::black_box(answer);
    tally.frame(accept.len());
    Ok(())
}
