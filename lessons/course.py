"""Write the lessons as web pages: python -m lessons.course. A browser opens them from the disk.

    out/course/index.html                      lessons/README.md
    out/course/05_views.html                   a lesson
    out/course/lessons.05_views.crops.png      a picture
    out/course/minimolmo.image.tiler.py.html   a file or a test that a page names, with line numbers

The pages load nothing from elsewhere, so the folder can be copied and sent. The standard library alone.
"""
from __future__ import annotations

import re
import struct
import webbrowser
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path

from lessons.highlight import highlight
from lessons.markdown import Addresses, find_headings, inline, make_anchor, to_html
from lessons.page import ROOT, find_lessons, lesson_number, line_number, line_range
from minimolmo.command import run_command, say
from minimolmo.disk import write_atomically
from minimolmo.locks import locked
from minimolmo.options import Parser

OUT, LESSONS, LOOK = ROOT / "out" / "course", ROOT / "lessons", ROOT / "minimolmo" / "page"
INDEX = LESSONS / "README.md"
FIXED = [LOOK / "page.css", LOOK / "icon.svg", LESSONS / "course.css", LESSONS / "course.js"]
FILE = re.compile(r"(?:(?:minimolmo|data|lessons|tests)/(?:\w[\w.-]*/)*)?\w[\w.-]*\.(?:py|md)")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="page.css">
<link rel="stylesheet" href="course.css">
<script src="course.js" defer></script>
</head>
<body>
<a class="skip button" href="#text">To the text</a>
<details class="menu"><summary>Contents</summary>
{contents}
</details>
<div class="layout">
<nav class="side" aria-label="Contents">
{contents}
</nav>
<main id="text">
{body}
</main>
</div>
</body>
</html>
"""


class CourseAddresses(Addresses):
    """Where the links of one page lead in the course.

    page   the page's README.md
    files  the pictures, sources and pages that it has used so far
    """

    def __init__(self, page: Path):
        self.page, self.files = page, set()

    def link(self, address: str) -> str:
        """A page, a picture or a source, with its anchor. Addresses of other sites stay."""
        if re.match("https?://", address):
            return address
        path, sign, anchor = address.partition("#")
        file = (self.page.parent / path).resolve()
        if path.endswith(".md") and anchor and ROOT / "lessons" not in file.parents:
            anchor = f"L{_heading_line(file, anchor)}"  # it is shown as a source, whose lines have anchors
        return (self._use(file) if path else "") + sign + anchor

    def picture(self, address: str) -> tuple[str, str]:
        """A picture and its size, so that the text does not move when it is loaded."""
        path = (self.page.parent / address).resolve()
        return self._use(path), _size_attributes(path.read_bytes())

    def code(self, text: str) -> str:
        """A file of the repository, or a test by its name."""
        if text in (tests := _find_tests()):
            path, line = tests[text]
            return f"{self._use(path)}#L{line}"
        return self._use(ROOT / text) if FILE.fullmatch(text) and (ROOT / text).is_file() else ""

    def quote(self, reference: str) -> str:
        """The line of a file where the quote begins."""
        file, _, name = reference.partition(":")
        address = self._use(ROOT / file)
        return f"{address}#L{line_range((ROOT / file).read_text(encoding='utf-8'), name, file)[0]}"

    def _use(self, path: Path) -> str:
        if not path.is_file() or ROOT not in path.parents:
            raise ValueError(f"{path} is not a file of the repository, so no link can lead to it. "
                             f"Was it moved?")
        self.files.add(path)
        return file_name(path)


def _heading_line(file: Path, anchor: str) -> int:
    """The line of a Markdown file where a heading stands."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if line.startswith("#") and make_anchor(line.lstrip("# ")) == anchor:
            return number
    raise ValueError(f"{file} has no heading #{anchor}, so no link can lead to it. Was it renamed?")


@cache
def _find_tests() -> dict[str, tuple[Path, int]]:
    """The file and the line of each test."""
    found = {}
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r"^def (test_\w+)\(", text, re.M):
            found[match[1]] = path, line_number(text, match.start())
    return found


def _size_attributes(picture: bytes) -> str:
    """Width and height of a PNG as attributes; "" for other kinds."""
    if not picture.startswith(b"\x89PNG"):
        return ""
    width, height = struct.unpack(">II", picture[16:24])
    return f' width="{width}" height="{height}"'


def file_name(path: Path) -> str:
    """The name in the course of a page, a picture or a source of the repository.

    >>> file_name(ROOT / "lessons/05_views/README.md"), file_name(ROOT / "minimolmo/draw.py")
    ('05_views.html', 'minimolmo.draw.py.html')
    """
    parts = path.relative_to(ROOT).parts
    if parts[0] == "lessons" and parts[-1] == "README.md":
        return "index.html" if path == INDEX else f"{parts[1]}.html"
    return ".".join(parts) + ("" if path.suffix in (".png", ".svg") else ".html")


