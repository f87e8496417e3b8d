# Checks the programs chat, epoll, device and the reconnecting client against Python `websockets`, node `ws` and raw
# sockets.
# usage: import program_peers; program_peers.check(report, programs, start_program, node, client, start_node)   (run by run.py)
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_to

import client_peers
import raw
from processes import wait
from report import bytes_of, equal, text_of

MIB = 1 << 20
# A client is heard by everybody within this time, on a machine that is busy with other work.
PATIENCE = 30


def check(report, programs, start_program, node, client, start_node):
    chat(report, programs, start_program, node)
    epoll(report, start_program, node)
    device(report, programs, start_node)
    resume(report, client)


def connect(port, **options):
    url = f"ws://127.0.0.1:{port}/"
    return connect_to(url, compression=None, max_size=None, proxy=None, open_timeout=PATIENCE, **options)


def memory(child):
    """The resident bytes of a process."""
    status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10


def few_files(limit):
    """A prefix for a command that may open this many files."""
    return ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]


def handshakes(name, report, port):
    """Requests that arrive slowly, or never."""
    with report.case(f"{name}: request byte by byte"), raw.Peer.connect(port) as peer:
        for byte in raw.request():
            peer.send(bytes([byte]))
            time.sleep(0.001)
        peer.head()
    with report.case(f"{name}: plain HTTP: 426"), raw.Peer.connect(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        equal(peer.head().split(b" ", 2)[1], b"426", "status")
        equal(peer.rest(), b"", "rest")
    with report.case(f"{name}: half a request: dropped"), raw.Peer.connect(port) as peer:
        peer.socket.settimeout(PATIENCE)
        peer.send(raw.request()[:40])
        equal(peer.rest(), b"", "rest")


def odd_frames(name, report, port, limit):
    for what, data, code in (
        ("unmasked frame", raw.frame(raw.TEXT, b"bare", mask=False), 1002),
        ("invalid UTF-8", raw.frame(raw.TEXT, b"\xff"), 1007),
        ("too long a message", raw.frame(raw.TEXT, bytes(10), fin=False) + raw.frame(0, bytes(limit))[:20], 1009),
        ("close with a code", raw.frame(raw.CLOSE, b"\x0f\xa0bye"), 4000),
    ):
        with report.case(f"{name}: {what}: Close {code}"), raw.Peer.connect(port) as peer:
            peer.open()
            peer.send(data)
            peer.expect_close(code, skip=(raw.TEXT,))


def without_files(name, report, start_program, program):
    """A server without free file descriptors serves again when a client has left."""
    with report.case(f"{name}: more clients than file descriptors"):
        child, port, _ = start_program(program, prefix=few_files(24))
        with contextlib.ExitStack() as stack:
            waiting = [stack.enter_context(raw.Peer.connect(port)) for _ in range(40)]
            waiting[0].open()
            time.sleep(1.5)
            equal(child.poll(), None, "exit status")
        with connect(port) as ws:
            ws.send("served again")
            if "served again" not in ws.recv(PATIENCE):
                raise AssertionError("another message")


# chat


def hears(ws, text):
    """Receives until somebody says this, and returns who."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        who, _, said = ws.recv(PATIENCE).rpartition(": ")
        if said == text:
            return who
    raise AssertionError(f"{text!r:.60} was not heard")


def chat(report, programs, start_program, node):
    name = "chat"
    child, port, _ = start_program("chat")
    with contextlib.ExitStack() as stack:
        ws = [stack.enter_context(connect(port)) for _ in range(5)]
        with report.case(f"{name}: websockets: all hear a text"):
            ws[0].send("Grüße €😀")
            equal(len({hears(each, "Grüße €😀") for each in ws}), 1, "number of speakers")
        with report.case(f"{name}: websockets: 1 MiB in fragments"):
            text = text_of(MIB)[: MIB // 3]
            ws[1].send([text[i : i + 30000] for i in range(0, len(text), 30000)])
            for each in ws:
                hears(each, text)
        with report.case(f"{name}: websockets: 1000 messages in order, spoken at once"):
            sender = threading.Thread(target=lambda: [ws[2].send(f"message {i}") for i in range(1000)])
            listeners = [threading.Thread(target=drain, args=(each, [])) for each in ws[3:]]
            for thread in (sender, *listeners):
                thread.start()
            for i in range(1000):
                equal(ws[0].recv(PATIENCE).partition(": ")[2], f"message {i}")
            sender.join(PATIENCE)
            for i in range(1000):
                equal(ws[1].recv(PATIENCE).partition(": ")[2], f"message {i}")
        with report.case(f"{name}: websockets: ping"):
            equal(ws[0].ping(b"there?").wait(PATIENCE), True, "Pong")
    with report.case(f"{name}: websockets: binary: Close 1003"), connect(port) as ws:
        ws.send(b"bytes")
        with contextlib.suppress(ConnectionClosed):
            ws.recv(PATIENCE)
        equal(ws.protocol.close_rcvd.code, 1003, "code")
    run_node(report, node, "chat", port)
    handshakes(name, report, port)
    odd_frames(name, report, port, MIB)
    mute(report, child, port)
    flood(name, report, port)
    report.note(f"{name}: is still running", child.poll() is None, child.returncode)
    without_files(name, report, start_program, "chat")
    standstill(report, start_program)
    end(report, start_program)


def drain(ws, heard):
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        while True:
            heard.append(ws.recv(PATIENCE))


def mute(report, child, port):
    """A client that reads nothing costs little memory, and the others miss nothing."""
    with report.case("chat: a client that never reads"), contextlib.ExitStack() as stack:
        ws = [stack.enter_context(connect(port)) for _ in range(3)]
        peer = raw.Peer(socket.socket())
        stack.enter_context(peer)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.socket.connect(("127.0.0.1", port))
        peer.open()
        text = "z" * 20000
        ws[0].send("first")
        for each in ws:
            hears(each, "first")
        before = memory(child)
        for _ in range(1500):
            ws[0].send(text)
            for each in ws:
                equal(each.recv(PATIENCE).partition(": ")[2] == text, True, "heard")
        grown = memory(child) - before
        # The ring of 64 messages, and 64 KiB and a message in the output, twice.
        equal(grown < 6 * MIB, True, f"30 MB of messages cost {grown} bytes: few")


def flood(name, report, port):
    """A client that sends all the time does not silence the others."""
    with report.case(f"{name}: a flooder"), connect(port) as ws:
        stop = threading.Event()

        def send():
            with raw.Peer.connect(port) as peer:
                peer.open()
                threading.Thread(target=swallow, args=(peer.socket,), daemon=True).start()
                frames = raw.frame(raw.TEXT, b"noise") * 2000 + raw.frame(raw.PING, bytes(125)) * 200
                with contextlib.suppress(OSError):
                    while not stop.is_set():
                        peer.send(frames)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for i in range(5):
                ws.send(f"through {i}")
                hears(ws, f"through {i}")
        finally:
            stop.set()
            sender.join(PATIENCE)


def swallow(source):
    with contextlib.suppress(OSError):
        while source.recv(1 << 16):
            pass


def standstill(report, start_program):
    """The process stops for longer than every deadline; nobody is lost."""
    with report.case("chat: a standstill of 5 s with deadlines of 1 s"), contextlib.ExitStack() as stack:
        child, port, _ = start_program("chat", "1")
        ws = [stack.enter_context(connect(port)) for _ in range(50)]
        time.sleep(1.2)
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(child.pid, signal.SIGCONT)
        time.sleep(1)
        ws[0].send("all here")
        for each in ws:
            hears(each, "all here")
    with report.case("chat: a client that answers no Ping is dropped"), raw.Peer.connect(port) as peer:
        peer.socket.settimeout(PATIENCE)
        peer.open()
        equal(peer.rest(), raw.frame(raw.PING, mask=False), "bytes up to the end")


def end(report, start_program):
    with report.case("chat: Ctrl-C: Close 1001 to all, exit 0"), contextlib.ExitStack() as stack:
        child, port, _ = start_program("chat")
        ws = [stack.enter_context(connect(port)) for _ in range(10)]
        ws[0].send("the last words")
        os.kill(child.pid, signal.SIGINT)
        for each in ws:
            heard = []
            drain(each, heard)
            equal(each.protocol.close_rcvd.code, 1001, "code")
            equal(each.protocol.close_rcvd_then_sent, True, "order")
        equal(wait(child, PATIENCE), 0, "exit status")
    with report.case("chat: Ctrl-C ends it despite a client that answers nothing"):
        child, port, _ = start_program("chat")
        with raw.Peer.connect(port) as peer:
            peer.open()
            os.kill(child.pid, signal.SIGINT)
            equal(wait(child, PATIENCE) is None, False, "still running")


# epoll


def epoll(report, start_program, node):
    name = "epoll"
    child, port, _ = start_program("epoll")
    with report.case(f"{name}: websockets: messages of many lengths"), connect(port) as ws:
        for size in (0, 1, 125, 126, 4081, 4082, 4088, 4096, 8192, 65535, 65536, 300_000, MIB):
            ws.send(bytes_of(size))
            equal(ws.recv(PATIENCE) == bytes_of(size), True, f"the echo of {size} bytes")
            text = "é" * (size // 2)
            ws.send(text)
            equal(ws.recv(PATIENCE) == text, True, f"the echo of {size // 2} characters")
    with report.case(f"{name}: websockets: 1 MiB in fragments, and a ping among them"), connect(port) as ws:
        answered = []

        def parts():
            for i in range(16):
                yield bytes_of(MIB)[i << 16 : (i + 1) << 16]
                if i == 7:
                    answered.append(ws.ping(b"between").wait(PATIENCE))

        ws.send(parts())
        equal(ws.recv(PATIENCE) == bytes_of(MIB), True, "the echo")
        equal(answered, [True], "Pong")
    with report.case(f"{name}: websockets: 200 connections at once, and then no block in use"):
        sockets = [connect(port) for _ in range(200)]
        for i, ws in enumerate(sockets):
            ws.send(f"connection {i}" * 1000)
        for i, ws in reversed(list(enumerate(sockets))):
            equal(ws.recv(PATIENCE), f"connection {i}" * 1000)
        before = memory(child)
        for ws in sockets:
            # Each uses the blocks that the one before has given back.
            ws.send(bytes_of(MIB))
            equal(ws.recv(PATIENCE) == bytes_of(MIB), True, "the echo")
        grown = memory(child) - before
        equal(grown < 16 * MIB, True, f"200 echoes of 1 MiB cost {grown} bytes: few")
        for ws in sockets:
            ws.close(1001, "enough")
            equal(ws.protocol.close_rcvd.code, 1001, "code")
    run_node(report, node, "client", port, "epoll")
    handshakes(name, report, port)
    odd_frames(name, report, port, 2 * MIB)
    flood(name, report, port)
    with report.case(f"{name}: a client that never reads, and one that only announces"), contextlib.ExitStack() as stack:
        before = memory(child)
        peers = [stack.enter_context(raw.Peer.connect(port)) for _ in range(40)]
        for peer in peers:
            peer.open()
            peer.socket.settimeout(1)
        frame = raw.frame(raw.BINARY, bytes(50_000))
        for peer in peers[:4]:
            with contextlib.suppress(TimeoutError):
                for _ in range(2000):
                    peer.send(frame)
        for peer in peers[4:]:
            peer.send(raw.frame(raw.BINARY, bytes(MIB))[:14])
        with connect(port) as ws:
            ws.send("served meanwhile")
            equal(ws.recv(PATIENCE), "served meanwhile")
        grown = memory(child) - before
        equal(grown < 8 * MIB, True, f"they cost {grown} bytes: few")
    report.note(f"{name}: is still running", child.poll() is None, child.returncode)
    without_files(name, report, start_program, "epoll")


def run_node(report, node, mode, port, server="chat"):
    url = f"ws://127.0.0.1:{port}/"
    environment = {**os.environ, "SERVER": server}
    done = subprocess.run([*node, mode, url], capture_output=True, text=True, timeout=120, env=environment)
    report.take(done.stdout, f"ws -> {server}")
    report.note(f"ws -> {server}: exits with 0", done.returncode == 0, done.stderr)


# device


def run_device(programs, port):
    """Its standard input and output are a TCP connection. Returns its standard error."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        done = subprocess.run(
            [programs / "device", "127.0.0.1"],
            stdin=line,
            stdout=line,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
        )
    equal(done.returncode, 0, f"exit status after {done.stderr!r}")
    return done.stderr.splitlines()


