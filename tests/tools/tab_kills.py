"""Kills the tab of the page that makes data at random moments: nothing acknowledged is lost, nothing doubled.

    python tests/tools/tab_kills.py [--count=30] [--seed=0]

A scripted session points at dots and writes a caption. Its tab's process is killed (kill -9), or the tab is
closed without a question. The session reports what the page has kept in the browser, what the server has
acknowledged, and what the page has called saved. Then the page is opened anew. The journal must hold that,
and of each list of points and each text a beginning of what was done: nothing twice, no gap, no other order.
"""
from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command, say  # noqa: E402  first: the slow imports follow

from minimolmo.options import Parser, count_argument  # noqa: E402
from minimolmo.page.demo_routes import FILES  # noqa: E402
from minimolmo.page.maker import Mine  # noqa: E402
from minimolmo.page.server import Field, Reply, Request, Route, request_json, start  # noqa: E402
from PIL import Image  # noqa: E402
from tools.fault_page import doubled  # noqa: E402
from tools.webdriver import Browser  # noqa: E402

STEPS = 40           # of a session: the cursor starts in the middle and moves by 1 % for each point
PAUSES = (0, 60)     # milliseconds after a step
MAX_REPORTS = 20     # of a session until the kill: a random number, so that a slow machine does as much
MAX_PAUSE = 0.3      # seconds after that until the kill
PATIENCE = 20        # seconds without so many reports
KINDS = ("kept", "acknowledged", "saved")   # what a session reports
SAVED = "return document.querySelector('#save-state')?.dataset.state === 'saved'"
BUSY = "const end = performance.now() + 150; while (performance.now() < end);"
# Reports go out one after another; of those that wait, the newest of each kind and entry is sent.
REPORT = """const [steps, label] = arguments, waiting = new Map(), done = { points: 0, caption: "" };
let sending = false;
const really = window.fetch;
async function report(kind, set) {
  waiting.set(kind + set.style, { kind, set });
  if (sending) return;
  sending = true;
  while (waiting.size) {
    const [[key, what]] = waiting;
    waiting.delete(key);
    await really("/api/said", { method: "POST", body: JSON.stringify(what), keepalive: true,
                                headers: { "Content-Type": "application/json", "X-Minimolmo": "1" } });
  }
  sending = false;
}
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (record) {
  const set = record.kind === "edit" && structuredClone(record.set);
  if (set) this.transaction.addEventListener("complete", () => report("kept", set));
  return put.call(this, record);
};
window.fetch = async (path, options) => {
  const reply = await really(path, options);
  if (path === "/api/edit" && reply.ok) report("acknowledged", JSON.parse(options.body).set);
  return reply;
};
"""
SESSION = """const at = (css) => document.querySelector(css);
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const key = (name) => at(".picture-view").dispatchEvent(new KeyboardEvent("keydown", { key: name }));
at("#tab-points").click();
at("#new-label").value = label;
at("#add-label").click();
let caption = null;
key("Home");
(async () => {
  for (const [kind, ms] of steps) {
    if (kind === "point") {
      at("#tab-points").click();
      key("ArrowRight");
      key("Enter");
    } else {
      at("#tab-caption").click();
      const area = at("#caption");
      area.value += kind;
      area.dispatchEvent(new InputEvent("input", { bubbles: true }));
      caption = area.value;
    }
    done.points += kind === "point";
    await pause(ms);
    if (at("#save-state").dataset.state !== "saved") continue;
    if (done.points) report("saved", { style: "pointing", label, number: done.points });
    if (caption) report("saved", { style: "long_caption", answer: caption });
  }
})();"""


@dataclass
class Session:
    """What one session does, and what it has reported: (kind, entry)."""
    label: str
    steps: list[tuple[str, int]]
    said: list[tuple[str, dict]] = field(default_factory=list)

    @property
    def points(self) -> list[list[float]]:
        """All points of the session, as the page writes them."""
        return [[51 + number, 50] for number in range(sum(kind == "point" for kind, _ in self.steps))]

    @property
    def text(self) -> str:
        """All that it adds to the caption."""
        return "".join(kind for kind, _ in self.steps if kind != "point")


def new_session(number: int, rng: random.Random) -> Session:
    """A session of points and words in random order, with random pauses."""
    steps = ["point" if rng.random() < 0.7 else f"{number}.{step} " for step in range(STEPS)]
    return Session(f"dot {number}", [(kind, rng.randint(*PAUSES)) for kind in steps])


class Reports:
    """The route that takes a session's reports."""

    def __init__(self):
        self.session: Session | None = None

    def take(self, request: Request) -> Reply:
        """Note one report."""
        given = request_json(request, {"kind": Field(str, 20), "set": Field(dict, 10)})
        self.session.said.append((given["kind"], given["set"]))
        return Reply({})

    def routes(self) -> list[Route]:
        """For the server."""
        return [Route("POST", "/api/said", self.take)]


def processes_of_pages(browser: Browser) -> set[int]:
    """The processes in which a browser runs its pages."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().replace(b"\0", b" ").decode()
            if "--type=renderer" in words and browser.folder in words:
                found.add(int(path.parent.name))
    return found


def seconds_used(process: int) -> float:
    """The processor time of a process; 0 if it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def process_of_tab(browser: Browser) -> int:
    """The process of the present tab: the one that works when the tab is busy."""
    before = {process: seconds_used(process) for process in processes_of_pages(browser)}
    browser.execute(BUSY)
    return max(before, key=lambda process: seconds_used(process) - before[process])


