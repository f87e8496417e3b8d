# Checks echo_server with Python `websockets`, node `ws`, gorilla and raw sockets as its clients.
# usage: import server_peers; server_peers.check(report, start_server, node, gorilla)   (run by run.py)
import subprocess
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_to

import raw
import spy
from report import BIG, SIZES, bytes_of, equal, text_of


def connect(port, compression=None, **options):
    return connect_to(
        f"ws://127.0.0.1:{port}/", compression=compression, max_size=None, proxy=None, **options
    )


def check(report, start_server, node, gorilla):
    port = start_server()
    library_client(report, port)
    run_node(report, node, port)
    http(report, port)
    odd_bytes(report, port)
    subprotocols(report, start_server("--protocol", "chat", "--protocol", "superchat"))
    limits(report, start_server("--max-message-len", "1000"))
    compression(report, start_server, node, gorilla)


def library_client(report, port):
    name = "websockets -> echo_server:"
    for size in SIZES:
        for kind, message in (("text", text_of(size)), ("binary", bytes_of(size))):
            with report.case(f"{name} {kind} {size}"), connect(port) as ws:
                ws.send(message)
                equal(ws.recv(10), message)
    with report.case(f"{name} binary {BIG}"), connect(port) as ws:
        ws.send(bytes_of(BIG))
        equal(ws.recv(20), bytes_of(BIG))
    with report.case(f"{name} messages of all sizes on one connection"), connect(port) as ws:
        for size in SIZES:
            ws.send(text_of(size))
            equal(ws.recv(10), text_of(size))
    with report.case(f"{name} 1000 messages in order"), connect(port) as ws:
        sender = threading.Thread(target=lambda: [ws.send(f"message {i}") for i in range(1000)])
        sender.start()
        for i in range(1000):
            equal(ws.recv(10), f"message {i}")
        sender.join(10)
    for payload in (b"", b"x", bytes(125)):
        with report.case(f"{name} ping of {len(payload)} bytes"), connect(port) as ws:
            equal(ws.ping(payload).wait(10), True, "Pong")
    with report.case(f"{name} text in fragments"), connect(port) as ws:
        ws.send(["Grü", "", "ße ", "€😀"])
        equal(ws.recv(10), "Grüße €😀")
    with report.case(f"{name} text cut inside a character"), connect(port) as ws:
        ws.send(["€😀".encode()[i : i + 1] for i in range(7)], text=True)
        equal(ws.recv(10), "€😀")
    with report.case(f"{name} binary in 100 fragments"), connect(port) as ws:
        ws.send([bytes_of(i * 7) for i in range(100)])
        equal(ws.recv(10), b"".join(bytes_of(i * 7) for i in range(100)))
    with report.case(f"{name} ping among fragments"), connect(port) as ws:
        answered = []

        def parts():
            yield b"first "
            answered.append(ws.ping(b"between").wait(10))
            yield b"last"

        ws.send(parts())
        equal(ws.recv(10), b"first last")
        equal(answered, [True], "Pong before the end of the message")
    with report.case(f"{name} close with code and reason"), connect(port) as ws:
        ws.close(3001, "bye")
        equal(ws.protocol.close_sent.code, 3001, "sent code")
        equal(ws.protocol.close_rcvd.code, 3001, "received code")
        equal(ws.protocol.close_rcvd_then_sent, False, "order")
    with report.case(f"{name} 20 connections at once"):
        sockets = [connect(port) for _ in range(20)]
        for i, ws in enumerate(sockets):
            ws.send(f"connection {i}")
        for i, ws in reversed(list(enumerate(sockets))):
            equal(ws.recv(10), f"connection {i}")
        for ws in sockets:
            ws.close()


def run_node(report, node, port, *options):
    done = subprocess.run(
        [*node, "client", f"ws://127.0.0.1:{port}/", *options], capture_output=True, text=True, timeout=60
    )
    report.take(done.stdout, "ws -> echo_server")
    report.note("ws -> echo_server: exits with 0", done.returncode == 0, done.stderr)


