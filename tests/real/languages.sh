#!/usr/bin/env bash
# Functions in C, Python and JavaScript: the examples and new projects of each are built with tools from PyPI and npm, and give what
# those in Rust give.
set -euo pipefail
root=$PWD home=$LEVADA_REAL_HOME/languages
[ -x "$home/bin/componentize-py" ] || { python3 -m venv "$home" && "$home/bin/pip" install -q ziglang componentize-py; }
[ -x "$home/node_modules/.bin/componentize-js" ] || npm install --silent --no-audit --no-fund --prefix "$home" @bytecodealliance/componentize-js
export PATH=$home/bin:$home/node_modules/.bin:$PATH
unset WASI_SDK_PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r examples/udf/c examples/udf/python examples/udf/javascript "$work"
rows=$root/examples/udf/rust
cd "$work"
export XDG_CACHE_HOME=$work/cache
printf 'Time,s1(TEXT)\n1,a\n2,\n3,b\n' >texts.csv

for lang in c python javascript; do
  "$LEVADA" udf build "$lang"
  # Compiling the interpreter takes a build without optimisation longer than a module may take.
  case $lang-$LEVADA in [pj]*-*/debug/*) echo "  $lang is built and not run: PROFILE=release runs it"; continue ;; esac
  test() { "$LEVADA" udf test "$lang/$lang.wasm" --function "$lang.$1" "${@:2}"; }
  test Adder --csv "$rows/rows.csv" --expect "$rows/adder.csv"
  test Counter --csv "$rows/rows.csv" --attribute time_interval=10 --expect "$rows/counter.csv"
  [ "$(test Max --csv "$rows/one.csv")" = "$(printf 'Time,value\n3,130.0')" ]
  test Span --csv "$rows/one.csv" --expect "$rows/span.csv"
  [ "$(test Joined --csv texts.csv --attribute by=+)" = "$(printf 'value\na+b')" ]
  "$LEVADA" udf new "plant-$lang" --lang "$lang" >/dev/null
  "$LEVADA" udf build "plant-$lang"
  "$LEVADA" udf test "plant-$lang" --csv "plant-$lang/rows.csv" --attribute by=2.5 --expect "plant-$lang/expected.csv"
  "$LEVADA" udf new "mean-$lang" --lang "$lang" --aggregate >/dev/null
  "$LEVADA" udf build "mean-$lang"
  "$LEVADA" udf test "mean-$lang" --csv "mean-$lang/rows.csv" --expect "mean-$lang/expected.csv"
done

# A module that is built anew does what the committed one does.
"$LEVADA" udf list "$root/examples/udf/c/c.wasm" | sed 's/ [^ ]*$//' >committed
"$LEVADA" udf list c/c.wasm | sed 's/ [^ ]*$//' | diff committed -

# What calls the system is rejected where it is built.
printf '#include <stdio.h>\n#include "levada_udf.h"\nvoid say(void) { printf("x"); }\n' >plant-c/says.c
sed -i 's/^static udf_error scale_validate.*/void say(void);\n&\n  say();/' plant-c/functions.c
! "$LEVADA" udf build plant-c 2>said
grep -q 'of the system: files, the clock' said
