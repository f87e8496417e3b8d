#!/usr/bin/env python3
"""Analyzes the firmwares of `bin/`, runs them in QEMU, and prints the tables. `scripts/measure/size-table` builds them.

usage: table.py FOLDER_OF_Z FOLDER_OF_3 [--check | --symbols ROW]
"""
import collections
import csv
import pathlib
import re
import subprocess
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
LEVELS = ["z", "3"]
PAYLOAD = 1024

ROWS = {
    "barews": "**barews**, `Connection`",
    "websocketz": "websocketz",
    "ws_framer": "ws-framer",
    "embedded_websocket": "embedded-websocket",
    "barews_frame": "**barews**, `frame` and `mask`",
    "websocket_sans_io": "websocket-sans-io",
    "edge_ws": "edge-ws",
    "barews_handshake": "**barews**, `Connection` and the handshake of a server",
}

# The columns of the table, and the names of their figures in goals.tsv.
FIGURES = {
    ".text": ["text z", "text 3"],
    ".rodata": ["rodata z"],
    "panic sites": ["panics z", "panics 3"],
    "state": ["state"],
    "stack": ["stack z"],
    "decode": ["decode z", "decode 3"],
    "send": ["send z", "send 3"],
    "masking": ["mask z", "mask 3"],
}

# Codecs, and the firmware to subtract from each to get its size.
INFLATERS = {
    "inflate_barews": ("**barews**, `Inflate`", "inflate_data"),
    "inflate_miniz_oxide": ("`miniz_oxide`, `inflate::core`", "codec_empty"),
    "inflate_compcol": ("compcol, `embed`", "codec_empty"),
}
COMPRESSORS = {
    "deflate_barews_tiny": ("**barews**, `Effort::TINY`", "codec_empty"),
    "deflate_barews_small": ("**barews**, `Effort::SMALL`", "codec_empty"),
    "deflate_compcol": ("compcol, `embed`", "codec_empty"),
}
CODECS = INFLATERS | COMPRESSORS

CODEC_FIGURES = {
    ".text": ["text z", "text 3"],
    ".rodata": ["rodata z"],
    "panic sites": ["panics z", "panics 3"],
    "state": ["state"],
    "stack": ["stack z"],
    "short": ["short z", "short 3"],
    "long": ["long z", "long 3"],
    "percent": ["percent short", "percent long"],
}

# build.rs splits the file in the same way.
READINGS = (HERE / "readings.txt").read_bytes().splitlines()
SHORT = READINGS[:24]
LONG = b"\n".join(READINGS[24:])

# Functions of `core` that end in the panic handler.
PANIC = re.compile(r"\bpanicking::|\bpanic_|_fail(ed)?\b|rust_begin_unwind|len_mismatch")
# Memory functions are in every firmware. Which variants the linker keeps does not depend on the crate.
MEMORY = re.compile(r"compiler_builtins|^__aeabi_mem|^mem(cpy|move|set|cmp|clr)\b")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
BRANCH = re.compile(r"\tb[a-z]*(?:\.[nw])?\t.*<(.*)>")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(elf):
    """Size, kind and name of every function and constant; one entry per address."""
    found = {}
    for line in output("llvm-nm", "-C", "--defined-only", "--print-size", str(elf)).splitlines():
        fields = line.split(" ", 3)
        if len(fields) == 4:
            found[fields[0]] = (int(fields[1], 16), fields[2], fields[3])
    return found.values()


def sections(elf):
    lines = (line.split() for line in output("llvm-size", "-A", str(elf)).splitlines())
    return {fields[0]: int(fields[1]) for fields in lines if fields and fields[0].startswith(".")}


def panic_sites(elf):
    """The number of branches from other code to a function that panics."""
    sites, inside = 0, ""
    for line in output("llvm-objdump", "-d", "-C", "--no-show-raw-insn", str(elf)).splitlines():
        if function := FUNCTION.match(line):
            inside = function[1]
        elif (branch := BRANCH.search(line)) and PANIC.search(branch[1]) and not PANIC.search(inside):
            sites += 1
    return sites


