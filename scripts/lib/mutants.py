"""Judges the results of cargo-mutants; usage: mutants.py target/mutants"""

import pathlib
import re
import sys

import reasons

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCUSES = ROOT / "tests" / "mutants.tsv"
COLUMNS = ["file", "code", "change", "reason"]
AREAS = ["core", "kernels", "handshake", "inflate", "deflate", "session", "seal"]
# Per cent of the viable mutants.
MOST_EXCUSED = 2


def described(name):
    """File, code and change of a mutant, which do not depend on line numbers."""
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
                sys.exit(f"mutants: the run of {area} is incomplete")
            names[kind] = set(path.read_text(encoding="utf-8").splitlines())
        left = [described(name) for name in sorted(names["missed"])]
        unexcused += [mutant for mutant in left if mutant not in excuses]
        count = sum(len(names[kind]) for kind in ["caught", "timeout", "missed"])
        print(
            f"{area}: {count} viable mutants ({len(names['unviable'])} unviable), {len(names['caught'])} caught, "
            f"{len(names['timeout'])} timeouts, {len(left)} missed"
        )
        missed += len(left)
        viable += count
    print(f"all: {viable} viable mutants, {missed} missed, {missed - len(unexcused)} of them excused")
    for mutant in unexcused:
        print("\t".join(["missed", *mutant]), file=sys.stderr)
    if 100 * missed > MOST_EXCUSED * viable:
        sys.exit(f"mutants: more than {MOST_EXCUSED} % are missed")
    sys.exit(bool(unexcused))


main()
