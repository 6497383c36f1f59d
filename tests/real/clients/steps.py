"""Steps over the Python client, each written down as one line: what came, or the code with which it was rejected.

usage: steps.py PORT > LINES; what two servers wrote is compared by `steps.py compare LINES LINES`
"""
import datetime
import json
import re
import sys

DB = "root.steps"
# Where the answers differ and are meant to.
MEANT = {
    "a device without root": "theirs is a fault of the server (301), ours says that the path is none",
    "select count(s), avg(s) from root.steps.** group by level = 2": "theirs is a fault of the server (301)",
    "greatest time": "theirs is no time, ours is stored",
    "select a from root.steps.far": "as it is stored",
    "select count(a) from root.steps.far": "as it is stored",
    "delete from root.steps.d.* where time < 5 and time > 7": "theirs is a fault of the server (305), ours deletes nothing",
    "kill query '1'": "theirs is a fault of the server (305)",
    "merge": "a statement of 0.12", "full merge": "a statement of 0.12", "settle root.steps": "a statement of 0.13",
    "show timeseries root.steps.** where unit=c": "a statement of 0.12",
    "select last * from root.steps.d order by timeseries": "theirs shows the bytes of a BLOB as text that they are not, ours as later versions do",
    "insert into root.steps.v(time, a) values (1, 99999999999999999999)": "theirs stores another number, ours rejects one that a DOUBLE does not hold",
    # What clients up to 1.0 could do to templates, later servers do not.
    "more in it": "300", "the same in it": "300", "how many": "300", "is": "300", "is not": "300", "is of none": "300", "path": "300", "which": "as made",
    # Names that are words of ours come as they are written in SQL.
    "show timeseries root.steps.as.*": "`as`", "show devices root.steps.a*": "`as`",
}


def compare(theirs, ours):
    left, right = ([json.loads(line) for line in open(path)] for path in (theirs, ours))
    differ, meant = 0, 0
    for their, our in zip(left, right):
        if their != our and (their["step"] in MEANT or "root.steps.templates" in their["step"] or "device template steps" in their["step"]):
            meant += 1
        elif their != our:
            differ += 1
            print(f"FAIL  {our['step']}\n      theirs: {json.dumps(their['found'])[:600]}\n      ours:   {json.dumps(our['found'])[:600]}")
    if len(left) != len(right):
        sys.exit(f"FAIL  {len(left)} steps there, {len(right)} here")
    print(f"{'FAIL ' if differ else 'ok   '} Python client: {differ} of {len(left)} steps differ from a real IoTDB, and {meant} that are meant to")
    sys.exit(1 if differ or not left else 0)


if sys.argv[1] == "compare":
    compare(*sys.argv[2:4])

from iotdb.Session import Session
from iotdb.template.MeasurementNode import MeasurementNode
from iotdb.template.Template import Template
from iotdb.utils.IoTDBConstants import Compressor, TSDataType as T, TSEncoding as E
from iotdb.utils.Tablet import Tablet

port = sys.argv[1]
session = None


def connect(user="root", password="root", zone="UTC", fetch=1000, compact=False):
    made = Session("127.0.0.1", port, user, password, fetch_size=fetch, zone_id=zone)
    made.open(compact)
    return made


def told(value):
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (datetime.date, datetime.datetime)):
        return str(value)
    return value


def table(found):
    """Headers, types and rows; a row's time comes first where there is one."""
    with found as data:
        names, types, rows = data.get_column_names(), data.get_column_types(), []
        types = [getattr(each, "name", each) for each in types]
        while data.has_next():
            row = data.next()
            fields = [field.get_object_value(field.get_data_type()) if field.get_data_type() is not None and field.value is not None else None
                      for field in row.get_fields()]
            fields = [None if str(field) in ("<NA>", "nan", "None") else told(field) for field in fields]
            time = [] if len(names) == len(fields) else [row.get_timestamp()]
            rows.append([each.item() if hasattr(each, "item") else each for each in time + fields])
    return {"names": names, "types": [str(each) for each in types], "rows": rows}


def rejected(error):
    """The code, of parts too. Words are each server's own; which paths they name is not."""
    code = re.match(r"\D{0,2}(\d{3,4})\b", str(error))
    return {"rejected": int(code.group(1)) if code else type(error).__name__}


def step(name, call, sort=False, drop=()):
    try:
        found = call()
        if hasattr(found, "get_column_names"):
            found = table(found)
            for column in drop:
                at = found["names"].index(column)
                for row in found["rows"]:
                    row[at] = None
            if sort:
                found["rows"].sort(key=str)
        elif isinstance(found, (list, tuple)):
            found = sorted(map(str, found)) if sort else list(map(told, found))
    except Exception as error:
        found = rejected(error)
    print(json.dumps({"step": name, "found": found}), flush=True)


def sql(*texts, **flags):
    for text in texts:
        step(text, lambda: session.execute_query_statement(text), **flags)


