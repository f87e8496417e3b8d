//! Tests for `src/bin/blocking.rs`.

mod common;

common::echo_tests!(common::Server::start(env!("CARGO_BIN_EXE_blocking")).0.unwrap());
