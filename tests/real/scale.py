"""Sends messages to processes of a group that share the partitions already, and prints how fast they arrive in the store.

Arguments: processes, the port before the first one's metrics, messages, pids of store and broker, pids of the group, and the
command that sends.
"""

import os
import re
import subprocess
import sys
import time
import urllib.request

count_of, http, messages = (int(argument) for argument in sys.argv[1:4])
others, ours = ([int(pid) for pid in argument.split()] for argument in sys.argv[4:6])
HZ = os.sysconf("SC_CLK_TCK")


def metric(name):
    """The sum of a metric over the group; 0 while one of it does not answer."""
    total = 0.0
    for n in range(1, count_of + 1):
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{http + n}/metrics", timeout=5).read().decode()
        except OSError:
            return 0
        total += sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))
    return total


def used(pids):
    """CPU seconds of processes."""
    seconds = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
        seconds += (int(fields[11]) + int(fields[12])) / HZ
    return seconds


def busy():
    """CPU seconds of the whole machine."""
    return sum(int(ticks) for at, ticks in enumerate(open("/proc/stat").readline().split()[1:8]) if at not in (3, 4)) / HZ


def peak(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


def until(what, reached, seconds):
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            sys.exit(f"FAIL  {what}: not within {seconds} s")
        time.sleep(0.02)


def settled():
    logs = (open(f"{os.readlink(f'/proc/{pid}/fd/2')}").read() for pid in ours)
    shares = []
    for log in logs:
        share = 0
        for word, number in re.findall(r"partitions (assigned|revoked).*partitions=(\d+)", log):
            share += int(number) if word == "assigned" else -int(number)
        shares.append(share)
    return all(share == 12 // count_of for share in shares)


until("the partitions are shared", settled, 60)
start, before, others_before, busy_before = time.monotonic(), used(ours), used(others), busy()
sender = subprocess.run(sys.argv[6:], stdout=subprocess.DEVNULL, check=True)
until("all messages are stored", lambda: metric("levada_output_sent_total") >= messages, 600)
wall = time.monotonic() - start
million = messages / 1e6
levada, store, machine = used(ours) - before, used(others) - others_before, busy() - busy_before
cores = os.cpu_count()
print(
    f"      {count_of} process{'es' if count_of > 1 else ''}: {messages / wall:,.0f} messages/s; CPU-seconds per million: levada {levada / million:.2f}, "
    f"IoTDB and broker {store / million:.2f}; {max(peak(pid) for pid in ours):.0f} MiB at most; of {cores} cores {100 * (levada + store) / wall / cores:.0f} % "
    f"were theirs, {100 * max(machine - levada - store, 0) / wall / cores:.0f} % others'"
)
