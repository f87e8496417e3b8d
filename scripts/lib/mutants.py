"""Judges what cargo-mutants left: usage: mutants.py target/mutants"""

import pathlib
import re
import sys

import reasons

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCUSES = ROOT / "tests" / "mutants.tsv"
COLUMNS = ["file", "code", "change", "reason"]
AREAS = ["core", "kernels", "handshake", "inflate", "deflate"]
# In every hundred of the changes that compile.
MOST_EXCUSED = 2


def described(name):
    """File, code and change: what stays when lines move."""
    file, line, change = re.fullmatch(r"(\S+?):(\d+):\d+: (.*)", name).groups()
    code = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()
    return file, code, change


def main():
    excuses = dict(reasons.read(EXCUSES, COLUMNS))
    unexcused, missed, viable = [], 0, 0
    for area in AREAS:
        directory = pathlib.Path(sys.argv[1]) / area
        names = {}
        for kind in ["caught", "timeout", "unviable", "missed"]:
            path = directory / f"{kind}.txt"
            if not path.exists():
                sys.exit(f"mutants: {area} did not run to its end")
            names[kind] = set(path.read_text(encoding="utf-8").splitlines())
        left = [described(name) for name in sorted(names["missed"])]
        unexcused += [mutant for mutant in left if mutant not in excuses]
        count = sum(len(names[kind]) for kind in ["caught", "timeout", "missed"])
        print(
            f"{area}: {count} changes that compile ({len(names['unviable'])} do not), {len(names['caught'])} noticed, "
            f"{len(names['timeout'])} without an end, {len(left)} not noticed"
        )
        missed += len(left)
        viable += count
    print(f"all: {viable}, {missed} not noticed, {missed - len(unexcused)} of them excused")
    for mutant in unexcused:
        print("\t".join(["not noticed", *mutant]), file=sys.stderr)
    if 100 * missed > MOST_EXCUSED * viable:
        sys.exit(f"mutants: more than {MOST_EXCUSED} in 100 are not noticed")
    sys.exit(bool(unexcused))


main()
