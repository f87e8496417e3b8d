# Finds the test functions of the crate.
# usage: from test_names import ROOT, module, sources, tests   (with scripts/lib in sys.path; never run)
"""The names of the test functions of the crate, and their files."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEST = re.compile(r"#\[(?:\w+::)*test\b[^\]]*\]((?:\s|//[^\n]*|#\[[^\]]*\])*)(?:pub\s+|async\s+)*fn\s+(\w+)")
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


def sources():
    """Relative path, and text without comments, of every file that may contain tests."""
    for path in sorted([*ROOT.glob("tests/**/*.rs"), *ROOT.glob("src/**/*.rs")]):
        yield path.relative_to(ROOT), COMMENT.sub("", path.read_text(encoding="utf-8"))


def module(place):
    """The test program and module of a file: `core::known_faults::d_work` for tests/core/known_faults/d_work.rs."""
    return "::".join(part for part in place.with_suffix("").parts[1:] if part not in ("main", "mod"))


def tests(text):
    """The names of the tests in a file's text."""
    return [match[2] for match in TEST.finditer(text)]