def make_course() -> dict[str, bytes]:
    """All files of the course, by name. Raises ValueError with the page and line of what cannot be shown."""
    texts = {page: page.read_text(encoding="utf-8")
             for page in [INDEX, *(folder / "README.md" for folder in find_lessons())]}
    titles = {page: find_headings(text)[0][1] for page, text in texts.items()}
    files = {path.name: path.read_bytes() for path in FIXED}
    used: dict[Path, list[Path]] = {}  # pictures and sources, with the pages that name them
    for page in texts:
        addresses = CourseAddresses(page)
        files[file_name(page)] = _lesson_page(page, texts[page], titles, addresses).encode()
        for path in addresses.files - texts.keys():
            used.setdefault(path, []).append(page)
    for path, pages in used.items():
        shown = path.suffix in (".png", ".svg")
        files[file_name(path)] = path.read_bytes() if shown else _source_page(path, pages, titles).encode()
    return files


def _lesson_page(page: Path, text: str, titles: dict[Path, str], addresses: Addresses) -> str:
    """A lesson between the contents and the links to its neighbours."""
    try:
        body = to_html(text, addresses)
    except ValueError as error:
        raise ValueError(f"{page}: {error}") from None
    sections = [title for level, title in find_headings(text) if level == 2]
    pages, here = [*titles], [*titles].index(page)
    neighbours = [(name, pages[i]) for name, i in (("Previous", here - 1), ("Next", here + 1))
                  if 0 <= i < len(pages)]
    links = "".join(f'<a class="button {name.lower()}" href="{file_name(other)}"><small>{name}</small>'
                    f"{inline(titles[other])}</a>" for name, other in neighbours)
    body += f'\n<nav class="neighbours" aria-label="Pages before and after">{links}</nav>'
    return PAGE.format(title=_as_text(titles[page]), contents=_contents(titles, page, sections), body=body)


def _as_text(title: str) -> str:
    """A heading in Markdown as it stands in a window's title."""
    return escape(re.sub(r"[`*]", "", title))


def _contents(titles: dict[Path, str], here: Path | None = None, sections: Iterable[str] = ()) -> str:
    """Links to all pages; below the one that is shown, to its sections."""
    anchors = "".join(f'<li><a href="#{make_anchor(each)}">{inline(each)}</a></li>' for each in sections)
    items = []
    for page, title in titles.items():
        short = title if page == INDEX else title.partition(":")[0]
        current, below = (' aria-current="page"', f"\n<ul>{anchors}</ul>") if page == here else ("", "")
        items.append(f'<li><a href="{file_name(page)}"{current}>{inline(short)}</a>{below}</li>')
    return "<ul>\n" + "\n".join(items) + "\n</ul>"


def _source_page(path: Path, pages: list[Path], titles: dict[Path, str]) -> str:
    """A file with line numbers, and the pages that name it."""
    name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    code = highlight(text) if path.suffix == ".py" else escape(text, quote=False)
    lines = [f'<span class="line" id="L{number}">{line}</span>'
             for number, line in enumerate(code.rstrip("\n").split("\n"), start=1)]
    links = ", ".join(f'<a href="{file_name(page)}">{_short_name(page)}</a>' for page in pages)
    return PAGE.format(title=name, contents=_contents(titles), body=(
        f"<h1>{name}</h1>\n<p>Named in: {links}.</p>\n"
        f'<figure class="code"><figcaption>{len(lines)} lines</figcaption><pre class="source"><code>'
        + "\n".join(lines) + "</code></pre></figure>"))


def _short_name(page: Path) -> str:
    return "the index" if page == INDEX else lesson_number(page.parent)


def write_course(out: Path = OUT) -> int:
    """Write the course. Files that are there already and the same are left. Returns the number of pages."""
    with locked(out):
        files = make_course()
        for name, content in files.items():
            if not (out / name).is_file() or (out / name).read_bytes() != content:
                write_atomically(out / name, [content])
    return len(find_lessons()) + 1


def main(arguments: list[str]) -> None:
    """Write the course, and say how to open it."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    given = parser.parse_args(arguments)
    number, index = write_course(OUT), OUT / "index.html"
    say(f"{index}: {number} pages. Open that file in a browser, or let make course ARGS=--open do it.")
    if given.open and not webbrowser.open(index.as_uri()):
        raise ValueError(f"no browser was found, so {index} was written but not opened. Try to open it "
                         f"by hand.")


if __name__ == "__main__":
    run_command(main)
