# Tests every control of echo_server's page in a browser.
# usage: import playground; playground.check(report, page, port, out)   (called by browser.py)
"""echo_server is started with the arguments SERVER. A peer in this file does what it never does: wrong echoes, a
Close with a reason, a feed with a gap.
"""
import contextlib
import json
import re
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from report import bytes_of, equal

FEED_EVERY = 20
SERVER = ("--protocol", "chat", "--protocol", "superchat", "--feed-every", str(FEED_EVERY))
TEXT = "Grüße €😀 through the page"
CONTROLS = (
    "url protocols connect text send hex send-bytes files size kind total burst flight stress code reason close"
    " follow away drop-feed numbers clear log"
).split()
LOG = """[...document.querySelectorAll('#log li')].map(li => Object.fromEntries(
    [['row', li.className.trim()], ...[...li.children].map(e => [e.className, e.textContent])]))"""
PIXELS = """(() => {
    const canvas = document.getElementById('plot'), pen = canvas.getContext('2d');
    pen.fillStyle = getComputedStyle(canvas).getPropertyValue('--accent');
    const color = [1, 3, 5].map(i => parseInt(pen.fillStyle.slice(i, i + 2), 16));
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += color.every((part, j) => data[i + j] === part);
    return count;
})()"""


def check(report, page, port, out):
    def case(what):
        return report.case(f"chromium, page: {what}")

    with peer() as (other, closes):
        opens(case, page, port)
        messages(case, page)
        files(case, page, out)
        round_trips(case, page)
        with without_frames(page):
            load(case, page)
        closing(case, page)
        connections(case, page, f"127.0.0.1:{port}", other, closes)
        with without_frames(page):
            liar(case, page, other)
        feed(case, page, f"127.0.0.1:{port}", other)
        with without_frames(page):
            looks(case, page, out)
    with case("no script error"):
        equal(page.exceptions(), [], "exceptions")


def opens(case, page, port):
    with case("opens and connects"):
        page.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
        page.wait("document.readyState === 'complete'")
        equal(page.value("document.title"), "barews playground", "title")
        state(page, "open")
        equal(page.value("document.getElementById('url').value"), f"ws://127.0.0.1:{port}/", "URL")
    with case("every control has a name and is reached by Tab"):
        page.value("document.getElementById('follow').click()")
        reached = []
        page.value("document.body.tabIndex = -1; document.body.focus()")
        for _ in range(2 * len(CONTROLS)):
            page.press("Tab")
            reached.append(page.value("document.activeElement.id"))
        equal([name for name in CONTROLS if name not in reached], [], "not reached")
        nameless = """[...document.querySelectorAll('input, select, button, ol, canvas')]
            .filter(e => !(e.ariaLabel || e.labels?.length || e.textContent)).map(e => e.id)"""
        equal(page.value(nameless), [], "controls without a name")
        page.value("document.getElementById('follow').click()")


def messages(case, page):
    with case("text goes out and comes back into the log"):
        page.type("text", TEXT)
        page.click("send")
        back = row(page, "in", "text", TEXT)
        equal(back["size"], f"{len(TEXT.encode())} B", "size")
        if not re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", back["time"]) or not back["took"].endswith(" ms"):
            raise AssertionError(f"row {back}")
        row(page, "out", "text", TEXT)
        equal(page.received(1)[-1], TEXT.encode(), "frame")
    with case("Enter sends"):
        page.type("text", "by the key")
        page.press("Enter", "\r")
        row(page, "in", "text", "by the key")
    with case("long text is shown in part"):
        page.type("text", "長" * 200)
        page.click("send")
        equal(row(page, "in", "text", "長" * 120 + "…")["size"], "600 B", "size")
    with case("binary from hex"):
        page.type("hex", "00 7f80\tFF 10")
        page.click("send-bytes")
        equal(row(page, "in", "binary", "00 7f 80 ff 10")["size"], "5 B", "size")
        equal(page.received(2)[-1], b"\0\x7f\x80\xff\x10", "frame")
    with case("invalid hex is refused"):
        for wrong in ("0", "0g", "00 1"):
            refused(page, "hex", wrong, "send-bytes")
    with case("shows neither Ping nor Pong, and says so"):
        if "neither Ping nor Pong" not in page.text():
            raise AssertionError("the page does not say so")


