"""Tables of what a gate lets pass: tab-separated, a reason in the last column of each row."""

import csv
import sys


def read(path, columns):
    """What each row excuses, with its reason."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    if head != columns:
        sys.exit(f"{path.name}: columns {head}, expected {columns}")
    for row in rows:
        if len(row) != len(columns) or not row[-1]:
            sys.exit(f"{path.name}: not a cell in each column, or no reason: {row}")
    return [(tuple(row[:-1]), row[-1]) for row in rows]
