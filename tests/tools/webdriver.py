"""A real browser for tests: W3C WebDriver over urllib, with Chromium and its chromedriver.

    with Browser() as browser:
        browser.open(running.address)
        browser.click("#ask")
        assert browser.wait("return document.querySelector('#answer').textContent") == "six"

Scripts are JavaScript with a "return". Places are CSS selectors. A session starts in about a second.
"""
from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from minimolmo.disk import write_atomically

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name of a reference to an element
ENTER, TAB, SHIFT, ESCAPE, SPACE, DELETE = "\ue007", "\ue004", "\ue008", "\ue00c", " ", "\ue017"
LEFT, UP, RIGHT, DOWN = "\ue012", "\ue013", "\ue014", "\ue015"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--no-first-run", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
# The shell waits until its input is closed, by us or because we are gone; then it kills driver and browser.
DRIVER = '"$0" --port=0 & read -r line; kill -9 $!; wait; kill -9 0'
OWN = ("chrome:", "data:", "blob:")  # addresses that need no network
CORNER = """const element = document.querySelector(arguments[0]);
            element.scrollIntoView({block: "nearest"});
            const box = element.getBoundingClientRect();
            return [box.x, box.y];"""


def needs_browser() -> pytest.MarkDecorator:
    """A mark for tests: skipped where there is no browser. With BROWSER=must, as in CI, they fail instead."""
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing) and os.environ.get("BROWSER") != "must",
                              reason=f"{' and '.join(missing)} not found: apt-get install chromium "
                                     f"chromium-driver")


