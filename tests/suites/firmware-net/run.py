#!/usr/bin/env python3
# Tests examples/firmware-net on an emulated board: the page in a browser, idle clients, the client and its feed.
# usage: run.py BOARD IMAGES OUTDIR ECHO_SERVER FEED_PORT page|browser|feed|count|idle:HOURS...   (run by scripts/check/firmware-net)
"""Prints `ok name` or `FAIL name detail` for each check, then the totals."""
import contextlib
import pathlib
import re
import select
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path[:0] = [str(HERE.parent / "interop"), str(ROOT / "scripts" / "lib")]

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

import browser
import firmware_net
import playground
from processes import all_stopped, port_of, start, stop
from report import Report, equal

PAGE = ROOT / "examples" / "echo_server" / "page"
SPEED = 120  # of the fast clock
IDLE_CLIENTS = 6
SOCKETS = 8  # of the board
SHIFT = 6
MESSAGE = b'{"sensor":"boiler-1","temperature":61.25,"pressure":1.013,"humidity":40.5,"status":"running","valves":[1,0,1,1],"time":17012}'

TEXT = "Grüße €😀 from a browser to a board"


def get(port, path, method="GET"):
    """Status and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def stats(port):
    status, text = get(port, "/stats")
    equal(status, 200, "status")
    seconds, served, statics, stack = map(int, re.findall(rb"\d+", text))
    return {"seconds": seconds, "served": served, "statics": statics, "stack": stack}


def check_page(report, machine, images):
    with firmware_net.board(machine, images / "server") as (_, port):
        with report.case("the page from flash"):
            status, body = get(port, "/")
            equal(status, 200, "status")
            for part in ("head.html", "style.css", "body.html", "script.js"):
                equal((PAGE / part).read_bytes() in body, True, part)
        with report.case("another path, another method"):
            equal([get(port, "/no")[0], get(port, "/", "POST")[0]], [426, 426], "statuses")
        with report.case(f"{SOCKETS} clients at a time: another one is refused, until one has left"):
            check_sockets(port)


def check_browser(report, machine, images, out):
    with firmware_net.board(machine, images / "server") as (_, port):
        try:
            with browser.open_page(out, start, stop) as page:
                use_page(report, page, port, out)
        except Exception as error:  # without a browser nothing can be checked
            report.note("chromium: runs", False, f"{type(error).__name__}: {error}")
        with report.case("RAM after the browser"):
            found = stats(port)
            print(f"   {found}", flush=True)
            equal(found["stack"] <= 10 << 10, True, "at most 10 KiB of stack")


def check_sockets(port):
    options = {"compression": None, "proxy": None, "ping_interval": None}
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(f"ws://127.0.0.1:{port}/", **options)) for _ in range(SOCKETS)]
        equal(another(port, options), None, "another client")
        clients[0].close()
        # The socket listens again a moment later.
        end = time.monotonic() + 20
        while not (client := another(port, options)) and time.monotonic() < end:
            time.sleep(0.05)
        clients[0] = stack.enter_context(client)
        for client in clients:
            client.send(TEXT)
            equal(client.recv(20), TEXT, "echo")


def another(port, options):
    """A client, or None if it was refused."""
    try:
        return connect(f"ws://127.0.0.1:{port}/", **options)
    except (OSError, WebSocketException):
        return None


def use_page(report, page, port, out):
    with report.case("chromium: the board's page connects, with compression"):
        page.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
        page.wait(f"document.readyState === 'complete' && location.port === '{port}'")
        playground.state(page, "open")
        equal("permessage-deflate" in playground.text_of(page, "agreed"), True, "compression")
    with report.case("chromium: a text and a binary message come back"):
        page.type("text", TEXT)
        page.click("send")
        playground.row(page, "in", "text", TEXT)
        page.type("hex", "00 7f 80 ff")
        page.click("send-bytes")
        playground.row(page, "in", "binary")
    with report.case("chromium: a burst of 1000 messages comes back as it was sent"):
        page.click("burst")
        wanted = r"1000 of 1000 × 125 B back in [\d.]+ ms, 0 errors"
        playground.wait_for(lambda: re.fullmatch(wanted, playground.text_of(page, "result")), page, 60)
    page.value("scrollTo(0, 0)")
    whole = {"x": 0, "y": 0, "width": 1200, "height": 1000, "scale": 1}
    page.call("Emulation.setDeviceMetricsOverride", width=1200, height=1000, deviceScaleFactor=1, mobile=False)
    time.sleep(0.5)  # the page paints at most once per frame
    page.screenshot(out / "page.png", clip=whole)
    with report.case("chromium: the closing handshake"):
        page.click("close")
        playground.state(page, "closed")
    with report.case("chromium: no script error"):
        equal(page.exceptions(), [], "exceptions")


def check_idle(report, machine, images, hours):
    """Clients that only answer Pings, on a board whose time is fast."""
    with firmware_net.board(machine, images / "server-fast") as (_, port), contextlib.ExitStack() as stack:
        options = {"compression": None, "ping_interval": None, "proxy": None}
        clients = [
            stack.enter_context(connect(f"ws://127.0.0.1:{port}/", **options)) for _ in range(IDLE_CLIENTS)
        ]
        pings = [count_pings(client) for client in clients]
        end = stats(port)["seconds"] + hours * 3600
        with report.case(f"{IDLE_CLIENTS} idle clients for {hours:g} hours of the board"):
            while (now := stats(port)["seconds"]) < end:
                time.sleep(min((end - now) / SPEED, 10))
            print(f"   Pings: {pings}, up for {now} s", flush=True)
            # A Ping every 30 s, later if the host is busy.
            equal([count[0] >= hours * 3600 / 30 / 2 for count in pings], [True] * IDLE_CLIENTS, "Pings")
            for client in clients:
                client.send(TEXT)
                equal(client.recv(60), TEXT, "echo")
        with report.case("a client that answers no Ping loses its connection"):
            with socket.create_connection(("127.0.0.1", port), 20) as deaf:
                deaf.sendall(
                    b"GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                )
                received = b""
                with contextlib.suppress(ConnectionResetError):
                    while piece := deaf.recv(1024):
                        received += piece
                _, _, frames = received.partition(b"\r\n\r\n")
                equal(frames[:1], b"\x89", "the first frame")


def count_pings(client):
    """A list with the number of Pings that the client has received so far."""
    count, take = [0], client.protocol.recv_frame

    def recv_frame(frame):
        count[0] += frame.opcode == 9
        return take(frame)

    client.protocol.recv_frame = recv_frame
    return count


def check_count(report, machine, images):
    """How many instructions an echo takes, from the interrupt for its frame to the last word of the answer."""
    for compression in (None, "deflate"):
        how = "compressed" if compression else "as it is"
        with (
            report.case(f"instructions for an echo of 125 bytes, {how}"),
            firmware_net.board(machine, images / "server-count", flags=("-icount", f"shift={SHIFT}")) as (process, port),
        ):
            with connect(f"ws://127.0.0.1:{port}/", compression=compression, proxy=None) as client:
                for _ in range(60):
                    client.send(MESSAGE)
                    equal(client.recv(60), MESSAGE, "echo")
                    time.sleep(0.02)
            process.terminate()
            found = re.findall(r"(\d+) bytes after (\d+) ticks", process.stdout.read())
            # A tick of the clock takes 40 ns, an instruction 2^SHIFT ns. The extremes belong to the handshakes.
            counts = sorted(int(ticks) * 40 >> SHIFT for _, ticks in found)
            low, median, high = counts[5], counts[len(counts) // 2], counts[-6]
            size = sorted(int(size) for size, _ in found)[len(found) // 2]
            print(f"   {how}: {low} to {high}, median {median}; Ethernet frames of {size} bytes", flush=True)
            equal(len(counts) >= 60 and high < 1.2 * low, True, f"nearly the same each time: {counts}")


def check_feed(report, machine, images, out, echo_server, feed_port):
    """The board connects out; nothing listens at first, and connections break."""
    server = start([echo_server, "--listen", "127.0.0.1:0", "--feed-every", "20"], out / "echo_server.log")
    target = port_of(server, out / "echo_server.log")
    with report.case("client: resumes the feed over broken connections, without a gap or a repetition"):
        with firmware_net.running(machine, images / "client", "-nic", "user,model=lan9118") as process:
            time.sleep(1)
            with breaking(feed_port, target) as broken:
                told = process.communicate(timeout=120)[0]
        print("".join(f"   board: {line}\n" for line in told.splitlines()), end="", flush=True)
        equal(process.returncode, 0, "exit status")
        found = re.search(r"(\d+) received, (\d+) missed, (\d+) repeated, (\d+) resumed", told)
        received, missed, repeated, resumed = map(int, found.groups())
        equal((received >= 500, missed, repeated), (True, 0, 0), "feed")
        equal((resumed >= 3, len(broken) >= 3), (True, True), f"{resumed} resumed, {broken} broken")
    stop(server)


@contextlib.contextmanager
def breaking(port, target):
    """A relay that breaks its first connections: by a reset, and by an end without a Close."""
    broken = []

    def relay(client):
        with client, socket.create_connection(("127.0.0.1", target)) as server:
            limit = 1500 if len(broken) < 4 else None
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(256)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)
                    if source is server and limit is not None:
                        limit -= len(data)
                if limit is not None and limit < 0:
                    broken.append("reset" if len(broken) % 2 else "end")
                    if broken[-1] == "reset":
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return

    def accept(listener):
        with contextlib.suppress(OSError):
            while True:
                with contextlib.suppress(ConnectionError, TimeoutError):
                    relay(listener.accept()[0])

    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield broken
        listener.shutdown(socket.SHUT_RDWR)


def main():
    machine, images, out, echo_server, feed_port, *parts = sys.argv[1:]
    images, out = pathlib.Path(images), pathlib.Path(out)
    report = Report()
    with all_stopped():
        for part in parts:
            name, _, hours = part.partition(":")
            if name == "page":
                check_page(report, machine, images)
            elif name == "browser":
                check_browser(report, machine, images, out)
            elif name == "count":
                check_count(report, machine, images)
            elif name == "idle":
                check_idle(report, machine, images, float(hours))
            else:
                check_feed(report, machine, images, out, echo_server, int(feed_port))
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
