# A client of Python `websockets` at the other end of the serial line of examples/firmware.
# usage: firmware_client.py QEMU_COMMAND...   (run by scripts/firmware; `-serial` is added here)
"""Runs the emulator with its serial line on a socket pair, and a whole session over it.

The client is the library's protocol without its I/O: so a frame can be sent in two halves.
"""
import signal
import socket
import subprocess
import sys
import threading

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

PATIENCE = 20  # seconds, for each answer


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

    def __init__(self, line):
        self.line = line
        self.protocol = ClientProtocol(parse_uri("ws://device/"))
        self.messages = self.bytes = self.pings = 0

    def begin(self):
        self.echo, self.opcodes, self.complete, self.pongs = b"", [], False, []

    def to_send(self):
        return b"".join(self.protocol.data_to_send())

    def send(self):
        self.line.sendall(self.to_send())

    def receive(self):
        """What is in the bytes that come next: a response, frames, nothing yet."""
        data = self.line.recv(4096)
        if not data:
            self.protocol.receive_eof()
            return []
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
                say(f"handshake: {response.status_code} {response.reason_phrase}")

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
        self.line.sendall(frame[:half])
        self.receive_until(lambda: len(self.echo) >= ahead)
        equal(self.echo, payload[:ahead], "the echo of the first half")
        say(f"one frame of {length} bytes: {ahead} came back before the others were sent")
        self.line.sendall(frame[half:])
        self.finish(Opcode.BINARY, payload)
        say(f"one frame of {length} bytes: all came back, in {len(self.opcodes)} fragments")

    def close(self):
        self.protocol.send_close(1000, "done")
        self.send()
        while self.protocol.close_rcvd is None and self.protocol.state is not State.CLOSED:
            self.receive()
        equal(self.protocol.close_rcvd and self.protocol.close_rcvd.code, 1000, "the close code")
        say("close: 1000 came back")


def session(client):
    client.handshake()
    client.text("Hello, device!")
    client.text("串口上的网络套接字")
    word = "分割された文字".encode()
    client.parts(word[:4], word[4:11], word[11:])  # cut inside characters
    client.long_frame(10_000)
    client.close()


def say(text):
    print(f"  client: {text}", flush=True)


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what} is {found!r:.200}, not {expected!r:.200}")


def main(command):
    # So that the emulator is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    here, there = socket.socketpair()
    here.settimeout(PATIENCE)
    with here, Device(command, there) as device:
        there.close()
        client = Client(here)
        try:
            session(client)
            equal(device.exit_status(), 0, "the device's exit status")
            summary = f"echoed {client.messages} messages of {client.bytes} bytes and {client.pings} Pings"
            equal(summary in device.lines, True, f"that the device has {summary}")
        except Exception as error:  # whatever it is, the device's side of the story belongs to it
            status = device.exit_status(patience=2)
            say(f"FAILED: {type(error).__name__}: {error}; the device's exit status is {status}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