def do(*texts):
    for text in texts:
        step(text, lambda: session.execute_non_query_statement(text))


def schema():
    step("database", lambda: session.set_storage_group(DB))
    step("database again", lambda: session.set_storage_group(DB))
    step("database below", lambda: session.set_storage_group(f"{DB}.below"))
    step("database of a bad name", lambda: session.set_storage_group("steps"))
    kinds = {"b": T.BOOLEAN, "i": T.INT32, "l": T.INT64, "f": T.FLOAT, "d": T.DOUBLE, "t": T.TEXT, "ts": T.TIMESTAMP,
             "da": T.DATE, "bl": T.BLOB, "st": T.STRING}
    for name, kind in kinds.items():
        encoding = E.TS_2DIFF if kind in (T.INT32, T.INT64, T.TIMESTAMP, T.DATE) else E.PLAIN
        step(f"series {name}", lambda: session.create_time_series(f"{DB}.d.{name}", kind, encoding, Compressor.LZ4))
    step("series again", lambda: session.create_time_series(f"{DB}.d.i", T.INT32, E.RLE, Compressor.SNAPPY))
    step("series with all", lambda: session.create_time_series(
        f"{DB}.d.tagged", T.DOUBLE, E.GORILLA, Compressor.SNAPPY, None, {"unit": "c"}, {"maker": "x"}, "warmth"))
    step("alias again", lambda: session.create_time_series(
        f"{DB}.d.tagged2", T.DOUBLE, E.GORILLA, Compressor.SNAPPY, None, None, None, "warmth"))
    step("encoding that does not fit", lambda: session.create_time_series(f"{DB}.d.x", T.TEXT, E.GORILLA, Compressor.SNAPPY))
    step("below a series", lambda: session.create_time_series(f"{DB}.d.i.x", T.INT32, E.RLE, Compressor.SNAPPY))
    step("path with a wildcard", lambda: session.create_time_series(f"{DB}.d.*", T.INT32, E.RLE, Compressor.SNAPPY))
    step("several series", lambda: session.create_multi_time_series(
        [f"{DB}.m.a", f"{DB}.m.b"], [T.INT32, T.TEXT], [E.RLE, E.PLAIN], [Compressor.SNAPPY, Compressor.ZSTD]))
    step("several, one again", lambda: session.create_multi_time_series(
        [f"{DB}.m.a", f"{DB}.m.c"], [T.INT32, T.TEXT], [E.RLE, E.PLAIN], [Compressor.SNAPPY, Compressor.ZSTD]))
    step("aligned series", lambda: session.create_aligned_time_series(
        f"{DB}.al", ["a", "b"], [T.INT32, T.FLOAT], [E.RLE, E.GORILLA], [Compressor.SNAPPY, Compressor.SNAPPY]))
    step("exists", lambda: session.check_time_series_exists(f"{DB}.d.i"))
    step("exists not", lambda: session.check_time_series_exists(f"{DB}.d.zz"))
    sql(f"show timeseries {DB}.**", f"show timeseries {DB}.d.i", f"show devices {DB}.**", f"show child paths {DB}", f"show child nodes {DB}.d",
        f"count timeseries {DB}.**", f"count devices {DB}.**", f"count nodes {DB}.** level=2", f"show timeseries {DB}.** where unit=c",
        f"count timeseries {DB}.** group by level=2", sort=True)
    sql(f"show databases {DB}", f"count databases {DB}", f"show ttl on {DB}")
    do(f"set ttl to {DB} 3600000000000", f"unset ttl to {DB}", f"alter timeseries {DB}.d.tagged add tags place=here",
       f"alter timeseries {DB}.d.nothing add tags place=here")


