# A client of Python `websockets` at the other end of the serial line of examples/firmware.
# usage: firmware_client.py QEMU_COMMAND...   (run by scripts/check/firmware; `-serial` is added here)
"""Runs the emulator with its serial line on a socket pair, and a whole session over it: one plain, one with compression.

The client is the library's protocol without its I/O: so a frame can be sent in two halves.
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

PATIENCE = 20  # seconds, for each answer
RAM = 16 << 10  # bytes that the firmware may take in all


class Device:
    """The emulator. What the firmware prints is shown, and kept in `lines`."""

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
        """0 for success; a device that does not come to its end is stopped."""
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
    """The protocol on a socket, with what has come back of the message under way in `echo`."""

    def __init__(self, line, compression=None):
        self.line = line
        # What `connect` of websockets offers by default, or nothing.
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
        """What is in the bytes that come next: a response, frames, nothing yet."""
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
            equal(self.protocol.state, State.OPEN, "the state")
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
        raise AssertionError("there is no response")

    def text(self, text):
        self.begin()
        self.protocol.send_text(text.encode())
        self.send()
        self.finish(Opcode.TEXT, text.encode())
        say(f"text: {text} came back")

    def parts(self, first, *others):
        """One text in fragments. Behind each but the last stands a Ping, and the next is sent after its Pong."""
        self.begin()
        self.protocol.send_text(first, fin=False)
        for number, part in enumerate(others, 1):
            self.protocol.send_ping(b"ping %d" % number)
            self.pings += 1
            self.send()
            self.receive_until(lambda: len(self.pongs) >= number)
            equal(self.pongs[number - 1 :], [b"ping %d" % number], "the Pong")
            say(f"fragments: Pong {number} came before fragment {number + 1} was sent")
            self.protocol.send_continuation(part, fin=number == len(others))
        self.send()
        message = b"".join((first, *others))
        self.finish(Opcode.TEXT, message)
        say(f"fragments: {message.decode()} came back")

    def long_frame(self, length):
        """One frame. Its second half is sent when all of the first has come back."""
        self.begin()
        payload = bytes(n * 7 % 251 for n in range(length))
        self.protocol.send_binary(payload)
        frame = self.to_send()
        half = len(frame) // 2
        ahead = half - (len(frame) - length)
        self.send_bytes(frame[:half])
        self.receive_until(lambda: len(self.echo) >= ahead)
        equal(self.echo, payload[:ahead], "the echo of the first half")
        say(f"one frame of {length} bytes: {ahead} came back before the others were sent")
        self.send_bytes(frame[half:])
        self.finish(Opcode.BINARY, payload)
        say(f"one frame of {length} bytes: all came back, in {len(self.opcodes)} fragments")

    def close(self):
        self.protocol.send_close(1000, "done")
        self.send()
        while self.protocol.close_rcvd is None and self.protocol.state is not State.CLOSED:
            self.receive()
        equal(self.protocol.close_rcvd and self.protocol.close_rcvd.code, 1000, "the close code")
        say("close: 1000 came back")


    def silently(self, opcode, message):
        """A message, its first bytes in a fragment of their own now and then."""
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
        """JSON of a sensor, message by message."""
        before, bytes_before = dict(self.wire), self.bytes
        for message in readings(count):
            self.silently(Opcode.TEXT, message)
        there, back = (self.wire[way] - before[way] for way in ("sent", "received"))
        length = self.bytes - bytes_before
        say(f"{count} messages of {length} bytes: {there} bytes there, {back} back")
        equal(there < length and back < length, True, "that fewer bytes were sent than the messages have")

    def long_text(self, count):
        """One frame. A part of its echo comes before its second half is sent."""
        self.begin()
        message = b"\n".join(readings(count))
        self.protocol.send_text(message)
        frame = self.to_send()
        half = len(frame) // 2
        self.send_bytes(frame[:half])
        self.receive_until(lambda: len(self.echo) >= len(message) // 3)
        equal(self.echo, message[: len(self.echo)], "the echo of the first half")
        say(f"one message of {len(message)} bytes: {len(self.echo)} came back for the first half of its frame")
        self.send_bytes(frame[half:])
        self.finish(Opcode.TEXT, message)
        say(f"one message of {len(message)} bytes: all came back, in {len(self.opcodes)} fragments")

    def noise(self, length):
        """What cannot be compressed."""
        self.silently(Opcode.BINARY, random.Random(length).randbytes(length))
        say(f"{length} bytes of noise came back")


def readings(count):
    """What a device may tell: the same names over and over, and values that drift."""
    source = random.Random(count)
    volts = 3.3
    for number in range(count):
        volts += source.uniform(-0.02, 0.02)
        reading = {"id": f"sensor-{number % 5}", "seq": number, "volts": round(volts, 3), "ok": source.random() < 0.9}
        yield json.dumps(reading).encode()


def plain(client):
    equal(client.handshake(), "no compression", "what was agreed on")
    conversation(client)
    client.long_frame(10_000)
    client.close()


def compressed(client):
    agreed = client.handshake()
    equal(agreed, "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9", "what was agreed on")
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
    told = [re.match(r"took (\d+) bytes of RAM", line) for line in lines]
    taken = [int(match[1]) for match in told if match]
    equal(len(taken) == 1 and 0 < taken[0] <= RAM, True, f"that the device took at most {RAM} bytes of RAM")


def passes(command, session, compression=None):
    """Whether a session with a device of its own goes as it should."""
    here, there = socket.socketpair()
    here.settimeout(PATIENCE)
    with here, Device(command, there) as device:
        there.close()
        client = Client(here, compression)
        try:
            session(client)
            equal(device.exit_status(), 0, "the device's exit status")
            summary = f"echoed {client.messages} messages of {client.bytes} bytes and {client.pings} Pings"
            equal(summary in device.lines, True, f"that the device has {summary}")
            check_ram(device.lines)
        except Exception as error:  # whatever it is, the device's side of the story belongs to it
            status = device.exit_status(patience=2)
            say(f"FAILED: {type(error).__name__}: {error}; the device's exit status is {status}")
            return False
    return True


def main(command):
    # So that the emulator is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return 0 if passes(command, plain) and passes(command, compressed, "deflate") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
