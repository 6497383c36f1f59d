#!/usr/bin/env bash
# Parquet between Levada and pyarrow, pandas, DuckDB and Polars from PyPI: what the sink `file` and `levada export` write is read by
# each, and what each writes is imported. Every type with odd values: NaN and infinities, the least and the greatest numbers,
# nulls, empty texts and bytes, days and times before 1970, names that are not ASCII. Values are compared to the bit.
#
# Needs cargo and python3 with venv. What it installs goes to ${LEVADA_REAL_HOME:-target/real}. LEVADA is the binary;
# target/debug/levada unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/real/parquet
levada=$(realpath "${LEVADA:-target/debug/levada}")
home=${LEVADA_REAL_HOME:-target/real}/parquet
mkdir -p "$home"
home=$(cd "$home" && pwd)
work=$home/work
failed=0

[ -x "$home/venv/bin/ready" ] || {
  python3 -m venv "$home/venv"
  "$home/venv/bin/pip" -q install pyarrow==26.0.1 pandas==3.1.1 duckdb==2.0.1 polars==2.1.0
  ln -sf python "$home/venv/bin/ready"
}
check() { PYTHONDONTWRITEBYTECODE=1 "$home/venv/bin/python" "$here/check.py" "$@"; }

rm -rf "$work"
mkdir -p "$work/theirs" "$work/back"
cd "$work"
check events rows.jsonl
cat >odd.yaml <<'Y'
name: odd
sources:
  rows:
    file: {paths: [rows.jsonl]}
    decode: {json: {device: $.device, time: $.time, measurements: $.measurements, values: $.values, types: $.types}}
sinks:
  store: {inputs: [rows], iotdb: {embedded: data}}
  file: {inputs: [rows], file: {path: sink.parquet}}
errors:
  dead_letter: {file: dead.jsonl}
Y
"$levada" run --quiet odd.yaml 2>run.log || { cat run.log >&2; exit 1; }
[ ! -s dead.jsonl ] || { echo "FAIL  rows were rejected:"; head -n 3 dead.jsonl; exit 1; }
"$levada" export --data data --path 'root.odd.**' --format parquet -o export.parquet 2>>run.log >&2
check read "$work/sink.parquet" "$work/export.parquet" || failed=1

# Theirs, and ours once more: imported, exported, and the same as what was written.
check write "$work/theirs"
cp sink.parquet theirs/levada.parquet
for file in theirs/*.parquet; do
  name=$(basename "$file")
  "$levada" import "$file" --data "data-$name" --quiet >"$name.log" 2>&1 || { echo "FAIL  $name is not imported:"; head -n 5 "$name.log"; failed=1; }
  "$levada" export --data "data-$name" --path 'root.odd.**' --format parquet -o "back/$name" >>"$name.log" 2>&1 || { tail -n 3 "$name.log"; failed=1; }
  [ ! -e "back/$name" ] || check read-by pyarrow "$work/back/$name" || failed=1
done
exit $failed
