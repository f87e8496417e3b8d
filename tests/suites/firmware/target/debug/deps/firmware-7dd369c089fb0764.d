/work/main/tests/suites/firmware/target/debug/deps/firmware-7dd369c089fb0764.d: src/main.rs src/connection.rs src/deflate.rs src/frame.rs src/handshake.rs src/input.rs src/opaque.rs src/session.rs src/time.rs

/work/main/tests/suites/firmware/target/debug/deps/libfirmware-7dd369c089fb0764.rmeta: src/main.rs src/connection.rs src/deflate.rs src/frame.rs src/handshake.rs src/input.rs src/opaque.rs src/session.rs src/time.rs

src/main.rs:
src/connection.rs:
src/deflate.rs:
src/frame.rs:
src/handshake.rs:
src/input.rs:
src/opaque.rs:
src/session.rs:
src/time.rs:
