"""A real browser on a page without a model: tests/tools/webdriver.py; what the server's headers forbid."""
import subprocess

import pytest
from tools import toy_page
from tools.webdriver import ELEMENT, LEFT, SHIFT, Browser, needs_browser

from minimolmo import disk

PAGE = """<!doctype html><title>the page</title><link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script><script>document.title = "inline"</script>
<input id="text"><input id="files" type="file" multiple><button id="button">ask</button>
<div id="box" tabindex="0"></div><p id="seen"></p>"""
CSS = """#box { width: 200px; height: 100px; touch-action: none; }
@media (prefers-color-scheme: dark) { p { color: red } }"""
JS = """const seen = document.querySelector("#seen"), box = document.querySelector("#box");
const note = text => { seen.textContent += text + " "; };
document.querySelector("#button").onclick = () => note("click");
document.querySelector("#files").onchange = event => {
    note([...event.target.files].map(file => file.name).join("+"));
};
box.onkeydown = event => note((event.shiftKey ? "shift-" : "") + event.key);
for (const kind of ["pointerdown", "pointerup"])
    box.addEventListener(kind, event => note(kind + " " + event.offsetX + "," + event.offsetY));"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    for name, text in {"page.html": PAGE, "page.css": CSS, "page.js": JS}.items():
        disk.write_text(folder / name, text)
    with toy_page.served({"/": folder / "page.html", "/page.css": folder / "page.css",
                          "/page.js": folder / "page.js"}) as running:
        yield running


@needs_browser()
def test_a_browser_does_what_a_person_does(running, tmp_path):
    with Browser(width=320, height=600, dark=True) as browser:
        browser.open(running.address)
        seen = browser.execute("return [location.href, innerWidth, innerHeight]")
        assert seen == [f"{running.url}/", 320, 600], "the key is still in the address, or the size is wrong"
        browser.click("#button")
        browser.type("#text", "a mug")
        (tmp_path / "a.jpg").touch(), (tmp_path / "b.jpg").touch()
        browser.send_files("#files", tmp_path / "a.jpg", tmp_path / "b.jpg")
        browser.drag("#box", (10, 20), (60, 40))
        browser.execute("document.querySelector('#box').focus()")
        browser.keys("x" + LEFT)
        browser.keys(SHIFT + LEFT)
        assert browser.wait("document.querySelector('#seen').textContent.trim()") == (
            "click a.jpg+b.jpg pointerdown 10,20 pointerup 60,40 x ArrowLeft shift-Shift shift-ArrowLeft")
        assert browser.execute("return document.querySelector('#text').value") == "a mug"
        colour = browser.execute("return getComputedStyle(arguments[0]).color", {ELEMENT: browser.find("p")})
        assert colour == "rgb(255, 0, 0)"
        browser.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")

        first, second = browser.tab, browser.new_tab(f"{running.url}/?q=1")
        assert browser.execute("return [location.search, innerWidth]") == ["?q=1", 320]
        browser.close_tab()
        assert first == browser.tab != second

        # What the server's headers forbid
        assert browser.execute("return document.title") == "the page", "an inline script ran"
        with pytest.raises(ValueError, match="TrustedHTML"):
            browser.execute("document.body.innerHTML = '<b>'")
        away = browser.execute("return fetch('http://localhost:1/').then(() => 'sent', () => 'not sent')")
        assert away == "not sent" and all(url.startswith(running.url) for url in browser.requests())
        assert all("Content Security Policy" in each["message"] or "TrustedHTML" in each["message"]
                   for each in browser.console())
        with pytest.raises(TimeoutError, match="not true within 0.1 s"):
            browser.wait("return nothing.here", seconds=0.1)
        driver = browser._driver
    assert driver.poll() is not None
    listed = subprocess.run(["ps", "-eo", "pgid,stat"], capture_output=True, text=True, encoding="utf-8")
    alive = [line for line in listed.stdout.splitlines() if line.split()[0] == str(driver.pid)]
    assert not [line for line in alive if "Z" not in line], "the browser goes on"
