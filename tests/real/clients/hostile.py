"""Functions that do what they should not, beside the queries of others on one server.

usage: hostile.py PORT SERVER_PID MODULES FOLDER

MODULES is the folder of the tests' modules, FOLDER the one that the server looks into. Four clients call hostile functions all the time,
a fifth puts bombs and broken files where functions are made from; meanwhile others ask, and each answer is compared. Each hostile
statement has to end with its error. Prints how long the answers of the others took before and meanwhile, and the server's memory.
"""
import pathlib
import shutil
import sys
import threading
import time

from iotdb.Session import Session

port, server, modules, folder = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
ROWS = 20_000
FUNCTIONS = {"Wrong": "test.Wrong", "Adder": "test.Adder", "Put": "hostile.Put", "Lie": "hostile.Lie"}
METHODS = ["validate", "before_start", "transform", "terminate"]
HOSTILE = (
    [(f"wrong(s1, '{method}'='loop')", "ran longer than") for method in METHODS]
    + [(f"wrong(s1, '{method}'='panic')", "panicked") for method in METHODS]
    + [(f"wrong(s1, '{method}'='bomb')", "bytes of memory") for method in METHODS]
    + [(f"wrong(s1, '{method}'='recurse')", "recursion") for method in METHODS]
    + [("wrong(s1, 'transform'='back')", "strictly increase"), ("wrong(s1, 'transform'='type')", "the output is INT64")]
    + [("put(s1)", ""), ("lie(s1)", "")] * 3
    + [("create function spin as 'hostile.Spin'", "ran longer than")]
)


def opened():
    session = Session("127.0.0.1", port, "root", "root")
    session.open(False)
    return session


def rows(session, sql):
    with session.execute_query_statement(sql) as answer:
        found = []
        while answer.has_next():
            found.append([field.get_string_value() for field in answer.next().get_fields()])
        return found


def resident(what):
    for line in open(f"/proc/{server}/status"):
        if line.startswith(what + ":"):
            return int(line.split()[1]) // 1024
    raise SystemExit(f"no {what} of the server")


def section(kind, content):
    return bytes([kind]) + leb(len(content)) + content


def leb(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def bomb(variables, additions):
    """A module with one function that takes minutes to compile, which says that it has the function `x`."""
    body = bytearray(b"\x01" + leb(variables) + b"\x7e")
    for at in range(additions):
        body += b"\x20" + leb(at % variables) + b"\x21" + leb((at * 7 + 1) % variables)
    body += b"\x0b"
    core = b"\0asm\x01\0\0\0" + section(1, b"\x01\x60\0\0") + section(3, b"\x01\0")
    core += section(10, b"\x01" + leb(len(body)) + bytes(body))
    return b"\0asm\x0d\0\x01\0" + section(1, core) + section(0, b"\x0alevada-udf\x01\0\x01\0x")


faults = []


def told(what):
    faults.append(what)
    print(f"FAULT {what}", file=sys.stderr)


def hostile(part):
    session = opened()
    for call, expected in part:
        try:
            if call.startswith("create"):
                session.execute_non_query_statement(call)
            else:
                rows(session, f"select {call} from root.q.d")
            told(f"{call} ended well")
        except Exception as error:
            if expected not in str(error) or not ("function" in str(error) or "class" in str(error)):
                told(f"{call}: {error}")
    session.close()


def files(stop, done):
    """Files that change while functions are made of them: bombs, a module cut anywhere, and the whole one."""
    session, file = opened(), folder / "changes.wasm"
    whole = (modules.parents[4] / "examples/udf/rust/example_functions.wasm").read_bytes()
    bombs = [bomb(2000, 30_000), bomb(50, 400_000)]
    turn = made = 0
    while not stop.is_set():
        turn += 1
        writer = threading.Thread(target=lambda: [file.write_bytes(part) for part in (whole[: turn * 7919 % len(whole)], whole)])
        if turn % 3 == 0:
            file.write_bytes(bombs[turn // 3 % 2])
            name = "x"
        else:
            writer.start()
            name = "org.example.Adder"
        try:
            session.execute_non_query_statement(f"create function changing as '{name}'")
            made += 1
            if name == "x":
                told("a bomb was made a function")
            session.execute_non_query_statement("drop function changing")
        except Exception as error:
            if "wasm" not in str(error) and "module" not in str(error):
                told(f"a file that changes: {error}")
        if writer.ident:
            writer.join()
    file.unlink()
    done.append(f"{turn} files that change, {made} made a function")
    session.close()


def other(sql, expected, stop, took):
    session = opened()
    while not stop.is_set():
        start = time.monotonic()
        found = rows(session, sql)
        took.append(time.monotonic() - start)
        if found != expected:
            told(f"{sql}: {found}")
        time.sleep(0.005)
    session.close()


def beside(work):
    """What the queries of others took while `work` ran."""
    stop = threading.Event()
    queries = [
        ("select count(s1), max_value(s1) from root.q.d", [[str(ROWS), str(ROWS - 1)]]),
        ("select sum(s1) from root.q.d", [[str(float(sum(range(ROWS))))]]),
        ("select adder(s1, s1) from root.q.d limit 2", [["0"], ["2"]]),
    ]
    times = [[] for _ in queries]
    threads = [threading.Thread(target=other, args=(*query, stop, took)) for query, took in zip(queries, times)]
    [thread.start() for thread in threads]
    work()
    stop.set()
    [thread.join() for thread in threads]
    lines = []
    for (sql, _), took in zip(queries, map(sorted, times)):
        at = lambda part: took[int((len(took) - 1) * part)] * 1e3
        lines.append(f"{len(took)} answers, ms: median {at(.5):.1f}, p99 {at(.99):.1f}, longest {at(1):.1f}: {sql}")
    return "\n  " + "\n  ".join(lines)


def attack():
    stop, done = threading.Event(), []
    changing = threading.Thread(target=files, args=(stop, done))
    changing.start()
    threads = [threading.Thread(target=hostile, args=(HOSTILE[first::4],)) for first in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    stop.set()
    changing.join()
    print(f"{len(HOSTILE)} hostile calls ended, {done[0] if done else 'no file changed'}")


session = opened()
for name in ["functions", "spin", "text"]:
    shutil.copy(modules / f"{name}.wasm", folder)
session.execute_non_query_statement("create timeseries root.q.d.s1 INT64")
for first in range(0, ROWS, 1000):
    values = ", ".join(f"({at}, {at})" for at in range(first, first + 1000))
    session.execute_non_query_statement(f"insert into root.q.d(time, s1) values {values}")
for name, its in FUNCTIONS.items():
    session.execute_non_query_statement(f"create function {name} as '{its}'")
print("alone:" + beside(lambda: time.sleep(3)))
before = resident("VmRSS")
for turn in (1, 2):
    print(f"attack {turn}:" + beside(attack))
    print(f"memory of the server, MiB: {before} before, {resident('VmRSS')} after, {resident('VmHWM')} at most")
    if turn == 1:
        settled = resident("VmRSS")
if resident("VmRSS") > settled + 64:
    told("the server's memory grows from one attack to the next")
session.close()
sys.exit(1 if faults else 0)
