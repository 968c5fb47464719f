"""The page on which a learner makes data from photos, in a real browser: what is acknowledged is kept."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from PIL import Image, ImageDraw

from minimolmo.batch.dataset import check_split
from minimolmo.page.demo_routes import FILES
from minimolmo.page.maker import Mine
from minimolmo.page.server import start
from tools.tab_kills import Reports, kill_tabs
from tools.webdriver import DELETE, ENTER, RIGHT, SHIFT, TAB, Browser, needs_browser

pytestmark = needs_browser()
ROOT = Path(__file__).resolve().parent.parent
SAVED = "return document.querySelector('#save-state').dataset.state === 'saved'"
OFFLINE = SAVED.replace("'saved'", "'offline'")
DOT = (30.0, 20.0)  # percent, of a red dot on the photos


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> list[Path]:
    return make_photos(tmp_path_factory.mktemp("photos"))


def make_photos(folder: Path) -> list[Path]:
    """Two photos with a red dot. The first is stored lying on its side, and EXIF says so."""
    upright = Image.new("RGB", (900, 600), "#e8e2d4")
    x, y = DOT[0] * 9, DOT[1] * 6
    ImageDraw.Draw(upright).ellipse([x - 9, y - 9, x + 9, y + 9], fill="#d00000")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif, quality=95)
    upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "other.png")
    return [folder / "turned.jpg", folder / "other.png"]


def wait(browser: Browser, script: str) -> object:
    """Wait until a script's result is true, also on a machine that does much else."""
    return browser.wait(script, 30)


def at_mine(address: str) -> str:
    """The address of the maker, whatever page a server names first."""
    start, _, key = address.partition("?")
    return f"{start.removesuffix('/').removesuffix('/mine')}/mine?{key}"


