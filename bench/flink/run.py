"""Runs a program that reads a topic to its end, and says what it took.

start LOG COMMAND…                                    prints the seconds from start to exit
run LOG WHO MESSAGES SECONDS PIDS COMMAND…            prints rates, processor time of it and of the processes PIDS, memory
kill LOG WHO KILLS NODE MESSAGES LEVADA COMMAND…      kills it so often, spread over the messages, and lets it end
compare EXPECTED FOUND WHO                            prints how many events are missing
"""

import csv
import os
import re
import resource
import signal
import subprocess
import sys
import time


def run(log, command):
    with open(log, "w") as out:
        started = time.monotonic()
        code = subprocess.call(command, stdout=out, stderr=out)
    if code:
        sys.exit(f"FAIL  {command[0]} ended with {code}:\n" + open(log).read()[-2000:])
    return time.monotonic() - started


def used(pids):
    """CPU seconds of running processes."""
    fields = [open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def measure(log, who, messages, idle, pids, *command):
    messages, pids = int(messages), pids.split()
    before = used(pids)
    wall = run(log, command)
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    million = messages / 1e6
    print(
        f"{who}: {messages / wall:,.0f} events/s, {messages / max(wall - float(idle), 0.001):,.0f} without its start of {float(idle):.1f} s; CPU-seconds per million: "
        f"{(ours.ru_utime + ours.ru_stime) / million:.1f}, the server {(used(pids) - before) / million:.1f}; peak {ours.ru_maxrss / 1024:,.0f} MiB",
        flush=True,
    )


def stored(levada, node):
    """Events in the server, or 0."""
    asked = [levada, "sql", "--node", node, "--format", "csv", "-e", "select count(sequence) from root.plant.** align by device"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return sum(int(count) for count in re.findall(r",(\d+)", told))


def kill(log, who, kills, node, messages, levada, *command):
    kills, messages, hit = int(kills), int(messages), 0
    for nth in range(kills):
        with open(log, "w") as out:
            running = subprocess.Popen(command, stdout=out, stderr=out)
        while running.poll() is None and stored(levada, node) < messages * (nth + 1) // (kills + 2):
            time.sleep(0.05)
        if running.poll() is None:
            hit += 1
            running.send_signal(signal.SIGKILL)
        running.wait()
    run(log, command)
    print(f"{who}: {hit} of {kills} kills met it running")


def compare(expected, found, who):
    def rows(path):
        return {row[0]: tuple(float(value or 0) for value in row[1:]) for row in list(csv.reader(open(path)))[1:] if row}

    want, have = rows(expected), rows(found)
    missing = sum(row[0] - have.get(device, (0,))[0] for device, row in want.items())
    wrong = sum(1 for device in want if want[device] != have.get(device))
    print(f"{who}: {missing:,.0f} of {sum(row[0] for row in want.values()):,.0f} events lost, {wrong} of {len(want)} devices differ")


command, arguments = sys.argv[1], sys.argv[2:]
if command == "start":
    print(run(arguments[0], arguments[1:]))
else:
    {"run": measure, "kill": kill, "compare": compare}[command](*arguments)
