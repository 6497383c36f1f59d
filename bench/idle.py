#!/usr/bin/env python3
"""What idle connections cost a server: `bench/idle.py [CONNECTIONS] [BINARY]`.

Starts `levada serve` on a new folder (BINARY, or target/release/levada), logs in over so many connections, of which each has asked
something, and leaves them open. Prints the server's resident memory before, with them, and after they have gone.
The limit of open files must allow for as many: `ulimit -n`.
"""
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time


def text(field, value):
    data = value.encode()
    return struct.pack(">bhi", 11, field, len(data)) + data


def number(field, value):
    return struct.pack(">bhq", 10, field, value)


def call(method, fields):
    name = method.encode()
    head = struct.pack(">Ii", 0x80010001, len(name)) + name + struct.pack(">i", 1)
    message = head + struct.pack(">bh", 12, 1) + fields + b"\0\0"
    return struct.pack(">i", len(message)) + message


LOGIN = call(
    "openSession",
    struct.pack(">bhi", 8, 1, 2) + text(2, "UTC") + text(3, "root") + text(4, "root"),
)


def answer(connection):
    def take(count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise SystemExit("the server hung up")
            data += more
        return data

    (length,) = struct.unpack(">i", take(4))
    return take(length)


def session(reply):
    """The number of the session: field 3 of the result, a number of 64 bits."""
    at = reply.rfind(struct.pack(">bh", 10, 3))
    if at < 0:
        raise SystemExit(f"the login was rejected: {reply!r}")
    return struct.unpack(">q", reply[at + 3 : at + 11])[0]


def resident(pid):
    """MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    binary = sys.argv[2] if len(sys.argv) > 2 else "target/release/levada"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most != resource.RLIM_INFINITY and most < count + 100:
        raise SystemExit(f"{count} connections need more open files than {most}: raise `ulimit -n`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "serve", "--data", folder, "--rpc", f"127.0.0.1:{port}", "--log-level", "warn"]
        server = subprocess.Popen([*command, "--connections", str(count + 10)], stderr=subprocess.DEVNULL)
        try:
            measure(server.pid, port, count)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(LOGIN)
    opened = session(answer(connection))
    query = number(1, opened) + text(2, "show version") + number(3, opened)
    connection.sendall(call("executeStatement", query))
    answer(connection)
    return connection


def measure(pid, port, count):
    for _ in range(300):
        try:
            connect(port).close()
            break
        except OSError:
            time.sleep(0.1)
    else:
        raise SystemExit("the server does not answer")
    before = resident(pid)
    start = time.monotonic()
    connections = [connect(port) for _ in range(count)]
    took = time.monotonic() - start
    with_them = resident(pid)
    print(f"before: {before:.0f} MiB")
    print(f"with {count} idle connections: {with_them:.0f} MiB: {with_them - before:.0f} MiB more, ", end="")
    print(f"{(with_them - before) * 1024 / count:.1f} KiB each; made in {took:.1f} s")
    for connection in connections:
        connection.close()
    time.sleep(2)
    print(f"after they have gone: {resident(pid):.0f} MiB")


main()