class Page:
    """The maker in a browser, with a server and a folder of its own."""

    def __init__(self, browser: Browser, folder: Path, address: str):
        self.browser, self.folder = browser, folder
        self.address = at_mine(address)
        browser.open(self.address)
        wait(browser, SAVED)

    def add(self, *photos: Path) -> None:
        """Pick photos, and wait until they are there."""
        self.browser.send_files("#pick", *photos)
        wait(self.browser, f"return document.querySelectorAll('.photo').length === {len(photos)} && "
                          "document.querySelector('.picture-sheet img')?.complete")

    def label(self, text: str) -> None:
        """Add a label to point at."""
        self.browser.type("#new-label", text + ENTER)

    def point(self, x: float, y: float) -> None:
        """Click the photo at a place in percent."""
        width, height = self.browser.execute("const box = document.querySelector('.picture-sheet')"
                                             ".getBoundingClientRect(); return [box.width, box.height]")
        self.browser.click_at(".picture-sheet", (x / 100 * width, y / 100 * height))

    def records(self) -> list[dict]:
        """The journal's records."""
        journal = (self.folder / "journal.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in journal.splitlines()]

    def entries(self) -> list[dict]:
        """The newest version of each entry, once everything is saved."""
        wait(self.browser, SAVED)
        newest = {(each["photo"], each["key"]): each["set"] for each in self.records() if "key" in each}
        return [entry for entry in newest.values() if entry]


@contextmanager
def served(browser: Browser, folder: Path):
    """A page with a server and a folder of its own."""
    with Mine(folder / "mine", out=folder / "out") as mine:
        running = start(mine.routes(), FILES)
        try:
            page = Page(browser, folder / "mine", running.address)
            page.running = running
            yield page
        finally:
            running.stop()


@pytest.fixture
def page(browser, tmp_path):
    with served(browser, tmp_path) as page:
        yield page


def post(page: Page, path: str, content: dict) -> dict:
    """A request to the server that the page knows nothing of."""
    cookie = page.browser.execute("return document.cookie")
    assert cookie == ""  # scripts cannot read the key
    headers = {"X-Minimolmo": "1", "Cookie": cookie_of(page)}
    with urlopen(Request(page.running.url + path, json.dumps(content).encode(), headers)) as reply:
        return json.load(reply)


def cookie_of(page: Page) -> str:
    with urlopen(at_mine(page.running.address)) as reply:
        return reply.headers["Set-Cookie"].partition(";")[0]


# Points

def test_a_click_on_a_photo_turned_by_exif_lands_within_half_a_percent(page, photos):
    page.add(photos[0])
    page.label("red dot")
    page.point(*DOT)

    [entry] = page.entries()
    [(x, y)] = entry["points"]
    assert abs(x - DOT[0]) <= 0.5 and abs(y - DOT[1]) <= 0.5
    [path] = (page.folder / "images").iterdir()
    with Image.open(path) as image:
        assert image.size == (900, 600) and not image.getexif()
        red, green, _ = image.getpixel((round(x * 9), round(y * 6)))
    assert red > 150 and green < 60


def test_there_are_none_is_said_and_an_unfinished_label_is_not_sent(page, photos):
    page.add(photos[0])
    page.label("green cross")
    page.label("blue square")
    wait(page.browser, SAVED)
    assert not page.entries()
    assert "2 unfinished" in page.browser.execute("return document.querySelector('#save-state').textContent")

    page.browser.click("[id^=none-]")
    assert page.entries() == [{"style": "pointing", "label": "green cross", "points": []}]
    page.browser.open(page.address)  # the other one waits in the browser
    wait(page.browser, "return document.querySelectorAll('.entry').length === 2")


def test_a_drag_moves_a_point_and_undo_moves_it_back(page, photos):
    page.add(photos[0])
    page.label("red dot")
    page.point(50, 50)
    size = page.browser.execute("const b = document.querySelector('.picture-sheet').getBoundingClientRect();"
                                "return [b.width, b.height]")
    page.browser.drag(".picture-sheet", (size[0] / 2, size[1] / 2), (size[0] * .3, size[1] * .2))
    [(x, y)] = page.entries()[0]["points"]
    assert abs(x - 30) < 1 and abs(y - 20) < 1

    page.browser.click("#undo")
    [(x, y)] = page.entries()[0]["points"]
    assert abs(x - 50) < 1 and abs(y - 50) < 1
    page.browser.click("#undo")
    assert page.entries() == []


def test_everything_can_be_done_with_the_keyboard_alone(page, photos):
    page.add(photos[0])
    browser = page.browser
    browser.execute("document.querySelector('#tab-points').focus()")
    browser.keys(TAB + "red dot" + ENTER)           # the label; the focus moves to the photo
    browser.keys(RIGHT * 3)                         # the cursor starts in the middle
    browser.keys(SHIFT + RIGHT)
    browser.keys(ENTER)
    browser.keys(RIGHT * 10 + ENTER)
    assert page.entries()[0]["points"] == [[53.1, 50], [63.1, 50]]

    browser.keys(DELETE)                            # the nearest
    assert page.entries()[0]["points"] == [[53.1, 50]]
    browser.execute("document.querySelector('[id^=point-]').focus()")
    browser.keys(RIGHT)
    assert page.entries()[0]["points"] == [[54.1, 50]]
    browser.keys(DELETE)
    assert page.entries() == []
    browser.execute("document.querySelector('#tab-points').focus()")
    browser.keys(RIGHT)
    assert browser.execute("return document.activeElement.id") == "tab-count"


# Nothing is lost

SERVER = """import json, sys
from pathlib import Path
from minimolmo.page import annotate, journal, server
with journal.open_journal(Path(sys.argv[1])) as opened:
    maker = annotate.Maker(opened, Path)
    server.serve(annotate.routes(lambda: maker), json.loads(sys.argv[3]), int(sys.argv[2]), False, "/mine")
"""


@contextmanager
def server_process(folder: Path, port: int):
    """The maker without a model, as a process that can be killed. Yields it and its address."""
    files = json.dumps({path: str(file) for path, file in FILES.items()})
    words = [sys.executable, "-c", SERVER, str(folder), str(port), files]
    process = subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE)
    try:
        yield process, next(word for word in process.stdout.readline().split() if word.startswith("http"))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


