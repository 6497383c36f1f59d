"""Prints the rows that PyPI's reader finds in a file, in the form of `cargo run -p levada-tsfile --example dump`."""

import struct
import sys

from tsfile import TSDataType, TsFileReader

SHOWN = {
    TSDataType.BOOLEAN: lambda value: "true" if value else "false",
    TSDataType.INT32: str,
    TSDataType.INT64: str,
    TSDataType.TIMESTAMP: str,
    TSDataType.FLOAT: lambda value: struct.pack(">f", value).hex(),
    TSDataType.DOUBLE: lambda value: struct.pack(">d", value).hex(),
    TSDataType.TEXT: lambda value: (value if isinstance(value, bytes) else value.encode()).hex(),
    TSDataType.STRING: lambda value: (value if isinstance(value, bytes) else value.encode()).hex(),
    TSDataType.BLOB: lambda value: (value if isinstance(value, bytes) else value.encode()).hex(),
    TSDataType.DATE: lambda value: value.strftime("%Y%m%d") if hasattr(value, "strftime") else str(value),
}


def main(path):
    reader = TsFileReader(path)
    for group in reader.get_timeseries_metadata(None).values():
        device = ".".join(group.segments)
        for series in group.timeseries:
            name, kind = series.measurement_name, TSDataType(series.data_type)
            if not name or series.statistic.row_count == 0:
                continue
            try:
                rows = reader.query_timeseries(device, [name], -(2**63), 2**63 - 1)
            except Exception as error:
                print("X", device, name, error, sep="\t")
                continue
            while rows.next():
                value = rows.get_value_by_index(2)
                if value is not None:
                    print("R", device, name, rows.get_value_by_index(1), SHOWN[kind](value), sep="\t")
            rows.close()
    reader.close()


if __name__ == "__main__":
    main(sys.argv[1])
