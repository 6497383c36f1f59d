#!/usr/bin/env bash
# Makes the modules that tests load. Needs: rustup target add wasm32-wasip2
set -euo pipefail
cd "$(dirname "$0")/functions"
# Functions of ids that are named in the tests, from the same source that the native suite runs.
RUSTFLAGS="--remap-path-prefix $(cd ../../../../../.. && pwd)=levada --remap-path-prefix ${CARGO_HOME:-$HOME/.cargo}=cargo" \
  cargo build --release --target wasm32-wasip2 --target-dir "${CARGO_TARGET_DIR:-target}"
cp "${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release/functions.wasm" ../functions.wasm
