#!/usr/bin/env python3
# Runs the interop checks of the examples echo_server, client and programs against other implementations.
# usage: run.py OUTDIR NODE_MODULES ECHO_SERVER_COMMAND CLIENT_COMMAND PROGRAMS_DIR [browser] [server] [client] [programs]
"""Parts: browser (headless Chromium), server (other clients against echo_server), client (the example
client against other servers), programs (the programs of examples/programs, which are in PROGRAMS_DIR); the
default is all. The browser part needs Chromium; the others need
node, the npm package ws and OUTDIR/gorilla_peer; all need Python's websockets. Last line
`N passed, M failed`; exit 1 on a failure.
"""
import os
import pathlib
import shlex
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent.parent / "scripts" / "lib"))

from processes import all_stopped, port_of, start, stop
from report import Report

PARTS = ("browser", "server", "client", "programs")


def main():
    if len(sys.argv) < 6 or not set(sys.argv[6:]) <= set(PARTS):
        sys.exit("usage: run.py OUTDIR NODE_MODULES ECHO_SERVER_COMMAND CLIENT_COMMAND PROGRAMS_DIR [PART...]")
    out, modules, programs = map(pathlib.Path, (*sys.argv[1:3], sys.argv[5]))
    echo_server, client = map(shlex.split, sys.argv[3:5])
    parts = sys.argv[6:] or PARTS
    os.environ["NODE_PATH"] = str(modules)
    node = ["node", str(HERE / "node_peer.js")]
    report = Report()
    servers, started = [], []

    def start_server(*arguments):
        """Starts an echo_server; returns its port."""
        log = out / f"echo_server-{len(servers)}.log"
        servers.append(start([*echo_server, "--listen", "127.0.0.1:0", *arguments], log))
        return port_of(servers[-1], log)

    def start_program(name, *arguments, prefix=()):
        """Starts a program that serves; returns it, its port and its log."""
        log = out / f"{name}-{len(started)}.log"
        started.append(start([*prefix, programs / name, "127.0.0.1:0", *arguments], log))
        return started[-1], port_of(started[-1], log), log

    gorilla = [str(out / "gorilla_peer")]

    def start_gorilla():
        """Starts a gorilla/websocket server; returns its port."""
        log = out / "gorilla.log"
        return port_of(start([*gorilla, "server"], log), log)

    def start_node(*options):
        """Starts a node ws server; returns its port and its log."""
        log = out / ("-".join(["node", *options]) + ".log")
        return port_of(start([*node, "server", *options], log), log), log

    with all_stopped():
        try:
            if "browser" in parts:
                import browser
                import playground

                port = start_server(*playground.SERVER)
                browser.check(report, port, start_server("--deflate"), out, start, stop)
            if "server" in parts:
                import server_peers

                server_peers.check(report, start_server, node, gorilla)
            if "client" in parts:
                import client_peers

                client_peers.check(report, client, start_node, start_gorilla)
            if "programs" in parts:
                import program_peers

                program_peers.check(report, programs, start_program, node, client, start_node)
        except RuntimeError as error:
            report.note("run", False, error)
        for number, server in enumerate(servers):
            if server.poll() is not None:
                report.note(f"echo_server {number} is still running", False, f"exit {server.returncode}")
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
