#!/usr/bin/env bash
# What must be survived: a disk that fills up under the log and is freed again; messages nobody would want.
set -euo pipefail
. "$(dirname "$0")/job.sh"

echo "  the disk fills up, and there is room again:"
job_begin faults-disk
mkdir -p "$job/disk"
if mount -t tmpfs -o size=96m levada-test "$job/disk" 2>/dev/null; then
  trap 'kill $(jobs -p) 2>/dev/null || true; sleep 0.5; umount "$job/disk"' EXIT
  job_pipeline
  sed -i "s#embedded: $job/data#embedded: $job/disk/data#" "$job/pipeline.yaml"
  job_fill 200000
  dd if=/dev/zero of="$job/disk/ballast" bs=1M count=92 status=none
  job_start
  for _ in $(seq 600); do grep -qi 'no space left\|disk is full' "$job/run.log" 2>/dev/null && break; sleep 0.1; done
  grep -qi 'no space left\|disk is full' "$job/run.log" || { echo "no error told of the full disk" >&2; cat "$job/run.log" >&2; exit 1; }
  rm "$job/disk/ballast"
  wait "$pid"
  job_compare "$job/disk/data"
  umount "$job/disk"
  trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
else
  echo "  (no file system of a known size can be mounted here: the injected form in engine/storage/tests stands for it)"
fi

echo "  messages nobody would want:"
job_begin faults-odd
job_pipeline
python3 - "$job" <<'P'
import json, os, sys
job = sys.argv[1]
def put(name, data):
    with open(os.path.join(job, name), "wb") as f: f.write(data)
put("01-good", b'{"device":"d1","timestamp":1700000000000,"v":1.5}')
put("02-big", json.dumps({"device": "big", "timestamp": 1700000000000, "text": "x" * 20_000_000}).encode())
put("03-wide", json.dumps({"device": "wide", "timestamp": 1700000000000, **{f"m{i}": i / 2 for i in range(10_000)}}).encode())
put("04-not-utf8", b'{"device":"d1","timestamp":1700000000001,"t":"\xff\xfe"}')
put("05-nan", b'{"device":"d1","timestamp":1700000000002,"v":NaN}')
put("06-seconds", b'{"device":"d2","timestamp":1700000000,"v":2.5}')
put("07-seconds", b'{"device":"d2","timestamp":1700000001,"v":2.5}')
put("08-empty", b'')
put("09-cut", b'{"device":"d1","times')
put("10-good", b'{"device":"d1","timestamp":1700000000003,"v":3.5}')
P
"$LEVADA" bench send --brokers "$brokers" --topic "$topic" "$job"/[01]*-*
job_run
job_sql 'select count(v) from root.plant.d1' >"$job/d1.csv"
job_sql 'select count(*) from root.plant.wide' >"$job/wide.csv"
job_sql 'select count(text) from root.plant.big' >"$job/big.csv"
python3 - "$job" <<'P'
import csv, json, sys
job = sys.argv[1]
rows = lambda name: list(csv.reader(open(f"{job}/{name}.csv")))
good = int(rows("d1")[1][0])
assert good >= 2, rows("d1")
assert len(rows("wide")[0]) == 10_000, len(rows("wide")[0])
assert rows("big")[1] == ["1"], rows("big")
dead = [json.loads(line) for line in open(f"{job}/dead.jsonl")]
reasons = sorted({d["error"][:60] for d in dead})
assert 2 <= len(dead) <= 5, reasons
warned = [l for l in open(f"{job}/run.log") if "looks like one in s where ms is expected" in l]
assert len(warned) == 1, warned
print(f"  stored what can be, {len(dead)} dead letters, one warning about seconds")
P