def device(report, programs, start_node):
    codes = []

    def echo(ws):
        for message in ws:
            ws.ping()
            ws.send([message[:20], message[20:30_000], message[30_000:]] if isinstance(message, bytes) else message)
        codes.append(ws.protocol.close_rcvd.code)

    def judge(lines):
        messages, pieces, verdict = lines[-1].replace(" messages in", "").replace(" pieces,", "").split(" ", 2)
        equal((messages, verdict), ("2", "as sent"), "echoes")
        # None is longer than the buffer.
        equal(int(pieces) >= 50_000 // 512, True, f"{pieces} pieces of at most 512 bytes")

    with report.case("device -> websockets: a message of 50,000 bytes through 1 KiB"):
        with client_peers.library(echo) as url:
            lines = run_device(programs, int(url.rpartition(":")[2]))
            judge(lines)
            equal(lines[-2], "close 1000", "the line before")
        equal(codes, [1000], "codes")
    with report.case("device -> ws: a message of 50,000 bytes through 1 KiB"):
        judge(run_device(programs, start_node()[0]))


# client --reconnect --resume


def resume(report, client):
    chance = random.Random(3)
    losses = []

    def feed(ws):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(ws.request.path).query)
        for number in range(int(query.get("after", ["0"])[0]) + 1, 1000):
            text = '{"seq":%d}' % number
            try:
                ws.send([text[:3], text[3:]] if number % 2 else text)
            except ConnectionClosed:
                return
            if number % 10 == 0:
                ws.ping()
            if number < 600 and chance.random() < 0.1:
                losses.append(number)
                if chance.random() < 0.5:
                    ws.close(1012, "restart")
                else:
                    ws.socket.shutdown(socket.SHUT_RDWR)
                return
        with contextlib.suppress(ConnectionClosed):
            ws.recv(PATIENCE)

    with report.case("client --resume -> websockets: no number lost in 30 losses"), client_peers.library(feed) as url:
        arguments = ["--reconnect", "--resume", "--backoff", "1,20", "--until", "900"]
        lines = client_peers.run(client, f"{url}/feed", *arguments)
        numbers = [line for line in lines if line.startswith("text ")]
        equal(numbers[:900], ['text {"seq":%d}' % number for number in range(1, 901)], "numbers")
        equal(len(losses) >= 10, True, f"{len(losses)} losses")

    def slow(peer):
        lines = peer.head().split(b"\r\n")
        key = next(line for line in lines if line.lower().startswith(b"sec-websocket-key:"))
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += b"Sec-WebSocket-Accept: " + raw.accept_key(key.partition(b":")[2].strip()) + b"\r\n\r\n"
        for byte in head + raw.frame(raw.TEXT, b"early", mask=False):
            peer.send(bytes([byte]))
            time.sleep(0.001)
        equal(peer.frame(), (raw.TEXT, True, b"hello"), "frame")
        peer.send(raw.frame(raw.CLOSE, b"\x03\xe8", mask=False))
        # Both texts are there before the reply.
        equal(peer.frame()[2], b"again", "frame")
        equal(peer.frame(), (raw.CLOSE, True, b"\x03\xe8"), "frame")

    with report.case("client: response and frame byte by byte"), client_peers.broken(slow) as (url, seen):
        lines = client_peers.run(client, url, "--send", "hello", "--send", "again")
        client_peers.prints(lines, "early")
        equal(seen.get(timeout=10), None, "end")

    def long(ws):
        ws.recv(10)
        ws.send([bytes_of(1 << 16)] * 16)
        ws.send(bytes_of(MIB))
        for _ in ws:
            pass

    with report.case("client -> websockets: 1 MiB in fragments"), client_peers.library(long) as url:
        lines = client_peers.run(client, url, "--send", "one", "--send", "two")
        equal(lines[1:3], [f"binary {MIB} bytes"] * 2, "lines")
