"""The page of `make demo` in a real browser: asked, dragged, looked into, by mouse and by keyboard."""
from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image
from tools.webdriver import DELETE, ENTER, RIGHT, SHIFT, Browser, needs_browser

from minimolmo.answer import RELEASED, ask
from minimolmo.page.demo import FILES, Demo
from minimolmo.page.server import start

pytestmark = needs_browser()

RED_CIRCLE = {"kind": "circle", "color": "red", "x": 66.02, "y": 35.16, "width": 21.09, "height": 21.09}
BLUE_SQUARE = {"kind": "square", "color": "blue", "x": 26.17, "y": 58.2, "width": 19.53, "height": 19.53}
SCENE = {"type": "scene", "style_seed": 20, "things": [RED_CIRCLE, BLUE_SQUARE]}
SLOW = 60  # seconds that a loaded machine may take
HOME = "\ue011"
STILL = [{"name": "prefers-reduced-motion", "value": "reduce"}]  # no animations
FINISHED = "return !document.querySelector('#stop:enabled') && document.querySelector('.token.picked')"
# Opens a picture and a question by the address, as a link to them does.
OPEN = """const [record, question] = arguments, text = btoa(JSON.stringify(record));
          document.querySelector("#tokens").replaceChildren();
          const parts = { q: question, scene: text.replaceAll("=", ""), n: Math.random() };
          location.hash = new URLSearchParams(parts);"""
NONE = "return document.querySelector('#answer-text').dataset.raw === 'There are none.'"
# Is anything drawn over the picture?
DRAWN = """const copy = Object.assign(document.createElement("canvas"), { width: 50, height: 50 });
           const pen = copy.getContext("2d", { willReadFrequently: true });
           pen.drawImage(document.querySelector("#stage .picture-overlay"), 0, 0, 50, 50);
           return pen.getImageData(0, 0, 50, 50).data.some((value) => value)"""
POINT = "return [...document.querySelectorAll('#stage .marker.ring')].map((m) => parseFloat(m.style.left))"


@dataclass
class Page:
    """The page in a browser, and the model behind it."""
    browser: Browser
    demo: Demo
    url: str

    def show(self, record: dict = SCENE, question: str = "Point to the red circle.") -> None:
        """Open a drawn picture with a question, and wait for the answer."""
        self.browser.execute("performance.clearMeasures(); window.scrollTo(0, 0)")
        self.browser.execute(OPEN, record, question)
        self.browser.wait(FINISHED, SLOW)

    def text(self, css: str) -> str:
        """The text of an element."""
        return self.browser.execute("return document.querySelector(arguments[0]).textContent", css)

    def answer(self) -> str:
        """The model's answer, tags included."""
        return self.browser.execute("return document.querySelector('#answer-text').dataset.raw")

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """CSS pixels from the picture's corner, from percent of the picture."""
        width = self.browser.execute("return document.querySelector('#stage .picture-sheet').clientWidth")
        return x / 100 * width, y / 100 * width


@pytest.fixture(scope="module")
def page():
    """The page with the released nano, opened once, without animations."""
    demo = Demo(RELEASED)
    running = start(demo.routes(), FILES)
    with Browser() as browser:
        browser.cdp("Emulation.setEmulatedMedia", features=STILL)
        browser.open(running.address)
        browser.wait(FINISHED, SLOW)
        yield Page(browser, demo, running.url)
    running.stop()


@pytest.mark.parametrize("question", ["Point to the red circle.", "What does the picture show?"])
def test_the_page_says_what_make_ask_says(page, question):
    page.show(question=question)
    pixels = page.browser.execute("""
        return import("/paint.js").then((paint) => [...paint.paint(arguments[0])])""", SCENE)
    image = np.array(pixels, dtype=np.uint8).reshape(64, 64, 3)
    with page.demo.lock:
        answer = ask(page.demo.model, page.demo.tokenizer, [image], [question])[0]
    assert page.answer() == answer.text


