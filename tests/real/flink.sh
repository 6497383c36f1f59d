#!/usr/bin/env bash
# IoTDB's connector for Flink, 0.12.1 with its own client, in the Flink it was made for, against `levada serve`: rows of its sink are
# all there, its source reads them all, what the server rejects ends the job with the server's words.
#
# Needs cargo and a JDK of version 17 with mvn. What it installs goes to ${LEVADA_REAL_HOME:-target/real}. LEVADA is the binary;
# target/debug/levada unless given; LEVADA_FLINK_PORT the port; ROWS how many rows are written in batches.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/real/flink
levada=$(realpath "${LEVADA:-target/debug/levada}")
home=${LEVADA_REAL_HOME:-target/real}/flink-0.12
mkdir -p "$home"
home=$(cd "$home" && pwd)
port=${LEVADA_FLINK_PORT:-26780} work=$home/work
rows=${ROWS:-$([ -n "${FULL:-}" ] && echo 200000 || echo 20000)}

[ -d "$home/lib" ] || {
  rm -rf "$home/lib.part"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib.part" >"$home/fetch.log" 2>&1 ||
    { tail -n 20 "$home/fetch.log" >&2; exit 1; }
  mv "$home/lib.part" "$home/lib"
}
rm -rf "$work"
mkdir -p "$work/classes"
javac -nowarn -cp "$home/lib/*" -d "$work/classes" "$here/Job.java"
printf '<configuration><root level="OFF"/></configuration>\n' >"$work/logback.xml"

"$levada" serve --data "$work/data" --rpc "127.0.0.1:$port" >"$work/serve.log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 1 300); do
  ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  kill -0 "$pid" 2>/dev/null || { tail -n 20 "$work/serve.log" >&2; exit 1; }
  sleep 0.1
done
opens=()
for package in java.lang java.util java.util.concurrent java.util.concurrent.atomic java.nio java.time java.net java.io; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
java -Xmx512m "${opens[@]}" -Dlogback.configurationFile="$work/logback.xml" -cp "$work/classes:$home/lib/*" Job "$port" root.flink "$rows" \
  2>"$work/job.log" || { tail -n 20 "$work/job.log" >&2; exit 1; }
kill -TERM "$pid"
wait "$pid"
