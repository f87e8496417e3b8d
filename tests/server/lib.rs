//! No library: the tests of the examples are in main.rs.