def files(case, page, out):
    paths = [out / "page-70000.bin", out / "page-3.bin"]
    paths[0].write_bytes(bytes_of(70000))
    paths[1].write_bytes(b"\xfb\xff\xfe")
    preview = " ".join(f"{byte:02x}" for byte in range(32)) + " …"

    def came(before):
        wait_for(lambda: len(page.received(2)) == before + 2, page)
        row(page, "in", "binary", "fb ff fe")
        equal(row(page, "in", "binary", preview)["size"], "70,000 B", "size")
        equal(page.received(2)[-2:], [p.read_bytes() for p in paths], "messages")
        page.click("clear")

    with case("files, chosen"):
        before = len(page.received(2))
        page.choose("files", paths)
        came(before)
    with case("files, dropped"):
        before = len(page.received(2))
        page.drop("drop", paths)
        came(before)
    with case("files that came back are the same"):
        equal(text_of(page, "differ"), "0", "differ")


def round_trips(case, page):
    with case("round-trip times: last, p50, p99"):
        for name in ("rtt", "p50", "p99"):
            if not re.fullmatch(r"[\d.]+ ms", text_of(page, name)):
                raise AssertionError(f"{name} is {text_of(page, name)!r}")
    with case("round-trip times: every one adds a point to the plot"):
        before = page.value(PIXELS)
        equal(before > 0, True, "points before")
        for _ in range(20):
            page.value("document.getElementById('send').click()")
        page.wait("document.getElementById('waiting').textContent === '0'")
        wait_for(lambda: page.value(PIXELS) > before, page)


def load(case, page):
    for kind, size in (("text", 40), ("binary", 125), ("binary", 0)):
        with case(f"burst: 1000 {kind} messages of {size} bytes"):
            page.type("size", str(size))
            page.value(f"document.getElementById('kind').value = '{kind}'")
            page.click("burst")
            wanted = rf"1000 of 1000 × {size} B back in [\d.]+ ms, 0 errors"
            wait_for(lambda: re.fullmatch(wanted, text_of(page, "result")), page)
            row(page, "", "burst", text_of(page, "result"))
    with case("burst: more than 64 MiB is refused"):
        page.type("size", "1000000")
        refused(page, "total", "68", "burst")
        page.type("total", "1000")
    for kind, size, flight in (("text", 125, 16), ("binary", 65536, 8)):
        with case(f"stress: {flight} {kind} messages of {size} bytes in flight"):
            page.type("size", str(size))
            page.value(f"document.getElementById('kind').value = '{kind}'")
            page.type("flight", str(flight))
            before = number(page, "count")
            page.click("stress")
            equal(text_of(page, "stress"), "Stop", "button")
            time.sleep(2)
            rate, volume, errors = (number(page, name) for name in ("rate", "volume", "errors"))
            page.click("stress")
            page.wait("document.getElementById('waiting').textContent === '0'")
            back = number(page, "count") - before
            equal((errors, number(page, "differ")), (0, 0), "errors")
            equal(rate > 0 and abs(volume - rate * size / 1e6) <= 0.01 + volume / 1000, True, f"{rate}/s {volume} MB/s")
            equal(back > flight, True, f"{back} back")
            row(page, "", "stress", text=f"× {size} B back in")
    with case("log: the newest 500 rows, quickly"):
        page.value("for (let i = 0; i < 600; i += 1) document.getElementById('send').click()")
        page.wait("document.getElementById('waiting').textContent === '0'")
        equal(page.value("document.getElementById('log').childElementCount"), 500, "rows")
        equal(row(page, "in", "text", "長" * 120 + "…") == page.value(LOG)[0], True, "newest first")


def closing(case, page):
    with case("close: a code that a page may not send is refused"):
        for wrong in ("999", "1001", "1005", "2999", "5000", "3000.5", ""):
            refused(page, "code", wrong, "close")
        page.type("code", "4001")
    with case("close: a reason of 124 bytes is refused"):
        refused(page, "reason", "€" * 41 + "a", "close")
        equal(text_of(page, "reason-length"), "124", "counted")
    with case("close: 4001 with 123 bytes of reason"):
        page.type("reason", "€" * 41)
        page.click("close")
        state(page, "closed")
        equal(row(page, "out", "close", "4001 " + "€" * 41)["size"], "125 B", "size")
        # echo_server echoes the code only.
        equal(row(page, "in", "close", "4001 (clean)")["size"], "2 B", "size")
        equal(page.value("document.querySelectorAll('fieldset.open:not(:disabled)').length"), 0, "enabled")


