"""Parquet between Levada and its usual readers and writers, compared value by value.

events FILE             the rows as events
read FILE…              each file, by each reader: all rows with all values, to the bit
read-by READER FILE…    the same by one reader
write FOLDER            the rows as a file by each writer, in the ways it has
"""

import sys

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from rows import COLUMNS, events, expected, plain, rows

ARROW = {
    "BOOLEAN": pyarrow.bool_(), "INT32": pyarrow.int32(), "INT64": pyarrow.int64(), "FLOAT": pyarrow.float32(), "DOUBLE": pyarrow.float64(),
    "TEXT": pyarrow.string(), "STRING": pyarrow.string(), "TIMESTAMP": pyarrow.timestamp("ms", "UTC"), "DATE": pyarrow.date32(), "BLOB": pyarrow.binary(),
}
IS_TIME = {"Time", *(name for name, (kind, _) in COLUMNS.items() if kind == "TIMESTAMP")}


def by_pyarrow(path):
    table = pyarrow.parquet.read_table(path)
    return {name: (table[name].cast(pyarrow.int64()) if name in IS_TIME else table[name]).to_pylist() for name in table.column_names}


def by_duckdb(path):
    at = duckdb.connect()
    names = [row[0] for row in at.execute("describe select * from read_parquet(?)", [path]).fetchall()]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    asked = [f"epoch_ms({each})" if name in IS_TIME else each for name, each in zip(names, quoted)]
    found = at.execute(f"select {', '.join(asked)} from read_parquet(?)", [path]).fetchall()
    return {name: [row[at] for row in found] for at, name in enumerate(names)}


def by_pandas(path):
    frame = pandas.read_parquet(path, dtype_backend="numpy_nullable")
    columns = {}
    for name in frame.columns:
        values = frame[name]
        if name in IS_TIME:
            values = values.dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype("int64").tolist()
        columns[name] = [None if null else value for value, null in zip(values, frame[name].isna())]
    return columns


def by_polars(path):
    frame = polars.read_parquet(path)
    return {name: (frame[name].dt.epoch("ms") if name in IS_TIME else frame[name]).to_list() for name in frame.columns}


READERS = {"pyarrow": by_pyarrow, "duckdb": by_duckdb, "pandas": by_pandas, "polars": by_polars}


def found(columns):
    """Device and time of each row, and its values by their bits; names without their backquotes."""
    bare = {name[1:-1].replace("``", "`") if name.startswith("`") else name: values for name, values in columns.items()}
    keys = list(zip(bare.pop("Device"), (int(time) for time in bare.pop("Time"))))
    if len(set(keys)) != len(keys):
        sys.exit("FAIL  a row is there twice")
    return {key: {name: plain(name, values[at]) for name, values in bare.items()} for at, key in enumerate(keys)}


def differences(reader, path, wanted):
    have = found(READERS[reader](path))
    # Read or written by it, NaN is no value.
    has_nan = reader != "pandas" and not path.endswith("/pandas.parquet")
    wrong = [f"{key}: {'missing' if key not in have else 'not expected'}" for key in sorted(set(wanted) ^ set(have))]
    for key in sorted(set(wanted) & set(have)):
        for name in COLUMNS:
            want, has = wanted[key][name], have[key].get(name)
            if want != has and (has_nan or {want, has} != {"NaN", None}):
                wrong.append(f"{key} {name}: expected {str(want)[:60]!r}, found {str(has)[:60]!r}")
    return wrong


def read(readers, paths):
    failed = False
    for path in paths:
        wanted = expected()
        if "int96" in path:
            wanted = {key: values for key, values in wanted.items() if in_int96(key[1], values["ts"])}
        for reader in readers:
            wrong = differences(reader, path, wanted)
            name = path.rsplit("/", 1)[-1]
            print(f"{'FAIL ' if wrong else 'ok   '} {name} by {reader}: {len(wanted)} rows, {len(wrong)} values differ")
            for each in wrong[:5]:
                print(f"      {each}")
            failed |= bool(wrong)
    sys.exit(failed)


def in_int96(*times):
    """Whether the writer can hold these times as nanoseconds."""
    return all(time is None or abs(time) < 9_000_000_000_000 for time in times)


def table(chosen=lambda time, values: True, kinds=ARROW):
    kept = [(device, time, values) for device, time, values in rows() if chosen(time, values["ts"])]
    columns = {"time": pyarrow.array([time for _, time, _ in kept], pyarrow.timestamp("ms", "UTC")), "device": pyarrow.array([device for device, _, _ in kept])}
    for name, (kind, _) in COLUMNS.items():
        columns[name] = pyarrow.array([values[name] for _, _, values in kept], ARROW[kind]).cast(kinds[kind])
    return pyarrow.table(columns)


def write(folder):
    whole = table()
    pyarrow.parquet.write_table(whole, f"{folder}/pyarrow.parquet")
    pyarrow.parquet.write_table(
        whole, f"{folder}/pyarrow-small.parquet", row_group_size=7, data_page_version="2.0", compression="zstd", use_dictionary=False,
        column_encoding={name: "BYTE_STREAM_SPLIT" for name in ("f", "d")} | {"i": "DELTA_BINARY_PACKED", "t": "DELTA_BYTE_ARRAY", "s": "DELTA_LENGTH_BYTE_ARRAY"},
    )
    large = ARROW | {
        "TEXT": pyarrow.large_string(), "STRING": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()), "BLOB": pyarrow.large_binary(),
        "TIMESTAMP": pyarrow.timestamp("us"), "DATE": pyarrow.date64(),
    }
    pyarrow.parquet.write_table(table(kinds=large), f"{folder}/pyarrow-large.parquet", compression="brotli")
    pyarrow.parquet.write_table(table(in_int96), f"{folder}/pyarrow-int96.parquet", use_deprecated_int96_timestamps=True)
    whole.to_pandas(types_mapper={pyarrow.int32(): pandas.Int32Dtype(), pyarrow.int64(): pandas.Int64Dtype(), pyarrow.bool_(): pandas.BooleanDtype()}.get)\
        .to_parquet(f"{folder}/pandas.parquet")
    polars.from_arrow(whole).write_parquet(f"{folder}/polars.parquet")
    at = duckdb.connect()
    at.register("readings", whole)
    at.execute(f"copy readings to '{folder}/duckdb.parquet' (format parquet)")


command, arguments = sys.argv[1], sys.argv[2:]
if command == "events":
    with open(arguments[0], "w") as out:
        out.writelines(line + "\n" for line in events())
elif command == "read":
    read(READERS, arguments)
elif command == "read-by":
    read(arguments[:1], arguments[1:])
elif command == "write":
    write(arguments[0])
else:
    sys.exit(__doc__)
