//! RFC 6455, section by section; the rows of `tests/rfc-rows.tsv` but for the handshake's.

mod closing;
mod control;
mod fragments;
mod framing;
mod header_table;
mod security;
mod sending;