COLLECT = """window.acknowledged = [];
const real = window.fetch;
window.fetch = async (path, options) => {
  const reply = await real(path, options);
  if (path === '/api/edit' && reply.ok) acknowledged.push((await reply.clone().json()).seq);
  return reply;
};"""
ADD_POINTS = """const view = document.querySelector('.picture-view');
for (let i = 0; i < arguments[0]; i += 1) {
  for (const key of ['ArrowRight', 'Enter']) view.dispatchEvent(new KeyboardEvent('keydown', { key }));
  await new Promise((resolve) => setTimeout(resolve, 5));
}"""


def test_a_killed_server_loses_nothing_acknowledged_and_gets_the_rest_once_back(browser, photos, tmp_path):
    folder = tmp_path / "mine"
    with server_process(folder, 0) as (process, address):
        port = int(address.split(":")[2].split("/")[0])
        page = Page(browser, folder, address)
        page.add(photos[0])
        page.label("dots")
        browser.execute(COLLECT)
        browser.execute(ADD_POINTS, 5)
        wait(browser, "acknowledged.length > 0")
        browser.execute(ADD_POINTS, 8)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    acknowledged = browser.execute("return acknowledged")
    assert acknowledged and set(acknowledged) <= {each["seq"] for each in page.records()}
    browser.execute(ADD_POINTS, 2)
    wait(browser, OFFLINE)

    with server_process(folder, port) as (process, address):  # the address has a new key
        browser.execute("await fetch(arguments[0])", at_mine(address))  # as another tab that is opened there
        wait(browser, SAVED)
        [entry] = page.entries()
        assert len(entry["points"]) == 15


def test_an_edit_that_waits_outlives_a_reload_of_the_page(page, photos):
    page.add(photos[0])
    page.label("dots")
    page.point(*DOT)
    page.entries()
    page.running.stop()
    page.browser.execute(ADD_POINTS, 2)
    wait(page.browser, OFFLINE)

    running = start(page.running.server.routes, FILES, page.running.server.server_port)
    again = Page(page.browser, page.folder, running.address)
    assert len(again.entries()[0]["points"]) == 3
    running.stop()


OUTBOX = """const { Outbox } = await import('/outbox.js');
const sent = [], answers = arguments[0];
const box = new Outbox({ acknowledged() {}, changed() {}, async send(record) {
  sent.push([record.set, record.base]);
  const answer = answers.shift();
  if (typeof answer === 'number') return { seq: answer };
  throw Object.assign(new Error(), answer);
} });
box.pause = 1;
const [edits, first] = [arguments[1], box.edit('p', 'k', 0, arguments[1][0])];
await first;
for (const set of edits.slice(1)) await box.edit('p', 'k', 99, set);
const end = Date.now() + 20000;
while (box.next() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
await new Promise((resolve) => setTimeout(resolve, 5));
const left = box.records.map(({ refused, conflict }) => Boolean(refused) + 2 * Boolean(conflict));
return [sent, left, box.waiting];"""


CASES = [  # answers of a server, edits, what is sent with its base, what stays (1: refused, 2: in conflict)
    # One edit is under way. What was edited meanwhile is one edit, and its base is the first one's number.
    ([7, 8], ["a", "b", "c"], [["a", 0], ["c", 7]], []),
    # An acknowledgement got lost: the same edit is sent again, then the later one.
    ([{"status": 0}, 7, 8], ["a", "b"], [["a", 0], ["a", 0], ["b", 7]], []),
    # A full disk, too many questions: later.
    ([{"status": 507}, {"status": 429}, 7], ["a"], [["a", 0]] * 3, []),
    # What was refused is replaced by what comes after it, on the same base.
    ([{"status": 400}, 7], ["a", "b"], [["a", 0], ["b", 0]], []),
    ([{"status": 400}], ["a"], [["a", 0]], [1]),
    ([{"status": 409, "body": {"seq": 5, "set": None}}], ["a", "b"], [["a", 0]], [2, 0])]


