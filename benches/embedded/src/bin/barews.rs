//! A `Connection` with all its checks, without the handshake.
#![no_std]
#![no_main]

#[path = "../connection.rs"]
mod connection;

barews_embedded::firmware!(connection::COLUMN);