def http(report, port):
    with report.case("GET /: a page"), raw.Peer.connect(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        head = peer.head()
        equal(head.split(b" ", 2)[1], b"200", "status")
        if b"\ncontent-type: text/html" not in head.lower():
            raise AssertionError(f"no HTML: {head!r}")
        body = peer.rest().lower()
        if b"<title>barews" not in body or b"</html>" not in body:
            raise AssertionError(f"not the whole page: {body!r:.100}")
    with report.case("version 8: 426"), raw.Peer.connect(port) as peer:
        peer.send(raw.request(version=b"8"))
        head = peer.head()
        equal(head.split(b" ", 2)[1], b"426", "status")
        if b"\r\nsec-websocket-version: 13" not in head.lower():
            raise AssertionError(f"the version is not named: {head!r}")
    with report.case("short key: 400"), raw.Peer.connect(port) as peer:
        peer.send(raw.request(key=b"c2hvcnQ="))
        equal(peer.head().split(b" ", 2)[1], b"400", "status")
    with report.case("frame in the segment of the request"), raw.Peer.connect(port) as peer:
        peer.send(raw.request() + raw.frame(raw.TEXT, b"early"))
        peer.head()
        equal(peer.frame(), (raw.TEXT, True, b"early"))
    with report.case("request and frame byte by byte"), raw.Peer.connect(port) as peer:
        for byte in raw.request() + raw.frame(raw.TEXT, "slow €".encode()):
            peer.send(bytes([byte]))
            time.sleep(0.001)
        peer.head()
        equal(peer.frame(), (raw.TEXT, True, "slow €".encode()))


def odd_bytes(report, port):
    text, overlong = raw.TEXT, b"\xc0\x80"
    for name, data, code in (
        ("unmasked frame", raw.frame(text, b"bare", mask=False), 1002),
        ("RSV1 without extension", raw.frame(text, b"x", rsv=4), 1002),
        ("reserved opcode", raw.frame(3, b"x"), 1002),
        ("fragmented ping", raw.frame(raw.PING, b"x", fin=False), 1002),
        ("continuation without a message", raw.frame(0, b"x"), 1002),
        ("close with code 1005", raw.frame(raw.CLOSE, b"\x03\xed"), 1002),
        ("invalid UTF-8", raw.frame(text, b"good " + overlong), 1007),
        ("invalid UTF-8 in a fragment", raw.frame(text, overlong, fin=False), 1007),
        ("text that ends inside a character", raw.frame(text, b"\xe2\x82"), 1007),
    ):
        with report.case(f"{name}: Close {code}"), raw.Peer.connect(port) as peer:
            peer.open()
            peer.send(data)
            peer.expect_close(code)
    with report.case("close is echoed, then TCP ends"), raw.Peer.connect(port) as peer:
        peer.open()
        peer.send(raw.frame(raw.CLOSE, b"\x0f\xa0bye"))
        peer.expect_close(4000)
    with report.case("empty close is echoed, then TCP ends"), raw.Peer.connect(port) as peer:
        peer.open()
        peer.send(raw.frame(raw.CLOSE))
        equal(peer.frame()[0], raw.CLOSE, "opcode")
        equal(peer.rest(), b"", "rest")
    with report.case("keeps running after a peer leaves in the middle of a frame"):
        with raw.Peer.connect(port) as peer:
            peer.open()
            peer.send(raw.frame(text, bytes(1000))[:500])
        with connect(port) as ws:
            ws.send("still there?")
            equal(ws.recv(10), "still there?")


def subprotocols(report, port):
    for asked, chosen in (
        (["superchat", "chat"], "superchat"),
        (["chat", "superchat"], "chat"),
        (["unknown", "chat"], "chat"),
        (["unknown"], None),
        (None, None),
    ):
        name = ", ".join(asked or ["none"])
        with report.case(f"subprotocols {name}: {chosen}"), connect(port, subprotocols=asked) as ws:
            equal(ws.subprotocol, chosen, "subprotocol")
            ws.send("with it")
            equal(ws.recv(10), "with it")


def limits(report, port):
    with report.case("limit 1000: 1000 bytes pass"), connect(port) as ws:
        ws.send(bytes(1000))
        equal(ws.recv(10), bytes(1000))
    for name, message in (("one frame", bytes(1001)), ("fragments", [bytes(600), bytes(600)])):
        with report.case(f"limit 1000: Close 1009 for {name}"), connect(port) as ws:
            try:
                ws.send(message)
                ws.recv(10)
                raise AssertionError("it was echoed")
            except ConnectionClosed:
                equal(ws.protocol.close_rcvd and ws.protocol.close_rcvd.code, 1009, "code")
    with report.case("limit 1000: Close 1009 by the header alone"), raw.Peer.connect(port) as peer:
        peer.open()
        peer.send(raw.frame(raw.BINARY, bytes(1 << 20))[:14])
        peer.expect_close(1009)


def compression(report, start_server, node, gorilla):
    name = "websockets -> echo_server --deflate:"
    for arguments, answer in (
        (["--deflate"], "permessage-deflate"),
        (
            ["--window-bits", "9"],
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
        ),
    ):
        port = start_server(*arguments)
        with report.case(f"{name} {answer}"), spy.relay(port) as wire:
            plain = 0
            with connect(wire.port, "deflate") as ws:
                for size in (*SIZES, BIG):
                    for message in (text_of(size), bytes_of(size)):
                        ws.send(message)
                        equal(ws.recv(20), message)
                        plain += len(message.encode() if isinstance(message, str) else message)
                for i in range(1000):
                    ws.send(f"message {i} of a thousand that are much like each other")
                for i in range(1000):
                    equal(ws.recv(10), f"message {i} of a thousand that are much like each other")
                ws.send(["Grü", "", "ße ", "€😀"])
                equal(ws.recv(10), "Grüße €😀")
                equal(ws.ping(b"x").wait(10), True, "Pong")
            # zlib finds no match at a distance over 250 in a window of 512 bytes.
            equal(wire.judge(plain * 2 // 5, least=1020), {answer}, "answer")
    port = start_server("--deflate")
    with report.case(f"{name} takeover: the same again is short"), spy.relay(port) as wire:
        with connect(wire.port, "deflate") as ws:
            message = "".join(chr(33 + i * i * 7 % 89) for i in range(2000))
            for _ in range(100):
                ws.send(message)
                equal(ws.recv(10), message)
        wire.judge(2000 * 5, least=100)
    with report.case(f"{name} 20 connections, one without compression"):
        sockets = [connect(port, "deflate" if i else None) for i in range(20)]
        for i, ws in enumerate(sockets):
            ws.send(f"connection {i}")
        for i, ws in reversed(list(enumerate(sockets))):
            equal(ws.recv(10), f"connection {i}")
            ws.close()
    for name, payload, code in (
        ("no block", b"\x06", 1007),
        ("invalid UTF-8", b"\x00\x02\x00\xfd\xff\xc3\x28\x00", 1007),
    ):
        with report.case(f"compressed, {name}: Close {code}"), raw.Peer.connect(port) as peer:
            peer.open(extra=(b"Sec-WebSocket-Extensions: permessage-deflate",))
            peer.send(raw.frame(raw.TEXT, payload, rsv=4))
            peer.expect_close(code)
    with spy.relay(port) as wire:
        run_node(report, node, wire.port, "deflate")
        with report.case("ws -> echo_server: compressed on the wire"):
            equal(wire.judge(1 << 20, least=1020), {"permessage-deflate"}, "answer")
    with spy.relay(port) as wire:
        done = subprocess.run(
            [*gorilla, "client", f"ws://127.0.0.1:{wire.port}/"], capture_output=True, text=True, timeout=60
        )
        report.take(done.stdout, "gorilla -> echo_server")
        report.note("gorilla -> echo_server: exits with 0", done.returncode == 0, done.stderr)
        with report.case("gorilla -> echo_server: compressed on the wire"):
            answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            # Level 0 compresses nothing, and -2 has no matches.
            equal(wire.judge(60 << 20, least=1100), {answer}, "answer")
