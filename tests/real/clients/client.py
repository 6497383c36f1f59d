"""What programs do with the Python client of IoTDB, each step checked: PORT DATABASE VERSION."""
import sys

from iotdb.Session import Session
from iotdb.utils.IoTDBConstants import Compressor, TSDataType, TSEncoding
from iotdb.utils.Tablet import Tablet

port, db, version = sys.argv[1:4]
new = not version.startswith("0.")
steps = 0


def check(what, expected, found):
    global steps
    if expected != found:
        sys.exit(f"FAIL  Python {version}: {what}: expected {expected}, found {found}")
    steps += 1


def rows(found):
    with found as data:
        lines = []
        while data.has_next():
            row = data.next()
            texts = ["None" if field is None or field.get_data_type() is None else str(field) for field in row.get_fields()]
            lines.append([row.get_timestamp()] + [None if text == "None" else text for text in texts])
        return lines


def fails(what, step):
    """0.13 tells failures by a number that is not 0, later ones by an exception."""
    try:
        check(what, True, step() not in (None, 0))
    except SystemExit:
        raise
    except Exception:
        check(what, True, True)


for compact in (False, True):
    base = f"{db}{'c' if compact else 'b'}"
    session = Session("127.0.0.1", port, "root", "root", fetch_size=10, zone_id="UTC")
    session.open(compact)
    session.set_storage_group(base)
    session.create_time_series(f"{base}.d0.s0", TSDataType.INT32, TSEncoding.RLE, Compressor.SNAPPY)
    check("exists", True, session.check_time_series_exists(f"{base}.d0.s0"))
    check("is not there", False, session.check_time_series_exists(f"{base}.d0.zz"))
    session.create_multi_time_series(
        [f"{base}.d0.m1", f"{base}.d0.m2"], [TSDataType.INT64, TSDataType.TEXT], [TSEncoding.RLE, TSEncoding.PLAIN],
        [Compressor.SNAPPY, Compressor.LZ4])
    names = [f"s{i}" for i in range(6)]
    types = [TSDataType.INT32, TSDataType.INT64, TSDataType.FLOAT, TSDataType.DOUBLE, TSDataType.BOOLEAN, TSDataType.TEXT]
    values = [1, 2, 1.5, 2.5, True, "text"]
    session.insert_record(f"{base}.d0", 1, names, types, values)
    session.insert_str_record(f"{base}.d0", 2, ["s0", "s5"], ["5", "five"])
    session.insert_records([f"{base}.d0", f"{base}.d1"], [3, 3], [names] * 2, [types] * 2, [values] * 2)
    session.insert_records_of_one_device(f"{base}.d0", [4, 5], [names] * 2, [types] * 2, [values] * 2)
    full = ["1", "2", "1.5", "2.5", "True", "text"]
    check("records", [[1] + full, [2, "5", None, None, None, None, "five"]] + [[t] + full for t in (3, 4, 5)],
          rows(session.execute_query_statement(f"select s0, s1, s2, s3, s4, s5 from {base}.d0")))
    tablet = [[i, i, i / 2, i / 4, i % 2 == 0, f"t{i}"] for i in range(1000)]
    session.insert_tablet(Tablet(f"{base}.d2", names, types, tablet, list(range(1000))))
    session.insert_tablets([Tablet(f"{base}.d{d}", names, types, tablet[:5], list(range(5))) for d in (3, 4)])
    session.insert_aligned_tablet(Tablet(f"{base}.d5", names, types, tablet[:5], list(range(5))))
    session.insert_aligned_record(f"{base}.d5", 9, names, types, values)
    check("aligned", [[4, "4"], [9, "1"]], rows(session.execute_query_statement(f"select s0 from {base}.d5 where time >= 4")))
    check("count", "1000", rows(session.execute_query_statement(f"select count(s0) from {base}.d2"))[0][1])
    check("paging", 1000, len(rows(session.execute_query_statement(f"select * from {base}.d2"))))
    nulls = [[1, None, 1.5, None, True, None], [None, 2, None, 2.5, None, "x"]]
    session.insert_tablet(Tablet(f"{base}.d6", names, types, nulls, [1, 2]))
    check("nulls", [[1, "1", None, "1.5", None, "True", None], [2, None, "2", None, "2.5", None, "x"]],
          rows(session.execute_query_statement(f"select s0, s1, s2, s3, s4, s5 from {base}.d6")))
    frame = session.execute_query_statement(f"select s0, s3 from {base}.d2 where time < 3").todf()
    check("frame", [[0, 0, 0.0], [1, 1, 0.25], [2, 2, 0.5]], frame.astype(object).values.tolist())
    session.execute_non_query_statement(f"insert into {base}.d7(time, s) values (1, 1)")
    fails("syntax", lambda: session.execute_query_statement(f"selct s0 from {base}.d0") and None)
    fails("type", lambda: session.insert_record(f"{base}.d0", 9, ["s0"], [TSDataType.TEXT], ["x"]))
    session.delete_data([f"{base}.d0.s0"], 4)
    check("deleted", [[5, "1"]], rows(session.execute_query_statement(f"select s0 from {base}.d0")))
    session.delete_time_series([f"{base}.d0.s0"])
    check("no series", False, session.check_time_series_exists(f"{base}.d0.s0"))
    check("zone", "UTC", session.get_time_zone())
    if new:
        import datetime
        import numpy
        from iotdb.utils.NumpyTablet import NumpyTablet

        kinds = [TSDataType.DATE, TSDataType.TIMESTAMP, TSDataType.BLOB, TSDataType.STRING]
        session.insert_record(f"{base}.d8", 1, ["da", "ts", "bl", "st"], kinds, [datetime.date(2024, 2, 29), 5, b"\x01\xff", "str"])
        with session.execute_query_statement(f"select da, ts, bl, st from {base}.d8") as data:
            fields = data.next().get_fields()
            check("date", datetime.date(2024, 2, 29), fields[0].get_date_value())
            check("others", [5, b"\x01\xff", "str"], [fields[1].get_long_value(), fields[2].get_binary_value(), str(fields[3])])
        session.insert_tablet(NumpyTablet(f"{base}.d9", ["a", "b"], [TSDataType.INT64, TSDataType.DOUBLE],
                                          [numpy.arange(5, dtype=">i8"), numpy.arange(5, dtype=">f8")], numpy.arange(5, dtype=">i8")))
        check("arrays", 5, len(rows(session.execute_query_statement(f"select a, b from {base}.d9"))))
        check("raw", [[3, "1"]], rows(session.execute_raw_data_query([f"{base}.d1.s0"], 3, 4)))
        check("last", [[4, f"{base}.d3.s0", "4", "INT32"]], rows(session.execute_last_data_query([f"{base}.d3.s0"], 0)))
    if new:
        from iotdb.template.MeasurementNode import MeasurementNode
        from iotdb.template.Template import Template

        name, place = f"t_{base.replace('.', '_')}", f"{base}.templates"
        for aligned in (False, True):
            template = Template(name, aligned)
            template.add_template(MeasurementNode("temp", TSDataType.FLOAT, TSEncoding.RLE, Compressor.SNAPPY))
            template.add_template(MeasurementNode("n", TSDataType.INT64, TSEncoding.PLAIN, Compressor.LZ4))
            session.create_schema_template(template)
            fails("template twice", lambda: session.create_schema_template(template) and None)
            check("template", 2, session.count_measurements_in_template(name))
            session.add_measurements_in_template(name, ["more"], [TSDataType.TEXT], [TSEncoding.PLAIN], [Compressor.SNAPPY], aligned)
            check("measurements", ["more", "n", "temp"], sorted(session.show_measurements_in_template(name)))
            check("in template", [True, False], [session.is_measurement_in_template(name, each) for each in ("n", "zz")])
            check("path", True, session.is_path_exist_in_template(name, "temp"))
            check("all templates", True, name in session.show_all_templates())
            session.set_schema_template(name, place)
            check("set", [place], session.show_paths_template_set_on(name))
            (session.insert_aligned_record if aligned else session.insert_record)(
                f"{place}.d1", 1, ["temp", "n"], [TSDataType.FLOAT, TSDataType.INT64], [1.5, 2])
            check("using", [f"{place}.d1"], session.show_paths_template_using_on(name))
            check("of template", [[1, "1.5", "2", None]], rows(session.execute_query_statement(f"select temp, n, more from {place}.d1")))
            fails("in use", lambda: session.unset_schema_template(name, place) and None)
            session.execute_non_query_statement(f"deactivate device template {name} from {place}.*")
            session.unset_schema_template(name, place)
            session.drop_schema_template(name)
            check("no template", False, name in session.show_all_templates())
    # A function of a module, made while the server runs.
    fails("no function", lambda: session.execute_query_statement(f"select add_up(s1, s1) from {base}.d0") and None)
    session.execute_non_query_statement('create function add_up as "org.example.Adder"')
    listed = session.execute_query_statement("show functions")
    found = []
    while listed.has_next():
        fields = [str(field) for field in listed.next().get_fields()]
        found += [fields[:3]] if fields[0] == "ADD_UP" else []
    listed.close_operation_handle()
    check("functions", [["ADD_UP", "external UDTF", "org.example.Adder"]], found)
    check("function", [[t, "4"] for t in (1, 3, 4, 5)], rows(session.execute_query_statement(f"select Add_Up(s1, s1) from {base}.d0")))
    session.execute_non_query_statement("drop function add_up")
    fails("no function any more", lambda: session.execute_query_statement(f"select add_up(s1, s1) from {base}.d0") and None)
    session.delete_storage_group(base)
    check("no database", [], rows(session.execute_query_statement(f"show timeseries {base}.**")))
    session.close()
print(f"ok    Python {version}: {steps} steps")
