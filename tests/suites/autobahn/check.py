#!/usr/bin/env python3
# Checks an Autobahn index.json: every case is OK (three: INFORMATIONAL), and no case is missing.
# usage: check.py INDEX.json EXPECTED_NUMBER_OF_CASES     (exit 1 otherwise)
"""A case counts as passed when both its behavior and its behaviorClose are OK.

Three cases test the reaction to a violation by the tester. They have no right answer and are always
INFORMATIONAL: 7.1.6, 7.13.1, 7.13.2. Any other verdict, including NON-STRICT, is a failure.
"""
import collections
import json
import sys

INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


def by_number(case):
    return [int(part) for part in case.split(".")]


def tally(cases, field):
    counts = collections.Counter(case[field] for case in cases.values())
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def judge(path, expected):
    """Prints the verdict; returns the numbers of passed and failed checks."""
    with open(path, encoding="utf-8") as file:
        index = json.load(file)
    if len(index) != 1:
        print(f"FAIL report: one agent expected, found {sorted(index)}")
        return 0, 1
    agent, cases = next(iter(index.items()))
    print(f"{agent}: {len(cases)} cases")
    print(f"  behavior: {tally(cases, 'behavior')}")
    print(f"  close: {tally(cases, 'behaviorClose')}")
    passed = failed = 0
    for case in sorted(cases, key=by_number):
        result = cases[case]
        allowed = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"}
        if {result["behavior"], result["behaviorClose"]} <= allowed:
            passed += 1
            continue
        failed += 1
        print(
            f"FAIL {case}: {result['behavior']}, close {result['behaviorClose']}"
            f" (code {result.get('remoteCloseCode')}, {result.get('duration')} ms,"
            f" {result.get('reportfile')})"
        )
    if len(cases) != expected:
        failed += 1
        print(f"FAIL count: {len(cases)} cases in the report, expected {expected}")
    return passed, failed


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: check.py INDEX.json EXPECTED_NUMBER_OF_CASES")
    good, bad = judge(sys.argv[1], int(sys.argv[2]))
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad or not good else 0)
