"""The measurements: a cell, system calls, resident memory."""
import collections
import json
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib

import cells

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))
import processes  # noqa: E402

# The server and the generator each have a core.
SERVER_CORE, LOAD_CORE = 0, 1
# Enough file descriptors for the largest cell.
DESCRIPTORS = 12_000
# Seconds. The kernel counts CPU time in hundredths of a second, so a measurement needs several of them.
LEAST_CPU = 0.1
LONGEST = 4


class Server:
    """A running echo server."""

    def __init__(self, name, options, is_compressed=False):
        self.name = name
        if name == cells.OURS:
            program = [options.ours, "--listen", "127.0.0.1:0", "--threads", "1"]
        else:
            program = [options.programs / name]
        if is_compressed:
            program.append("--deflate")
        log = options.logs / f"{name}.log"
        self.child = processes.start(["taskset", "-c", str(SERVER_CORE), *program], log)
        self.port = processes.port_of(self.child, log)

    @property
    def pid(self):
        return self.child.pid

    def resident(self):
        """Resident memory in bytes."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)[1]) * 1024

    def stop(self):
        processes.stop(self.child)


def raise_limits():
    """Raises the limit of open files, which children inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def load_command(server, cell, seconds, options):
    command = ["taskset", "-c", str(LOAD_CORE), options.load, "--json"]
    command += ["--connect", f"127.0.0.1:{server.port}", "--pid", server.pid, "--seconds", seconds]
    command += ["--connections", cell.connections, "--pipeline", cell.pipeline, "--size", cell.size]
    return [str(part) for part in command]


def per_cpu_second(server, cell, options):
    """Messages per second of CPU time of the server, user and system."""
    seconds = options.seconds
    while True:
        command = load_command(server, cell, seconds, options)
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120)
        figures = json.loads(done.stdout or '{"errors": 1}')
        if figures["errors"]:
            raise RuntimeError(f"{server.name} {cell.name}: the generator failed: {done.stdout}{done.stderr}")
        each, messages = figures["server_ns_per_message"], figures["messages"]
        if each * messages / 1e9 >= LEAST_CPU or (seconds > LONGEST and each):
            return 1e9 / each
        if seconds > LONGEST:
            raise RuntimeError(f"{server.name} {cell.name}: no CPU time in {seconds} s")
        # The core was busy, or no message was completed in that time.
        seconds *= 2


def syscalls(server, pipeline, options):
    """System calls per message at 125 B and 50 connections, by kind. Messages are counted by the bytes read."""
    cell = cells.Cell(125, 50, pipeline)
    frame_len = 6 + cell.size
    log = options.logs / f"strace-{pipeline}.log"
    load = processes.start(load_command(server, cell, 4, options), options.logs / "load.log")
    time.sleep(1)
    strace = ["strace", "--follow-forks", "--string-limit=0", f"--output={log}", f"--attach={server.pid}"]
    tracer = processes.start(strace, options.logs / "strace.err")
    time.sleep(1.5)
    tracer.send_signal(signal.SIGINT)
    processes.wait(tracer, 10)
    if processes.wait(load, 30) != 0:
        raise RuntimeError(f"the generator failed, see {options.logs / 'load.log'}")
    counts, received = count_calls(log.read_text())
    messages = received / frame_len
    if messages < 100:
        raise RuntimeError(f"strace saw {messages:.0f} messages, see {log}")
    return {name: count / messages for name, count in counts.items()}


READS = ("read", "readv", "recvfrom", "recvmsg")
WRITES = ("write", "writev", "sendto", "sendmsg")


def count_calls(text):
    """The number of calls of each kind, and of bytes read."""
    counts = collections.Counter(read=0, write=0, epoll_wait=0, other=0)
    received = 0
    for line in text.splitlines():
        # An interrupted call has two lines: `<unfinished ...>`, then `<... NAME resumed>` with the result.
        call = re.match(r"\d+\s+(?:<\.\.\. )?(\w+)(?:\(| resumed)", line)
        if not call or line.endswith("<unfinished ...>"):
            continue
        name = call[1]
        if name in READS:
            counts["read"] += 1
            result = re.search(r"= (\d+)$", line)
            received += int(result[1]) if result else 0
        elif name in WRITES:
            counts["write"] += 1
        elif name.startswith("epoll_") and name.endswith("wait"):
            counts["epoll_wait"] += 1
        else:
            counts["other"] += 1
    return counts, received


def memory(name, is_compressed, options):
    """Resident memory per connection in bytes: idle after the handshake, and idle after an echo of 16 KiB."""
    server = Server(name, options, is_compressed)
    # A first connection loads code and the like, which must not count.
    with connect(server.port, is_compressed) as first:
        echo(first, bytes(16 * cells.KIB), is_compressed)
    time.sleep(0.2)
    before = server.resident()
    connections = [connect(server.port, is_compressed) for _ in range(cells.MEMORY_CONNECTIONS)]
    figures = []
    for step in (None, echo):
        for connection in connections if step else ():
            step(connection, bytes(16 * cells.KIB), is_compressed)
        time.sleep(1)
        figures.append((server.resident() - before) / len(connections))
    for connection in connections:
        connection.close()
    server.stop()
    return figures


def connect(port, is_compressed):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + (b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if is_compressed else b"")
        + b"\r\n"
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(connection, 1)
    if not head.startswith(b"HTTP/1.1 101 "):
        raise RuntimeError(f"handshake failed: {head!r}")
    if (b"permessage-deflate" in head) != is_compressed:
        raise RuntimeError(f"not the compression asked for: {head!r}")
    return connection


def echo(connection, payload, is_compressed):
    """Sends a message and checks its echo. The masking key is zero, which is enough to measure memory."""
    first, sent = 0x82, payload
    if is_compressed:
        deflate = zlib.compressobj(wbits=-15)
        first, sent = 0xC2, (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    if len(sent) < 126:
        head = struct.pack("!BB4x", first, 0x80 | len(sent))
    else:
        head = struct.pack("!BBH4x", first, 0x80 | 126, len(sent))
    connection.sendall(head + sent)
    while True:
        opcode, length = exactly(connection, 2)
        if opcode & 0x08:
            exactly(connection, length)
            continue
        if length == 126:
            (length,) = struct.unpack("!H", exactly(connection, 2))
        received = exactly(connection, length)
        if opcode & 0x40:
            received = zlib.decompress(received + b"\0\0\xff\xff\3\0", wbits=-15)
        if received != payload:
            raise RuntimeError("a wrong echo")
        return


def exactly(connection, count):
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise RuntimeError("the server closed the connection")
        parts += part
    return bytes(parts)
