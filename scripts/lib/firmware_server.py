# Tests the client of examples/firmware with a server of Python `websockets` at the other end of its serial line.
# usage: firmware_server.py QEMU_COMMAND...   (run by scripts/check/firmware; `-serial` is added here)
"""Serves one connection, which is the emulator's serial line. It echoes, in fragments and with Pings among them."""
import contextlib
import re
import signal
import subprocess
import sys
import threading

from websockets.sync.server import serve

PATIENCE = 120  # seconds, for the whole run
RAM = 6 << 10  # bytes, the limit for the firmware


def echo(closes):
    def handler(ws):
        for message in ws:
            print(f"  server: received {len(message)} {'bytes' if isinstance(message, bytes) else 'characters'}", flush=True)
            pong = ws.ping()
            third = len(message) // 3
            ws.send([message[:third], message[third : 2 * third], message[2 * third :]])
            if not pong.wait(PATIENCE):
                raise TimeoutError("no Pong")
        closes.append(ws.protocol.close_rcvd)

    return handler


@contextlib.contextmanager
def listening(handler):
    with serve(handler, "127.0.0.1", 0, compression=None, max_size=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join(10)


def main(command):
    # Ends the emulator on SIGTERM, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    closes = []
    with listening(echo(closes)) as port:
        line = f"socket,id=line,host=127.0.0.1,port={port}"
        done = subprocess.run(
            [*command, "-chardev", line, "-serial", "chardev:line"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    for text in done.stdout.splitlines():
        print(f"  device: {text}")
    ram = re.search(r"used (\d+) bytes of RAM", done.stdout)
    faults = [
        what
        for what, is_so in (
            (f"its exit status is {done.returncode}", done.returncode != 0),
            (f"the server saw the Closes {closes}", [close.code for close in closes if close] != [1000]),
            (f"it does not use at most {RAM} bytes of RAM", not ram or not 0 < int(ram[1]) <= RAM),
        )
        if is_so
    ]
    for fault in faults:
        print(f"  FAILED: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
