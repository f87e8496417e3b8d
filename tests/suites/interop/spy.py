# A relay that checks on the wire whether compression was negotiated and used.
# usage: with spy.relay(port) as wire: ... wire.port ... wire.judge(...)   (never run)
import contextlib
import re
import socket
import threading


class Wire:
    """All connections of a relay to one port."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.target))
                seen = (bytearray(), bytearray())
                self.connections.append(seen)
                for source, sink, bytes_seen in ((client, server, seen[0]), (server, client, seen[1])):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=pump, args=(source, sink, bytes_seen), daemon=True).start()

    def judge(self, most, least):
        """Checks that every connection negotiated compression, and that each side sent at least `least` messages,
        all compressed, in at most `most` bytes. Returns the answers of the servers."""
        answers = set()
        count, size = [0, 0], [0, 0]
        for seen in self.connections:
            heads = [bytes(stream).partition(b"\r\n\r\n") for stream in seen]
            if not heads[1][0].startswith(b"HTTP/1.1 101"):
                continue
            answer = re.search(rb"(?i)\r\nsec-websocket-extensions: *([^\r]*)", heads[1][0])
            if not answer:
                raise AssertionError(f"no compression was negotiated: {heads[1][0]!r}")
            answers.add(answer[1].decode())
            for side, (_, _, stream) in enumerate(heads):
                for first, length in frames(stream):
                    if first & 0x0F in (1, 2) and not first & 0x40:
                        raise AssertionError(f"side {side}: a message of {length} bytes is not compressed")
                    if first & 0x0F < 8:
                        count[side] += first >> 7
                        size[side] += length
        for side in (0, 1):
            if count[side] < least or size[side] > most:
                raise AssertionError(f"side {side}: {count[side]} messages, {size[side]} bytes, at most {most} wanted")
        return answers


def frames(stream):
    """(first byte, length of the payload) of each frame."""
    at = 0
    while at + 2 <= len(stream):
        first, second = stream[at], stream[at + 1]
        form = second & 0x7F
        extended = {126: 2, 127: 8}.get(form, 0)
        length = int.from_bytes(stream[at + 2 : at + 2 + extended], "big") if extended else form
        yield first, length
        at += 2 + extended + (4 if second & 0x80 else 0) + length


def pump(source, sink, seen):
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            seen += data
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay(target):
    wire = Wire(target)
    try:
        yield wire
    finally:
        wire.listener.close()
