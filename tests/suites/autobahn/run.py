#!/usr/bin/env python3
# Runs one role of the Autobahn cases against a program through strictproxy.py; checks the report.
# usage: run.py server|client submission|core|limits|deflate|full|only:GLOB[,GLOB...] OUTDIR PROGRAM [ARG...]
"""Server role: PROGRAM ARG... --listen 127.0.0.1:0 [--deflate] must print `listening on ADDR:PORT`.
Client role: PROGRAM ARG... ws://127.0.0.1:PORT AGENT must read the number of cases at /getCaseCount,
run /runCase?case=I&agent=AGENT for each, and end with /updateReports?agent=AGENT.

Needs the Python environment of install.sh. Last line `N passed, M failed`; exit 1 on any failure.
"""
import fnmatch
import pathlib
import shutil
import socket
import sys
import time

from kosoku.cases import CASES

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent.parent / "scripts" / "lib"))

import check
from processes import all_stopped, port_of, start, stop, wait

KOSOKU = pathlib.Path(sys.executable).parent / "kosoku"
AGENT = "barews"

# Every data set (12.1 to 12.5) and parameter set (13.1 to 13.7): 16 to 1,024 bytes, and 8 KiB in
# fragments.
DEFLATE = [
    f"{group}.{size}"
    for group in [*(f"12.{n}" for n in range(1, 6)), *(f"13.{n}" for n in range(1, 8))]
    for size in (1, 2, 3, 4, 11)
]
# suite -> (included globs, excluded globs, number of cases, seconds it may take)
SUITES = {
    "core": (["*"], ["9.*", "12.*", "13.*"], 247, 120),
    "limits": (["9.*"], [], 54, 120),
    "deflate": (DEFLATE, [], 60, 300),
    "submission": ([*(f"{n}.*" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10)), *DEFLATE], [], 361, 480),
    "full": (["*"], [], 517, 1800),
}
UPDATE_REPORTS = (
    b"GET /updateReports?agent=barews HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


def select(suite):
    """(flags of the runner, number of cases, time limit in seconds, whether compression is required)"""
    if suite.startswith("only:"):
        include = suite[len("only:") :].split(",")
        exclude, expected, seconds = [], None, 1800
    elif suite in SUITES:
        include, exclude, expected, seconds = SUITES[suite]
    else:
        sys.exit(f"run.py: no suite {suite}: one of {', '.join(SUITES)}, only:GLOB")
    chosen = [
        case
        for case in map(str, CASES)
        if any(fnmatch.fnmatchcase(case, glob) for glob in include)
        and not any(fnmatch.fnmatchcase(case, glob) for glob in exclude)
    ]
    if not chosen or (expected and len(chosen) != expected):
        sys.exit(f"run.py: {suite} selects {len(chosen)} cases, expected {expected or 'some'}")
    flags = [part for glob in include if glob != "*" for part in ("-i", glob)]
    flags += [part for glob in exclude for part in ("-x", glob)]
    deflate = any(case.startswith(("12.", "13.")) for case in chosen)
    return flags, len(chosen), seconds, deflate


def run_server(out, flags, seconds, deflate, program):
    """Tester as client; returns the complaints."""
    command = [*program, "--listen", "127.0.0.1:0", *(["--deflate"] if deflate else [])]
    server = start(command, out / "server.log")
    proxy = start_proxy("server", port_of(server, out / "server.log"), out)
    tester = start(
        [KOSOKU, "-m", "fuzzingclient", f"127.0.0.1:{proxy[1]}", "-p", "2", *flags, "-o", out],
        out / "tester.log",
    )
    complaints = []
    status = wait(tester, seconds)
    if status is None:
        stop(tester)
        complaints.append(f"the tester did not finish within {seconds} s")
    elif status not in (0, 1):  # 1: a case failed, which the report shows
        complaints.append(f"the tester ended with {status}, see {out / 'tester.log'}")
    if server.poll() is not None:
        complaints.append(f"the server ended early with {server.returncode}")
    # The relay ends first, because it waits for the server to close open connections.
    complaints += end_proxy(proxy[0], out)
    stop(server)
    return complaints


def run_client(out, flags, seconds, program):
    """Tester as server; returns the complaints."""
    tester = start(
        [KOSOKU, "-m", "fuzzingserver", "127.0.0.1:0", *flags, "-o", out], out / "tester.log"
    )
    tester_port = port_of(tester, out / "tester.log")
    proxy = start_proxy("client", tester_port, out)
    client = start([*program, f"ws://127.0.0.1:{proxy[1]}", AGENT], out / "client.log")
    complaints = []
    status = wait(client, seconds)
    if status != 0:
        stop(client)
        ending = f"did not finish within {seconds} s" if status is None else f"ended with {status}"
        complaints.append(f"the client {ending}, see {out / 'client.log'}")
    if wait(tester, 5) is None:
        complaints.append("the client never asked for /updateReports")
        with socket.create_connection(("127.0.0.1", tester_port), 5) as end:
            end.sendall(UPDATE_REPORTS)
            wait(tester, 10)
    stop(tester)
    return complaints + end_proxy(proxy[0], out)


def start_proxy(role, target, out):
    proxy = start([sys.executable, HERE / "strictproxy.py", role, target], out / "wire.log")
    return proxy, port_of(proxy, out / "wire.log")


def end_proxy(proxy, out):
    """Ends the relay, prints its verdict, and returns it as complaints."""
    status = stop(proxy)
    lines = (out / "wire.log").read_text(errors="replace").splitlines()[1:]
    for line in lines:
        if line.startswith("wire:"):
            print(line)
    complaints = [line.removeprefix("FAIL ") for line in lines if line.startswith("FAIL ")]
    if status not in (0, 1) or (status == 1 and not complaints):
        complaints.append(f"the relay ended with {status}, see {out / 'wire.log'}")
    return complaints


def main():
    if len(sys.argv) < 5 or sys.argv[1] not in ("server", "client"):
        sys.exit("usage: run.py server|client SUITE OUTDIR PROGRAM [ARG...]")
    role, suite, out, *program = sys.argv[1:]
    flags, expected, seconds, deflate = select(suite)
    out = pathlib.Path(out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    began = time.monotonic()
    with all_stopped():
        try:
            if role == "server":
                complaints = run_server(out, flags, seconds, deflate, program)
            else:
                complaints = run_client(out, flags, seconds, program)
        except RuntimeError as error:
            complaints = [str(error)]
    print(f"autobahn {role} {suite}: {time.monotonic() - began:.0f} s")
    passed = failed = 0
    if (out / "index.json").exists():
        passed, failed = check.judge(out / "index.json", expected)
    else:
        complaints.append(f"no report was written, see {out / 'tester.log'}")
    for complaint in complaints:
        print("FAIL", complaint)
    failed += len(complaints)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
