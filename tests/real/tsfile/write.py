"""Writes files by PyPI's writer, and prints the rows that they should read back as.

The first argument says of which model: `tree` (plain devices, every type in every encoding and compression that the writer
takes) or `table` (aligned, with tags and nulls).
"""

import datetime
import struct
import sys

from tsfile import (
    ColumnCategory,
    ColumnSchema,
    Compressor,
    Field,
    RowRecord,
    TableSchema,
    Tablet,
    TimeseriesSchema,
    TSDataType,
    TSEncoding,
    TsFileTableWriter,
    TsFileWriter,
)

ROWS = 350
NUMBERS = [TSDataType.INT32, TSDataType.INT64, TSDataType.FLOAT, TSDataType.DOUBLE]
PLAIN = [TSDataType.BOOLEAN, TSDataType.TEXT, TSDataType.STRING, TSDataType.BLOB, TSDataType.DATE, TSDataType.TIMESTAMP]
ENCODINGS = [TSEncoding.PLAIN, TSEncoding.TS_2DIFF, TSEncoding.GORILLA]


def value(kind, row):
    if kind == TSDataType.BOOLEAN:
        return row % 3 == 0
    if kind == TSDataType.INT32:
        return 20_000_000 - row * row % 977
    if kind in (TSDataType.INT64, TSDataType.TIMESTAMP):
        return (row - 50) * 1_000_000_007 + row % 3
    if kind == TSDataType.FLOAT:
        return struct.unpack(">f", struct.pack(">f", row * 7 % 131 / 4))[0]
    if kind == TSDataType.DOUBLE:
        return row * 7 % 131 / 4
    if kind == TSDataType.DATE:
        return datetime.date(2000 + row % 30, 1 + row % 12, 1 + row % 28)
    if kind == TSDataType.BLOB:
        return f"b{row % 17}".encode()
    return f"ä{row % 17}"


def shown(kind, value):
    if kind == TSDataType.BOOLEAN:
        return "true" if value else "false"
    if kind == TSDataType.FLOAT:
        return struct.pack(">f", value).hex()
    if kind == TSDataType.DOUBLE:
        return struct.pack(">d", value).hex()
    if kind == TSDataType.DATE:
        return value.strftime("%Y%m%d")
    if kind == TSDataType.BLOB:
        return value.hex()
    if isinstance(value, str):
        return value.encode().hex()
    return str(value)


def time(row):
    return 1_700_000_000_000 + row * 1000 + row % 3


def tree(path):
    writer = TsFileWriter(path)
    kinds = [(kind, encoding) for kind in NUMBERS for encoding in ENCODINGS]
    kinds += [(kind, TSEncoding.PLAIN) for kind in PLAIN]
    for kind, encoding in kinds:
        for compressor in (Compressor.UNCOMPRESSED, Compressor.SNAPPY, Compressor.GZIP, Compressor.LZ4):
            name = f"{kind.name}_{encoding.name}_{compressor.name}".lower()
            device = f"root.plant.py.{name}"
            writer.register_timeseries(device, TimeseriesSchema(name, kind, encoding, compressor))
            for row in range(ROWS):
                field = Field(name, value(kind, row), kind)
                writer.write_row_record(RowRecord(device, time(row), [field]))
                print("R", device, name, time(row), shown(kind, value(kind, row)), sep="\t")
    writer.close()


def table(path):
    kinds = NUMBERS + PLAIN
    names = ["site"] + [kind.name.lower() for kind in kinds]
    columns = [ColumnSchema("site", TSDataType.STRING, ColumnCategory.TAG)]
    columns += [ColumnSchema(kind.name.lower(), kind, ColumnCategory.FIELD) for kind in kinds]
    with TsFileTableWriter(path, TableSchema("readings", columns)) as writer:
        for site in ("north", "south"):
            tablet = Tablet(names, [TSDataType.STRING] + kinds, ROWS)
            for row in range(ROWS):
                tablet.add_timestamp(row, time(row))
                tablet.add_value_by_name("site", row, site)
                for kind in kinds:
                    # Every other row of a column is null, and some columns begin late.
                    if row % 2 == 0 and row >= kind * 7:
                        tablet.add_value_by_name(kind.name.lower(), row, value(kind, row))
                        print("R", f"readings.{site}", kind.name.lower(), time(row), shown(kind, value(kind, row)), sep="\t")
            writer.write_table(tablet)


if __name__ == "__main__":
    {"tree": tree, "table": table}[sys.argv[1]](sys.argv[2])