def test_the_outbox_sends_what_waits_in_order(page):
    for answers, edits, sent, left in CASES:
        assert page.browser.execute(OUTBOX, answers, edits) == [sent, left, len(left)], answers


def test_a_tab_closed_while_recording_leaves_a_recording_that_plays(page, photos):
    page.add(photos[0])
    browser, first = page.browser, page.browser.tab
    browser.open("about:blank")
    browser.new_tab(page.address)
    wait(browser, SAVED)
    browser.click("#tab-talk")
    browser.click("#talk")
    wait(browser, "/^[2-9] seconds saved/.test(document.querySelector('#take-1-saved').textContent)")
    browser.close_tab()

    assert browser.tab == first
    [path] = (page.folder / "speech").iterdir()
    assert path.suffix == ".webm"
    browser.open(page.address)
    wait(browser, SAVED)
    seconds = browser.execute("""const bytes = await (await fetch(arguments[0])).arrayBuffer();
        const sound = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(bytes);
        return sound.duration""", f"/api/speech/{path.stem.replace('-', '/')}")
    assert 1.5 < seconds < 6


def test_killed_tabs_lose_nothing_acknowledged_and_double_nothing(page, photos):
    """In small; tests/tools/tab_kills.py kills more of them."""
    page.add(photos[0])
    reports = Reports()
    running = start(page.running.server.routes + reports.routes(), FILES)
    page.browser.open(at_mine(running.address))
    result = kill_tabs(page.browser, f"{running.url}/mine", reports, page.folder, seed=1, count=2)
    running.stop()
    assert result.failures == [] and result.killed == 2


def test_a_second_tab_only_reads_until_the_first_is_closed(page, photos):
    page.add(photos[0])
    page.label("red dot")
    browser, first = page.browser, page.browser.tab
    second = browser.new_tab(page.address)
    wait(browser, "return document.querySelector('#save-state').dataset.state === 'readonly'")
    assert browser.execute("return document.querySelector('#new-label').matches(':disabled')")
    page.point(*DOT)

    browser.switch_tab(first)
    page.point(60, 60)
    assert len(page.entries()[0]["points"]) == 1
    browser.open("about:blank")
    browser.switch_tab(second)
    wait(browser, SAVED)
    browser.click("[id^=entry-]")
    page.point(*DOT)
    assert len(page.entries()[0]["points"]) == 2
    browser.close_tab()


@pytest.mark.parametrize("keep", ["Keep yours", "Keep the other"])
def test_of_two_versions_both_are_shown_and_one_is_chosen(page, photos, keep):
    page.add(photos[0])
    page.label("red dot")
    page.point(60, 60)
    page.entries()
    record = page.records()[-1]
    other = {"style": "pointing", "label": "red dot", "points": [[1, 1]]}
    place = {"photo": record["photo"], "key": record["key"], "base": record["seq"]}
    post(page, "/api/edit", {**place, "set": other})
    page.point(*DOT)

    wait(page.browser, "return document.querySelectorAll('.conflict .version').length === 2")
    text = page.browser.execute("return document.querySelector('.conflict').textContent")
    assert "2 points" in text and "1 point: [[1,1]]" in text
    page.browser.execute("[...document.querySelectorAll('.conflict button')].find("
                         "(button) => button.textContent === arguments[0]).click()", keep)
    assert len(page.entries()[0]["points"]) == (2 if keep == "Keep yours" else 1)


# Other kinds of annotation, and the folder

