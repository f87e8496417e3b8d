# Builds for machines that this one is not, without the downloads of rustup: the compiler and the sources of `core` come from
# Debian (rustc-web, rust-web-src), which fit each other; cargo and rust-lld are those of the installed toolchain.
# usage: . "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"; . "$ROOT/scripts/lib/cross.sh"   (sourced, never run)
# shellcheck shell=bash

CROSS=$TARGET/cross

# cross_compiler: Debian's compiler and its sources are there, and `RUSTC`, `PATH` and the target folder lead to them.
cross_compiler() {
  local lld
  if ! [ -x /usr/bin/rustc ] || ! [ -e /usr/lib/rustlib/src/rust/library/core/src/lib.rs ]; then
    apt_install rustc-web rust-web-src
  fi
  lld=$(find "$(rustup run stable rustc --print sysroot)" -name rust-lld -type f -print -quit)
  [ -n "$lld" ] || die "the stable toolchain brings no rust-lld"
  export RUSTC=/usr/bin/rustc PATH="$PATH:${lld%/*}" CARGO_TARGET_DIR=$CROSS/build
}

# cross_core TARGET...: cross_compiler, and `core` and `alloc` for these bare machines, built once into a sysroot of their own.
# Then `cargo build --release --target TARGET` does. Flags for one build are added by EXTRA_RUSTFLAGS before the call.
cross_core() {
  local target lib variable
  cross_compiler
  mkdir -p "$CROSS/core/src"
  cat >"$CROSS/core/Cargo.toml" <<'TOML'
[package]
name = "core-only"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[profile.release]
panic = "abort"
TOML
  echo '#![no_std]' >"$CROSS/core/src/lib.rs"
  for target in "$@"; do
    lib=$CROSS/sysroot/lib/rustlib/$target/lib
    if [ "$(cat "$lib/.compiler" 2>/dev/null || true)" != "$("$RUSTC" --version)" ]; then
      rm -rf "$lib" && mkdir -p "$lib"
      # With bitcode the libraries serve links with and without LTO.
      RUSTC_BOOTSTRAP=1 RUSTFLAGS='-C embed-bitcode=yes' CARGO_TARGET_DIR=$CROSS/core/target \
        cargo build --quiet --release -Zbuild-std=core,alloc --target "$target" --manifest-path "$CROSS/core/Cargo.toml" >&2
      cp "$CROSS/core/target/$target/release/deps/"lib{core,alloc,compiler_builtins}-*.rlib "$lib/"
      rm -rf "${CROSS:?}/core/target/$target"
      "$RUSTC" --version >"$lib/.compiler"
    fi
    variable=CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS
    export "$variable=--sysroot $CROSS/sysroot ${EXTRA_RUSTFLAGS:-}"
  done
}
