#!/usr/bin/env python3
# Clients of an echo server that must not notice that its process is replaced.
# usage: clients.py PORT CONNECTIONS SECONDS canary|websockets     (prints JSON)
"""`websockets`: random messages in random fragments with pauses between them, and Pings; half of the clients compress; one in
ten follows the feed instead and checks that no number is missing, and two in ten send a single message, in fragments until the
end. `canary`: a short message every 2 ms, or every 20 ms on each of several connections.
"""
import asyncio
import json
import random
import sys
import time

import websockets

SIZES = (1, 5, 125, 126, 3000, 70000, 300000)


class Stats:
    def __init__(self):
        self.messages = self.fragments = self.pings = self.feed = 0
        self.round_trips = []

    def took(self, start):
        self.messages += 1
        self.round_trips.append(time.monotonic() - start)


async def fragments(message, dice, stats):
    step = max(1, len(message) // 3)
    for at in range(0, len(message), step):
        yield message[at : at + step]
        stats.fragments += 1
        if dice.random() < 0.3:
            await asyncio.sleep(dice.random() * 0.1)


async def talk(ws, dice, end, stats):
    while time.monotonic() < end:
        size = dice.choice(SIZES)
        message = ("Grüße " * size)[:size] if dice.random() < 0.5 else dice.randbytes(size)
        start = time.monotonic()
        if dice.random() < 0.6:
            await ws.send(fragments(message, dice, stats))
        else:
            await ws.send(message)
        if dice.random() < 0.3:
            await (await ws.ping())
            stats.pings += 1
        echo = await ws.recv()
        if echo != message:
            raise AssertionError(f"{len(echo)} for {size}")
        stats.took(start)


async def span(ws, dice, end, stats):
    """One message, which is open all the time."""
    parts = []

    async def fragments():
        while time.monotonic() < end:
            parts.append("".join(dice.choices("Grüße, 你好 🦀", k=dice.randrange(400))))
            yield parts[-1]
            stats.fragments += 1
            await asyncio.sleep(dice.random() * 0.1)

    await ws.send(fragments())
    echo, message = await ws.recv(), "".join(parts)
    if echo != message:
        raise AssertionError(f"{len(echo)} for {len(message)}")
    stats.messages += 1


async def follow(ws, end, stats):
    last = None
    while time.monotonic() < end:
        number = json.loads(await ws.recv())["seq"]
        if last is not None and number != last + 1:
            raise AssertionError(f"{number} after {last}")
        last = number
        stats.feed += 1


async def peep(ws, end, pause, stats):
    while time.monotonic() < end:
        start = time.monotonic()
        await ws.send("peep")
        if await ws.recv() != "peep":
            raise AssertionError("a wrong echo")
        stats.took(start)
        await asyncio.sleep(pause)


async def client(number, connections, port, end, kind, stats):
    follows = kind == "websockets" and number % 10 == 9
    compression = "deflate" if kind == "websockets" and number % 2 else None
    url = f"ws://127.0.0.1:{port}/{'feed' if follows else ''}"
    options = {"max_size": None, "ping_interval": None, "open_timeout": 60, "close_timeout": 60, "proxy": None}
    async with websockets.connect(url, compression=compression, **options) as ws:
        if follows:
            await follow(ws, end, stats)
        elif kind == "websockets" and number % 10 in (7, 8):
            await span(ws, random.Random(number), end, stats)
        elif kind == "canary":
            await peep(ws, end, 0.002 if connections == 1 else 0.02, stats)
        else:
            await talk(ws, random.Random(number), end, stats)
    if ws.close_code != 1000:
        raise AssertionError(f"closed with {ws.close_code}")


async def main():
    port, connections, seconds, kind = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    stats, end = Stats(), time.monotonic() + seconds
    runs = (client(number, connections, port, end, kind, stats) for number in range(connections))
    results = await asyncio.gather(*runs, return_exceptions=True)
    errors = [repr(result) for result in results if result is not None]
    times = sorted(stats.round_trips)
    found = {"errors": len(errors), "first": errors[:3]}
    found |= {name: getattr(stats, name) for name in ("messages", "fragments", "pings", "feed")}
    found |= {"p50_ms": round(1e3 * times[len(times) // 2], 1), "max_ms": round(1e3 * times[-1], 1)}
    print(json.dumps(found))


asyncio.run(main())