def explain(page: Page) -> None:
    """Write an explanation, and point at both of its braces."""
    browser = page.browser
    browser.click("#tab-explain")
    browser.click("#add-explanation")
    browser.keys("Which is larger?")
    browser.type("[id^=because-]", "The {dot} is smaller than the {table}.")
    for number in range(2):
        browser.click(f"[id^=chip-][id$='-{number}']")
        page.point(30 + number * 30, 20)


def say_everything(page: Page) -> None:
    """One annotation of each kind, about the first photo."""
    browser = page.browser
    page.label("red dot")
    page.point(*DOT)
    browser.click("#tab-talk")
    browser.type("#text-typed", "okay so this is a table with a red dot")
    browser.click("#tab-caption")
    browser.type("#caption", "A red dot on a light table.")
    assert "7 words" in browser.execute("return document.querySelector('#task').textContent")
    browser.click("#tab-count")
    browser.click("#add-count")
    browser.keys("dots" + TAB + "1")
    browser.click("#tab-ask")
    browser.click("#add-question")
    browser.keys("Where is it?" + TAB + "On the table.")
    explain(page)


def test_a_folder_made_on_the_page_passes_its_check(page, photos):
    page.add(*photos)
    say_everything(page)
    page.browser.click("#tab-points")
    page.label("cross")
    wait(page.browser, SAVED)
    page.browser.click("#go-finish")
    assert wait(page.browser, "return document.querySelector('#check')?.dataset.good") == "false"
    text = page.browser.execute("return document.querySelector('#check').textContent")
    assert "about the second photo" in text
    assert '1 annotation not finished, so not in it: photo 1: a label without points, "cross".' in text

    page.browser.click("#go-work")
    page.browser.click("li:nth-child(2) > .photo")
    page.browser.click("#tab-points")
    page.label("red dot")
    page.point(100 - DOT[0], DOT[1])
    wait(page.browser, SAVED)
    page.browser.click("#go-finish")
    wait(page.browser, "return document.querySelector('#check')?.dataset.good === 'true'")
    assert "train.py" in page.browser.execute("return document.querySelector('#command').textContent")
    assert "1 pictures, 7 annotations, all good" in check_split(page.folder, "train")
    assert "1 pictures, 2 annotations, all good" in check_split(page.folder, "val")
    [row] = map(json.loads, (page.folder / "train.jsonl").read_text(encoding="utf-8").splitlines())
    assert {each["style"] for each in row["annotations"]} == {
        "pointing", "point_count", "transcript", "long_caption", "count", "user_qa", "point_explanations"}


TRAINING = """const real = window.fetch, events = [
  { e: 'score', when: 'before', name: 'pointing: questions', value: 2 },
  { e: 'score', when: 'before', name: 'pointing: F1', value: 0.25 }, { e: 'line', text: 'reading data/mine' },
  { e: 'step', step: 150, steps: 300, loss: 1.5 },
  { e: 'score', when: 'after', name: 'pointing: F1', value: 0.75 },
  { e: 'score', when: 'after', name: 'pointing: median error, % of width', value: 4.25 },
  { e: 'score', when: 'after', name: 'count: accuracy', value: null }, { e: 'done', run: 'out/mine' }];
window.fetch = async (path, options) => path !== '/api/train' ? real(path, options) : new Response(
  new ReadableStream({ async start(stream) {
    for (const event of events) {
      stream.enqueue(new TextEncoder().encode(JSON.stringify(event) + '\\n'));
      if (event.e === 'step') await new Promise((resolve) => { window.goOn = resolve; });
    }
    stream.close();
  } }));"""


