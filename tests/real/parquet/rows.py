"""Rows of every type with odd values: as events for a pipeline, and as what must be found again."""

import datetime
import json
import math
import struct

EPOCH = datetime.date(1970, 1, 1)
I64, I32 = (-(2**63), 2**63 - 1), (-(2**31), 2**31 - 1)
FLOATS = [math.nan, math.inf, -math.inf, 0.0, -0.0, 3.4028234663852886e38, 1.401298464324817e-45, 0.1]
DOUBLES = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.7976931348623157e308, 5e-324, 0.1]
TEXTS = ["", " ", "\x00", "null", "NaN", "a,b\"c'd\\e\n\tf", "grün 温度 😀", "x" * 5000]
BLOBS = [b"", b"\x00", b"\xff\xfe", bytes(range(256))]
DATES = [datetime.date(1, 1, 1), datetime.date(1969, 12, 31), EPOCH, datetime.date(2024, 2, 29), datetime.date(9999, 12, 31)]
# The first and the last millisecond of the years 1 to 9999, and those around 1970.
TIMES = [-62135596800000, -1500, -1, 0, 1, 1714521600123, 253402300799999]

# Measurement: its type, and its values in turn.
COLUMNS = {
    "b": ("BOOLEAN", [True, False]),
    "i": ("INT32", [*I32, 0, -1]),
    "l": ("INT64", [*I64, 0, -1, 2**53 + 1]),
    "f": ("FLOAT", FLOATS),
    "d": ("DOUBLE", DOUBLES),
    "t": ("TEXT", TEXTS),
    "s": ("STRING", TEXTS[::-1]),
    "ts": ("TIMESTAMP", TIMES),
    "dt": ("DATE", DATES),
    "x": ("BLOB", BLOBS),
    "größe": ("DOUBLE", DOUBLES[::-1]),
    "温度": ("INT64", I64),
    "with space": ("TEXT", TEXTS),
}
DEVICES = ["root.odd.d1", "root.odd.`grün 1`", "root.odd.温度"]


def rows(count=400):
    """Device, time, and a value or None for each measurement."""
    for n in range(count):
        values = {}
        for at, (name, (_, each)) in enumerate(COLUMNS.items()):
            values[name] = None if (n + at) % 5 == 0 else each[(n // 3) % len(each)]
        # Times before 1970 and after; each device has its own.
        yield DEVICES[n % len(DEVICES)], TIMES[n % len(TIMES)] if n < 21 else (n - 200) * 86_399_999 + 7, values


def spoken(kind, value):
    """A value as it stands in an event."""
    if value is None or kind in ("BOOLEAN", "INT32", "INT64", "TEXT", "STRING", "TIMESTAMP"):
        return value
    if kind == "BLOB":
        return "0x" + value.hex()
    if kind == "DATE":
        return f"{value.year:04}-{value.month:02}-{value.day:02}"
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def events():
    """The rows as lines of JSON."""
    for device, time, values in rows():
        kinds = [kind for kind, _ in COLUMNS.values()]
        told = [spoken(kind, value) for kind, value in zip(kinds, values.values())]
        yield json.dumps({"device": device, "time": time, "measurements": list(COLUMNS), "types": kinds, "values": told})


def plain(name, value):
    """A value by its bits, so that those that are equal are the same: NaN is NaN, and -0.0 is not 0.0."""
    if value is None:
        return None
    kind = COLUMNS[name][0]
    if kind in ("FLOAT", "DOUBLE"):
        return "NaN" if math.isnan(value) else struct.pack(">f" if kind == "FLOAT" else ">d", value).hex()
    if kind == "DATE":
        return (value - EPOCH).days if isinstance(value, datetime.date) else int(value)
    if kind == "BOOLEAN":
        return bool(value)
    return bytes(value) if kind == "BLOB" else str(value) if kind in ("TEXT", "STRING") else int(value)


def expected():
    """Device and time of each row, and its values by their bits."""
    return {(device, time): {name: plain(name, value) for name, value in values.items()} for device, time, values in rows()}
