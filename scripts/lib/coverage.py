"""Judges the report of cargo-llvm-cov: usage: coverage.py REPORT.json [--list]"""

import collections
import csv
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCUSES = ROOT / "tests" / "uncovered.tsv"
COLUMNS = ["file", "code", "way", "reason"]


def read_report(path):
    """(file, line) of each line and whether it is run; (file, code, way) of each branch and whether it is taken."""
    lines, branches = {}, collections.defaultdict(bool)
    for file in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["data"][0]["files"]:
        name = pathlib.Path(file["filename"])
        if ROOT / "src" not in name.parents:
            continue
        source = name.read_text(encoding="utf-8").splitlines()
        name = name.relative_to(ROOT).as_posix()
        for number, count in line_counts(file["segments"], len(source)).items():
            lines[name, number] = count > 0
        # One entry for each instance of a generic function: a branch is taken if it is in any of them.
        for start, column, end, last, yes, no, *_ in file["branches"]:
            code = source[start - 1][column - 1 : last - 1 if end == start else None].strip()
            place = f"{start}:{column}"
            branches[name, place, code, "true"] |= yes > 0
            branches[name, place, code, "false"] |= no > 0
    return lines, branches


def line_counts(segments, length):
    """The highest count of the regions that begin in a line, or of the one that it lies in."""
    by_line = collections.defaultdict(list)
    for line, column, count, has_count, is_entry, is_gap in segments:
        by_line[line].append((count, has_count, is_entry and not is_gap))
    counts, around = {}, (0, False)
    for line in range(1, length + 1):
        here = by_line.get(line, [])
        candidates = [count for count, has_count, begins in here if has_count and begins]
        if around[1]:
            candidates.append(around[0])
        if candidates:
            counts[line] = max(candidates)
        if here:
            around = here[-1][:2]
    return counts


def read_excuses():
    if not EXCUSES.exists():
        return {}
    with open(EXCUSES, encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if table.fieldnames != COLUMNS:
            sys.exit(f"coverage: columns {table.fieldnames}, expected {COLUMNS}")
        rows = list(table)
    if any(not row["reason"] for row in rows):
        sys.exit("coverage: an excuse without a reason")
    return {(row["file"], row["code"], row["way"]): row["reason"] for row in rows}


def main():
    lines, branches = read_report(sys.argv[1])
    dark_lines = sorted(place for place, is_run in lines.items() if not is_run)
    dark = sorted(branch for branch, is_taken in branches.items() if not is_taken)
    excuses = read_excuses()
    if sys.argv[2:] == ["--list"]:
        print("\t".join(COLUMNS))
        for name, _, code, way in dark:
            print("\t".join([name, code, way, excuses.get((name, code, way), "")]))
        return
    known = {(name, code, way) for name, _, code, way in dark}
    faults = [f"{name}:{number}: not run" for name, number in dark_lines]
    faults += [
        f"{name}:{place}: never {way}: {code}" for name, place, code, way in dark if (name, code, way) not in excuses
    ]
    faults += [f"{name}: needs no excuse: {code}, {way}" for name, code, way in excuses if (name, code, way) not in known]
    taken = len(branches) - len(dark)
    print(f"lines    {len(lines) - len(dark_lines)} of {len(lines)}")
    print(f"branches {taken} of {len(branches)}, {100 * taken / len(branches):.2f} %; {len(dark)} excused or dark")
    if 100 * taken < 99 * len(branches):
        faults.append("fewer than 99 branches in 100 are taken")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))


main()
