#!/usr/bin/env bash
# The main job against a real broker: everything arrives once, malformed messages are dead-lettered, a second run has
# nothing to do, SIGTERM and broker restarts in the middle lose nothing.
set -euo pipefail
. "$(dirname "$0")/job.sh"
count=${COUNT:-$([ -n "${FULL:-}" ] && echo 2000000 || echo 300000)}

job_begin broker
job_pipeline
job_fill "$count" --malformed-every 100
echo "  one run:"
time job_run
job_compare
dead_letters $((count / 100))

echo "  a second run finds nothing new:"
job_run
job_compare

echo "  SIGTERM in the middle, then on to the end:"
job_begin broker-term
job_pipeline
job_fill $((count * 2))
job_start
sleep 0.3
kill -TERM "$pid"
wait "$pid"
grep -q ' stopped ' "$job/run.log" || { echo "the signal came too late: nothing was tested" >&2; exit 1; }
job_run
job_compare

echo "  the broker restarts in the middle:"
job_begin broker-restart
job_pipeline
job_fill $((count * 2))
job_start
sleep 0.3
"$here/kafka.sh" restart >/dev/null
wait "$pid"
job_compare
