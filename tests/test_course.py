"""The lessons as web pages: the writer of Markdown, all pages and their links, and a real browser."""
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tools.webdriver import Browser, needs_browser

from data import clean
from lessons import course, markdown
from lessons.highlight import highlight
from lessons.markdown import inline, to_html
from lessons.page import ROOT, find_lessons, parse_blocks
from minimolmo.locks import locked

SOURCES = [course.INDEX, *(folder / "README.md" for folder in find_lessons())]
VOID = {"meta", "link", "img"}


class Page(HTMLParser):
    """A page of HTML, read strictly: its addresses, its anchors and its words."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.ids, self.addresses, self.words = [], [], [], []
        self.feed(html)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[key] for key in ("href", "src") if key in given]
        self.open += [] if tag in VOID else [(tag, given.get("class", ""))]

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if not {("figcaption", ""), ("a", "anchor")} & {*self.open}:
            self.words += words_of(text)


def words_of(text: str) -> list[str]:
    """Everything with a letter in it, in order."""
    return re.findall(r"[^\W\d]\w*", text)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with the whole course. It is made once, and not synced to the disk as write_course does."""
    folder = tmp_path_factory.mktemp("course")
    for name, content in course.make_course().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def pages(written) -> dict[str, Page]:
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in written.glob("*.html")}


# the writer of Markdown

@pytest.mark.parametrize("text, html", [
    ("a *b* **c `*`** 2 * 3", "a <em>b</em> <strong>c <code>*</code></strong> 2 * 3"),
    ("**a *b* c**, *d `e` f*", "<strong>a <em>b</em> c</strong>, <em>d <code>e</code> f</em>"),
    ("1 < 2 & `<b>`", "1 &lt; 2 &amp; <code>&lt;b&gt;</code>"),
    ("[x `y`](a/b.md#c), [up, gate]", '<a href="a/b.md#c">x <code>y</code></a>, [up, gate]'),
])
def test_words_in_a_block(text, html):
    assert inline(text) == html


@pytest.mark.parametrize("text, html", [
    ("a\nb\n\nc\n", "<p>a\nb</p>\n<p>c</p>"),
    ("a sum is 3\n+ 4 = 7", "<p>a sum is 3\n+ 4 = 7</p>"),
    ("- a\n  b\n- *c*", "<ul>\n<li>a\nb</li>\n<li><em>c</em></li>\n</ul>"),
    ("3. a\n   b\n4. c", '<ol start="3">\n<li>a\nb</li>\n<li>c</li>\n</ol>'),
    ("    <b>\n     c", '<figure class="drawing"><pre><code>&lt;b&gt;\n c\n</code></pre></figure>'),
    ("```text\n1 < 2\n\n> a\n```", '<figure class="output"><figcaption>Output</figcaption><pre><code>'
     "1 &lt; 2\n\n&gt; a\n</code></pre></figure>"),
    ("<details><summary>A *b*</summary>\n\nc\n\n</details>",
     "<details><summary>A <em>b</em></summary>\n<p>c</p>\n</details>"),
    ("> [!TIP]\n> **Insider note.** a\n> b\n>\n> c",
     '<aside class="box insider">\n<p><strong>Insider note.</strong> a\nb</p>\n<p>c</p>\n</aside>'),
    ('![a "b"](c.png)', '<figure class="picture"><a href="c.png"><img src="c.png" alt="a &quot;b&quot;" '
     'loading="lazy"></a></figure>'),
])
def test_blocks(text, html):
    assert to_html(text) == html


def test_a_column_of_numbers_is_aligned_to_the_right():
    html = to_html("| a | b | c |\n|---|---|---|\n| x | 1,000 | |\n| 1 x | **2.5** | .5 |")
    assert "<th>a</th><th class=\"number\">b</th><th class=\"number\">c</th>" in html
    assert '<td>1 x</td><td class="number"><strong>2.5</strong></td><td class="number">.5</td>' in html


def test_a_heading_has_githubs_anchor_and_a_note_above_a_block_is_its_caption():
    assert 'id="why-the-mask-now"' in to_html("## Why the `mask`, now?")
    assert "Output; its numbers may differ by 0.1 on" in to_html("<!-- tolerance 0.1 -->\n```text\n1\n```")
    assert '<a href="a.py:b">a.py: b</a>' in to_html("<!-- quote a.py:b -->\n```python\nb\n```")


