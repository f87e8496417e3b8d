//! RFC 6455, section by section: the rows of `tests/rfc-rows.tsv` except those of the handshake.

mod close_send;
mod closing;
mod control;
mod fragments;
mod framing;
mod header_table;
mod security;
mod sending;
