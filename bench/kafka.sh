#!/usr/bin/env bash
# Kafka to the embedded engine beside a bare consumer, on the same topic, in the same run.
#
#   bench/kafka.sh [MESSAGES] [RUNS]     default 2,000,000 and 3
#
# Starts the broker of tests/real, fills a topic, then in turn: a consumer that only polls, and `levada run` to its exit.
# Prints messages/s of both and their ratio: of the whole process, and of the reading alone (from the assignment of the
# partitions to the last row stored, as the bare consumer's clock starts with its first message). Of the whole process also
# wall time, CPU seconds per million and peak memory. Afterwards every message is compared.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${LEVADA:=$PWD/target/release/levada}"
. tests/real/job.sh
messages=${1:-2000000} runs=${2:-3}
job_begin bench
job_pipeline
job_fill "$messages"
for run in $(seq "$runs"); do
  "$LEVADA" bench poll --brokers "$brokers" --topic "$topic" | tee "$job/poll.txt"
  rm -rf "$job/data" "$job/state" "$job/dead.jsonl" "$job/run.log"
  sed -i "s/group: .*/group: $topic-$run/" "$job/pipeline.yaml"
  python3 - "$messages" "$job" "$LEVADA" <<'P'
import datetime, re, resource, subprocess, sys, time
messages, job, levada = int(sys.argv[1]), sys.argv[2], sys.argv[3]
start = time.monotonic()
with open(f"{job}/run.log", "w") as log:
    code = subprocess.call([levada, "run", "--quiet", "--state", f"{job}/state", f"{job}/pipeline.yaml"], stdout=log, stderr=log)
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
log = open(f"{job}/run.log").read()
def at(words):
    stamp = re.search(r"(\S+)Z\s+INFO " + words, log).group(1)
    return datetime.datetime.fromisoformat(stamp)
reading = (at("completed") - at("partitions assigned")).total_seconds()
poll = float(re.search(r"([\d.]+) messages/s", open(f"{job}/poll.txt").read()).group(1))
share = lambda seconds: f"{messages / seconds:,.0f} messages/s, {100 * messages / seconds / poll:.0f} % of the bare consumer"
print(f"levada, whole process: {share(wall)}; wall {wall:.2f} s, CPU {cpu / messages * 1e6:.2f} s per million, "
      f"peak {used.ru_maxrss / 1024:.0f} MiB, exit {code}")
print(f"levada, reading alone: {share(reading)}")
P
  job_compare
done