@pytest.mark.parametrize("text, found", [
    ("a\n\n#### b", "line 3: '#### b'"), ("* a", "'* a'"), ("+ a", "'+ a'"), ("- a\n  - b", "'  - b'"),
    ("> a", "'> a'"), ("> [!CAUTION]\n> a", "CAUTION"), ("---", "'---'"), ("a\n---", "'---'"),
    ("```python\na", "no end"), ("```js\na\n```", "'js'"), ("~~~\na\n~~~", "'~~~'"), ("<b>", "'<b>'"),
    ("<!-- todo -->", "todo"), ("<!-- todo -->\n```text\na\n```", "todo"), ("a <br> b", "<br>"),
    ("| a |\n|:--|\n| b |", "second row"), ("| a |\n|---|\n| b | c |", "2 cells"), ("a `b", "'`'"),
    ("a **b", "*"), ("*a", "'*'"), ("_a_", "_a"), ("~~a~~", "~~"), ("a  \nb", "'  '"), ("a\\*b", "\\"),
    ("a &nbsp; b", "&nbsp;"), ("https://a.b", "https://a.b"), ("a ![b](c.png) d", "![b](c.png)"),
    ("a[^1]", "[^"), ("[a][b]", "]["), ("[a](b c)", "]("),
    ("- [ ] a", "[ ]"), ("<details><summary>a</summary>", "not closed"), ("# a\n\n# a", "two headings"),
    ("    \ta\n```", "'```'"),
])
def test_what_the_writer_does_not_know_is_refused_with_words(text, found):
    with pytest.raises(ValueError) as caught:
        to_html(text)
    assert found in str(caught.value)


@pytest.mark.parametrize("page", SOURCES, ids=lambda page: page.parent.name)
def test_no_word_of_a_page_is_lost_or_moved(page):
    """Whatever a reader sees in the Markdown stands in the HTML, in the same order."""
    text = page.read_text(encoding="utf-8")
    signs = r"^(<!-- .* -->|```\w*|> \[!\w+\]|!\[.*)$|</?details>|</?summary>|\]\([^)\s]+\)"
    shown = re.sub(signs, " ", text, flags=re.M)
    assert Page(to_html(text)).words == words_of(shown)


# syntax highlighting

