# Tests examples/firmware with Python `websockets` as the client on its serial line.
# usage: firmware_client.py QEMU_COMMAND...   (run by scripts/check/firmware; `-serial` is added here)
"""Runs the emulator with its serial line on a socket pair, and two sessions over it: without and with compression.

The client uses the sans-IO layer of `websockets`, so that it can send a frame in two halves.
"""
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import enable_client_permessage_deflate
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

PATIENCE = 20  # seconds, for each reply
RAM = 16 << 10  # bytes, the limit for the firmware


class Device:
    """The emulator. Output of the firmware is printed, and kept in `lines`."""

    def __init__(self, command, line):
        chardev = f"socket,id=line,fd={line.fileno()}"
        self.child = subprocess.Popen(
            [*command, "-chardev", chardev, "-serial", "chardev:line"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[line.fileno()],
            text=True,
            errors="replace",
        )
        self.lines = []
        self.reader = threading.Thread(target=self.show, daemon=True)
        self.reader.start()

    def show(self):
        for text in self.child.stdout:
            self.lines.append(text.rstrip())
            print(f"  device: {text.rstrip()}", flush=True)

    def exit_status(self, patience=PATIENCE):
        """The exit status, 0 for success. Kills a device that does not end in time."""
        try:
            self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.child.kill()
        self.reader.join()
        return self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.exit_status()


class Client:
    """The protocol on a socket. `echo` is the received part of the current echo."""

    def __init__(self, line, compression=None):
        self.line = line
        # The default offer of `connect` in websockets, or none.
        extensions = enable_client_permessage_deflate(None) if compression == "deflate" else None
        self.protocol = ClientProtocol(parse_uri("ws://device/"), extensions=extensions)
        self.messages = self.bytes = self.pings = 0
        self.wire = {"sent": 0, "received": 0}

    def begin(self):
        self.echo, self.opcodes, self.complete, self.pongs = b"", [], False, []

    def to_send(self):
        return b"".join(self.protocol.data_to_send())

    def send(self):
        self.send_bytes(self.to_send())

    def send_bytes(self, data):
        self.wire["sent"] += len(data)
        self.line.sendall(data)

    def receive(self):
        """Receives once; returns the response or the frames that are complete now."""
        data = self.line.recv(4096)
        if not data:
            self.protocol.receive_eof()
            return []
        self.wire["received"] += len(data)
        self.protocol.receive_data(data)
        for fault in (self.protocol.handshake_exc, self.protocol.parser_exc):
            if fault:
                raise fault
        return self.protocol.events_received()

    def receive_until(self, reached):
        while not reached():
            equal(self.protocol.state, State.OPEN, "the connection state")
            for frame in self.receive():
                if frame.opcode is Opcode.PONG:
                    self.pongs.append(frame.data)
                elif frame.opcode is not Opcode.CLOSE:
                    self.echo += frame.data
                    self.opcodes.append(frame.opcode)
                    self.complete = frame.fin

    def finish(self, opcode, message):
        self.receive_until(lambda: self.complete)
        equal(self.opcodes[0], opcode, "the opcode")
        equal(self.echo, message, "the echo")
        self.messages += 1
        self.bytes += len(message)

    def handshake(self):
        self.protocol.send_request(self.protocol.connect())
        self.send()
        while self.protocol.state is State.CONNECTING:
            for response in self.receive():
                agreed = response.headers.get("Sec-WebSocket-Extensions", "no compression")
                say(f"handshake: {response.status_code} {response.reason_phrase}, {agreed}")
                return agreed
        raise AssertionError("no response to the handshake")

    def text(self, text):
        self.begin()
        self.protocol.send_text(text.encode())
        self.send()
        self.finish(Opcode.TEXT, text.encode())
        say(f"text: {text} was echoed")

    def parts(self, first, *others):
        """One text in fragments. After each but the last, sends a Ping and waits for its Pong."""
        self.begin()
        self.protocol.send_text(first, fin=False)
        for number, part in enumerate(others, 1):
            self.protocol.send_ping(b"ping %d" % number)
            self.pings += 1
            self.send()
            self.receive_until(lambda: len(self.pongs) >= number)
            equal(self.pongs[number - 1 :], [b"ping %d" % number], "the Pong")
            say(f"fragments: received Pong {number} before sending fragment {number + 1}")
            self.protocol.send_continuation(part, fin=number == len(others))
        self.send()
        message = b"".join((first, *others))
        self.finish(Opcode.TEXT, message)
        say(f"fragments: {message.decode()} was echoed")

    def long_frame(self, length):
        """One frame. Its second half is sent after the first half was echoed."""
        self.begin()
        payload = bytes(n * 7 % 251 for n in range(length))
        self.protocol.send_binary(payload)
        frame = self.to_send()
        half = len(frame) // 2
        ahead = half - (len(frame) - length)
        self.send_bytes(frame[:half])
        self.receive_until(lambda: len(self.echo) >= ahead)
        equal(self.echo, payload[:ahead], "the echo of the first half")
        say(f"one frame of {length} bytes: {ahead} were echoed before the others were sent")
        self.send_bytes(frame[half:])
        self.finish(Opcode.BINARY, payload)
        say(f"one frame of {length} bytes: all were echoed, in {len(self.opcodes)} fragments")

    def close(self):
        self.protocol.send_close(1000, "done")
        self.send()
        while self.protocol.close_rcvd is None and self.protocol.state is not State.CLOSED:
            self.receive()
        equal(self.protocol.close_rcvd and self.protocol.close_rcvd.code, 1000, "the close code")
        say("close: answered with 1000")


    def silently(self, opcode, message):
        """Sends a message without logging it; every fourth one in two fragments."""
        self.begin()
        send = self.protocol.send_text if opcode is Opcode.TEXT else self.protocol.send_binary
        if self.messages % 4 == 3:
            cut = len(message) // 3
            send(message[:cut], fin=False)
            self.protocol.send_continuation(message[cut:], fin=True)
        else:
            send(message)
        self.send()
        self.finish(opcode, message)

    def stream(self, count):
        """Sends JSON sensor readings."""
        before, bytes_before = dict(self.wire), self.bytes
        for message in readings(count):
            self.silently(Opcode.TEXT, message)
        there, back = (self.wire[way] - before[way] for way in ("sent", "received"))
        length = self.bytes - bytes_before
        say(f"{count} messages of {length} bytes: {there} compressed bytes sent, {back} received")
        equal(there < length and back < length, True, "whether compression made the messages shorter")

    def long_text(self, count):
        """One frame. Its second half is sent after a part of the echo was received."""
        self.begin()
        message = b"\n".join(readings(count))
        self.protocol.send_text(message)
        frame = self.to_send()
        half = len(frame) // 2
        self.send_bytes(frame[:half])
        self.receive_until(lambda: len(self.echo) >= len(message) // 3)
        equal(self.echo, message[: len(self.echo)], "the echo of the first half")
        say(f"one message of {len(message)} bytes: {len(self.echo)} were echoed for the first half of its frame")
        self.send_bytes(frame[half:])
        self.finish(Opcode.TEXT, message)
        say(f"one message of {len(message)} bytes: all were echoed, in {len(self.opcodes)} fragments")

    def noise(self, length):
        """Sends incompressible data."""
        self.silently(Opcode.BINARY, random.Random(length).randbytes(length))
        say(f"{length} bytes of noise were echoed")


def readings(count):
    """Sensor readings: the same names again and again, with drifting values."""
    source = random.Random(count)
    volts = 3.3
    for number in range(count):
        volts += source.uniform(-0.02, 0.02)
        reading = {"id": f"sensor-{number % 5}", "seq": number, "volts": round(volts, 3), "ok": source.random() < 0.9}
        yield json.dumps(reading).encode()


def plain(client):
    equal(client.handshake(), "no compression", "the negotiated compression")
    conversation(client)
    client.long_frame(10_000)
    client.close()


def compressed(client):
    agreed = client.handshake()
    equal(agreed, "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9", "the negotiated compression")
    conversation(client)
    client.stream(200)
    client.long_text(500)
    client.noise(2_000)
    for length in (0, 1, 125, 126, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 5000):
        client.silently(Opcode.BINARY, bytes(length))
    client.stream(20)
    client.close()


def conversation(client):
    client.text("Hello, device!")
    client.text("串口上的网络套接字")
    word = "分割された文字".encode()
    client.parts(word[:4], word[4:11], word[11:])  # cut inside characters

def say(text):
    print(f"  client: {text}", flush=True)


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what} is {found!r:.200}, not {expected!r:.200}")


def check_ram(lines):
    told = [re.match(r"used (\d+) bytes of RAM", line) for line in lines]
    taken = [int(match[1]) for match in told if match]
    equal(len(taken) == 1 and 0 < taken[0] <= RAM, True, f"whether the device used at most {RAM} bytes of RAM")


def passes(command, session, compression=None):
    """Runs a session with a new device; returns whether it passed."""
    here, there = socket.socketpair()
    here.settimeout(PATIENCE)
    with here, Device(command, there) as device:
        there.close()
        client = Client(here, compression)
        try:
            session(client)
            equal(device.exit_status(), 0, "the device's exit status")
            summary = f"echoed {client.messages} messages of {client.bytes} bytes and {client.pings} Pings"
            equal(summary in device.lines, True, f"whether the device printed {summary!r}")
            check_ram(device.lines)
        except Exception as error:  # for any error, report the exit status of the device, too
            status = device.exit_status(patience=2)
            say(f"FAILED: {type(error).__name__}: {error}; the device's exit status is {status}")
            return False
    return True


def main(command):
    # Ends the emulator on SIGTERM, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return 0 if passes(command, plain) and passes(command, compressed, "deflate") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
