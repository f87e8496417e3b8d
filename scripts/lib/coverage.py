"""Checks the coverage that llvm-cov exported for src; usage: coverage.py LCOV JSON [--list]"""

import collections
import json
import pathlib
import re
import sys

import reasons

ROOT = pathlib.Path(__file__).resolve().parents[2]
REASONS = ROOT / "tests" / "uncovered.tsv"
COLUMNS = ["file", "function", "condition", "never", "reason"]
SOURCES = {str(path): path.read_text(encoding="utf-8").splitlines() for path in ROOT.glob("src/**/*.rs")}


def short(file):
    return pathlib.Path(file).relative_to(ROOT).as_posix()


def read_lines(path):
    """How often each line was executed."""
    counts, file = {}, ""
    for row in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        kind, _, value = row.partition(":")
        if kind == "SF":
            file = value
        elif kind == "DA":
            line, count = map(int, value.split(",")[:2])
            counts[file, line] = count
    return counts


def read_branches(path):
    """Whether each outcome of each condition occurred; the report has one entry per instantiation."""
    taken = {}
    for file in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["data"][0]["files"]:
        name, source = file["filename"], SOURCES[file["filename"]]
        for line, column, end, last, yes, no, *_ in file["branches"]:
            text = source[line - 1 : end]
            text[-1] = text[-1][: last - 1]
            condition = " ".join(" ".join(text)[column - 1 :].split())
            functions = (re.search(r"\bfn (\w+)", row) for row in reversed(source[:line]))
            function = next(match[1] for match in functions if match)
            for way, count in ("true", yes), ("false", no):
                branch = name, line, column, function, condition, way
                taken[branch] = taken.get(branch, False) or count > 0
    return taken


def main():
    lines, branches = read_lines(sys.argv[1]), read_branches(sys.argv[2])
    excused = reasons.read(REASONS, COLUMNS)
    never = [(short(file), *rest) for (file, _, _, *rest), is_taken in sorted(branches.items()) if not is_taken]
    if sys.argv[3:] == ["--list"]:
        for row in COLUMNS, *((*branch, dict(excused).get(branch, "")) for branch in never):
            print("\t".join(row))
        return
    dark = sorted(place for place, count in lines.items() if count == 0)
    faults = [f"{short(file)}:{line}: not covered" for file, line in dark]
    for file, source in SOURCES.items():
        for line, code in enumerate(source, 1):
            # No build enables `defmt` or `reseal`.
            is_built = "defmt::" not in code and "reseal" not in source[line - 2]
            is_function = re.match(r"\s*(pub(\(\w+\))? )?(const )?fn \w+.*[^;]$", code)
            if is_function and is_built and (file, line) not in lines:
                faults.append(f"{short(file)}:{line}: never instantiated: {code.strip()}")
    # A condition that occurs twice in a function needs two rows.
    found, known = collections.Counter(never), collections.Counter(branch for branch, _ in excused)
    faults += ["\t".join(["never taken", *branch]) for branch in (found - known).elements()]
    faults += ["\t".join(["row not needed", *branch]) for branch in (known - found).elements()]
    share = 100 * (len(branches) - len(never)) / len(branches)
    if share < 99:
        faults.append("less than 99 % of the branches are covered")
    print(f"lines     {len(lines) - len(dark)} of {len(lines)}")
    print(f"branches  {len(branches) - len(never)} of {len(branches)}, {share:.2f} %")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))


main()
