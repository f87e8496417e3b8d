"""Reads the tables of allowed exceptions: tab-separated, with a reason in the last column."""

import csv
import sys


def read(path, columns):
    """The exception in each row, and its reason."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    if head != columns:
        sys.exit(f"{path.name}: columns {head}, expected {columns}")
    for row in rows:
        if len(row) != len(columns) or not row[-1]:
            sys.exit(f"{path.name}: wrong number of columns, or no reason: {row}")
    return [(tuple(row[:-1]), row[-1]) for row in rows]
