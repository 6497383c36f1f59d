#!/usr/bin/env bash
# A broker with TLS and SASL: the main job over SCRAM-SHA-512, SCRAM-SHA-256 and PLAIN; a wrong password and an authority that
# nobody knows end the run, at once and with the reason.
set -euo pipefail
. "$(dirname "$0")/job.sh"
count=${COUNT:-20000}
plain=127.0.0.1:$KAFKA_PORT
secured=127.0.0.1:$((KAFKA_PORT + 2))

# tls_properties MECHANISM [PASSWORD] [AUTHORITY]
tls_properties() {
  cat <<P
      end: latest
      properties:
        security.protocol: sasl_ssl
        sasl.mechanism: $1
        sasl.username: levada
        sasl.password: ${2:-mountain-water}
        ${3-ssl.ca.location: $LEVADA_REAL_HOME/kafka/ca.pem}
P
}

for mechanism in SCRAM-SHA-512 SCRAM-SHA-256 PLAIN; do
  echo "  $mechanism:"
  brokers=$plain
  job_begin "tls-$mechanism"
  job_fill "$count"
  brokers=$secured
  job_pipeline "$(tls_properties "$mechanism")"
  "$LEVADA" lint "$job/pipeline.yaml" >/dev/null
  job_run
  job_compare
done

# fails NAME REASON: the run ends by itself within a minute, with exit code 1 and the reason in its log.
fails() {
  local code=0
  timeout 60 "$LEVADA" run --quiet --state "$job/state" "$job/pipeline.yaml" >"$job/run.log" 2>&1 || code=$?
  [ "$code" = 1 ] && grep -q "$2" "$job/run.log" || { echo "  $1: exit code $code" >&2; cat "$job/run.log" >&2; exit 1; }
  echo "  $1: $(wc -l <"$job/run.log") lines of log, exit code $code"
}

brokers=$secured
for mechanism in SCRAM-SHA-512 PLAIN; do
  job_begin "tls-password-$mechanism"
  job_pipeline "$(tls_properties "$mechanism" wrong)"
  fails "a wrong password, $mechanism" 'SASL authentication error\|Authentication failed'
done
job_begin tls-authority
job_pipeline "$(tls_properties PLAIN mountain-water '')"
fails "an authority that nobody knows" 'certificate verify failed'