def lines(elf):
    """The output of the firmware."""
    command = ["qemu-system-arm", "-machine", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none"]
    command += ["-icount", "shift=10", "-semihosting-config", "enable=on,target=native", "-kernel", str(elf)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"{elf}: QEMU exited with {done.returncode}\n{done.stdout}")
    return done.stdout.splitlines()


def run(elf):
    """The figures of the firmware by name."""
    told = (re.fullmatch(r"(\w+) (\d+)", line) for line in lines(elf))
    return {match[1]: int(match[2]) for match in told if match}


def weigh(elf):
    memory = sum(size for size, kind, name in symbols(elf) if kind in "tT" and MEMORY.search(name))
    size = sections(elf)
    return size[".text"] - memory, size[".rodata"]


def size(folder, row, empty):
    """The difference of a row to the empty firmware: bytes of code and constants, and branches to panics."""
    (text, rodata), (empty_text, empty_rodata) = weigh(folder / row), weigh(folder / empty)
    return text - empty_text, rodata - empty_rodata, panic_sites(folder / row) - panic_sites(folder / empty)


def measure(folders, row):
    figures = {}
    for level, folder in zip(LEVELS, folders):
        elf = folder / row
        told = run(elf)
        if not all(told[f"correct_{part}"] for part in ("decode", "server", "client")):
            sys.exit(f"{elf}: wrong frames: {told}")
        for name, value in zip(("text", "rodata", "panics"), size(folder, row, "empty")):
            figures[f"{name} {level}"] = value
        # The state is on the stack here, but has its own column.
        figures[f"stack {level}"] = max(told["stack_decode"], told["stack_encode"]) - told["state"]
        figures[f"decode {level}"] = told["decode"] / PAYLOAD
        figures[f"send {level}"] = told["encode_server"] / PAYLOAD
        figures[f"mask {level}"] = (told["encode_client"] - told["encode_server"]) / PAYLOAD
        figures["state"] = told["state"]
    return figures


def outputs(told):
    """The output for each message."""
    output, pieces = [], b""
    for line in told:
        name, _, value = line.partition(" ")
        if name == "piece":
            pieces += bytes.fromhex(value)
        elif name == "end":
            output.append(pieces)
            pieces = b""
    return output


def inflated(payloads):
    """Inflates payloads with zlib. After a final block, a new stream starts (RFC 7692 §7.2.3.4)."""
    codec = zlib.decompressobj(-9)
    for payload in payloads:
        yield codec.decompress(payload + b"\x00\x00\xff\xff")
        if codec.eof:
            codec = zlib.decompressobj(-9)


def measure_codec(folders, row):
    figures, messages = {}, [*SHORT, LONG]
    for level, folder in zip(LEVELS, folders):
        elf = folder / row
        told = lines(elf)
        given = outputs(told)
        if (given if row in INFLATERS else list(inflated(given))) != messages:
            sys.exit(f"{elf}: wrong messages: {given}")
        told = dict(line.split(" ", 1) for line in told if " " in line)
        for name, value in zip(("text", "rodata", "panics"), size(folder, row, CODECS[row][1])):
            figures[f"{name} {level}"] = value
        figures["state"] = int(told["state"])
        figures[f"stack {level}"] = int(told["stack"])
        short = sum(map(len, SHORT))
        figures[f"short {level}"] = int(told["short"]) / short
        figures[f"long {level}"] = int(told["long"]) / len(LONG)
        figures["percent short"] = 100 * sum(map(len, given[:-1])) / short
        figures["percent long"] = 100 * len(given[-1]) / len(LONG)
    return figures


def text_of(figure, value):
    return f"{value:.1f}" if figure.startswith(("decode", "send", "mask")) else f"{value:,.0f}"


def print_table(table, names, columns):
    print("| crate |", " | ".join(columns), "|")
    print("|---|" + "--:|" * len(columns))
    for row, name in names.items():
        cells = (" / ".join(text_of(each, table[row][each]) for each in column) for column in columns.values())
        print(f"| {name} |", " | ".join(cells), "|")
    print()


def check(table):
    """Whether goals.tsv is right about which goals are met."""
    with open(HERE / "goals.tsv", encoding="utf-8", newline="") as file:
        goals = list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))
    passed = True
    for goal in goals:
        row, figure, most = goal["row"], goal["figure"], float(goal["most"])
        value = table[row][figure]
        met, was_met = value <= most, goal["met"] == "yes"
        verdict = {(True, False): "met now, change goals.tsv to yes", (False, True): "MISSED", (False, False): "not met yet"}
        if met != was_met or not met:
            print(f"{row}, {figure}: {text_of(figure, value)}, goal {goal['most']}: {verdict[met, was_met]}", file=sys.stderr)
        passed &= met == was_met
    return passed


def print_symbols(folder, row):
    """Prints size, kind and stack usage of each function that the empty firmware does not have."""
    empty = CODECS[row][1] if row in CODECS else "empty"
    common = {name for _, _, name in symbols(folder / empty)}
    report = output("llvm-readelf", "--stack-sizes", "-C", str(folder / row))
    frames = collections.defaultdict(str, {name: size for size, name in re.findall(r"^\s*(\d+)\s+(.*)$", report, re.MULTILINE)})
    for size, kind, name in sorted(symbols(folder / row), reverse=True):
        if name not in common and kind in "tTrR":
            print(f"{size:6} {kind.lower()} {frames[name]:>5}  {name}")


def main():
    folders, options = [pathlib.Path(folder) for folder in sys.argv[1:3]], sys.argv[3:]
    if options[:1] == ["--symbols"]:
        if options[1] not in ROWS | CODECS:
            sys.exit(f"no row {options[1]}: {', '.join(ROWS | CODECS)}")
        print_symbols(folders[0], options[1])
        return
    table = {row: measure(folders, row) for row in ROWS} | {row: measure_codec(folders, row) for row in CODECS}
    print_table(table, ROWS, FIGURES)
    inflating = {name: column for name, column in CODEC_FIGURES.items() if name != "percent"}
    print_table(table, {row: name for row, (name, _) in INFLATERS.items()}, inflating)
    print_table(table, {row: name for row, (name, _) in COMPRESSORS.items()}, CODEC_FIGURES)
    if options == ["--check"] and not check(table):
        sys.exit(1)


if __name__ == "__main__":
    main()