def values():
    names = ["b", "i", "l", "f", "d", "t", "ts", "da", "bl", "st"]
    types = [T.BOOLEAN, T.INT32, T.INT64, T.FLOAT, T.DOUBLE, T.TEXT, T.TIMESTAMP, T.DATE, T.BLOB, T.STRING]
    row = [True, -(2**31), 2**63 - 1, 1.5, -2.5e-300, "täxt 'q'", 1700000000000, datetime.date(2024, 2, 29), b"\x00\xff", "str"]
    step("a record of every type", lambda: session.insert_record(f"{DB}.d", 1, names, types, row))
    step("a record with nulls", lambda: session.insert_record(f"{DB}.d", 2, names[:3], types[:3], [None, 2, None]))
    step("a record of nothing", lambda: session.insert_record(f"{DB}.d", 3, names[:2], types[:2], [None, None]))
    step("texts", lambda: session.insert_str_record(f"{DB}.d", 4, ["i", "t", "d"], ["5", "five", "5.25"]))
    step("texts that do not fit", lambda: session.insert_str_record(f"{DB}.d", 4, ["i"], ["five"]))
    step("texts of new series", lambda: session.insert_str_record(f"{DB}.new", 1, ["n", "x", "w", "y"], ["1", "1.5", "word", "true"]))
    tablet = Tablet(f"{DB}.d", names, types, [row[:1] + [n] + row[2:] if n % 3 else [None] * 10 for n in range(6)], list(range(10, 16)))
    step("a tablet with nulls", lambda: session.insert_tablet(tablet))
    step("a tablet out of order", lambda: session.insert_tablet(Tablet(f"{DB}.o", ["n"], [T.INT64], [[3], [1], [2]], [3, 1, 2])))
    step("a tablet, a time twice", lambda: session.insert_tablet(Tablet(f"{DB}.o", ["n"], [T.INT64], [[7], [8]], [9, 9])))
    step("an aligned tablet", lambda: session.insert_aligned_tablet(
        Tablet(f"{DB}.al", ["a", "b"], [T.INT32, T.FLOAT], [[1, 0.5], [None, 1.5], [3, None]], [1, 2, 3])))
    step("aligned records", lambda: session.insert_aligned_records(
        [f"{DB}.al", f"{DB}.al2"], [4, 4], [["a"], ["z"]], [[T.INT32], [T.TEXT]], [[4], ["z"]]))
    step("records", lambda: session.insert_records(
        [f"{DB}.r1", f"{DB}.r2"], [1, 2], [["s"], ["s", "u"]], [[T.DOUBLE], [T.DOUBLE, T.STRING]], [[1.0], [2.0, "u"]]))
    step("records of one device", lambda: session.insert_records_of_one_device(
        f"{DB}.r1", [3, 2], [["s"], ["s"]], [[T.DOUBLE], [T.DOUBLE]], [[3.0], [2.0]]))
    step("texts of one device", lambda: session.insert_string_records_of_one_device(f"{DB}.r3", [1, 2], [["s"], ["s"]], [["1"], ["2"]]))
    step("tablets", lambda: session.insert_tablets([Tablet(f"{DB}.t{n}", ["s"], [T.INT32], [[n]], [n]) for n in (1, 2)]))
    step("a type that does not fit", lambda: session.insert_record(f"{DB}.d", 20, ["i"], [T.TEXT], ["x"]))
    step("a wider type", lambda: session.insert_record(f"{DB}.d", 20, ["i"], [T.INT64], [2**40]))
    step("an integer for a double", lambda: session.insert_record(f"{DB}.d", 20, ["d"], [T.INT32], [7]))
    step("a float for a double", lambda: session.insert_record(f"{DB}.d", 21, ["d"], [T.FLOAT], [0.5]))
    step("a text for a string", lambda: session.insert_record(f"{DB}.d", 20, ["st"], [T.TEXT], ["s"]))
    step("an integer for a timestamp", lambda: session.insert_record(f"{DB}.d", 20, ["ts"], [T.INT64], [5]))
    step("one of two does not fit", lambda: session.insert_record(f"{DB}.d", 22, ["i", "l"], [T.TEXT, T.INT64], ["x", 22]))
    step("records, one does not fit", lambda: session.insert_records(
        [f"{DB}.d", f"{DB}.d"], [30, 31], [["i"], ["i"]], [[T.TEXT], [T.INT32]], [["x"], [31]]))
    step("a tablet of which a column does not fit", lambda: session.insert_tablet(
        Tablet(f"{DB}.d", ["i", "l"], [T.TEXT, T.INT64], [["x", 40], ["y", 41]], [40, 41])))
    step("aligned into plain", lambda: session.insert_aligned_record(f"{DB}.d", 50, ["i"], [T.INT32], [50]))
    step("plain into aligned", lambda: session.insert_record(f"{DB}.al", 50, ["a"], [T.INT32], [50]))
    step("a bad device", lambda: session.insert_record(f"{DB}..d", 50, ["a"], [T.INT32], [50]))
    step("a bad measurement", lambda: session.insert_record(f"{DB}.d", 50, ["a.b"], [T.INT32], [50]))
    step("a measurement in quotes", lambda: session.insert_record(f"{DB}.q", 50, ["`a.b`"], [T.INT32], [50]))
    step("a device with a number", lambda: session.insert_record(f"{DB}.`1`", 50, ["a"], [T.INT32], [50]))
    step("a device without root", lambda: session.insert_record("steps.d", 50, ["a"], [T.INT32], [50]))
    step("a database as a device", lambda: session.insert_record(DB, 50, ["a"], [T.INT32], [50]))
    step("below no database", lambda: session.insert_record("root.unsteps.d", 50, ["a"], [T.INT32], [50]))
    step("test record", lambda: session.test_insert_record(f"{DB}.test", 1, ["a"], [T.INT32], [1]))
    step("test tablet", lambda: session.test_insert_tablet(Tablet(f"{DB}.test", ["a"], [T.INT32], [[1]], [1])))
    step("a negative time", lambda: session.insert_record(f"{DB}.neg", -5, ["a"], [T.INT32], [1]))
    do(f"insert into {DB}.s(time, a, b, c) values (1, 1, 'x', true)", f"insert into {DB}.s(time, a) values (2024-01-01T00:00:00Z, 2)",
       f"insert into {DB}.s(a) values (1, 2)", f"insert into {DB}.s(time, a) values (1)", f"insert into {DB}.s(time, a) values (5, 'word')",
       f"insert into {DB}.s(time, a) aligned values (5, 1)", f"insert into {DB}.sa(time, a, b) aligned values (5, 1, null), (6, null, 2)",
       f"insert into {DB}.s(time, a, a) values (7, 1, 2)")
    sql(f"select {', '.join(names)} from {DB}.d", f"select * from {DB}.d order by time desc limit 2", f"select n, x, w, y from {DB}.new",
        f"select * from {DB}.o", f"select a, b from {DB}.al", f"select z from {DB}.al2", f"select s, u from {DB}.r2", f"select s from {DB}.r1",
        f"select s from {DB}.r3", f"select `a.b` from {DB}.q", f"select a from {DB}.`1`", f"select a, b, c from {DB}.s", f"select a, b from {DB}.sa",
        f"select a from {DB}.neg", f"select a from {DB}", "select a from root.unsteps.d", f"show timeseries {DB}.new.*", f"show timeseries {DB}.test.*")


