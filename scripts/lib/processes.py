# Child processes of the test runners: started in their own process groups, awaited with timeouts, always stopped.
# usage: import processes   (with scripts/lib in sys.path; never run)
"""`with processes.all_stopped():` ends every child that was started in it, also on SIGTERM and Ctrl-C."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

_children = []


@contextlib.contextmanager
def all_stopped():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        for child in _children:
            stop(child, patience=2)


def start(command, log, env=None):
    """Starts a child without input, with both outputs in the file `log`."""
    pathlib.Path(log).parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=env,
        )
    _children.append(child)
    return child


def stop(child, patience=10):
    """Ends a child and its process group; returns its exit status."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGTERM)
        if wait(child, patience) is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return child.returncode


def wait(child, seconds):
    """The exit status, or None if the child still runs after `seconds`."""
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def port_of(child, log, patience=20, poll=0.02):
    """Waits for the line `listening on ADDR:PORT` in the log, and returns the port."""
    log = pathlib.Path(log)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = re.search(r"listening on \S*:(\d+)\s", log.read_text(errors="replace"))
        if found:
            return int(found[1])
        if child.poll() is not None:
            break
        time.sleep(poll)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"no line 'listening on', see {log}: {tail!r}")
