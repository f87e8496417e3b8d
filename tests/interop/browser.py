# Checks the page of echo_server, and raw WebSocket echoes, in headless Chromium by its DevTools protocol.
# usage: import browser; browser.check(report, port, out, start, stop)   (run by run.py)
import base64
import contextlib
import json
import pathlib
import tempfile
import time

from websockets.sync.client import connect

from report import equal

TEXT = "Grüße €😀 through the page"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-sync --disable-extensions --no-first-run"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
    " --no-proxy-server --remote-debugging-port=0 --window-size=900,700"
).split()


class Page:
    """A tab, driven through its DevTools socket."""

    def __init__(self, socket):
        self.socket = socket
        self.count = 0
        self.events = []

    def call(self, method, patience=20, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        end = time.monotonic() + patience
        while True:
            message = json.loads(self.socket.recv(max(0.01, end - time.monotonic())))
            if message.get("id") == self.count:
                break
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return message["result"]

    def value(self, expression, patience=20):
        """The value of a JavaScript expression, or of the promise that it is."""
        result = self.call(
            "Runtime.evaluate",
            patience,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression:.80}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, seconds=10):
        end = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {expression}; the page: {self.text()!r:.300}")
            time.sleep(0.05)

    def text(self):
        return self.value("document.body ? document.body.innerText : ''")

    def click(self, element):
        x, y = self.value(
            f"(() => {{ const e = document.getElementById('{element}'); e.scrollIntoView();"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, element, text):
        self.click(element)
        equal(self.value("document.activeElement.id"), element, "focus")
        self.value("document.activeElement.select()")
        self.call("Input.insertText", text=text)

    def received(self):
        """Payloads of the WebSocket frames that the browser received."""
        return [
            event["params"]["response"]["payloadData"]
            for event in self.events
            if event.get("method") == "Network.webSocketFrameReceived"
        ]

    def exceptions(self):
        return [event for event in self.events if event.get("method") == "Runtime.exceptionThrown"]


@contextlib.contextmanager
def open_page(out, start, stop):
    """Chromium with an empty profile and one blank tab."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        child = start(command, out / "chromium.log")
        try:
            port_file = pathlib.Path(profile, "DevToolsActivePort")
            end = time.monotonic() + 30
            while not (port_file.exists() and port_file.read_text().count("\n")):
                if child.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"Chromium did not start, see {out / 'chromium.log'}")
                time.sleep(0.05)
            port, path = port_file.read_text().split()[:2]
            options = {"proxy": None, "max_size": None, "compression": None, "ping_interval": None}
            with connect(f"ws://127.0.0.1:{port}{path}", **options) as whole:
                browser = Page(whole)
                target = browser.call("Target.createTarget", url="about:blank")["targetId"]
                with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", **options) as tab:
                    page = Page(tab)
                    for domain in ("Page", "Runtime", "Network"):
                        page.call(f"{domain}.enable")
                    yield page
        finally:
            stop(child)


def check(report, port, out, start, stop):
    try:
        with open_page(out, start, stop) as page:
            served_page(report, page, port, out)
            raw_echoes(report, page)
    except Exception as error:  # without a browser there is nothing to check
        report.note("chromium: runs", False, f"{type(error).__name__}: {error}")


def served_page(report, page, port, out):
    log_has = "[...document.getElementById('log').children].some(e => e.textContent.includes(%s))"
    with report.case("chromium, page: opens"):
        page.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
        page.wait("document.readyState === 'complete'")
        title = page.value("document.title")
        if not title.startswith("barews"):
            raise AssertionError(f"title {title!r}")
        page.wait("document.getElementById('status').textContent.trim() === 'open'")
    with report.case("chromium, page: text comes back into the log"):
        page.type("text", TEXT)
        page.click("send")
        page.wait(log_has % json.dumps(TEXT))
        page.wait("document.getElementById('rtt').textContent.trim() !== ''")
        if TEXT not in page.received():
            raise AssertionError(f"no such frame arrived: {page.received()!r:.300}")
    with report.case("chromium, page: round-trip time in ms"):
        page.wait(r"/^[\d.]+\s*ms$/.test(document.getElementById('rtt').textContent.trim())")
    with report.case("chromium, page: screenshot"):
        picture = base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"])
        (out / "page.png").write_bytes(picture)
        if not picture.startswith(b"\x89PNG"):
            raise AssertionError("no PNG")
    with report.case("chromium, page: close button"):
        page.click("close")
        page.wait("document.getElementById('status').textContent.trim() === 'closed'")
    with report.case("chromium, page: no script error"):
        equal(page.exceptions(), [], "exceptions")


def raw_echoes(report, page):
    script = (pathlib.Path(__file__).parent / "echo.js").read_text(encoding="utf-8")
    for name, passed, detail in page.value(script, patience=60):
        report.note(f"chromium, raw: {name}", passed, detail)
