#!/usr/bin/env bash
# After kill -9 of a pipeline that runs without an end, a new start reads again within seconds: from the start of the process to
# the first row it delivers, as its own metrics tell, and not after the dead member's session timeout of 45 s. The binary of users
# has two seconds; one that is not optimised has fifteen, on a machine that does other things too.
set -euo pipefail
. "$(dirname "$0")/job.sh"
kills=${KILLS:-$([ -n "${FULL:-}" ] && echo 20 || echo 5)}
http=127.0.0.1:${HTTP_PORT:-29180}

job_begin restart
job_pipeline '      properties: {session.timeout.ms: "45000"}'

python3 - "$job" "$LEVADA" "$http" "$brokers" "$topic" "$kills" <<'P'
import os, random, re, subprocess, sys, time, urllib.request
job, levada, http, brokers, topic, kills = sys.argv[1:7]
seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
random.seed(seed)
print(f"  {kills} kills, SEED={seed}")

def delivered():
    """Rows this process has delivered; none while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{http}/metrics", timeout=1) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    return sum(float(value) for value in re.findall(r"^levada_output_sent_total\S* (\S+)$", text, re.M))

def start():
    log = open(f"{job}/run.log", "ab")
    return subprocess.Popen([levada, "run", "--quiet", "--http", http, "--state", f"{job}/state", f"{job}/pipeline.yaml"],
                            stdout=log, stderr=log)

def until_delivered(began, limit):
    """Seconds from a moment to the first row delivered."""
    while time.monotonic() - began < limit:
        if delivered() > 0:
            return time.monotonic() - began
        time.sleep(0.005)
    return None

fill = subprocess.Popen([levada, "bench", "fill", "--brokers", brokers, "--topic", topic, "--messages", "10000000", "--rate", "5000"],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
run, took = None, []
try:
    run = start()
    if until_delivered(time.monotonic(), 60) is None:
        sys.exit("  the first start delivered nothing within a minute")
    for _ in range(int(kills)):
        time.sleep(0.2 + 1.3 * random.random())
        run.kill()
        run.wait()
        began = time.monotonic()
        run = start()
        took.append(until_delivered(began, 60))
        if took[-1] is None:
            sys.exit(f"  nothing was delivered within a minute of a start; before: {took}")
    run.terminate()
    if run.wait(timeout=30) != 0:
        sys.exit("  SIGTERM did not end the run well")
finally:
    for process in (run, fill):
        if process and process.poll() is None:
            process.kill()
            process.wait()
allowed = 2 if "/release/" in levada else 15
print("  first row after " + ", ".join(f"{seconds:.2f}" for seconds in took) + f" s; {max(took):.2f} s at most, {allowed} s allowed")
sys.exit(0 if max(took) <= allowed else 1)
P
