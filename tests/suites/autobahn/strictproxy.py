#!/usr/bin/env python3
# A TCP relay between the Autobahn runner and barews that checks every byte of barews.
# usage: strictproxy.py server|client TARGET_PORT [LISTEN_PORT]     (SIGTERM ends it and prints the verdict)
"""The runner checks messages and close codes. The relay checks the rest, on each byte sent by the side
under test, `server` or `client`:

- the opening handshake: request line and fields, or 101 with the right Sec-WebSocket-Accept; only
  extensions, parameters and subprotocols that were offered;
- each frame: mask bit by role, RSV bits, opcode, minimal length, control frames whole and at most 125
  bytes, order of fragments, text (when not compressed) and close reasons in UTF-8, close codes, nothing
  after the Close;
- the end: after both Closes a server drops TCP within 3 s, and a client waits for that at least 0.5 s;
- masking keys: drawn afresh, over all connections of the run.

Prints `listening on 127.0.0.1:PORT` when ready, at the end one line per violation (40 at most), then
`wire: C connections, F frames` and `N passed, M failed`, counted per connection.
"""
import asyncio
import base64
import binascii
import codecs
import hashlib
import re
import signal
import socket
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE_CODES = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
FAILURE_CODES = {1002, 1003, 1007, 1008, 1009, 1010, 1011}
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
READ = 1 << 18
SHOWN = 40
KEYS_KEPT = 4096


