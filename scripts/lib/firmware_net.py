# Runs an image of examples/firmware-net in QEMU, as a server for test suites.
# usage: firmware_net.py MACHINE IMAGE [--listen 127.0.0.1:PORT] [--deflate]
"""Prints `listening on ADDR:PORT` once the board listens; that port is forwarded to its port 80. Ends with the emulator,
or on SIGTERM. The board always compresses, so `--deflate` has no effect."""
import argparse
import contextlib
import signal
import socket
import subprocess
import sys


@contextlib.contextmanager
def running(machine, image, *flags):
    """The process of a board, whose output is a pipe."""
    semihosting = ("-semihosting-config", "enable=on,target=native")
    silent = ("-display", "none", "-monitor", "none", "-serial", "none")
    process = subprocess.Popen(
        ["qemu-system-arm", "-machine", machine, *silent, *semihosting, *flags, "-kernel", image],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def board(machine, image, port=0, flags=()):
    """A board that serves, once it listens: its process, and the port that is forwarded to it."""
    port = port or free_port()
    network = f"user,model=lan9118,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:80"
    with running(machine, image, "-nic", network, *flags) as process:
        for line in process.stdout:
            if line.startswith("listening"):
                break
            print(f"board: {line.rstrip()}", file=sys.stderr, flush=True)
        else:
            raise RuntimeError(f"the board ended with {process.wait()} before it listened")
        yield process, port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("machine")
    parser.add_argument("image")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--deflate", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(arguments.listen.rpartition(":")[2])
    with board(arguments.machine, arguments.image, port) as (process, port):
        print(f"listening on 127.0.0.1:{port}", flush=True)
        for line in process.stdout:
            print(f"board: {line.rstrip()}", file=sys.stderr, flush=True)
        return process.wait() or 1


if __name__ == "__main__":
    sys.exit(main())