class Browser:
    """A browser without a window, and one session in it. A context manager.

    width, height  of the page in CSS pixels
    dark           what the page's prefers-color-scheme says
    microphone     a wav file that is heard once; None: Chromium's own beeps
    """

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False,
                 microphone: str | Path | None = None):
        self.width, self.height, self.dark, self.microphone = width, height, dark, microphone
        self._opener = build_opener(ProxyHandler({}))
        self._console: list[dict] = []
        self._requests: list[str] = []

    def __enter__(self) -> Browser:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        program = shutil.which("chromedriver")
        assert program, "chromedriver not found: apt-get install chromium chromium-driver"
        self._driver = subprocess.Popen(["sh", "-c", DRIVER, program], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
                                        start_new_session=True)
        try:
            self._start_session()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_) -> None:
        with suppress(OSError, ValueError):  # it has crashed
            self._call("DELETE", "")
        self._kill()

    def _kill(self) -> None:
        self._driver.stdin.close()
        self._driver.wait()
        self._driver.stdout.close()
        self._folder.cleanup()

    def _start_session(self) -> None:
        port = next((found[1] for line in self._driver.stdout
                     if (found := re.search(r"successfully on port (\d+)", line))), None)
        assert port, "chromedriver did not start"
        self._session = f"http://127.0.0.1:{port}/session"
        arguments = [*ARGUMENTS, f"--user-data-dir={self._folder.name}"]
        if self.microphone:
            arguments.append(f"--use-file-for-fake-audio-capture={Path(self.microphone).resolve()}%noloop")
        wanted = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                  "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments}}
        started = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._session += f"/{started['sessionId']}"
        self.tab = self._call("GET", "/window")
        self._emulate()

    def _call(self, method: str, path: str, content: dict | None = None) -> object:
        """One command of WebDriver. Raises ValueError with what went wrong."""
        body = None if method != "POST" else json.dumps(content or {}).encode()
        request = Request(self._session + path, body, {"Content-Type": "application/json"}, method=method)
        try:
            with self._opener.open(request, timeout=60) as reply:
                return json.load(reply)["value"]
        except HTTPError as error:
            value = json.load(error)["value"]
            raise ValueError(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def _emulate(self) -> None:
        """Set size and colours. They belong to a tab."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=self.width, height=self.height,
                 deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])

    def cdp(self, command: str, **parameters) -> object:
        """A command of Chromium's DevTools, for what WebDriver does not have."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    # Pages

    def open(self, url: str) -> None:
        """Load a page, and wait until it is loaded."""
        self._call("POST", "/url", {"url": url})

    def execute(self, script: str, *arguments) -> object:
        """Run JavaScript; returns what it returns, or what its promise becomes. It finds `arguments`."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, seconds: float = 5) -> object:
        """Run JavaScript until what it returns is true; returns that. An error in it counts as false."""
        end, script = time.monotonic() + seconds, script if "return" in script else f"return {script}"
        while True:
            try:
                value = self.execute(script)
            except ValueError as error:
                value, problem = None, error
            else:
                problem = value
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"not true within {seconds} s: {script} ({problem!r})")
            time.sleep(0.02)

    def find(self, css: str) -> str:
        """The first element of a selector: its ID in WebDriver. Raises ValueError if there is none."""
        return self._call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    # Hands

    def click(self, css: str) -> None:
        """Click the middle of an element. Raises ValueError if something else is in the way."""
        self._call("POST", f"/element/{self.find(css)}/click")

    def type(self, css: str, text: str) -> None:
        """Type into an element."""
        self._call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def send_files(self, css: str, *paths: str | Path) -> None:
        """Pick files in an <input type=file>."""
        self.type(css, "\n".join(str(Path(path).resolve()) for path in paths))

    def drag(self, css: str, start: tuple[float, float], end: tuple[float, float], steps: int = 5) -> None:
        """Press, move in steps, release. In: x, y in CSS pixels from the element's upper left corner."""
        left, top = self.execute(CORNER, css)
        (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
        moves = [{"type": "pointerMove", "duration": 10, "x": round(left + x + dx * i / steps),
                  "y": round(top + y + dy * i / steps)} for i in range(steps + 1)]
        self._act("pointer", [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:],
                              {"type": "pointerUp", "button": 0}])

    def click_at(self, css: str, place: tuple[float, float]) -> None:
        """Click a place. In: x, y in CSS pixels from the element's upper left corner."""
        self.drag(css, place, place, steps=1)

    def keys(self, text: str) -> None:
        """Press keys where the focus is: letters, ENTER, LEFT ... A SHIFT is held until the text ends."""
        held = [key for key in text if key == SHIFT]
        presses = [{"type": kind, "value": key} for key in text.replace(SHIFT, "")
                   for kind in ("keyDown", "keyUp")]
        self._act("key", [*({"type": "keyDown", "value": key} for key in held), *presses,
                          *({"type": "keyUp", "value": key} for key in held)])

    def _act(self, kind: str, actions: list[dict]) -> None:
        self._call("POST", "/actions", {"actions": [{"type": kind, "id": kind, "actions": actions}]})

    # What happened

    def screenshot(self, path: str | Path) -> None:
        """Write a PNG of what is shown."""
        write_atomically(path, [base64.b64decode(self._call("GET", "/screenshot"))])

    def console(self) -> list[dict]:
        """All entries of the console so far: {"level": "SEVERE", "message": ...}. Errors of loading, too."""
        self._console += self._call("POST", "/se/log", {"type": "browser"})
        return self._console

    def requests(self) -> list[str]:
        """The URLs of all requests to the network so far, of all tabs."""
        for entry in self._call("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
        return [url for url in self._requests if not url.startswith(OWN)]

    # Tabs

    def new_tab(self, url: str) -> str:
        """Open a page in a tab of its own, and go there. Returns the tab; `tab` is the present one."""
        self.switch_tab(self._call("POST", "/window/new", {"type": "tab"})["handle"])
        self._emulate()
        self.open(url)
        return self.tab

    def switch_tab(self, tab: str) -> None:
        """Go to a tab."""
        self._call("POST", "/window", {"handle": tab})
        self.tab = tab

    def close_tab(self) -> None:
        """Close the present tab, and go to the first one."""
        self.switch_tab(self._call("DELETE", "/window")[0])

    def end_tab(self) -> None:
        """Close the present tab, which may have crashed. Then there is no present one."""
        with suppress(ValueError):  # it has crashed
            self._call("DELETE", "/window")

    @property
    def folder(self) -> str:
        """The folder of the browser's profile, which its processes name on their command lines."""
        return self._folder.name