def connections(case, page, ours, other, closes):
    with case("reconnects with the subprotocol that the server chooses"):
        connect(page, f"ws://{ours}/", "none-such, superchat chat")
        state(page, "open")
        page.wait("document.getElementById('agreed').textContent.includes('superchat')")
    with case("disconnects"):
        page.click("connect")
        state(page, "closed")
        equal(text_of(page, "connect"), "Connect", "button")
    with case("a subprotocol that the server does not choose: closed by the browser, 1006"):
        page.click("clear")
        connect(page, f"ws://{ours}/", "none-such")
        row(page, "in bad", "close", "1006 (not clean)")
        state(page, "closed")
    with case("an invalid WebSocket URL is refused"):
        refused(page, "url", "http://127.0.0.1/", "connect")
    with case("another server receives the code and reason that the page sends"):
        connect(page, f"ws://{other}/echo")
        state(page, "open")
        page.type("code", "3999")
        page.type("reason", "gesehen, 見た")
        page.click("close")
        state(page, "closed")
        wait_for(lambda: closes, page)
        equal(closes, [(3999, "gesehen, 見た")], "closes")
        row(page, "in", "close", "3999 gesehen, 見た (clean)")
    with case("code and reason of a Close from the server"):
        connect(page, f"ws://{other}/close")
        equal(row(page, "in", "close", "4002 made by the peer, 先に (clean)")["size"], "26 B", "size")
        state(page, "closed")


def liar(case, page, other):
    with case("wrong echoes are found: by hand, burst, stress"):
        page.click("clear")
        connect(page, f"ws://{other}/liar")
        state(page, "open")
        before = number(page, "differ")
        page.type("text", "honest")
        for _ in range(3):
            page.click("send")
        row(page, "in bad", "text", "differs: honesT")
        page.type("size", "20")
        page.type("total", "300")
        page.click("burst")
        wait_for(lambda: re.match(r"200 of 300 .* 100 errors", text_of(page, "result")), page)
        page.click("stress")
        page.wait("parseInt(document.getElementById('errors').textContent) > 0")
        page.click("stress")
        page.wait("document.getElementById('waiting').textContent === '0'")
        equal(number(page, "differ") >= before + 101 + number(page, "errors"), True, "counted")
    with case("messages in flight when the connection ends are counted as lost"):
        page.type("text", "drop me")
        page.value("document.getElementById('burst').click(); document.getElementById('send').click()")
        page.value("document.getElementById('stress').click()")
        page.wait("document.getElementById('waiting').textContent === '0'")
        state(page, "closed")
        equal(text_of(page, "stress"), "Stress", "button")


def feed(case, page, ours, other):
    with case("feed: continues without a gap or a repeat after forced reconnects"):
        page.type("url", f"ws://{ours}/")
        page.type("away", "0.4")
        page.events.clear()
        page.click("follow")
        for turn in range(4):
            seen = number(page, "received")
            page.wait(f"parseInt(document.getElementById('received').textContent) > {seen} + 30")
            equal(number(page, "resumed"), turn, "resumed")
            if turn < 3:
                page.click("drop-feed")
                page.wait(f"document.getElementById('resumed').textContent === '{turn + 1}'")
        page.click("follow")
        received = int(number(page, "received"))
        equal((number(page, "missed"), number(page, "repeated")), (0, 0), "missed, repeated")
        frames = [json.loads(text)["seq"] for text in page.received(1)]
        shown = page.value("[...document.querySelectorAll('#numbers li:not(.again)')].map(e => +e.textContent)")
        newest = int(number(page, "newest"))
        equal(shown, list(range(newest, newest - len(shown), -1)), "shown")
        equal(sorted(set(frames))[:received], list(range(frames[0], frames[0] + received)), "on the wire")
        asked = [re.findall(r"\?after=(\d+)$", url) for url in opened(page)]
        equal([len(numbers) for numbers in asked], [0, 1, 1, 1], f"asked for {asked}")
    with case("feed: missed messages arrive after the requested number"):
        # Each interruption takes 20 messages, more than twice the time in which they must arrive.
        for url in opened(page)[1:]:
            equal(arrived_within(page, url, 0.2) > 300 / FEED_EVERY, True, f"caught up by {url}")
    with case("feed: a gap and a repeat are shown, a lost connection is resumed"):
        page.type("url", f"ws://{other}/")
        page.click("follow")
        page.wait("document.getElementById('newest').textContent === '11'")
        facts = [number(page, name) for name in ("received", "missed", "repeated", "resumed")]
        equal(facts, [6, 6, 1, 1], "received, missed, repeated, resumed")
        shown = page.value("[...document.querySelectorAll('#numbers li')].map(e => e.textContent)")
        equal(shown, ["11", "11", "10", "6 missed", "↻ after=3", "3", "2", "1"], "shown")
        page.click("follow")