def queries():
    step("numbers", lambda: session.insert_tablet(Tablet(
        f"{DB}.n", ["i", "d", "t", "b"], [T.INT32, T.DOUBLE, T.TEXT, T.BOOLEAN],
        [[n, n / 4, f"t{n % 3}", n % 2 == 0] if n % 7 else [n, None, None, n % 2 == 0] for n in range(100)], list(range(0, 1000, 10)))))
    n = f"from {DB}.n"
    sql(f"select i, i + d, -i, i % 7, d * 2 as twice {n} where time < 30", f"select i {n} where i >= 10 and i < 15 or t = 't1' and time < 50",
        f"select count(i), count(d), sum(i), sum(d), avg(d), min_value(i), max_value(d), first_value(t), last_value(t), min_time(i), max_time(i), extreme(d) {n}",
        f"select count(*) {n}", f"select count_if(b, keep >= 1), mode(t), stddev(d), var_pop(d), time_duration(i), count_time(*) {n}",
        f"select count(i), avg(d) {n} group by ([0, 200), 50ms)", f"select count(i), avg(d) {n} group by ([0, 1000), 100ms, 500ms)",
        f"select count(i) {n} group by ([0, 200), 50ms) having count(i) > 9", f"select avg(d) {n} group by ([900, 1200), 50ms) fill(previous)",
        f"select __endTime, count(i) {n} group by variation(b) limit 3", f"select count(i) {n} group by condition(b, keep >= 1) limit 3",
        f"select count(i) {n} group by session(5ms) limit 3", f"select count(i) {n} group by count(i, 30)",
        f"select d {n} where d is null", f"select d {n} where time < 30 fill(linear)", f"select d {n} where time < 30 fill(previous)",
        f"select d {n} where time < 30 fill(1.5)", f"select i {n} limit 3 offset 5", f"select i {n} order by time desc limit 2",
        f"select i, t {n} where t like 't%' limit 3", f"select t {n} where t regexp '^t[12]$' limit 3", f"select i {n} where i in (1, 2, 3)",
        f"select i {n} where i between 5 and 7", f"select case when i > 1 then 'more' else 'less' end as c {n} where time < 40",
        f"select cast(i as TEXT), cast(d as INT64) {n} where time < 40", f"select sin(d), abs(-i), top_k(i, 'k'='2') {n} limit 2",
        f"select diff(i), string_contains(t, 's'='t1') {n} limit 3", f"select i from {DB}.* align by device limit 3",
        f"select s from {DB}.r1, {DB}.r2 align by device", f"select count(s) from {DB}.r1, {DB}.r2 align by device",
        f"select s from {DB}.r1, {DB}.r2 order by device desc align by device", f"select count(s), avg(s) from {DB}.** group by level = 2",
        f"select count(s) from {DB}.** group by level = 1", f"select last i, d, t {n}", f"select last * from {DB}.d order by timeseries",
        f"select last i {n} where time > 5000", f"select i, i {n} limit 1", f"select i as x, d as y {n} limit 1",
        f"select i from {DB}.nowhere", f"select nothing {n}", f"select count(i) {n} where time > 99999", f"select max_by(t, i) {n}",
        f"select s from {DB}.r1 where s > (1)", f"select * from {DB}.r1, {DB}.r2 where time >= 2",
        f"select equal_size_bucket_random_sample(i, 'proportion'='0.0') {n}", f"select count(distinct i) {n}",
        f"select i {n} where time = 10", f"select i {n} slimit 1 limit 1",
        f"select t || 'x' {n}", f"selct i {n}", f"select sum(t) {n}", f"select nonsense(i) {n}", f"select i, count(i) {n}", f"select i {n} where t > 5",
        f"select i {n} group by ([0, 10), 0ms)", f"select count(i) {n} group by ([10, 0), 1ms)", f"select i {n} limit -1", f"select 1 {n}",
        f"select i {n} where i", f"select i from", "select", "", f"select i from steps.n", f"select i {n} where time > 'x'")
    step("raw", lambda: session.execute_raw_data_query([f"{DB}.n.i", f"{DB}.n.d"], 0, 40))
    step("raw of nothing", lambda: session.execute_raw_data_query([f"{DB}.n.zz"], 0, 40))
    step("last", lambda: session.execute_last_data_query([f"{DB}.n.i", f"{DB}.r1.s"], 0), sort=True)
    step("last later", lambda: session.execute_last_data_query([f"{DB}.n.i"], 99999))
    step("pages", lambda: len(table(connect(fetch=7).execute_query_statement(f"select i {n}"))["rows"]))
    step("frame", lambda: [list(map(str, row)) for row in session.execute_query_statement(f"select i, d {n} limit 3").todf().astype(object).values.tolist()])
    step("an update as a query", lambda: session.execute_query_statement(f"insert into {DB}.u(time, a) values (1, 1)"))
    step("a query as an update", lambda: session.execute_non_query_statement(f"select i {n}"))
    step("either, a query", lambda: session.execute_statement(f"select i {n} limit 1"))
    step("either, an update", lambda: session.execute_statement(f"insert into {DB}.u(time, a) values (2, 1)"))
    do(f"select i into {DB}.into(copied) {n} where time < 30")
    sql(f"select copied from {DB}.into")


