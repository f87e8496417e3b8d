//! The built examples as processes: servers, clients and what is between them.
#![cfg(feature = "handshake")]

#[cfg(all(feature = "deflate", unix))]
mod deflate;
mod echo;
mod example;
#[cfg(unix)]
mod lifecycle;
mod load;
#[cfg(unix)]
mod reconnect;
mod wrong_server;

#[path = "../support"]
mod support {
    #[cfg(all(feature = "deflate", unix))]
    pub(crate) mod bits;
    pub(crate) mod frame;
    #[cfg(all(feature = "deflate", unix))]
    pub(crate) mod strict_inflate;
}
