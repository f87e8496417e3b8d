# WebSocket by hand over a plain socket, to send what no correct peer sends.
# usage: import raw   (never run)
import base64
import hashlib
import os
import socket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def request(path="/", key=KEY, version=b"13", extra=()):
    lines = [
        b"GET " + path.encode() + b" HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Version: " + version,
        *extra,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0):
    size = len(payload)
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 65536:
        head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class Peer:
    """A socket with a timeout, read by heads and frames."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(10)
        self.buffer = b""

    @classmethod
    def connect(cls, port):
        return cls(socket.create_connection(("127.0.0.1", port), 10))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return data

    def head(self):
        """The bytes up to the empty line."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                raise EOFError(f"TCP ended in the head: {self.buffer!r}")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    def rest(self):
        """All bytes up to the end of TCP."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def take(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise EOFError(f"TCP ended in a frame: {self.buffer!r}")
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def frame(self):
        """(opcode, FIN, payload) of the next frame, unmasked."""
        first, second = self.take(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        key = self.take(4) if second & 0x80 else bytes(4)
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(self.take(size)))
        return first & 0x0F, bool(first & 0x80), payload

    def open(self, path="/", extra=()):
        """The opening handshake as a client; returns the head of the response."""
        self.send(request(path, extra=extra))
        head = self.head()
        if not head.startswith(b"HTTP/1.1 101 "):
            raise AssertionError(f"no 101: {head!r}")
        return head

    def serve(self, key=None, extensions=None):
        """The opening handshake as a server; `key` replaces the correct Sec-WebSocket-Accept."""
        lines = self.head().split(b"\r\n")
        sent = next(x for x in lines if x.lower().startswith(b"sec-websocket-key:"))
        accept = key or accept_key(sent.partition(b":")[2].strip())
        chosen = b"Sec-WebSocket-Extensions: " + extensions + b"\r\n" if extensions else b""
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n" + chosen + b"\r\n"
        )

    def expect_close(self, code, skip=(), end=True):
        """Except for frames to skip, the next frame is a Close with this code, and TCP ends after it."""
        opcode, _, payload = self.frame()
        while opcode in skip:
            opcode, _, payload = self.frame()
        if opcode != CLOSE or int.from_bytes(payload[:2], "big") != code:
            raise AssertionError(f"no Close {code}: opcode {opcode}, {payload!r:.100}")
        rest = self.rest() if end else b""
        if rest:
            raise AssertionError(f"bytes after the Close: {rest!r:.100}")
