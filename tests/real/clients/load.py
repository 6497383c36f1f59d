"""Writes tablets until the server ends, and prints after each how many rows are acknowledged: PORT DEVICE."""
import sys

from iotdb.Session import Session
from iotdb.utils.IoTDBConstants import TSDataType
from iotdb.utils.Tablet import Tablet

port, device = sys.argv[1:3]
session = Session("127.0.0.1", port, "root", "root")
session.open(False)
names, types = ["s0", "s1"], [TSDataType.INT64, TSDataType.DOUBLE]
rows = 0
while True:
    times = list(range(rows, rows + 100))
    session.insert_tablet(Tablet(device, names, types, [[time, time / 4] for time in times], times))
    rows += 100
    print(rows, flush=True)
