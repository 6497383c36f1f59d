#!/usr/bin/env bash
# Kafka to the embedded engine beside a bare consumer, on the same topic, in the same run.
#
#   bench/kafka.sh [MESSAGES] [RUNS]     default 2,000,000 and 3
#
# Starts the broker of tests/real, fills a topic, then in turn: a consumer that only polls, and `levada run` to its exit.
# Prints messages/s of both and their ratio, and of the whole process wall time, CPU seconds per million and peak memory.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/real/job.sh
messages=${1:-2000000} runs=${2:-3}
job_begin bench
job_fill "$messages"
for run in $(seq "$runs"); do
  "$LEVADA" bench poll --brokers "$brokers" --topic "$topic" | tee "$job/poll.txt"
  rm -rf "$job/data" "$job/state" "$job/dead.jsonl"
  sed "s/group: .*/group: $topic-$run/" -i "$job/pipeline.yaml" 2>/dev/null || { job_pipeline; sed "s/group: .*/group: $topic-$run/" -i "$job/pipeline.yaml"; }
  /usr/bin/env python3 - "$messages" "$job" "$LEVADA" <<'P'
import os, re, resource, subprocess, sys, time
messages, job, levada = int(sys.argv[1]), sys.argv[2], sys.argv[3]
start = time.monotonic()
with open(f"{job}/run.log", "a") as log:
    child = subprocess.Popen([levada, "run", "--quiet", "--state", f"{job}/state", f"{job}/pipeline.yaml"], stdout=log, stderr=log)
    code = child.wait()
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
poll = float(re.search(r"([\d.]+) messages/s", open(f"{job}/poll.txt").read()).group(1))
print(f"levada: exit {code}, {messages / wall:,.0f} messages/s, {100 * messages / wall / poll:.0f} % of the bare consumer; "
      f"wall {wall:.2f} s, CPU {cpu / messages * 1e6:.2f} s per million, peak {used.ru_maxrss / 1024:.0f} MiB")
P
  job_compare
done