def test_a_drag_moves_the_point_and_its_error_stays_in_view(page):
    page.show()
    before = page.browser.execute(POINT)
    page.browser.drag("#stage .picture-sheet", page.pixel(66, 35), page.pixel(80, 75), steps=12)
    assert page.browser.wait("return performance.getEntriesByName('drag').length", SLOW)  # while it moved
    page.browser.wait(FINISHED, SLOW)
    after = page.browser.execute(POINT)
    assert abs(before[0] - 66) < 4 and abs(after[0] - 80) < 4
    assert "% of the width" in page.text("#verdict")


def test_a_shape_goes_where_the_next_click_is(page):
    page.show()
    page.browser.click_at("#stage .picture-sheet", page.pixel(66, 35))
    page.browser.click_at("#stage .picture-sheet", page.pixel(75, 80))
    page.browser.wait(f"{POINT}[0] > 71", SLOW)


def test_a_new_colour_changes_what_the_model_finds(page):
    page.show()
    page.browser.click_at("#stage .picture-sheet", page.pixel(66, 35))
    page.browser.click("#tools [data-color=green]")
    page.browser.wait(NONE, SLOW)


def test_the_answer_to_a_blank_picture_differs(page):
    page.show()
    all_said = "return [...document.querySelectorAll('#four .said')].every((said) => said.textContent)"
    page.browser.wait(all_said, SLOW)
    right, blank, _, swapped = (page.text(f"#four .tile:nth-child({i}) .said") for i in (1, 2, 3, 4))
    assert "red circle" in right
    assert blank != right and swapped != right


def test_a_token_shows_what_it_attended_to_beside_what_it_needed(page):
    page.show()
    assert not page.browser.execute(DRAWN)
    page.browser.execute("document.querySelectorAll('.token')[5].dispatchEvent(new Event('pointerenter'))")
    page.browser.wait(DRAWN, SLOW)
    assert "of its attention is on the picture" in page.text("#attended-text")
    assert "over" in page.text("#needed-text")
    assert page.browser.execute("return document.querySelectorAll('#needed-numbers td').length") == 64


def test_a_point_condenses_digit_by_digit_until_it_is_stopped(page):
    page.show()
    page.browser.cdp("Emulation.setEmulatedMedia", features=[{**STILL[0], "value": "no-preference"}])
    page.browser.click("#ask")
    page.browser.wait(f"{DRAWN} && document.querySelector('#stop:enabled')", SLOW)
    page.browser.cdp("Emulation.setEmulatedMedia", features=STILL)
    page.browser.click("#stop")
    page.browser.wait(FINISHED, SLOW)


def test_a_forced_digit_moves_the_point(page):
    page.show()
    before = page.browser.execute(POINT)
    other = page.text("#likely button:not([aria-current=true]) .word")
    page.browser.click("#likely button:not([aria-current=true])")
    page.browser.wait("return !document.querySelector('#forced').hidden", SLOW)
    page.browser.wait(FINISHED, SLOW)
    assert other in page.text("#forced")
    assert page.browser.execute(POINT) != before
    page.browser.click("#forced button")
    page.browser.wait("return document.querySelector('#forced').hidden", SLOW)
    page.browser.wait(FINISHED, SLOW)
    assert page.browser.execute(POINT) == before


def test_tags_that_a_model_writes_are_text(page):
    lines = [{"e": "start", "view": "bird", "crops": [], "boxes": [[0, 0, 100, 100]], "unknown": ["<b>"]},
             {"e": "token", "id": 1, "text": "<img src=x onerror=broken()>", "p": .9, "axis": None,
              "written": "", "digits": None, "top": [[1, "<img src=x onerror=broken()>", .9]]},
             {"e": "done", "text": "<img src=x onerror=broken()>", "points": [], "end": "eos",
              "ms": {"image": 1, "all": 2}}]
    page.show()
    page.browser.execute("""
        window.broken = () => { document.title = "broken"; };
        const real = window.fetch;
        window.fetch = (path, ...rest) => {
          if (path !== "/api/ask") return new Promise(() => {});
          window.fetch = real;
          return Promise.resolve(new Response(arguments[0]));
        };
        document.querySelector("#ask").click();""", "".join(json.dumps(line) + "\n" for line in lines))
    page.browser.wait("return document.querySelector('#answer-text').textContent.includes('<img')", SLOW)
    assert page.browser.execute("return document.querySelectorAll('main img').length") == 0
    assert page.browser.execute("return document.title") != "broken"


