#!/usr/bin/env python3
# What images of examples/firmware-net take, and where they can panic.
# usage: size.py IMAGE...   (run by scripts/check/firmware-net)
"""Prints a line for each image. Fails if a function of barews has a branch to one that panics."""
import bisect
import collections
import re
import subprocess
import sys

PANIC = re.compile(r"panicking|panic_|_fail(ed)?\b|rust_begin_unwind|len_mismatch")
BRANCH = re.compile(r"\s*([0-9a-f]+):\s+b\S*\s+0x([0-9a-f]+)")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def symbols(image):
    """Address, size and name, in the order of the addresses."""
    fields = (line.split(" ", 3) for line in output("llvm-nm", "-C", "-n", "-S", "--defined-only", image))
    return [(int(it[0], 16) & ~1, int(it[1], 16), it[3]) for it in fields if len(it) == 4]


def panic_sites(image, functions):
    """The number of branches to functions that panic, by function."""
    addresses = [address for address, _, _ in functions]
    sites = collections.Counter()
    for line in output("llvm-objdump", "-d", "--no-show-raw-insn", image):
        if branch := BRANCH.match(line):
            inside, to = (
                functions[bisect.bisect_right(addresses, int(address, 16)) - 1][2] for address in branch.groups()
            )
            if PANIC.search(to) and not PANIC.search(inside):
                sites[inside] += 1
    return sites


def main():
    wrong = False
    for image in sys.argv[1:]:
        found = symbols(image)
        lines = (line.split() for line in output("llvm-size", "-A", image))
        section = {line[0]: int(line[1]) for line in lines if line and line[0].startswith(".")}
        sites = panic_sites(image, found)
        ours = sum(count for name, count in sites.items() if re.match(r"<?barews(_|::)", name) or "barews::" in name)
        tasks = [size for _, size, name in found if "::POOL" in name]
        print(
            f"{image.rpartition('/')[2]}: .text {section['.text']}, .rodata {section['.rodata']},"
            f" statics {section.get('.data', 0) + section.get('.bss', 0)}, the tasks {max(tasks)};"
            f" branches to panics {sum(sites.values())}, in barews {ours}"
        )
        wrong |= ours > 0 or not any("barews" in name for _, _, name in found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