def open_page(browser: Browser, address: str, folder: Path) -> list[dict]:
    """Open the page in a tab of its own, wait until what waited is sent, and read the journal's entries."""
    browser.new_tab(address)
    browser.wait(SAVED, 60)
    lines = map(json.loads, (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines())
    return list({each["key"]: each["set"] for each in lines if "key" in each}.values())


def run_session(browser: Browser, session: Session, kill: bool, num_reports: int, pause: float) -> None:
    """Do a session in the present tab. After reports and a pause kill its process, or let it be closed."""
    process = process_of_tab(browser) if kill else None
    browser.execute(REPORT + SESSION, session.steps, session.label)
    end = time.monotonic() + PATIENCE
    while len(session.said) < num_reports and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(pause)
    if process:
        os.kill(process, signal.SIGKILL)


def failures_of(session: Session, before: str, entries: list[dict]) -> list[str]:
    """What is lost or doubled after a session. `before`: the caption at its beginning."""
    points = next((each["points"] for each in entries if each.get("label") == session.label), [])
    text = caption_of(entries)
    wrong = [] if points == session.points[:len(points)] else [f"{session.label} has {points}"]
    wrong += [] if (before + session.text).startswith(text) else [f"the caption ends with {text[-40:]!r}"]
    for kind, said in session.said:
        if said["style"] == "long_caption" and not text.startswith(said["answer"]):
            wrong.append(f"{kind} of the caption, and lost: {said['answer'][len(text):]!r}")
        number = said.get("number", len(said.get("points", ())))
        if said.get("label") == session.label and len(points) < number:
            wrong.append(f"{kind} of {session.label}, and lost: {said} is now {points}")
    return wrong


@dataclass
class Result:
    """The failures of a campaign, and how many reports of each kind it had."""
    failures: list[str] = field(default_factory=list)
    reports: Counter = field(default_factory=Counter)
    points: int = 0
    killed: int = 0


    def add(self, session: Session, before: str, entries: list[dict], killed: bool) -> None:
        """Count what a session did and reported, and note its failures."""
        self.failures += [f"{session.label}: {each}" for each in failures_of(session, before, entries)]
        self.reports += Counter(kind for kind, _ in session.said)
        self.points += sum(len(each["points"]) for each in entries if each.get("label") == session.label)
        self.killed += killed


def caption_of(entries: list[dict]) -> str:
    """The caption among a photo's entries; "" if there is none yet."""
    return next((each["answer"] for each in entries if each["style"] == "long_caption"), "")


def kill_tabs(browser: Browser, address: str, reports: Reports, folder: Path, seed: int,
              count: int) -> Result:
    """Run so many sessions one after another, each of which is killed. The folder has one photo."""
    rng, result, first = random.Random(seed), Result(), browser.tab
    browser.open("about:blank")
    entries = open_page(browser, address, folder)
    for number in range(count):
        session, before = new_session(number, rng), caption_of(entries)
        reports.session, kill = session, number % 3 != 2  # of three tabs, two are killed and one is closed
        run_session(browser, session, kill, rng.randrange(MAX_REPORTS), rng.random() * MAX_PAUSE)
        browser.end_tab()
        browser.switch_tab(first)
        entries = open_page(browser, address, folder)
        result.add(session, before, entries, kill)
    browser.end_tab()
    browser.switch_tab(first)
    result.failures += doubled(folder)
    return result


def measure(seed: int, count: int) -> Result:
    """The campaign with a server, a folder and a browser of its own."""
    with tempfile.TemporaryDirectory() as name, Mine(Path(name) / "mine", Path(name) / "out") as mine:
        reports, photo = Reports(), Path(name) / "photo.png"
        Image.new("RGB", (600, 400), "#e8e2d4").save(photo)
        served = start(mine.routes() + reports.routes(), FILES)
        try:
            with Browser() as browser:
                browser.open(served.address)
                browser.open(f"{served.url}/mine")
                browser.wait(SAVED, 60)
                browser.send_files("#pick", photo)
                browser.wait("return document.querySelector('.photo')", 60)
                browser.wait(SAVED, 60)
                return kill_tabs(browser, f"{served.url}/mine", reports, Path(name) / "mine", seed, count)
        finally:
            served.stop()


def main(arguments: list[str]) -> None:
    """The command line: prints what was tried, and fails if something was lost or doubled."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=count_argument(), default=30, help="sessions that are killed")
    parser.add_argument("--seed", type=count_argument(0), default=0)
    given = parser.parse_args(arguments)
    result = measure(given.seed, given.count)
    said = ", ".join(f"{result.reports[kind]} {kind}" for kind in KINDS)
    say(f"{given.count} sessions ({result.killed} killed, {given.count - result.killed} closed), "
        f"{result.points} points in the journal; reports: {said}; failures: {len(result.failures)}")
    if result.failures:
        raise ValueError("\n".join(["", *result.failures[:20]]))


if __name__ == "__main__":
    run_command(main)