def test_a_link_restores_picture_question_and_view(page):
    page.show({**SCENE, "things": [{**RED_CIRCLE, "x": 30, "y": 70}]}, "Where is the red circle?")
    page.browser.execute("document.querySelector('#views .tile:nth-child(2) button').click()")
    link = page.browser.wait("return location.href.includes('view=ground') && location.href", SLOW)
    page.browser.wait(FINISHED, SLOW)
    answer = page.answer()
    page.show()
    assert page.answer() != answer
    page.browser.open("about:blank")
    page.browser.open(link)
    page.browser.wait(FINISHED, SLOW)
    question, view = page.browser.execute("""
        return [document.querySelector("#question").value,
                document.querySelector("#views [aria-pressed=true]").textContent]""")
    assert (question, view, page.answer()) == ("Where is the red circle?", "Ground", answer)
    page.browser.execute("document.querySelector('#views .tile:nth-child(1) button').click()")
    page.browser.wait("return !location.href.includes('view=')", SLOW)


LINKS = {  # behind "&": what is said about it
    "scene=eyJ0": "cannot be read: a part of it is missing", "scene=bnVsbA": "made by another version",
    "view=worm": "no view \"worm\"", "photo=": "cannot carry a photo"}


def test_a_link_that_cannot_be_shown_says_what_is_wrong(page):
    for part, words in LINKS.items():
        page.browser.execute("location.hash = arguments[0]", f"#q=Point+to+the+red+circle.&{part}")
        note = f"return document.querySelector('#link-note').textContent.includes('{words}')"
        page.browser.wait(note, SLOW)
    page.show()
    assert page.browser.execute("return document.querySelector('#link-note').hidden")


def test_an_address_without_a_sound_picture_shows_the_first_one(page):
    page.show({"type": "scene", "style_seed": 1, "things": [{**RED_CIRCLE, "color": "__proto__"}]})
    assert page.answer().startswith("<point") and "made by another version" in page.text("#link-note")


def test_a_photo_is_shown_with_the_few_pixels_that_the_model_gets(page, tmp_path):
    photo = tmp_path / "photo.png"
    Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 60).convert("RGB").save(photo)
    page.show()
    page.browser.send_files("#file", photo)
    eye = "const eye = document.querySelector('.photo-eye'); return eye && eye.complete && eye.naturalWidth"
    assert page.browser.wait(eye, SLOW) == 64
    assert "six colours, four shapes, 64 px" in page.text("#photo-note")
    page.browser.wait(FINISHED, SLOW)
    assert page.answer()
    assert "link to this page keeps only the question" in page.text("#photo-note")
    assert page.browser.execute("return location.hash").endswith("&photo=")


def test_free_questions_are_judged_beside_the_answer(page):
    page.show(question="What color is the square?")
    assert page.answer().strip() == "blue" and page.text("#verdict").startswith("✓ right")
    page.browser.execute("""document.querySelector("#question").value = "How does it feel?";
                            document.querySelector("#ask").click();""")
    page.browser.wait(f"if (location.href.includes('feel')) {{ {FINISHED} }}", SLOW)
    assert page.text("#verdict") == ""


def test_an_answer_that_stays_the_same_is_explained_with_what_is_true_there(page):
    page.show(question="Just a number: how many shapes?")
    same = "document.querySelector('#four .tile:nth-child(4) .same')"  # of two things swapped
    page.browser.wait(f"return !{same}.hidden && {same}.textContent.includes('right here, too')", SLOW)


CLOCK = {"type": "clock", "hour": 3, "minute": 0, "minute_color": "red", "face": "paper", "square": False,
         "marks": "bars", "has_accent": False, "x": 32, "y": 32, "radius": 26, "tilt": 0, "style_seed": 1}


