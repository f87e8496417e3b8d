"""Starts all servers, loads one at a time, and prints Markdown. Started by scripts/measure/echo-table."""
import argparse
import os
import pathlib
import random
import sys

sys.dont_write_bytecode = True
import cells  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
from measure import processes  # noqa: E402

PARTS = ("cells", "syscalls", "memory")
RECORD = pathlib.Path(__file__).resolve().parents[2] / "records" / "echo.md"


def main():
    options = arguments()
    options.logs.mkdir(parents=True, exist_ok=True)
    measure.raise_limits()
    before = os.getloadavg()
    with processes.all_stopped():
        body = measured(options)
    lines = report.head(options, before, os.getloadavg()) + body
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.record:
        RECORD.write_text(text)


def arguments():
    def names(known):
        def parse(text):
            given = text.split(",")
            unknown = [name for name in given if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"unknown name {unknown[0]}: must be one of {', '.join(known)}")
            return [name for name in known if name in given]

        return parse

    parser = argparse.ArgumentParser(prog="scripts/measure/echo-table", description="Benchmarks echo servers.")
    parser.add_argument("--seconds", type=float, default=0.5, help="duration of a measurement (0.5)")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds per cell (3)")
    parser.add_argument("--cells", action="append", default=[], metavar="PATTERN", help="SIZE/CONNECTIONS/PIPELINE, with *")
    parser.add_argument("--servers", type=names(tuple(cells.SERVERS)), default=list(cells.SERVERS), metavar="NAME,...")
    parser.add_argument("--only", type=names(PARTS), default=list(PARTS), metavar="PART,...", help=", ".join(PARTS))
    parser.add_argument("--record", action="store_true", help=f"also write records/{RECORD.name}")
    for name in ("programs", "ours", "load", "logs"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not cells.chosen(options.cells):
        parser.error(f"no cell matches; the first is {cells.CELLS[0].name}")
    return options


def measured(options):
    """Runs the selected parts; returns lines of Markdown."""
    lines = []
    if "cells" in options.only:
        lines += report.cell_tables(all_cells(options), options.servers)
    if "syscalls" in options.only:
        server = measure.Server(cells.OURS, options)
        calls = {pipeline: measure.syscalls(server, pipeline, options) for pipeline, _ in cells.SYSCALL_GOALS}
        server.stop()
        lines += report.syscalls(calls)
    if "memory" in options.only:
        rows = [row for row in cells.MEMORY if row[0] in options.servers]
        lines += report.memory({row: measure.memory(row[0], row[1], options) for row in rows})
    return lines


def all_cells(options):
    servers = [measure.Server(name, options) for name in options.servers]
    figures = {}
    for cell in cells.chosen(options.cells):
        rounds = {server.name: [] for server in servers}
        for _ in range(options.rounds):
            for server in random.sample(servers, len(servers)):
                rounds[server.name].append(measure.per_cpu_second(server, cell, options))
        figures[cell] = rounds
        print(f"{cell.name} measured", file=sys.stderr)
    for server in servers:
        server.stop()
    return figures


main()