def deletes():
    step("delete to", lambda: session.delete_data([f"{DB}.n.i"], 500))
    step("delete in a range", lambda: session.delete_data_in_range([f"{DB}.n.d", f"{DB}.n.t"], 600, 700))
    step("delete where nothing is", lambda: session.delete_data([f"{DB}.nowhere.i"], 500))
    step("delete a bad path", lambda: session.delete_data([f"{DB}..i"], 500))
    do(f"delete from {DB}.n.b where time > 900", f"delete from {DB}.n.b where i > 5", f"delete from {DB}.r1.* where time <= 1 and time >= 0")
    sql(f"select count(i), count(d), count(t), count(b) from {DB}.n", f"select s from {DB}.r1")
    step("delete series", lambda: session.delete_time_series([f"{DB}.n.i", f"{DB}.n.d"]))
    step("delete series again", lambda: session.delete_time_series([f"{DB}.n.i"]))
    sql(f"show timeseries {DB}.n.**", f"select i from {DB}.n", sort=True)
    step("delete a database", lambda: session.delete_storage_group("root.unsteps"))
    step("delete it again", lambda: session.delete_storage_group("root.unsteps"))
    step("delete several", lambda: session.delete_storage_groups([f"{DB}x", f"{DB}y"]))


def templates():
    for aligned in (False, True):
        name, place = f"steps_{aligned}", f"{DB}.templates{aligned}"
        template = Template(name, aligned)
        for measurement, kind, encoding in (("a", T.FLOAT, E.GORILLA), ("b", T.TEXT, E.PLAIN)):
            template.add_template(MeasurementNode(measurement, kind, encoding, Compressor.SNAPPY))
        step("template", lambda: session.create_schema_template(template))
        step("template again", lambda: session.create_schema_template(template))
        step("more in it", lambda: session.add_measurements_in_template(name, ["c"], [T.INT32], [E.RLE], [Compressor.SNAPPY], aligned))
        step("the same in it", lambda: session.add_measurements_in_template(name, ["c"], [T.INT64], [E.RLE], [Compressor.SNAPPY], aligned))
        step("less in it", lambda: session.delete_node_in_template(name, "c"))
        step("how many", lambda: session.count_measurements_in_template(name))
        step("is", lambda: session.is_measurement_in_template(name, "a"))
        step("is not", lambda: session.is_measurement_in_template(name, "zz"))
        step("is of none", lambda: session.is_measurement_in_template("none", "a"))
        step("path", lambda: session.is_path_exist_in_template(name, "a"))
        step("which", lambda: session.show_measurements_in_template(name), sort=True)
        step("all", lambda: [each for each in session.show_all_templates() if each.startswith("steps_")], sort=True)
        step("set", lambda: session.set_schema_template(name, place))
        step("set again", lambda: session.set_schema_template(name, place))
        step("set none", lambda: session.set_schema_template("none", place))
        step("set on", lambda: session.show_paths_template_set_on(name))
        step("write", lambda: (session.insert_aligned_record if aligned else session.insert_record)(f"{place}.d", 1, ["a", "b"], [T.FLOAT, T.TEXT], [1.5, "b"]))
        step("write the other way", lambda: (session.insert_record if aligned else session.insert_aligned_record)(f"{place}.d", 2, ["a"], [T.FLOAT], [1.5]))
        step("write another type", lambda: (session.insert_aligned_record if aligned else session.insert_record)(f"{place}.d", 3, ["a"], [T.TEXT], ["x"]))
        step("using", lambda: session.show_paths_template_using_on(name))
        sql(f"select a, b, c from {place}.d", f"show timeseries {place}.**", "show device templates", f"show nodes in device template {name}", sort=True)
        step("unset in use", lambda: session.unset_schema_template(name, place))
        step("drop in use", lambda: session.drop_schema_template(name))
        do(f"deactivate device template {name} from {place}.*")
        step("unset", lambda: session.unset_schema_template(name, place))
        step("unset again", lambda: session.unset_schema_template(name, place))
        step("drop", lambda: session.drop_schema_template(name))
        step("drop again", lambda: session.drop_schema_template(name))