def test_a_clock_shows_which_parts_of_it_can_be_dragged(page):
    page.show(CLOCK, "What time is it?")
    assert page.browser.execute(DRAWN)  # rings at the ends of the hands
    sheet, seen = "document.querySelector('#stage .picture-sheet')", []
    for x, y in ((50, 22), (66, 50), (30, 70), (3, 3)):  # minute hand, hour hand, face, beside it
        page.browser.execute(f"""const box = {sheet}.getBoundingClientRect();
            const [clientX, clientY] = [box.x + box.width * {x} / 100, box.y + box.height * {y} / 100];
            {sheet}.dispatchEvent(new PointerEvent("pointermove", {{ clientX, clientY }}));""")
        cursor = page.browser.execute(f"return {sheet}.style.cursor")
        seen.append((cursor, page.text("#stage-hint").partition(":")[0].partition(",")[0]))
    assert seen == [("grab", "The minute hand"), ("grab", "The hour hand"), ("move", "The face"),
                    ("", "Drag the end of a hand (the rings)")]


def test_the_keyboard_alone_moves_and_deletes_a_shape_and_forces_a_token(page):
    page.show({**SCENE, "things": [{**RED_CIRCLE, "x": 50, "y": 50}, {**BLUE_SQUARE, "x": 20, "y": 20}]})
    page.browser.execute("document.querySelector('#stage .picture-view').focus()")
    page.browser.keys(HOME + RIGHT + ENTER + RIGHT * 18 + ENTER)  # take it, carry it, put it down
    page.browser.wait(f"{POINT}[0] > 64", SLOW)
    page.browser.wait(FINISHED, SLOW)
    page.browser.keys(SHIFT + RIGHT)
    assert page.text("#stage [aria-live]").startswith("69.1, 50 ")
    page.browser.keys(DELETE)
    page.browser.wait(NONE, SLOW)
    page.browser.wait(FINISHED, SLOW)
    page.browser.execute("document.querySelector('.token[tabindex=\"0\"]').focus()")
    page.browser.keys(RIGHT + ENTER)
    assert page.browser.execute("return document.activeElement.matches('.token.picked')")
    page.browser.execute("document.querySelector('#likely button[aria-current=false]').focus()")
    page.browser.keys(ENTER)
    page.browser.wait("return document.activeElement.matches('.token.forced')", SLOW)
    page.browser.execute("""const all = [...document.querySelectorAll(".token")];
        window.forced = all.indexOf(document.activeElement);
        document.querySelector("#forced button").focus()""")
    page.browser.keys(ENTER)
    page.browser.wait("return document.activeElement === document.querySelectorAll('.token')[forced] && "
                      "document.querySelector('#forced').hidden", SLOW)


def test_a_finished_answer_is_announced_once(page):
    page.show()
    page.browser.execute("""
        window.said = [];
        new MutationObserver(() => said.push(document.querySelector("#announce").textContent))
          .observe(document.querySelector("#announce"), { childList: true });""")
    page.browser.click("#ask")
    page.browser.wait("return said.length", SLOW)
    page.browser.wait(FINISHED, SLOW)
    assert len(page.browser.execute("return said")) == 1
    assert page.browser.execute("return said[0]").startswith("Answer: ")


def test_the_page_works_at_320_pixels_with_targets_of_24(page):
    page.browser.cdp("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=1,
                     mobile=True)
    page.show()
    assert page.browser.execute("return document.documentElement.scrollWidth") <= 320
    small = page.browser.execute("""
        return [...document.querySelectorAll("button, input:not([type=file]), a, summary")]
          .filter((one) => one.offsetParent).filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < 24)
          .map((one) => one.outerHTML)""")
    assert small == []
    page.browser.click("#ask")
    page.browser.wait(FINISHED, SLOW)
    picture, answer, height = page.browser.execute("""
        return [document.querySelector("#stage .picture-view").getBoundingClientRect().bottom,
                document.querySelector("#answer-line").getBoundingClientRect().bottom, innerHeight]""")
    assert answer <= height + 1 and answer - picture < 400  # the answer is in view, with most of the picture


def test_no_request_leaves_the_page_and_its_console_is_clean(page):
    """The last test: it looks back at all of the above."""
    assert [url for url in page.browser.requests() if not url.startswith(page.url)] == []
    assert page.browser.console() == []