def text_of(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_highlighting_changes_no_character_and_no_span_crosses_a_line():
    blocks = [block.body for page in SOURCES for block in parse_blocks(page.read_text(encoding="utf-8"))
              if block.kind == "python"]
    for source in [*blocks, 'f"{{a}} {b!r:>{c}} {{"  # d\n', "a = '''x\ny'''\n", "é = 'ü'; # ß\n", "if (:\n"]:
        html = highlight(source)
        assert text_of(html) == source
        assert all(line.count("<span") == line.count("</span>") for line in html.split("\n"))


def test_keywords_names_strings_numbers_and_comments_have_classes():
    html = highlight("def f(a):  # b\n    return 'c', 1\n")
    for kind, text in [("keyword", "def"), ("name", "f"), ("comment", "# b"), ("keyword", "return"),
                       ("string", "'c'"), ("number", "1")]:
        assert f'<span class="{kind}">{text}</span>' in html


# the course

def test_every_link_and_picture_leads_to_a_file_and_an_anchor_of_the_course(pages, written):
    for name, page in pages.items():
        assert len({*page.ids}) == len(page.ids), name
        for address in page.addresses:
            file, _, anchor = address.partition("#")
            assert (written / (file or name)).is_file(), f"{name} leads to {address}"
            assert not anchor or anchor in pages[file or name].ids, f"{name} leads to {address}"


def test_every_lesson_has_contents_and_neighbours(pages):
    lessons = [course.file_name(page) for page in SOURCES]
    assert lessons[0] == "index.html" and {*lessons} <= pages.keys()
    for before, name, after in zip(lessons, lessons[1:], lessons[2:]):
        links = pages[name].addresses
        assert {*lessons} <= {*links} and links[-2:] == [before, after]


def test_files_tests_and_quotes_lead_to_their_lines(pages, written):
    html = (written / "03_attention.html").read_text(encoding="utf-8")
    source = (ROOT / "minimolmo/model/attention.py").read_text(encoding="utf-8").splitlines()
    line = next(i for i, text in enumerate(source, start=1) if text.startswith("def split_heads"))
    name = "minimolmo.model.attention.py.html"
    assert f'<a href="{name}#L{line}">minimolmo/model/attention.py: split_heads</a>' in html
    assert f'<a href="{name}"><code>minimolmo/model/attention.py</code></a>' in html
    assert re.search(r'<a href="tests.test_attention.py.html#L\d+"><code>test_attention_written_out', html)
    page = (written / name).read_text(encoding="utf-8")
    assert re.search(r'Named in: .*<a href="03_attention.html">03</a>', page)
    assert pages[name].ids == ["text", *(f"L{number + 1}" for number in range(len(source)))]
    assert text_of(page.split("<code>")[1].split("</code>")[0]).split("\n") == source


def test_a_link_to_nothing_and_a_page_that_cannot_be_shown_are_named(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="gone.md is not a file of the repository"):
        course.CourseAddresses(course.INDEX).link("gone.md")
    monkeypatch.setattr(markdown, "UNKNOWN", re.compile("potluck"))
    with pytest.raises(ValueError, match=r"03_attention.README.md: line \d+: 'potluck'"):
        course.make_course()


def test_what_is_there_already_is_left_and_clean_removes_all(written, tmp_path, monkeypatch):
    monkeypatch.setattr(course, "make_course", lambda: {"a.html": b"a", "b.png": b"b", "c.css": b"c"})
    out = tmp_path / "out" / "course"
    assert course.write_course(out) == len(SOURCES)
    (out / "b.png").write_bytes(b"old")
    before = (out / "a.html").stat().st_mtime_ns
    course.write_course(out)
    assert (out / "a.html").stat().st_mtime_ns == before and (out / "b.png").read_bytes() == b"b"
    for path in written.iterdir():
        (out / path.name).touch()
    (out / "notes.txt").touch()
    assert clean.clean(tmp_path) == [out / "notes.txt"]
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_the_command_says_where_the_course_is_and_opens_it_if_asked(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(course, "OUT", tmp_path / "my course")
    monkeypatch.setattr(course, "make_course", lambda: {"index.html": b""})
    opened = []
    monkeypatch.setattr(course.webbrowser, "open", lambda url: opened.append(url) or len(opened) < 2)
    course.main([])
    assert f"{tmp_path / 'my course' / 'index.html'}: {len(SOURCES)} pages" in capsys.readouterr().out
    assert not opened
    course.main(["--open"])
    assert opened == [f"{tmp_path.as_uri()}/my%20course/index.html"]
    with pytest.raises(ValueError, match="no browser was found"):
        course.main(["--open"])
    with locked(tmp_path / "my course"), pytest.raises(ValueError, match="in use by process"):
        course.main([])


# in a browser

OVERFLOW = """for (const fold of document.querySelectorAll("details")) fold.open = true;
return document.documentElement.scrollWidth - document.documentElement.clientWidth;"""


@needs_browser()
def test_pages_fit_a_phone_ask_for_nothing_elsewhere_and_copy_code(written):
    with Browser(width=320) as browser:
        for name in ("index.html", "03_attention.html"):
            browser.open((written / name).as_uri())
            assert browser.execute(OVERFLOW) == 0, name
        side = "return [...document.querySelectorAll('.side, .menu')].map((each) => each.offsetHeight > 0)"
        assert browser.execute(side) == [True, False]
        browser.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        browser.click("figure.code .copy")
        browser.wait("document.querySelector('.copy').textContent == 'Copied'")
        copied = browser.execute("return navigator.clipboard.readText()")
        blocks = parse_blocks((ROOT / "lessons/03_attention/README.md").read_text(encoding="utf-8"))
        assert copied == blocks[0].body

        browser.execute("navigator.clipboard.writeText = () => Promise.reject()")
        quote = "figure.code:has(figcaption > a) .copy"
        browser.click(quote)
        browser.wait(f"document.querySelector('{quote}').textContent == 'Press Ctrl+C'")
        assert "def split_heads" in browser.execute("return getSelection().toString()")
        assert browser.console() == []
        assert all(url.startswith(written.as_uri()) for url in browser.requests())
