#!/usr/bin/env python3
# Replaces an echo_server again and again under load, and judges what its clients see.
# usage: run.py OUTDIR ECHO_SERVER LOAD SECONDS idle|load|storm [browser]
"""`load`: `load` with 50 connections and 32 messages in flight on each, 100 clients of the Python library `websockets`, and with
`browser` a page in Chromium. `idle`: 100 quiet clients. `storm`: the hostile clients of `load --torment`, beside honest ones.
Beside them, a canary measures the pauses. Exit 1 unless there was no error at all.
"""
import contextlib
import json
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent.parent / "scripts" / "lib"), str(HERE.parent / "interop")]

from processes import all_stopped, port_of, start, stop, wait
from report import Report

EVERY = 0.1


class Servers:
    """A server and its successors."""

    def __init__(self, out, program):
        self.out = out
        self.command = [program, "--handover", out / "handover", "--deflate", "--threads", "2", "--feed-every", "20"]
        self.listen, self.all, self.slowest, self.most, self.left = "127.0.0.1:0", [], 0, 0, 0
        self.listen = f"127.0.0.1:{self.replace()}"

    def replace(self):
        """Starts the next one, and waits until it has taken over; returns the port."""
        begin = time.monotonic()
        log = self.out / "servers" / f"{len(self.all) % 10}.log"
        self.all.append(start([*self.command, "--listen", self.listen], log))
        port = port_of(self.all[-1], log, poll=0.002)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.most = max(self.most, sum(server.poll() is None for server in self.all[:-1]))
        return port

    def replace_until(self, is_over, patience):
        while not is_over():
            begin = time.monotonic()
            self.replace()
            if patience:
                self.left += wait(self.all[-2], patience) is None
            time.sleep(max(0, begin + EVERY - time.monotonic()))


def main():
    if len(sys.argv) < 6 or sys.argv[5] not in ("idle", "load", "storm"):
        sys.exit("usage: run.py OUTDIR ECHO_SERVER LOAD SECONDS idle|load|storm [browser]")
    out, program, load = map(pathlib.Path, sys.argv[1:4])
    seconds, mode = float(sys.argv[4]), sys.argv[5]
    report, found = Report(), {}
    with all_stopped():
        servers = Servers(out, program)
        port = servers.listen.rpartition(":")[2]

        def client(name, *command):
            """Starts a client that prints JSON."""
            children[name] = start(command, out / f"{name}.json")

        children, python = {}, [sys.executable, HERE / "clients.py", port]
        with browser_page(out, port) if "browser" in sys.argv[6:] else no_page() as page:
            begin = time.monotonic()
            client("canary", *python, 100 if mode == "idle" else 1, seconds, "canary")
            if mode == "storm":
                rounds = max(1, round(seconds / 6))
                torment = ["--torment", "--connections", "60", "--rounds", str(rounds), "--patience", "60", "--json"]
                client("storm", load, "--connect", servers.listen, "--seconds", str(seconds), *torment)
            if mode == "load":
                client("websockets", *python, 100, seconds, "websockets")
                shape = ["--connections", "50", "--pipeline", "32", "--seconds", str(seconds), "--json"]
                client("load", load, "--connect", servers.listen, *shape)
            talk = threading.Thread(target=lambda: found.update(page=page(seconds)))
            talk.start()
            is_over = lambda: time.monotonic() > begin + seconds + 1 and ended(children.get("storm"))
            # A client inside a message that is not handed over would keep its server until the end of all messages. Hostile
            # clients that do not read the page do stay.
            servers.replace_until(is_over, {"load": 0.6 * seconds, "idle": 20}.get(mode))
            talk.join()
            for name, child in children.items():
                with report.case(f"{mode}: {name}"):
                    status = wait(child, 60)
                    lines = (out / f"{name}.json").read_text().splitlines()
                    found[name] = json.loads(lines[-1])
                    if status or found[name].get("errors") or not found[name].get("right", True):
                        raise AssertionError(f"status {status}: {lines}")
        if found["page"]:
            report.note(f"{mode}: page", not found["page"]["errors"] and found["page"]["messages"], found["page"])
        report.note(f"{mode}: no server stays with a client", servers.left == 0, servers.left)
        ends = [wait(server, 10) for server in servers.all[:-1]]
        report.note(f"{mode}: {len(ends)} servers have ended with 0", ends and set(ends) == {0}, ends)
        report.note(f"{mode}: the last server ends with 0", stop(servers.all[-1]) == 0)
    print(f"{mode}: {len(ends)} take-overs, the slowest {1e3 * servers.slowest:.0f} ms from the start of the process")
    print(f"{mode}: at most {servers.most} predecessors at once had not ended yet")
    print(f"{mode}: longest round trip of the canary {found['canary']['max_ms']} ms, median {found['canary']['p50_ms']} ms")
    for name in ("websockets", "load", "page", "storm"):
        if found.get(name):
            print(f"{mode}: {name}: {found[name]}"[:600])
    return 1 if report.failed else 0


def ended(child):
    return child is None or child.poll() is not None


def no_page():
    return contextlib.nullcontext(lambda seconds: None)


@contextlib.contextmanager
def browser_page(out, port):
    """A page of the server, which stays open: a function that lets it talk for some seconds."""
    import browser

    with browser.open_page(out, start, stop) as page:
        page.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
        page.wait("document.readyState === 'complete' && document.getElementById('status').textContent === 'open'")
        script = (HERE / "page.js").read_text(encoding="utf-8")

        def run(seconds):
            result = page.value(f"({script.strip()})({seconds})", patience=seconds + 60)
            status = page.value("document.getElementById('status').textContent")
            result["errors"] += [] if status == "open" else [f"the page's own connection is {status}"]
            return result

        yield run


if __name__ == "__main__":
    sys.exit(main())
