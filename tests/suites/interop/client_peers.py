# Checks the example `client` against Python `websockets`, node `ws`, gorilla and broken servers.
# usage: import client_peers; client_peers.check(report, client, start_node, start_gorilla)   (run by run.py)
import contextlib
import queue
import socket
import subprocess
import threading
import time

from websockets.sync.server import serve

import raw
import spy
from report import equal, text_of

GREETING = "Grüße €😀"
WRONG_ACCEPT = raw.accept_key(b"another key")


def check(report, client, start_node, start_gorilla):
    library_server(report, client)
    node_server(report, client, start_node)
    broken_servers(report, client)
    compression(report, client, start_node, start_gorilla)


def run(client, url, *arguments, expect=0):
    """The output lines of the client; its exit status must be `expect`, or one of them."""
    done = subprocess.run(
        [*client, url, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode not in (expect if isinstance(expect, tuple) else (expect,)):
        errors = done.stderr.decode("utf-8", "replace")
        raise AssertionError(f"exit {done.returncode}, not {expect}; {output!r:.200} {errors!r:.200}")
    return output.splitlines()


def prints(lines, text):
    if not any(text in line for line in lines[1:]):
        raise AssertionError(f"{text!r:.60} is not in {lines!r:.300}")


@contextlib.contextmanager
def library(handler, compression=None, **options):
    """Runs a `websockets` server during the body; gives its URL."""
    with serve(handler, "127.0.0.1", 0, compression=compression, **options) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(10)


@contextlib.contextmanager
def broken(act):
    """Runs a server that passes one connection to `act(peer)`; gives its URL and the queue of the result."""
    listener = socket.create_server(("127.0.0.1", 0))
    outcome = queue.Queue()

    def accept():
        try:
            with raw.Peer(listener.accept()[0]) as peer:
                outcome.put(act(peer))
        except (OSError, EOFError, AssertionError) as error:
            outcome.put(error)

    listener.settimeout(20)
    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/", outcome
    finally:
        thread.join(20)
        listener.close()


def library_server(report, client):
    name = "client -> websockets:"
    seen = queue.Queue()

    def echo(ws):
        for message in ws:
            ws.send(message)
        received = ws.protocol.close_rcvd
        seen.put((ws.request, received and received.code, ws.subprotocol))

    def refuse(ws, request):
        statuses = {"/forbidden": 403, "/missing": 404}
        if request.path in statuses:
            return ws.respond(statuses[request.path], "no\n")
        return None

    def choose(ws, offered):
        return "superchat" if "superchat" in offered else None

    with library(echo, process_request=refuse, select_subprotocol=choose) as url:
        with report.case(f"{name} texts echoed, closed with 1000"):
            lines = run(client, f"{url}/path?query=1", "--send", GREETING, "--send", "second")
            equal(lines[0], "open protocol=- extensions=-", "first line")
            prints(lines, GREETING)
            prints(lines, "second")
            request, code, protocol = seen.get(timeout=10)
            equal(code, 1000, "close code")
            equal(request.path, "/path?query=1", "path")
            equal(request.headers["Host"], url.removeprefix("ws://"), "Host")
            equal(protocol, None, "subprotocol")
        with report.case(f"{name} nothing sent, closed with 1000"):
            run(client, f"{url}/")
            equal(seen.get(timeout=10)[1], 1000, "close code")
        with report.case(f"{name} text of 25000 characters"):
            text = text_of(25000)  # Linux limits one argument to 128 KiB
            prints(run(client, f"{url}/", "--send", text), text)
            equal(seen.get(timeout=10)[1], 1000, "close code")
        with report.case(f"{name} subprotocol chosen by the server"):
            lines = run(client, f"{url}/", "--protocol", "chat", "--protocol", "superchat")
            equal(lines[0], "open protocol=superchat extensions=-", "first line")
            equal(seen.get(timeout=10)[2], "superchat", "subprotocol")
        with report.case(f"{name} origin and other fields"):
            fields = ["--header", "X-Test: a  b", "--header", "Cookie: c=d"]
            run(client, f"{url}/", "--origin", "http://example.com", *fields)
            headers = seen.get(timeout=10)[0].headers
            equal(headers["Origin"], "http://example.com", "Origin")
            equal(headers["X-Test"], "a  b", "X-Test")
            equal(headers["Cookie"], "c=d", "Cookie")
        for path, status in (("/forbidden", 403), ("/missing", 404)):
            with report.case(f"{name} {status}: exit 1"):
                run(client, url + path, "--send", "x", expect=1)

    outcome = queue.Queue()

    def pings(ws):
        outcome.put(ws.ping(bytes(125)).wait(10))
        ws.send(["Grü", "", "ße"])
        for message in ws:
            ws.send(message)

    with report.case(f"{name} ping, and text in fragments"), library(pings) as url:
        lines = run(client, f"{url}/", "--send", "text")
        equal(outcome.get(timeout=10), True, "Pong")
        prints(lines, "text")

    def leaves(ws):
        ws.recv(10)
        ws.close(1001, "going away")
        outcome.put(ws.protocol.close_rcvd and ws.protocol.close_rcvd.code)

    with report.case(f"{name} closed by the server: exit 0"), library(leaves) as url:
        prints(run(client, f"{url}/", "--send", "text"), "1001")
        equal(outcome.get(timeout=10), 1001, "echoed code")


def node_server(report, client, start_node):
    name = "client -> ws:"
    port, log = start_node()
    url = f"ws://127.0.0.1:{port}"

    def logged(line):
        end = time.monotonic() + 5
        while line not in log.read_text(encoding="utf-8").splitlines():
            if time.monotonic() > end:
                raise AssertionError(f"the server did not see {line!r}")
            time.sleep(0.02)

    with report.case(f"{name} texts echoed, closed with 1000"):
        lines = run(client, f"{url}/echo", "--send", GREETING, "--send", "second")
        equal(lines[0], "open protocol=- extensions=-", "first line")
        prints(lines, GREETING)
        prints(lines, "second")
        logged("closed /echo 1000")
    with report.case(f"{name} subprotocol"):
        lines = run(client, f"{url}/protocol", "--protocol", "chat", "--protocol", "superchat")
        equal(lines[0], "open protocol=superchat extensions=-", "first line")
        logged("closed /protocol 1000")
    with report.case(f"{name} ping answered"):
        run(client, f"{url}/ping", "--send", "text")
        logged("pong from the server")
    with report.case(f"{name} 403: exit 1"):
        run(client, f"{url}/forbidden", expect=1)


def broken_servers(report, client):
    name = "client -> broken server:"

    def wrong_key(peer):
        peer.serve(key=WRONG_ACCEPT)
        return peer.rest()

    with report.case(f"{name} wrong accept key: exit 1, nothing sent"), broken(wrong_key) as (url, seen):
        run(client, url, "--send", "secret", expect=1)
        equal(seen.get(timeout=10), b"", "bytes after the request")

    def silent(peer):
        peer.head()

    with report.case(f"{name} TCP ends in the handshake: exit 1 or 2"), broken(silent) as (url, _):
        run(client, url, expect=(1, 2))

    def violates(data, code):
        def act(peer):
            peer.serve()
            peer.send(data)
            peer.expect_close(code, skip=(raw.TEXT,), end=False)

        return act

    for what, data, code in (
        ("masked frame", raw.frame(raw.TEXT, b"masked"), 1002),
        ("reserved bit", raw.frame(raw.TEXT, b"x", mask=False, rsv=1), 1002),
        ("invalid UTF-8", raw.frame(raw.TEXT, b"\xff", mask=False), 1007),
    ):
        with report.case(f"{name} {what}: exit 2, Close {code}"):
            with broken(violates(data, code)) as (url, seen):
                run(client, url, "--send", "text", expect=2)
                equal(seen.get(timeout=10), None, "end")

    def drops(peer):
        peer.serve()
        peer.frame()

    with report.case(f"{name} TCP dropped without Close: exit 2"), broken(drops) as (url, _):
        run(client, url, "--send", "text", expect=2)

    def drops_inside(peer):
        peer.serve()
        peer.send(raw.frame(raw.TEXT, b"unfinished", mask=False)[:5])
        peer.frame()

    with report.case(f"{name} TCP dropped inside a frame: exit 2"), broken(drops_inside) as (url, _):
        run(client, url, "--send", "text", expect=2)


def compression(report, client, start_node, start_gorilla):
    texts = [text_of(25000), *(f"message {i} of many that are much like each other" for i in range(200)), "", GREETING]
    arguments = ["--deflate", *(part for text in texts for part in ("--send", text))]

    def exchange(port, answer, times=10):
        """Checks the echoes of all texts, compressed by at least this factor."""
        with spy.relay(port) as wire:
            lines = run(client, f"ws://127.0.0.1:{wire.port}/", *arguments)
            equal(lines[0], f"open protocol=- extensions={answer}", "first line")
            equal(lines[1:-1], [f"text {text}" for text in texts], "texts")
            wire.judge(sum(map(len, texts)) // times, least=len(texts))

    def echo(ws):
        for message in ws:
            ws.send(message)

    with report.case("client --deflate -> websockets"), library(echo, "deflate") as url:
        # Its answer has smaller windows than the offer.
        answer = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
        exchange(int(url.rpartition(":")[2]), answer)
    with report.case("client --deflate -> websockets without compression"), library(echo) as url:
        lines = run(client, url, "--deflate", "--send", GREETING)
        equal(lines[0], "open protocol=- extensions=-", "first line")
        prints(lines, GREETING)

    def fragments(ws):
        ws.send(["Grü", "", "ße"])
        ws.send("Grüße")
        for _ in ws:
            pass

    with report.case("client --deflate -> websockets: text in fragments"), library(fragments, "deflate") as url:
        lines = run(client, url, "--deflate", "--send", "one", "--send", "two")
        equal(lines[1:3], ["text Grüße", "text Grüße"], "texts")
    port, _ = start_node("deflate")
    with report.case("client --deflate -> ws"):
        exchange(port, "permessage-deflate")
    with report.case("client --deflate -> gorilla"):
        answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        exchange(start_gorilla(), answer, times=2)

    def violates(data, code):
        def act(peer):
            peer.serve(extensions=b"permessage-deflate")
            peer.send(data)
            peer.expect_close(code, skip=(raw.TEXT,), end=False)

        return act

    for what, data, code in (
        ("no block", raw.frame(raw.TEXT, b"\x06", mask=False, rsv=4), 1007),
        ("invalid UTF-8", raw.frame(raw.TEXT, b"\x00\x01\x00\xfe\xff\xff\x00", mask=False, rsv=4), 1007),
    ):
        with report.case(f"client --deflate -> broken server: {what}: exit 2, Close {code}"):
            with broken(violates(data, code)) as (url, seen):
                run(client, url, "--deflate", "--send", "text", expect=2)
                equal(seen.get(timeout=10), None, "end")
    for extensions in (b"permessage-deflate; server_max_window_bits=16", b"x-unknown"):
        with report.case(f"client --deflate -> broken server: answer {extensions.decode()}: exit 1"):
            with broken(lambda peer: peer.serve(extensions=extensions)) as (url, _):
                run(client, url, "--deflate", "--send", "text", expect=1)