def options():
    step("zone", lambda: session.get_time_zone())
    step("another zone", lambda: session.set_time_zone("+08:00"))
    do(f"insert into {DB}.zone(time, a) values (1970-01-01T08:00:01, 1)")
    sql(f"select a from {DB}.zone", f"select count(a) from {DB}.zone group by ([1970-01-01T00:00:00, 1970-01-03T00:00:00), 1d)")
    step("a zone that is none", lambda: session.set_time_zone("Mars/Phobos"))
    step("back", lambda: session.set_time_zone("UTC"))
    step("a wrong password", lambda: connect(password="wrong"))
    step("nobody", lambda: connect(user="nobodyatall"))
    do("create user stepsuser 'steps123'", "create user stepsuser 'steps123'", "create role stepsrole", "create role stepsrole",
       "grant READ_DATA on root.steps.d.** to user stepsuser", "grant NOTHING on root.** to user stepsuser", "grant role stepsrole to stepsuser",
       "grant role norole to stepsuser")
    sql("list role", "list privileges of user stepsuser", "list user of role stepsrole", sort=True)
    other = connect("stepsuser", "steps123")
    step("another user reads", lambda: other.execute_query_statement(f"select i, l from {DB}.d limit 1"))
    step("what it may not see", lambda: other.execute_query_statement(f"select s from {DB}.r1"))
    step("what it may not write", lambda: other.insert_record(f"{DB}.d", 60, ["i"], [T.INT32], [1]))
    step("what it may not make", lambda: other.set_storage_group("root.others"))
    step("whom it may not make", lambda: other.execute_non_query_statement("create user another1 'secret123'"))
    step("what it may not list", lambda: other.execute_query_statement("list user"))
    step("its own", lambda: other.execute_query_statement("list privileges of user stepsuser"), sort=True)
    other.close()
    do("revoke READ_DATA on root.steps.d.** from user stepsuser", "revoke READ_DATA on root.steps.d.** from user stepsuser",
       "drop user stepsuser", "drop user stepsuser", "drop role stepsrole", "drop role stepsrole", "alter user nobodyatall set password 'x12345'")
    do("flush", f"flush {DB}", "clear cache", "set system to readonly", f"insert into {DB}.ro(time, a) values (1, 1)", "set system to running",
       f"insert into {DB}.ro(time, a) values (1, 1)", "merge", "full merge", "start repair data", "nonsense", "use db", "kill query '1'")
    sql(f"count timeseries {DB}.ro.*", "show cqs", "show triggers")
    session.close()
    step("after closing", lambda: session.execute_query_statement(f"select i from {DB}.d"))


def headers(text):
    step(f"headers: {text}", lambda: [f"{name} {kind}" for name, kind in (lambda found: zip(found["names"], found["types"]))(table(session.execute_query_statement(text)))])


