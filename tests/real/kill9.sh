#!/usr/bin/env bash
# kill -9 at random moments, again and again: in the end every message is there exactly once, and a restarted run reads
# again within two seconds. SEED repeats a run's moments (as far as a machine repeats itself).
set -euo pipefail
. "$(dirname "$0")/job.sh"
count=${COUNT:-$([ -n "${FULL:-}" ] && echo 2000000 || echo 400000)}
kills=${KILLS:-20}
seed=${SEED:-$RANDOM}
RANDOM=$seed
echo "  $count messages, $kills kills, SEED=$seed"

job_begin kill9
job_pipeline
job_fill "$count" --malformed-every 100
hit=0
for _ in $(seq "$kills"); do
  "$LEVADA" run --quiet --state "$job/state" "$job/pipeline.yaml" >>"$job/run.log" 2>&1 & pid=$!
  sleep "0.$(printf %03d $((120 + RANDOM % 280)))"
  if kill -9 "$pid" 2>/dev/null; then hit=$((hit + 1)); fi
  wait "$pid" 2>/dev/null || true
done
echo "  $hit of $kills kills met a running pipeline"
started=$(date +%s%N)
job_run
echo "  the last run took $((($(date +%s%N) - started) / 1000000)) ms"
job_compare
dead_letters $((count / 100))
