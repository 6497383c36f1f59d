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

compare() { # what, expected, found
  sort "$2" >"$home/expected.sorted"
  sort "$3" >"$home/found.sorted"
  if diff "$home/expected.sorted" "$home/found.sorted" >"$home/diff.txt"; then
    echo "ok    $1: $(wc -l <"$home/expected.sorted") lines"
  else
    echo "FAIL  $1: $(grep -c '^[<>]' "$home/diff.txt") lines differ (< expected, > found):"
    head -n 10 "$home/diff.txt"
    failed=1
  fi
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
  java -cp "$home/jars-$1/*:$home/classes-$1" Dump "$2" 2>"$home/java.err" || { cat "$home/java.err"; exit 1; }
}

java_write() { # release, file
  rm -f "$2"
  java -cp "$home/jars-$1/*:$home/classes-$1" Write "$2" 2>"$home/java.err" || { cat "$home/java.err"; exit 1; }
}

# Of floating-point numbers in RLBE there are two forms. Java reads and writes the old one up to 2.0.1, whatever the version of
# the file, and from 2.1.0 on the new one: it does not read its own older files, and the older one does not read the newer.
two_forms='(float|double)_rlbe_'

for pair in 3:1.1.0 4:2.0.1 4:2.1.0; do
  version=${pair%:*} java=${pair#*:}
  "$ours/every_kind" "$version" "$home/ours.tsfile" >"$home/expected.txt"
  "$ours/dump" "$home/ours.tsfile" >"$home/ours.txt"
  rows "$home/ours.txt" >"$home/found.txt"
  compare "version $version, ours by ours" "$home/expected.txt" "$home/found.txt"
  java_dump "$java" "$home/ours.tsfile" >"$home/java.txt"
  if [ "$java" = 2.0.1 ]; then
    grep -vE "$two_forms" "$home/ours.txt" >"$home/expected.txt"
    grep -vE "$two_forms" "$home/java.txt" >"$home/found.txt"
    compare "version $version, ours by Java $java, but for RLBE" "$home/expected.txt" "$home/found.txt"
  else
    compare "version $version, ours by Java $java" "$home/ours.txt" "$home/java.txt"
  fi
  java_write "$java" "$home/java.tsfile"
  java_dump "$java" "$home/java.tsfile" >"$home/java.txt"
  "$ours/dump" "$home/java.tsfile" >"$home/ours.txt"
  compare "version $version, Java's $java by ours" "$home/java.txt" "$home/ours.txt"
done

# Servers of version 2 read files of version 3, too.
"$ours/every_kind" 3 "$home/ours.tsfile" >"$home/expected.txt"
java_dump 2.0.1 "$home/ours.tsfile" >"$home/java.txt"
rows "$home/java.txt" >"$home/found.txt"
compare "version 3, ours by Java 2.0.1" "$home/expected.txt" "$home/found.txt"
java_dump 2.1.0 "$home/ours.tsfile" >"$home/java.txt"
rows "$home/java.txt" | grep -vE "$two_forms" >"$home/found.txt"
compare "version 3, ours by Java 2.1.0, but for RLBE" <(grep -vE "$two_forms" "$home/expected.txt") "$home/found.txt"

for model in tree table; do
  rm -f "$home/python.tsfile"
  "$home/venv/bin/python" "$here/write.py" $model "$home/python.tsfile" >"$home/expected.txt"
  "$ours/dump" "$home/python.tsfile" >"$home/ours.txt"
  rows "$home/ours.txt" >"$home/found.txt"
  compare "PyPI's ($model) by ours" "$home/expected.txt" "$home/found.txt"
done

# What PyPI's reader does not read: it rejects these ("Out of memory"), reads SPRINTZ of DOUBLE and RLE of 64 bits otherwise
# than Java does, and ends texts at a zero byte.
unread='(boolean_rle|date_(sprintz|zigzag)|timestamp_(sprintz|zigzag)|(double|float)_(gorilla_v1|rle)|double_sprintz)_'
unread="$unread|[.]special"$'\t'"(int64_rle|timestamp_rle|text|string)_"
"$ours/every_kind" 4 "$home/ours.tsfile" | grep -vE "$unread" >"$home/expected.txt"
"$home/venv/bin/python" "$here/dump.py" "$home/ours.tsfile" | grep -vE "$unread" >"$home/found.txt"
compare "version 4, ours by PyPI's" "$home/expected.txt" "$home/found.txt"
exit $failed