def test_training_shows_its_progress_and_the_scores_before_and_after(page, photos):
    browser = page.browser
    page.add(*photos)
    for number in (2, 1):
        browser.click(f"li:nth-child({number}) > .photo")
        page.label("red dot")
        page.point(*DOT)
    wait(browser, SAVED)
    browser.click("#go-finish")
    browser.execute(TRAINING)
    wait(browser, "return document.querySelector('#train')?.checkVisibility()")
    browser.click("#train")
    wait(browser, "return document.querySelector('.training')?.textContent === 'step 150 of 300, loss 1.50'")
    assert browser.execute("return document.querySelector('progress').value") == 150
    browser.execute("goOn()")
    wait(browser, "return document.querySelector('#train') !== null")
    rows = browser.execute("return [...document.querySelectorAll('.scores tr')].map((tr) => "
                           "[...tr.children].map((cell) => cell.textContent))")
    assert rows == [
        ["On your 1 held-out photo", "Before: nano as released", "After: trained on your photos"],
        ["Points (2 questions)"], ["Both together (F1)", "25 %", "75 %"],
        ["Typical distance from the true point; less is better", "–", "4.3 % of the width"],
        ["Count"], ["Right numbers", "–", "not measured"]]
    text = browser.execute("return document.querySelector('#finish').textContent")
    assert "which it never trains on" in text


DROP = """const data = new DataTransfer(), canvas = document.createElement('canvas');
const blob = await new Promise((resolve) => canvas.toBlob(resolve));
data.items.add(new File([blob], 'dropped.png', { type: 'image/png' }));
data.items.add(new File(['text'], 'letter.pdf', { type: 'application/pdf' }));
const options = { dataTransfer: data, bubbles: true, cancelable: true };
document.body.dispatchEvent(new DragEvent('drop', options));"""


def test_a_dropped_picture_is_added_and_other_files_are_named(page):
    page.browser.execute(DROP)
    wait(page.browser, "return document.querySelectorAll('.photo').length === 1")
    assert "letter.pdf" in page.browser.execute("return document.querySelector('#messages').textContent")


def test_what_no_browser_can_read_is_said_in_words(page, tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (tmp_path / "half.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))  # only the server notices
    page.browser.send_files("#pick", tmp_path / "photo.heic", tmp_path / "half.jpg")
    wait(page.browser, "return document.querySelectorAll('#messages .error').length === 2")
    text = page.browser.execute("return document.querySelector('#messages').textContent")
    assert "Most Compatible" in text and "half.jpg" in text
    page.browser.execute("for (const button of document.querySelectorAll('#messages button')) button.click()")
    wait(page.browser, SAVED)


@pytest.fixture
def narrow(browser):
    """The page at a width of 320 pixels."""
    browser.width, wide = 320, browser.width
    browser._emulate()
    yield browser
    browser.width = wide
    browser._emulate()


SMALL_TARGETS = """const targets = document.querySelectorAll('button, a, input, summary, textarea');
return [...targets].filter((element) => {
  const target = element.type === 'checkbox' ? element.closest('label') : element;
  const { width, height } = target.getBoundingClientRect();
  return width > 1 && (width < 24 || height < 24);
}).map((element) => element.outerHTML)"""


def test_nothing_is_wider_than_a_page_of_320_pixels(narrow, page, photos):
    page.add(*photos)
    say_everything(page)
    tabs = [f"#tab-{name}" for name in ("talk", "caption", "points", "count", "ask", "explain")]
    for place in [*tabs, "#go-finish"]:
        narrow.click(place)
        chosen = "return document.querySelector(arguments[0]).matches('[aria-selected=true], [aria-current]')"
        assert narrow.execute(chosen, place), place
        assert narrow.execute("return document.scrollingElement.scrollWidth") <= 320, place
        assert not narrow.execute(SMALL_TARGETS), place


def test_the_page_asks_only_its_own_server_and_its_console_is_clean(page, photos):
    page.add(*photos)
    page.browser.console(), page.browser.requests()
    page.browser._console.clear(), page.browser._requests.clear()
    page.browser.open(page.address)
    wait(page.browser, SAVED)
    explain(page)
    wait(page.browser, SAVED)
    own = (page.running.url, "data:", "blob:")
    assert not [url for url in page.browser.requests() if not url.startswith(own)]
    assert not page.browser.console()
