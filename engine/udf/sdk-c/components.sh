#!/usr/bin/env bash
# Makes series.wasm and library.wasm anew: components around modules in C, in whose place `levada udf build` puts that of a project:
# of functions of series alone, and of aggregates too. Their types are those of udf.wit. Needs: python3 -m pip install ziglang; npm
# install @bytecodealliance/jco in a folder, named by JCO.
set -euo pipefail
cd "$(dirname "$0")"
core=$(mktemp -d)
trap 'rm -rf "$core"' EXIT
cat >"$core/make.mjs" <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
const [jco, core, wit, world, made] = process.argv.slice(2);
const { componentEmbed, componentNew } = await import(`${jco}/node_modules/@bytecodealliance/jco-transpile/dist/wasm-tools.js`);
const witSource = readFileSync(wit, 'utf8');
const embedded = await componentEmbed({ binary: readFileSync(core), witSource, world, stringEncoding: 'utf8' });
writeFileSync(made, await componentNew(embedded));
JS
for world in series library; do
  sources=levada_udf.c
  [ $world = series ] || sources="levada_udf.c levada_udaf.c"
  # All that a module may import is imported.
  python3 -m ziglang cc -target wasm32-wasi -O2 -mexec-model=reactor -s -Wl,-z,stack-size=262144 -Wl,--export=udf_log -I . \
    $sources ../../../examples/udf/c/functions.c -o "$core/core.wasm"
  node "$core/make.mjs" "$JCO" "$core/core.wasm" ../wit/udf.wit $world "$PWD/$world.wasm"
done
