#!/usr/bin/env bash
# Makes the bindings of the SDK anew from udf.wit. Needs: cargo install wit-bindgen-cli --version 0.57.1
set -euo pipefail
cd "$(dirname "$0")"
wit-bindgen rust udf.wit --world paging-library --out-dir ../sdk/bindings --ownership owning --runtime-path wit_bindgen::rt \
  --pub-export-macro --export-macro-name export_bindings --default-bindings-module levada_udf_sdk::guest::bindings
mv ../sdk/bindings/paging_library.rs ../sdk/bindings/library.rs
