"""Readings for oracle.sh, and the judgement on what became of them.

usage: oracle.py issue FILE FROM COUNT    writes so many, from a number on
       oracle.py judge FOLDER WHAT        compares stored.csv with issued-*.jsonl: device and time name a reading, its values are its own
"""
import csv
import glob
import json
import sys

START, DEVICES = 1_700_000_000_000, 20
TYPES = {"b": "BOOLEAN", "i": "INT32", "l": "INT64", "d": "DOUBLE", "t": "TEXT"}


def reading(n):
    values = {"b": n % 2 == 0, "i": n - 1000, "l": n * 10**12 + 1, "d": n / 8, "t": f"reading {n}, \"ä\""}
    values = {key: None if (n + at) % 11 == 0 else values[key] for at, key in enumerate(TYPES)}
    return {"device": f"d{n % DEVICES}", "time": START + n, "measurements": list(TYPES), "types": list(TYPES.values()), "values": list(values.values())}


def issue(path, start, count):
    with open(path, "w") as file:
        file.writelines(json.dumps(reading(n)) + "\n" for n in range(start, start + count))


def stored(text, kind):
    if text == "":
        return None
    return {"BOOLEAN": lambda: text.lower() == "true", "DOUBLE": lambda: float(text), "TEXT": lambda: text}.get(kind, lambda: int(text))()


def milliseconds(text):
    if text.isdigit():
        return int(text)
    from datetime import datetime, timezone
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def judge(folder, what):
    issued = {}
    for path in glob.glob(f"{folder}/issued-*.jsonl"):
        for line in open(path):
            each = json.loads(line)
            issued[f"root.plant.{each['device']}", each["time"]] = each["values"]
    found, twice = {}, 0
    for time, device, *values in list(csv.reader(open(f"{folder}/stored.csv")))[1:]:
        key = device, milliseconds(time)
        twice += key in found
        found[key] = [stored(text, kind) for text, kind in zip(values, TYPES.values())]
    lost = [key for key in issued if key not in found]
    strange = [key for key in found if key not in issued]
    altered = [key for key in issued if key in found and found[key] != issued[key]]
    wrong = bool(lost or strange or altered or twice or not issued)
    print(f"{'FAIL ' if wrong else 'ok   '} {what}: {len(issued)} readings issued, {len(lost)} lost, {len(strange)} never issued, "
          f"{len(altered)} altered, {twice} twice")
    for name, keys in (("lost", lost), ("never issued", strange), ("altered", altered)):
        for key in keys[:3]:
            print(f"      {name}: {key}: issued {issued.get(key)}, stored {found.get(key)}")
    sys.exit(wrong)


if sys.argv[1] == "issue":
    issue(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    judge(sys.argv[2], sys.argv[3])
