# Runs an image of examples/firmware-net in QEMU, as a server for test suites.
# usage: firmware_net.py IMAGE [--listen 127.0.0.1:PORT] [--deflate] [-- QEMU_FLAG...]
"""Prints `listening on ADDR:PORT` once the board listens; that port is forwarded to its port 80. Ends with the emulator,
or on SIGTERM. The board always compresses, so `--deflate` has no effect."""
import argparse
import contextlib
import signal
import socket
import subprocess
import sys

BOARD = [
    "qemu-system-arm", "-machine", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "none",
    "-semihosting-config", "enable=on,target=native",
]  # fmt: skip


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def board(image, port=0, flags=(), log=None):
    """A running board, once it listens: (process, port)."""
    port = port or free_port()
    network = f"user,model=lan9118,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:80"
    process = subprocess.Popen(
        [*BOARD, "-nic", network, *flags, "-kernel", image],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        for line in process.stdout:
            print(f"board: {line.rstrip()}", file=log or sys.stderr, flush=True)
            if line.startswith("listening"):
                break
        else:
            raise RuntimeError(f"the board ended with {process.wait()} before it listened")
        yield process, port
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("flags", nargs="*")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with board(arguments.image, int(arguments.listen.rpartition(":")[2]), arguments.flags) as (process, port):
        print(f"listening on 127.0.0.1:{port}", flush=True)
        for line in process.stdout:
            print(f"board: {line.rstrip()}", file=sys.stderr, flush=True)
        return process.wait() or 1


if __name__ == "__main__":
    sys.exit(main())
