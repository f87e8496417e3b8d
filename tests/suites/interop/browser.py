# Drives headless Chromium with the DevTools protocol: the page of echo_server, and raw echoes.
# usage: import browser; browser.check(report, port, deflate_port, out, start, stop)   (run by run.py)
import base64
import contextlib
import json
import pathlib
import tempfile
import time

from websockets.sync.client import connect

import playground
import spy
from report import equal

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-sync --disable-extensions --no-first-run"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
    " --no-proxy-server --remote-debugging-port=0 --window-size=900,700"
).split()
KEYS = {"Enter": 13, "Tab": 9}


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
        """The value of a JavaScript expression, awaited if it is a promise."""
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

    def middle(self, element):
        return self.value(
            f"(() => {{ const e = document.getElementById('{element}'); e.scrollIntoView({{ block: 'center' }});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )

    def click(self, element):
        x, y = self.middle(element)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, element, text):
        self.click(element)
        equal(self.value("document.activeElement.id"), element, "focus")
        self.value("document.activeElement.select()")
        self.call("Input.insertText", text=text)

    def press(self, key, text=""):
        names = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **names)
        self.call("Input.dispatchKeyEvent", type="keyUp", **names)

    def choose(self, element, paths):
        """Chooses files as the dialog of a file field does."""
        field = self.call("Runtime.evaluate", expression=f"document.getElementById('{element}')")["result"]
        self.call("DOM.setFileInputFiles", files=[str(path) for path in paths], objectId=field["objectId"])

    def drop(self, element, paths):
        """Drags files onto the element and drops them."""
        x, y = self.middle(element)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def screenshot(self, path, **options):
        picture = base64.b64decode(self.call("Page.captureScreenshot", format="png", **options)["data"])
        path.write_bytes(picture)
        if not picture.startswith(b"\x89PNG"):
            raise AssertionError("no PNG")

    def received(self, opcode):
        """Payloads of the received messages with this opcode, in the order of their first frames."""
        self.value("0")  # waiting for the result also reads the events
        messages = []
        for event in self.events:
            if event.get("method") != "Network.webSocketFrameReceived":
                continue
            frame = event["params"]["response"]
            text = frame["payloadData"]
            payload = text.encode() if frame["opcode"] == 1 else base64.b64decode(text)
            if frame["opcode"]:
                messages.append((frame["opcode"], payload))
            else:
                messages[-1] = (messages[-1][0], messages[-1][1] + payload)
        return [payload for kind, payload in messages if kind == opcode]

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


def check(report, port, deflate_port, out, start, stop):
    try:
        with open_page(out, start, stop) as page:
            playground.check(report, page, port, out)
            raw_echoes(report, page, "raw")
            with spy.relay(deflate_port) as wire:
                page.call("Page.navigate", url=f"http://127.0.0.1:{wire.port}/")
                page.wait("document.readyState === 'complete' && location.port === '%d'" % wire.port)
                raw_echoes(report, page, "with compression")
                with report.case("chromium: compressed on the wire"):
                    equal(wire.judge(1 << 20, least=1020), {"permessage-deflate"}, "answer")
    except Exception as error:  # without a browser nothing can be checked
        report.note("chromium: runs", False, f"{type(error).__name__}: {error}")


def raw_echoes(report, page, how):
    script = (pathlib.Path(__file__).parent / "echo.js").read_text(encoding="utf-8")
    for name, passed, detail in page.value(script, patience=60):
        report.note(f"chromium, {how}: {name}", passed, detail)
