#!/usr/bin/env bash
# TsFiles between this crate and the readers and writers of Apache TsFile: Java 2.1.0 and 2.0.1 (version 4 of the format), Java
# 1.1.0 (version 3) and PyPI's 2.5.0 (C++, version 4). Every type in every encoding and compression, on plain and on aligned
# devices, with and without nulls, in both directions; statistics too. Fails on any difference.
#
# Needs cargo, a JDK with mvn, and python3 with venv. What it installs goes to ${LEVADA_REAL_HOME:-target/real}.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/real/tsfile
home=${LEVADA_REAL_HOME:-target/real}/tsfile
mkdir -p "$home"
home=$(cd "$home" && pwd)
failed=0

# Lines are bytes; in another order of letters sorting takes several times as long.
sort() { LC_ALL=C command sort "$@"; }
grep() { LC_ALL=C command grep -a "$@"; }

compare() { # what, expected, found
  # Comparisons run side by side.
  local sorted
  sorted=$(mktemp -d "$home/sorted.XXXXXX")
  sort "$2" >"$sorted/expected" &
  sort "$3" >"$sorted/found"
  wait $!
  local lines differ=0
  lines=$(wc -l <"$sorted/expected")
  if [ "$lines" = 0 ]; then
    echo "FAIL  $1: there is nothing to compare"
    differ=1
  elif diff "$sorted/expected" "$sorted/found" >"$sorted/diff.txt"; then
    echo "ok    $1: $lines lines"
  else
    echo "FAIL  $1: $(grep -c '^[<>]' "$sorted/diff.txt") lines differ (< expected, > found):"
    head -n 10 "$sorted/diff.txt"
    differ=1
  fi
  rm -r "$sorted"
  return $differ
}

rows() { grep '^R' "$1"; }

for java in 1.1.0 2.0.1 2.1.0; do
  jars=$home/jars-$java
  if [ ! -d "$jars" ]; then
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-Dtsfile.version=$java" "-DoutputDirectory=$jars.part"
    mv "$jars.part" "$jars"
  fi
  mkdir -p "$home/classes-$java"
  javac -nowarn -Xlint:-deprecation -cp "$jars/*" -d "$home/classes-$java" "$here/Dump.java" "$here/Write.java" \
    2> >(grep -v "^Note: " >&2)
done
if [ ! -x "$home/venv/bin/tsfile-ready" ]; then
  python3 -m venv "$home/venv"
  "$home/venv/bin/pip" install -q tsfile==2.5.0
  ln -sf python "$home/venv/bin/tsfile-ready"
fi
# Of the whole workspace, as `cargo test` has built them: for one crate alone its dependencies would be built anew.
cargo build -q --workspace --examples
ours=${CARGO_TARGET_DIR:-target}/debug/examples

java_dump() { # release, file
  java -cp "$home/jars-$1/*:$home/classes-$1" Dump "$2" 2>"$home/java-$1.err" || { cat "$home/java-$1.err" >&2; exit 1; }
}

java_write() { # release, file
  rm -f "$2"
  java -cp "$home/jars-$1/*:$home/classes-$1" Write "$2" 2>"$home/java-$1.err" || { cat "$home/java-$1.err" >&2; exit 1; }
}

# Of floating-point numbers in RLBE there are two forms. Java reads and writes the old one up to 2.0.1, whatever the version of
# the file, and from 2.1.0 on the new one: it does not read its own older files, and the older one does not read the newer.
two_forms='(float|double)_rlbe_'

# Our files, once for each version, and what we read from them.
ours() { # version
  local made=$home/ours-$1
  "$ours/every_kind" "$1" "$made.tsfile" >"$made.expected"
  "$ours/dump" "$made.tsfile" >"$made.txt"
  rows "$made.txt" >"$made.rows"
  compare "version $1, ours by ours" "$made.expected" "$made.rows"
}

# A release of Java reads our file of a version, and we read its.
with_java() { # version, release
  local made=$home/ours-$1 java=$home/java-$2 differ=0
  java_dump "$2" "$made.tsfile" >"$java.txt"
  if [ "$2" = 2.0.1 ]; then
    grep -vE "$two_forms" "$made.txt" >"$java.expected"
    grep -vE "$two_forms" "$java.txt" >"$java.found"
    compare "version $1, ours by Java $2, but for RLBE" "$java.expected" "$java.found" || differ=1
  else
    compare "version $1, ours by Java $2" "$made.txt" "$java.txt" || differ=1
  fi
  java_write "$2" "$java.tsfile"
  java_dump "$2" "$java.tsfile" >"$java.txt"
  "$ours/dump" "$java.tsfile" >"$java.ours"
  compare "version $1, Java's $2 by ours" "$java.txt" "$java.ours" || differ=1
  return $differ
}

# Servers of version 2 read files of version 3, too.
older() {
  local made=$home/ours-3 older=$home/older differ=0
  java_dump 2.0.1 "$made.tsfile" >"$older.txt"
  rows "$older.txt" >"$older.found"
  compare "version 3, ours by Java 2.0.1" "$made.expected" "$older.found" || differ=1
  java_dump 2.1.0 "$made.tsfile" >"$older.txt"
  rows "$older.txt" | grep -vE "$two_forms" >"$older.found"
  grep -vE "$two_forms" "$made.expected" >"$older.expected"
  compare "version 3, ours by Java 2.1.0, but for RLBE" "$older.expected" "$older.found" || differ=1
  return $differ
}

# What PyPI's reader does not read: it rejects these ("Out of memory"), reads SPRINTZ of DOUBLE and RLE of 64 bits otherwise
# than Java does, and ends texts at a zero byte.
unread='(boolean_rle|date_(sprintz|zigzag)|timestamp_(sprintz|zigzag)|(double|float)_(gorilla_v1|rle)|double_sprintz)_'
unread="$unread|[.]special"$'\t'"(int64_rle|timestamp_rle|text|string)_"

with_python() {
  local made=$home/ours-4 python=$home/python differ=0
  for model in tree table; do
    rm -f "$python.tsfile"
    "$home/venv/bin/python" "$here/write.py" $model "$python.tsfile" >"$python.expected"
    "$ours/dump" "$python.tsfile" >"$python.txt"
    rows "$python.txt" >"$python.found"
    compare "PyPI's ($model) by ours" "$python.expected" "$python.found" || differ=1
  done
  grep -vE "$unread" "$made.expected" >"$python.expected"
  "$home/venv/bin/python" "$here/dump.py" "$made.tsfile" | grep -vE "$unread" >"$python.found"
  compare "version 4, ours by PyPI's" "$python.expected" "$python.found" || differ=1
  return $differ
}

# Runs commands side by side. In the background each ends at what fails in it.
beside() { # commands
  local all=() one
  for one in "$@"; do
    $one &
    all+=($!)
  done
  for one in "${all[@]}"; do wait "$one" || failed=1; done
}

beside 'ours 3' 'ours 4'
beside 'with_java 3 1.1.0' 'with_java 4 2.0.1'
beside 'with_java 4 2.1.0' with_python
beside older
exit $failed
