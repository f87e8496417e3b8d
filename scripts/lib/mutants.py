"""Judges what cargo-mutants left: usage: mutants.py target/mutants/mutants.out"""

import csv
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCUSES = ROOT / "tests" / "mutants.tsv"
COLUMNS = ["file", "change", "reason"]


def read_excuses():
    with open(EXCUSES, encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if table.fieldnames != COLUMNS:
            sys.exit(f"mutants: columns {table.fieldnames}, expected {COLUMNS}")
        rows = list(table)
    if any(not row["reason"] for row in rows):
        sys.exit("mutants: an excuse without a reason")
    return {(row["file"], row["change"]) for row in rows}


def main():
    outcomes = json.loads((pathlib.Path(sys.argv[1]) / "outcomes.json").read_text(encoding="utf-8"))["outcomes"]
    count = {"CaughtMutant": 0, "MissedMutant": 0, "Timeout": 0, "Unviable": 0}
    excuses, missed = read_excuses(), []
    for outcome in outcomes:
        if outcome["scenario"] == "Baseline":
            continue
        summary = outcome["summary"]
        count[summary] = count.get(summary, 0) + 1
        if summary == "MissedMutant":
            mutant = outcome["scenario"]["Mutant"]
            # Without line and column, which every change moves.
            name = mutant["name"].split(": ", 1)[1]
            missed.append((mutant["file"], name))
    viable = sum(count.values()) - count["Unviable"]
    unexcused = [mutant for mutant in missed if mutant not in excuses]
    print(
        f"{viable} viable changes: {count['CaughtMutant']} noticed, {count['Timeout']} never ended, "
        f"{len(missed)} not noticed ({len(missed) - len(unexcused)} excused); {count['Unviable']} did not compile"
    )
    for file, name in unexcused:
        print(f"not noticed: {file}\t{name}", file=sys.stderr)
    if 50 * len(missed) > viable:
        print("more than 2 in 100 are not noticed", file=sys.stderr)
    sys.exit(bool(unexcused) or 50 * len(missed) > viable)


main()
