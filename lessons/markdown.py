"""Markdown to HTML: exactly what the lessons use. The standard library alone.

    # to ###   paragraphs   - and 1. lists   | tables |   fenced and indented blocks   a picture on its own
    *emphasis*  **strong**  `code`  [words](address)
    > [!NOTE]                                       a box; also WARNING and TIP
    <details><summary>words</summary> ... </details>
    <!-- quote FILE:NAME --> or <!-- tolerance 0.02 -->   above a fenced block (page.py explains them)

Other Markdown is refused with its line number. Nothing is dropped silently.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from lessons.highlight import highlight
from lessons.page import extract_prose, line_number

# How each kind of block looks, from the start of a line. The first that fits is taken.
BLOCKS = {name: re.compile(pattern, re.M | re.S) for name, pattern in {
    "fence": r"(?:<!-- (?P<note>[^\n]+?) -->\n)?```(?P<kind>[^\n]*)\n(?P<body>.*?)^```\n",
    "heading": r"(?P<level>#{1,3}) (?P<title>[^\n]+)\n",
    "table": r"(?P<rows>(?:\|[^\n]*\n)+)",
    "box": r"> \[!(?P<kind>\w+)\]\n(?P<body>(?:>[^\n]*\n)+)",
    "bullets": r"(?P<items>(?:- [^\n]+\n(?:  +(?![-+*] |\d+\. )\S[^\n]*\n)*)+)",
    "numbers": r"(?P<items>(?P<first>\d+)\. [^\n]+\n(?:  +(?![-+*] |\d+\. )\S[^\n]*\n|\d+\. [^\n]+\n)*)",
    "fold": r"<details><summary>(?P<title>[^\n]+)</summary>\n",
    "fold_end": r"</details>\n",
    "indented": r"(?P<body>(?:    [^\n]+\n)+)",
    "picture": r"!\[(?P<alt>[^\]]+)\]\((?P<address>[^)\s]+)\)\n(?=\n|\Z)",
    # Inside a paragraph, a line may begin with "+ 4" or "1. But": it is a sum, or the end of a sentence.
    "paragraph": r"(?P<text>(?!\+ |\d+[.)] )(?:(?![-*] |[#>|<\s]|```|~~~|---|===|\*\*\*$)[^\n]+\n)+)",
}.items()}
IN_CODE, NO_SIGN = r"`[^`]*`", r"[^*`]"
INLINE = re.compile(rf"`(?P<code>[^`]+)`"
                    rf"|\*\*(?P<strong>(?:{IN_CODE}|\*[^*`]+\*|{NO_SIGN})+)\*\*"
                    rf"|\*(?!\s)(?P<emphasis>(?:{IN_CODE}|{NO_SIGN})+)\*"
                    rf"|(?<!!)\[(?P<words>(?:{IN_CODE}|[^\]`])+)\]\((?P<address>[^)\s]+)\)")
# What other writers of Markdown read as more than plain words, and this one does not.
UNKNOWN = re.compile(r"`|(?<!\s)\*|\*(?!\s)|</?[a-zA-Z!][^\n]*|\\(?=[^\w\s]|$)|&#?\w+;|!\[[^\n]*"
                     r"|\]\(|\]\[|\[\^|^\[[ xX]\]|~~|(?<![\w/])_+\w+|https?://\S*|  $", re.M)
BOXES = {"NOTE": "special", "WARNING": "alert", "TIP": "insider"}
FENCES = {"python": ("code", "Python"), "bash": ("code", "Shell"), "text": ("output", "Output"),
          "": ("drawing", "")}  # kind: its class, its caption
NUMBER = re.compile(r"[-+−<±]?[\d.,]*\d[\d.,]*( ?[%x]| [A-Za-z]{1,3})?")


class Addresses:
    """Where the links of a page lead. This class changes nothing; course.py has one that does."""

    def link(self, address: str) -> str:
        """The address of a link."""
        return address

    def picture(self, address: str) -> tuple[str, str]:
        """The address of a picture, and more attributes of its <img>."""
        return address, ""

    def code(self, text: str) -> str:
        """Where words in `code` lead; "" if they are no link."""
        return ""

    def quote(self, reference: str) -> str:
        """Where the source of a quote lies, FILE:NAME."""
        return reference


def to_html(text: str, addresses: Addresses = Addresses()) -> str:
    """A page of Markdown as HTML. Raises ValueError with the line of what this writer does not know."""
    titles = find_headings(text)
    anchors = [make_anchor(title) for _, title in titles]
    for (_, title), anchor in zip(titles, anchors):
        if anchors.count(anchor) > 1:
            raise ValueError(f"two headings are called {title!r}, so a link to one is not clear. Rename "
                             f"one of them.")
    html = _write_blocks(text, addresses)
    if html.count("<details>") != html.count("</details>"):
        raise ValueError("a <details> is not closed, or closed twice. Each needs one </details>.")
    return html


def find_headings(text: str) -> list[tuple[int, str]]:
    """(level, title in Markdown) of all headings of a page, in order."""
    return [(len(level), title) for level, title in re.findall(r"^(#+) (.+)$", extract_prose(text), re.M)]


def make_anchor(title: str) -> str:
    """The anchor of a heading, as GitHub makes it.

    >>> make_anchor("Why the `mask`, and when?")
    'why-the-mask-and-when'
    """
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def _write_blocks(text: str, addresses: Addresses) -> str:
    """All blocks of a text, one after the other."""
    text, offset, html = text.rstrip("\n") + "\n", 0, []
    while offset < len(text):
        if text[offset] == "\n":
            offset += 1
            continue
        name, match = _match_block(text, offset)
        try:
            html.append(WRITERS[name](match, addresses))
        except ValueError as error:
            raise ValueError(f"line {line_number(text, offset)}: {error}") from None
        offset = match.end()
    return "\n".join(html)


def _match_block(text: str, offset: int) -> tuple[str, re.Match]:
    """The kind of the block at an offset, and its match. Raises ValueError if there is no such kind."""
    for name, pattern in BLOCKS.items():
        if match := pattern.match(text, offset):
            return name, match
    line = text[offset:].partition("\n")[0]
    raise ValueError(f"line {line_number(text, offset)}: {line[:60]!r} begins no block that this writer "
                     f"knows, or the block has no end. See the list at the top of lessons/markdown.py.")


# Blocks

def _fence(match: re.Match, addresses: Addresses) -> str:
    """A fenced block, with a caption that says what it is."""
    if match["kind"] not in FENCES:
        raise ValueError(f"a block of kind {match['kind']!r}: pages hold python, text, bash, or no kind at "
                         f"all.")
    style, caption = FENCES[match["kind"]]
    body = highlight(match["body"]) if match["kind"] == "python" else escape(match["body"], quote=False)
    return _figure(style, _caption(match["note"] or "", caption, addresses), body)


def _caption(note: str, caption: str, addresses: Addresses) -> str:
    """The caption of a fenced block, from the comment above it: a quote is linked to its source."""
    kind, _, value = note.partition(" ")
    if kind == "quote":
        return f'<a href="{escape(addresses.quote(value))}">{escape(value.replace(":", ": "))}</a>'
    if kind == "tolerance":
        return f"{caption}; its numbers may differ by {escape(value)} on other machines"
    if note:
        raise ValueError(f"the comment {note!r} is neither a quote nor a tolerance, so its meaning is not "
                         f"known. Try <!-- quote FILE:NAME --> or <!-- tolerance 0.02 -->.")
    return caption


def _figure(style: str, caption: str, body: str) -> str:
    shown = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="{style}">{shown}<pre><code>{body}</code></pre></figure>'


def _indented(match: re.Match, addresses: Addresses) -> str:
    return _figure("drawing", "", escape(re.sub(r"^    ", "", match["body"], flags=re.M), quote=False))


def _heading(match: re.Match, addresses: Addresses) -> str:
    """A heading with an anchor, and a link to itself."""
    level, anchor = len(match["level"]), make_anchor(match["title"])
    link = f'<a class="anchor" href="#{anchor}" aria-label="link to this section">#</a>'
    return f'<h{level} id="{anchor}">{inline(match["title"], addresses)} {link}</h{level}>'


def _table(match: re.Match, addresses: Addresses) -> str:
    """A table that scrolls in its own box. Columns of numbers are aligned to the right."""
    rows = [[cell.strip() for cell in row[1:row.rindex("|")].split("|")]
            for row in match["rows"].splitlines()]
    if len(rows) < 2 or not all(re.fullmatch("-+", cell) for cell in rows[1]):
        raise ValueError("the second row of a table must be |---|---|: this writer aligns columns by itself.")
    head, _, *body = rows
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"the row {row} has {len(row)} cells, and the head of its table {len(head)}. Is "
                             f"there a | in a cell?")
    styles = [' class="number"' if _is_numeric(column) else "" for column in zip(*body)] or [""] * len(head)
    cells = [_row("th", head, styles, addresses), *(_row("td", row, styles, addresses) for row in body)]
    return (f'<div class="scroll"><table>\n<thead>\n{cells[0]}\n</thead>\n<tbody>\n'
            + "\n".join(cells[1:]) + "\n</tbody>\n</table></div>")


def _row(tag: str, cells: list[str], styles: list[str], addresses: Addresses) -> str:
    return "<tr>" + "".join(f"<{tag}{style}>{inline(cell, addresses)}</{tag}>"
                            for cell, style in zip(cells, styles)) + "</tr>"


def _is_numeric(column: tuple[str, ...]) -> bool:
    """Whether all cells are numbers or empty, and not all are empty."""
    return any(column) and all(not cell or NUMBER.fullmatch(cell.strip("*")) for cell in column)


def _box(match: re.Match, addresses: Addresses) -> str:
    """A special, alert or insider note."""
    if match["kind"] not in BOXES:
        raise ValueError(f"a box of kind {match['kind']!r}: pages have {', '.join(BOXES)}.")
    body = re.sub(r"^> ?", "", match["body"], flags=re.M)
    return f'<aside class="box {BOXES[match["kind"]]}">\n{_write_blocks(body, addresses)}\n</aside>'


def _bullets(match: re.Match, addresses: Addresses) -> str:
    return "<ul>\n" + _items(re.split(r"^- ", match["items"], flags=re.M), addresses) + "\n</ul>"


def _numbers(match: re.Match, addresses: Addresses) -> str:
    start = f' start="{match["first"]}"' if match["first"] != "1" else ""
    return f"<ol{start}>\n" + _items(re.split(r"^\d+\. ", match["items"], flags=re.M), addresses) + "\n</ol>"


def _items(items: list[str], addresses: Addresses) -> str:
    """The items of a list; before the first mark there is nothing."""
    return "\n".join(f"<li>{inline(re.sub(r'^ +', '', item, flags=re.M).strip(), addresses)}</li>"
                     for item in items[1:])


def _picture(match: re.Match, addresses: Addresses) -> str:
    """A picture, which leads to itself: on a phone its details are small."""
    source, attributes = addresses.picture(match["address"])
    image = f'<img src="{escape(source)}" alt="{escape(match["alt"])}" loading="lazy"{attributes}>'
    return f'<figure class="picture"><a href="{escape(source)}">{image}</a></figure>'


WRITERS: dict[str, Callable[[re.Match, Addresses], str]] = {
    "fence": _fence, "heading": _heading, "table": _table, "box": _box, "bullets": _bullets,
    "numbers": _numbers, "indented": _indented, "picture": _picture,
    "fold": lambda match, addresses: f"<details><summary>{inline(match['title'], addresses)}</summary>",
    "fold_end": lambda match, addresses: "</details>",
    "paragraph": lambda match, addresses: f"<p>{inline(match['text'].strip(), addresses)}</p>"}


# Inside a block

def inline(text: str, addresses: Addresses = Addresses()) -> str:
    """Words with emphasis, code and links, as HTML. Raises ValueError for signs that it does not know.

    >>> inline("a *query* < `x`")
    'a <em>query</em> &lt; <code>x</code>'
    """
    html, end = "", 0
    for match in INLINE.finditer(text):
        html += _plain(text[end:match.start()]) + _span(match, addresses)
        end = match.end()
    return html + _plain(text[end:])


def _span(match: re.Match, addresses: Addresses) -> str:
    if match["code"]:
        code, address = f"<code>{escape(match['code'], quote=False)}</code>", addresses.code(match["code"])
        return f'<a href="{escape(address)}">{code}</a>' if address else code
    if match["words"]:
        address = escape(addresses.link(match["address"]))
        return f'<a href="{address}">{inline(match["words"], Addresses())}</a>'  # no link in a link
    tag, words = ("strong", match["strong"]) if match["strong"] else ("em", match["emphasis"])
    return f"<{tag}>{inline(words, addresses)}</{tag}>"


def _plain(text: str) -> str:
    """Words without marks. Raises ValueError if there are some left."""
    if found := UNKNOWN.search(text):
        raise ValueError(f"{found[0]!r} in {text.strip()[:60]!r} means something in Markdown that this "
                         f"writer does not know. Try `code` around it, or other words.")
    return escape(text, quote=False)
