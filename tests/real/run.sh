#!/usr/bin/env bash
# The tests against real programs, one after the other. With names, only those: `run.sh kill9 tsfile`.
# FULL=1 runs the long forms (2,000,000 messages and 20 kills rather than a few hundred thousand).
# The binary is the one that `cargo test --workspace` has built, with its checks of overflow; PROFILE=release builds and takes that of
# users.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
export LEVADA_REAL_HOME=${LEVADA_REAL_HOME:-$PWD/target/real}
mkdir -p "$LEVADA_REAL_HOME"

profile=${PROFILE:-dev}
if [ "$profile" = dev ]; then
  # Examples too: then the features are those of the tests, and nothing is built twice.
  cargo build --workspace --bins --examples --quiet
  export LEVADA=$PWD/target/debug/levada
else
  # The machine's OpenSSL, where there is one for programs to be built with: librdkafka's own takes minutes to compile.
  ! pkg-config --exists openssl 2>/dev/null || export OPENSSL_NO_VENDOR=1
  cargo build --profile "$profile" --quiet
  export LEVADA=$PWD/target/$profile/levada
fi

passed=0 failed=0
trap 'tests/real/kafka.sh stop' EXIT
for test in "${@:-}"; do [ -n "$test" ] || set -- broker tls recreated kill9 restart rebalance faults mqtt tsfile parquet iotdb iotdb-0.12 nodes oracle scale pipes clients flink steps languages hostile; done
for test in "$@"; do
  printf '\n-- %s\n' "$test"
  started=$SECONDS
  if bash "tests/real/$test.sh"; then
    passed=$((passed + 1))
    printf -- '-- %s passed (%s s)\n' "$test" $((SECONDS - started))
  else
    failed=$((failed + 1))
    printf -- '-- %s FAILED (%s s)\n' "$test" $((SECONDS - started))
  fi
done
printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
