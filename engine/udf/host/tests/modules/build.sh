#!/usr/bin/env bash
# Makes the modules that tests load. Needs: rustup target add wasm32-wasip2, and a compiler that `levada udf build` finds for C.
set -euo pipefail
cd "$(dirname "$0")/functions"
# Functions of ids that are named in the tests, from the same source that the native suite runs.
RUSTFLAGS="--remap-path-prefix $(cd ../../../../../.. && pwd)=levada --remap-path-prefix ${CARGO_HOME:-$HOME/.cargo}=cargo" \
  cargo build --release --target wasm32-wasip2 --target-dir "${CARGO_TARGET_DIR:-target}"
cp "${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release/functions.wasm" ../functions.wasm

# Each of the hostile ones is a project in C; LEVADA names the program.
cd ..
for name in spin text; do
  project=$(mktemp -d)/$name
  mkdir "$project"
  cp "hostile/$name.c" "$project"
  sed -n 's/.*{\.id = "\([^"]*\)".*/udtf \1/p' "hostile/$name.c" >"$project/functions.txt"
  # It has the border within itself.
  if grep -q 'include "levada_udf.c"' "hostile/$name.c"; then
    mkdir "$project/sdk"
    cp ../../../sdk-c/levada_*.h "$project/sdk"
    sed 's/#include "levada_udf.c"/#include "border.h"/' "hostile/$name.c" >"$project/$name.c"
    cp ../../../sdk-c/levada_udf.c "$project/sdk/border.h"
  fi
  "${LEVADA:-levada}" udf build "$project"
  cp "$project/$name.wasm" .
done