def parse_head(head):
    """The first line, and a dict of lower-case names to the list of their values."""
    first, *lines = head.split(b"\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), []).append(value.strip())
    return first, fields


def elements(fields, name):
    """The elements of a comma-separated list that may be spread over several field lines."""
    joined = b",".join(fields.get(name, []))
    return [part.strip() for part in joined.split(b",") if part.strip()]


def single(fields, name):
    values = fields.get(name, [])
    return values[0] if len(values) == 1 else None


def unmask(payload, key):
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def split_frame(buffer):
    """(first byte, mask key or None, length form, payload) and removes the frame; None while incomplete."""
    if len(buffer) < 2:
        return None
    form = buffer[1] & 0x7F
    length_end = {126: 4, 127: 10}.get(form, 2)
    key_end = length_end + (4 if buffer[1] & 0x80 else 0)
    if len(buffer) < key_end:
        return None
    size = form if form < 126 else int.from_bytes(buffer[2:length_end], "big")
    if len(buffer) < key_end + size:
        return None
    first = buffer[0]
    key = bytes(buffer[length_end:key_end]) or None
    payload = bytes(buffer[key_end : key_end + size])
    del buffer[: key_end + size]
    return first, key, form, payload


class Wire:
    """The state of one connection, and the violations on it."""

    def __init__(self, role):
        self.role = role
        self.violations = []
        self.buffers = {"client": bytearray(), "server": bytearray()}
        self.heads = {}
        self.closes = {}  # side -> code, or None for an empty Close
        self.deflate = False
        self.open_message = None
        self.utf8 = None
        self.frames = 0
        self.keys = []

    def complain(self, what):
        if what not in self.violations:
            self.violations.append(what)

    def feed(self, side, data):
        buffer = self.buffers[side]
        buffer += data
        if side not in self.heads:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self.heads[side] = parse_head(bytes(buffer[:end]))
            del buffer[: end + 4]
            self.judge_handshake(side)
        if side == self.role:
            while frame := split_frame(buffer):
                self.judge_frame(*frame)
        else:
            self.watch_tester(side, buffer)

    def watch_tester(self, side, buffer):
        """The tester may break every rule; only its first Close matters."""
        while side not in self.closes and (frame := split_frame(buffer)):
            first, key, _, payload = frame
            if first & 0x0F == CLOSE:
                payload = unmask(payload, key) if key else payload
                self.closes[side] = int.from_bytes(payload[:2], "big") if len(payload) > 1 else None
        if side in self.closes:
            buffer.clear()

    def judge_handshake(self, side):
        if side == "server":
            offer = elements(self.heads["server"][1], b"sec-websocket-extensions")
            self.deflate = any(x.split(b";")[0].strip() == b"permessage-deflate" for x in offer)
        if side != self.role:
            return
        line, fields = self.heads[side]
        if (single(fields, b"upgrade") or b"").lower() != b"websocket":
            self.complain("Upgrade is not websocket")
        if b"upgrade" not in [x.lower() for x in elements(fields, b"connection")]:
            self.complain("Connection lacks Upgrade")
        if side == "client":
            self.judge_request(line, fields)
        else:
            self.judge_response(line, fields, self.heads.get("client", (b"", {}))[1])

    def judge_request(self, line, fields):
        if not re.fullmatch(rb"GET \S+ HTTP/1\.1", line):
            self.complain(f"request line {line!r}")
        if not single(fields, b"host"):
            self.complain("not exactly one Host")
        if single(fields, b"sec-websocket-version") != b"13":
            self.complain("version is not 13")
        try:
            nonce = base64.b64decode(single(fields, b"sec-websocket-key") or b"", validate=True)
        except binascii.Error:
            nonce = b""
        if len(nonce) != 16:
            self.complain("key is not base64 of 16 bytes")

    def judge_response(self, line, fields, request):
        if not line.startswith(b"HTTP/1.1 101"):
            self.complain(f"status line {line!r}")
        key = single(request, b"sec-websocket-key") or b""
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        if single(fields, b"sec-websocket-accept") != accept:
            self.complain("wrong Sec-WebSocket-Accept")
        offers = elements(request, b"sec-websocket-extensions")
        names = {x.split(b";")[0].strip() for x in offers}
        for answer in elements(fields, b"sec-websocket-extensions"):
            if answer.split(b";")[0].strip() not in names:
                self.complain(f"extension {answer!r} was not offered")
            if b"client_max_window_bits" in answer and not any(
                b"client_max_window_bits" in x for x in offers
            ):
                self.complain("client_max_window_bits was not offered")
        chosen = fields.get(b"sec-websocket-protocol")
        if chosen and (
            len(chosen) > 1 or chosen[0] not in elements(request, b"sec-websocket-protocol")
        ):
            self.complain(f"subprotocol {chosen!r} was not offered")

    def judge_frame(self, first, key, form, payload):
        self.frames += 1
        size = len(payload)
        fin, rsv, opcode = first & 0x80, first >> 4 & 7, first & 0x0F
        if (key is not None) != (self.role == "client"):
            self.complain(f"mask bit wrong for a {self.role}")
        if (form == 126 and size < 126) or (form == 127 and size < 65536):
            self.complain(f"{size} bytes in length form {form}")
        if rsv & 3 or (rsv & 4 and not (self.deflate and opcode in (TEXT, BINARY))):
            self.complain(f"RSV {rsv:03b} on opcode {opcode}")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            self.complain(f"opcode {opcode}")
        if self.role in self.closes:
            self.complain(f"opcode {opcode} after the Close")
        if key:
            self.keys.append(key)
        if opcode >= CLOSE:
            if not fin:
                self.complain("fragmented control frame")
            if size > 125:
                self.complain(f"control frame of {size} bytes")
            if opcode == CLOSE:
                self.judge_close(unmask(payload, key) if key else payload)
            return
        if (opcode == CONTINUATION) != (self.open_message is not None):
            self.complain(f"opcode {opcode} out of order")
        if opcode != CONTINUATION:
            plain_text = opcode == TEXT and not rsv & 4
            self.utf8 = codecs.getincrementaldecoder("utf-8")() if plain_text else None
        self.open_message = None if fin else opcode
        if self.utf8:
            try:
                self.utf8.decode(unmask(payload, key) if key else payload, bool(fin))
            except UnicodeDecodeError:
                self.complain("text is not UTF-8")
                self.utf8 = None

    def judge_close(self, payload):
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else None
        self.closes.setdefault(self.role, code)
        if len(payload) == 1:
            self.complain("Close with one byte")
        if code is not None and code not in CLOSE_CODES:
            self.complain(f"close code {code}")
        try:
            payload[2:].decode("utf-8")
        except UnicodeDecodeError:
            self.complain("close reason is not UTF-8")

    def both_closed(self):
        return len(self.closes) == 2


class Relay:
    """All connections of a run."""

    def __init__(self, role, target):
        self.role, self.target = role, target
        self.connections = self.bad = self.frames = 0
        self.lines = []
        self.keys = []
        self.tasks = set()

    async def accept(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        wire = Wire(self.role)
        try:
            await self.relay(wire, reader, writer)
        except asyncio.CancelledError:
            wire.complain("TCP still open at the end of the run")
        finally:
            self.tasks.discard(task)
            self.account(wire)

    async def relay(self, wire, client_in, client_out):
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError as error:
            wire.complain(f"cannot connect: {error}")
            client_out.close()
            return
        for writer in (client_out, server_out):
            option = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            writer.get_extra_info("socket").setsockopt(*option)
        ends = {"client": asyncio.Event(), "server": asyncio.Event()}
        await asyncio.gather(
            self.pump(wire, "client", client_in, server_out, ends),
            self.pump(wire, "server", server_in, client_out, ends),
        )
        client_out.close()
        server_out.close()

    async def pump(self, wire, side, reader, writer, ends):
        loop = asyncio.get_running_loop()
        last = loop.time()
        try:
            while data := await reader.read(READ):
                last = loop.time()
                wire.feed(side, data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # a reset ends a direction as well
        ends[side].set()
        if wire.both_closed():
            if self.role == "server" and side == "client":
                # The tester's end is not forwarded: the server must close TCP on its own.
                try:
                    await asyncio.wait_for(ends["server"].wait(), 3)
                except asyncio.TimeoutError:
                    wire.complain("no TCP end within 3 s of the closing handshake")
            normal = wire.closes["client"] not in FAILURE_CODES
            patient = loop.time() - last >= 0.5
            if self.role == side == "client" and normal and not patient and not ends["server"].is_set():
                wire.complain("the client dropped TCP before the server did")
        try:
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            pass

    def account(self, wire):
        self.connections += 1
        self.frames += wire.frames
        self.keys += wire.keys[: max(0, KEYS_KEPT - len(self.keys))]
        if wire.violations:
            line = wire.heads.get("client", (b"?", {}))[0].decode("latin-1")
            self.fault(f"{line}: {'; '.join(wire.violations[:4])}")

    def fault(self, line):
        self.bad += 1
        self.lines.append(line)

    def verdict(self):
        fresh = len(set(self.keys))
        if len(self.keys) >= 8 and fresh <= len(self.keys) // 4:
            self.connections += 1
            self.fault(f"only {fresh} different masking keys in {len(self.keys)} frames")
        for line in self.lines[:SHOWN]:
            print("FAIL wire", line)
        print(f"wire: {self.connections} connections, {self.frames} frames")
        print(f"{self.connections - self.bad} passed, {self.bad} failed", flush=True)
        return 1 if self.bad or not self.connections else 0


async def main(role, target, listen):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    relay = Relay(role, target)
    server = await asyncio.start_server(relay.accept, "127.0.0.1", listen, limit=1 << 20)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on 127.0.0.1:{port}", flush=True)
    await stop.wait()
    server.close()
    await asyncio.sleep(0.2)
    if relay.tasks:
        _, late = await asyncio.wait(set(relay.tasks), timeout=4)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    return relay.verdict()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("server", "client"):
        sys.exit("usage: strictproxy.py server|client TARGET_PORT [LISTEN_PORT]")
    port = int(sys.argv[3]) if len(sys.argv) == 4 else 0
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), port)))