def looks(case, page, out):
    """Takes screenshots of the page in use."""
    page.call("Page.reload")
    page.wait("document.readyState === 'complete'")
    state(page, "open")
    page.value("for (let i = 0; i < 100; i += 1) document.getElementById('send').click()")
    page.choose("files", [out / "page-70000.bin"])
    page.type("flight", "4")
    page.type("away", "0.3")
    for button, seconds in (("follow", 0.3), ("burst", 1), ("stress", 1.6), ("stress", 0.3), ("drop-feed", 0.5)):
        page.click(button)
        time.sleep(seconds)
    page.click("send-bytes")
    page.click("send")
    row(page, "in", "text")
    page.value("document.activeElement.blur(); scrollTo(0, 0)")
    page.call("Emulation.setScrollbarsHidden", hidden=True)
    for name, width, scheme in (("page", 1180, "light"), ("page-dark", 1180, "dark"), ("page-360", 360, "light")):
        with case(f"{name}.png: {width} px, {scheme}, nothing is cut off"):
            page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            page.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
            )
            time.sleep(0.3)
            page.screenshot(out / f"{name}.png", captureBeyondViewport=True)
            too_wide = f"""[...document.body.querySelectorAll('*')]
                .filter(e => e.getBoundingClientRect().right > {width}).map(e => e.id || e.className)"""
            equal(page.value(too_wide), [], "beyond the edge")
            page_color = page.value("getComputedStyle(document.body).backgroundColor")
            equal(page_color, "rgb(14, 18, 24)" if scheme == "dark" else "rgb(243, 245, 248)", "background")
    page.call("Emulation.clearDeviceMetricsOverride")


@contextlib.contextmanager
def peer():
    """Runs a server that does what echo_server does not; gives its address and the Closes that /echo received."""
    closes = []

    def answer(ws):
        path, _, query = ws.request.path.partition("?")
        with contextlib.suppress(ConnectionClosed):
            if path == "/close":
                ws.close(4002, "made by the peer, 先に")
            elif path == "/feed":
                missed = [{"gap": 10}, *({"seq": n} for n in (10, 11, 11))]
                for message in missed if query == "after=3" else [{"seq": n} for n in (1, 2, 3)]:
                    ws.send(json.dumps(message))
                if not query:
                    ws.close(1001)
                ws.recv()
            else:
                echo(ws, path == "/liar")
        if path == "/echo":
            closes.append((ws.close_code, ws.close_reason))

    with serve(answer, "127.0.0.1", 0, compression=None, max_size=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.socket.getsockname()[1]}", closes
        server.shutdown()


def echo(ws, lies):
    """Echoes messages; a liar corrupts every third one, and drops the transport on request."""
    for count, message in enumerate(ws, 1):
        if message == "drop me":
            ws.socket.shutdown(2)
        if lies and count % 3 == 0:
            message = message[:-1] + ("T" if isinstance(message, str) else bytes([message[-1] ^ 1]))
        ws.send(message)


@contextlib.contextmanager
def without_frames(page):
    """Turns off the DevTools events for every frame, which would dominate the speed of the page."""
    page.call("Network.disable")
    yield
    page.call("Network.enable")


def connect(page, url, protocols=""):
    page.type("url", url)
    page.type("protocols", protocols)
    page.click("connect")


def state(page, wanted):
    page.wait(f"document.getElementById('status').textContent === '{wanted}'")


def refused(page, field, value, button):
    """The form rejects the value: the browser reports it, and nothing is sent."""
    page.type(field, value)
    rows = page.value(LOG)
    page.click(button)
    equal(page.value(f"document.getElementById('{field}').checkValidity()"), False, f"{value!r} taken")
    time.sleep(0.1)
    equal(page.value(LOG), rows, "log")


def row(page, way, kind, preview=None, text=""):
    """The newest row of the log that matches."""
    found = []

    def look():
        found[:] = [
            row
            for row in page.value(LOG)
            if (row["row"], row["kind"]) == (way, kind) and preview in (None, row["preview"]) and text in row["preview"]
        ]
        return found

    wait_for(look, page)
    return found[0]


def text_of(page, name):
    return page.value(f"document.getElementById('{name}').textContent")


def number(page, name):
    return float(text_of(page, name).replace(",", ""))


def opened(page):
    return [e["params"]["url"] for e in page.events if e.get("method") == "Network.webSocketCreated"]


def arrived_within(page, url, seconds):
    """The number of messages within this many seconds of the first one on the connection to this URL."""
    happened = [(e["method"], e["params"]) for e in page.events if e.get("method", "").startswith("Network.webSocket")]
    ids = [told["requestId"] for method, told in happened if method.endswith("Created") and told["url"] == url]
    frames = [told for method, told in happened if method.endswith("FrameReceived") and told["requestId"] == ids[0]]
    return sum(frame["timestamp"] <= frames[0]["timestamp"] + seconds for frame in frames)


def wait_for(condition, page, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never so; the log: {page.value(LOG)[:5]}; the page: {page.text()!r:.200}")
        time.sleep(0.05)
