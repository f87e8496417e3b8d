# The output of the interop checks: `ok name` or `FAIL name detail` for each, then the totals.
# usage: import report   (never run)
import contextlib

SIZES = (0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20)
BIG = 8 << 20


def text_of(size):
    """Text of `size` characters, each of one to four bytes."""
    return ("aé€😀" * (size // 4 + 1))[:size]


def bytes_of(size):
    """Bytes in which a shift by one to eight places is visible."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, name, good, detail=""):
        if good:
            self.passed += 1
            print("ok", name, flush=True)
        else:
            self.failed += 1
            print("FAIL", name, " ".join(str(detail).split())[:500], flush=True)

    @contextlib.contextmanager
    def case(self, name):
        """A check that passes unless its body raises."""
        try:
            yield
        except Exception as error:  # any error of a peer's library is a failure
            self.note(name, False, f"{type(error).__name__}: {error}")
        else:
            self.note(name, True)

    def take(self, output, name):
        """Counts the lines `ok ...` and `FAIL ...` of another program."""
        lines = [line for line in output.splitlines() if line.startswith(("ok ", "FAIL "))]
        for line in lines:
            kind, _, rest = line.partition(" ")
            self.note(rest, kind == "ok")
        if not lines:
            self.note(name, False, f"no check was run: {output[-500:]}")


def equal(found, wanted, what="value"):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r:.200}, not {wanted!r:.200}")