def more():
    import numpy
    from iotdb.utils.NumpyTablet import NumpyTablet
    from iotdb.utils.BitMap import BitMap
    for text in ("show version", "show cluster", "show cluster details", "show datanodes", "show confignodes", "show variables", "show regions",
                 "show data regions", "show schema regions", "show queries", "show functions", "show clusterid", "show current_timestamp",
                 "show storage group", "show all ttl", f"show databases details {DB}", "show current_user", f"show timeslotid of {DB}", "show keywords",
                 "show logical view root.**", "show privileges", "list privileges of role norole", "show trusted uris", "count regions",
                 "show merge info", "show storage_group", f"show latest timeseries {DB}.**", f"show devices {DB}.** with database",
                 f"show devices {DB}.** limit 1 offset 1", "count databases", "count nodes root.** level=1", "count timeseries",
                 "count timeseries root.** where timeseries contains 'steps'"):
        headers(text)
    kinds = [T.BOOLEAN, T.INT32, T.INT64, T.FLOAT, T.DOUBLE, T.TEXT, T.DATE, T.TIMESTAMP, T.BLOB, T.STRING]
    names = [f"k{at}" for at in range(10)]
    arrays = [numpy.array([True, False, True]), numpy.array([1, 2, 3], ">i4"), numpy.array([1, 2, 3], ">i8"), numpy.array([.5, 1.5, 2.5], ">f4"),
              numpy.array([.5, 1.5, 2.5], ">f8"), numpy.array(["a", "b", "c"]), numpy.array([datetime.date(2024, 1, n) for n in (1, 2, 3)]), numpy.array([1, 2, 3], ">i8"),
              numpy.array([b"a", b"b", b"c"]), numpy.array(["x", "y", "z"])]
    marks = [BitMap(3) for _ in names]
    for at, each in enumerate(marks):
        each.mark(at % 3)
    step("arrays with nulls", lambda: session.insert_tablet(NumpyTablet(f"{DB}.np", names, kinds, arrays, numpy.array([1, 2, 3], ">i8"), marks)))
    step("arrays aligned", lambda: session.insert_aligned_tablet(NumpyTablet(f"{DB}.npa", names, kinds, arrays, numpy.array([3, 1, 2], ">i8"))))
    sql(f"select {', '.join(names)} from {DB}.np", f"select {', '.join(names)} from {DB}.npa", f"select last k1, k9 from {DB}.npa order by timeseries desc")
    step("an empty tablet", lambda: session.insert_tablet(Tablet(f"{DB}.e", ["a"], [T.INT32], [], [])))
    step("a tablet of nulls alone", lambda: session.insert_tablet(Tablet(f"{DB}.e", ["a", "b"], [T.INT32, T.TEXT], [[None, None]], [1])))
    step("an aligned tablet of nulls alone", lambda: session.insert_aligned_tablet(Tablet(f"{DB}.ea", ["a", "b"], [T.INT32, T.TEXT], [[None, None]], [1])))
    step("the same again", lambda: session.insert_aligned_tablet(Tablet(f"{DB}.ea", ["a", "b"], [T.INT32, T.TEXT], [[None, None]], [2])))
    step("a tablet with a column of nulls", lambda: session.insert_tablet(Tablet(f"{DB}.e1", ["a", "b"], [T.INT32, T.TEXT], [[1, None], [2, None]], [1, 2])))
    do(f"insert into {DB}.en(time, a, b) values (1, 1, null)", f"insert into {DB}.en(time, c, d) values (2, null, null), (3, null, 5)")
    sql(f"select * from {DB}.ea", f"select count(a), count(b) from {DB}.ea", f"select a, b from {DB}.e1", f"select a, d from {DB}.en")
    step("no records", lambda: session.insert_records([], [], [], [], []))
    step("a tablet of a name twice", lambda: session.insert_tablet(Tablet(f"{DB}.e", ["a", "a"], [T.INT32, T.INT32], [[1, 2]], [1])))
    step("a record of a name twice", lambda: session.insert_record(f"{DB}.e", 5, ["a", "a"], [T.INT32, T.INT32], [1, 2]))
    step("aligned of one device", lambda: session.insert_aligned_records_of_one_device(f"{DB}.ao", [2, 1], [["a"], ["b"]], [[T.INT32], [T.DOUBLE]], [[2], [1.5]]))
    step("aligned texts", lambda: session.insert_aligned_str_record(f"{DB}.as", 1, ["a", "b"], ["1", "word"]))
    step("aligned texts of one device", lambda: session.insert_aligned_string_records_of_one_device(f"{DB}.as", [2, 3], [["a"], ["b"]], [["2"], ["w"]]))
    step("aligned tablets", lambda: session.insert_aligned_tablets([Tablet(f"{DB}.at{n}", ["s"], [T.INT32], [[n]], [n]) for n in (1, 2)]))
    step("aligned tablets, one into plain", lambda: session.insert_aligned_tablets([Tablet(f"{DB}.{d}", ["s"], [T.INT32], [[7]], [7]) for d in ("at1", "r1")]))
    step("tablets, one of another type", lambda: session.insert_tablets([Tablet(f"{DB}.t1", ["s"], [T.TEXT], [["x"]], [9]), Tablet(f"{DB}.t2", ["s"], [T.INT32], [[9]], [9])]))
    sql(f"select * from {DB}.e", f"select a, b from {DB}.ao", f"select a, b from {DB}.as", f"select s from {DB}.at1, {DB}.at2", f"select s from {DB}.t1, {DB}.t2",
        f"show timeseries {DB}.as.*", f"show devices {DB}.a*", f"show timeseries {DB}.e.*")
    step("a long text", lambda: session.insert_record(f"{DB}.long", 1, ["t"], [T.TEXT], ["x" * 100000]))
    sql(f"select length(t) from {DB}.long", f"select t from {DB}.long where length(t) = 1")
    step("an empty text", lambda: session.insert_record(f"{DB}.long", 2, ["t", "bl"], [T.TEXT, T.BLOB], ["", b""]))
    step("infinite", lambda: session.insert_record(f"{DB}.inf", 2, ["d", "f"], [T.DOUBLE, T.FLOAT], [float("inf"), float("-inf")]))
    step("no number", lambda: session.insert_record(f"{DB}.inf", 3, ["d", "f"], [T.DOUBLE, T.FLOAT], [float("nan"), 1.0]))
    step("greatest time", lambda: session.insert_record(f"{DB}.far", 2**63 - 1, ["a"], [T.INT32], [1]))
    step("least time", lambda: session.insert_record(f"{DB}.far", -(2**63), ["a"], [T.INT32], [1]))
    sql(f"select t, bl from {DB}.long where time = 2", f"select d, f from {DB}.inf", f"select a from {DB}.far", f"select count(a) from {DB}.far")
    do(f"create timeseries {DB}.c1.s INT32 encoding=RLE compression=ZSTD", f"create timeseries {DB}.c1.s2 with datatype=FLOAT, encoding=CHIMP", f"create timeseries {DB}.c1.s3 with datatype=FLOAT, encoding=NONE",
       f"create timeseries {DB}.c1.s4 with datatype=VECTOR", f"create timeseries {DB}.c1.s5 with datatype=INT32, compressor=BZIP", f"create aligned timeseries {DB}.c2(a INT32, b FLOAT encoding=GORILLA)",
       f"create aligned timeseries {DB}.c2(c INT32)", f"create timeseries {DB}.c2.d INT32", f"drop timeseries {DB}.c1.s2", f"delete timeseries {DB}.c9.*", f"create timeseries {DB}.c1.s6 INT32 tags(a=b) attributes(c=d)",
       f"alter timeseries {DB}.c1.s6 rename a to b", f"alter timeseries {DB}.c1.s6 set b=2, c=3", f"alter timeseries {DB}.c1.s6 drop c", f"alter timeseries {DB}.c1.s6 drop zz", f"alter timeseries {DB}.c1.s6 upsert alias=nick tags(b=y) attributes(z=w)",
       f"create database {DB}", f"create database root.`1a`", "delete database root.`1a`", "create database root.a-b", f"alter database {DB} with time_partition_interval=5", "create view root.stepsview.v as select i from root.steps.n",
       f"create function steps as 'no.such.Class'", "drop function steps", "create trigger t1 before insert on root.steps.n as 'no.such.Class'", "drop trigger t1", "create cq c1 begin select count(i) into root.steps.cq(x) from root.steps.n end", "drop cq c1", "drop cq c1", "drop pipe nopipe", "start pipe nopipe", "stop pipe nopipe",
       f"set ttl to {DB}.c1.** 1000", f"set ttl to root.none.x 1000", f"set ttl to {DB} -5", "load configuration", "set configuration 'a'='b'", "kill query 'x_1'", "settle root.steps", f"insert into {DB}.v(timestamp, a) values (now(), 1)",
       f"insert into {DB}.v(time, a) values (9999999999999999999, 1)", f"insert into {DB}.v(time, a) values (1, 99999999999999999999)", f"insert into {DB}.v(time, `a b`) values (1, null)", f"insert into {DB}.v(time) values (1)", f"insert into {DB}.*(time, a) values (1, 1)",
       f"insert into {DB}.v values (1, 1)", f"insert into {DB}.v(time, da, bl, ts) values (1, '2024-01-01', X'00ff', 5)", f"insert into {DB}.d(time, da, bl, ts, st) values (70, '2024-01-01', X'00ff', 2024-01-01, 'q')", f"insert into {DB}.d(time, da) values (71, '2024-13-01')", f"insert into {DB}.d(time, bl) values (71, 'zz')", f"insert into {DB}.d(time, b) values (71, 'maybe')", f"insert into {DB}.d(time, i) values (71, 1.5)", f"insert into {DB}.d(time, i) values (71, 3000000000)", f"insert into {DB}.d(time, l) values (71, 1e3)", f"insert into {DB}.d(time, t) values (71, 5)", f"insert into {DB}.d(time, f) values (71, 'NaN')",
       f"delete from {DB}.d.* where time < 5 and time > 7", f"delete from {DB}.d.i where time in (1,2)", f"delete from {DB}.d.i where time = 31 or time = 50")
    sql(f"show timeseries {DB}.c1.*", f"select da, bl, ts, st, b, i, l, t, f from {DB}.d where time >= 70", f"show timeseries {DB}.v.*", f"count nodes {DB}.** level=3", f"show timeseries {DB}.c2.*", sort=True)


session = connect()
for database in (f"{DB}.**", DB, "root.unsteps"):
    try:
        session.delete_storage_group(database)
    except Exception:
        pass
schema()
values()
queries()
deletes()
templates()
more()
options()
connect().delete_storage_group(DB)
