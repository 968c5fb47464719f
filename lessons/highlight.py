"""Syntax highlighting of Python, by the tokenizer of Python itself. The standard library alone."""
from __future__ import annotations

import keyword
import tokenize
from collections.abc import Iterator
from html import escape
from io import StringIO
from itertools import accumulate


def highlight(source: str) -> str:
    """Python as HTML: comments, strings, numbers, keywords and defined names are in spans of these classes.

    A span never reaches over the end of a line. What Python cannot read stays plain.

    >>> highlight("x = 1  # one")
    'x = <span class="number">1</span>  <span class="comment"># one</span>'
    """
    html, end = "", 0
    for start, stop, kind in _find_tokens(source):
        if start >= end:  # Python 3.12 counts the braces of f"{{" in its own way
            html += escape(source[end:start], quote=False) + _span(source[start:stop], kind)
            end = stop
    return html + escape(source[end:], quote=False)


def _span(text: str, kind: str) -> str:
    begin = f'<span class="{kind}">'
    return begin + escape(text, quote=False).replace("\n", f"</span>\n{begin}") + "</span>"


def _find_tokens(source: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, class) of the tokens that have a colour, as offsets in the source."""
    lines = source.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    try:
        tokens = list(tokenize.generate_tokens(StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    for before, token in zip([None, *tokens], tokens):
        if kind := _kind(token, before.string if before else ""):
            (row, column), (last_row, last_column) = token.start, token.end
            yield starts[row - 1] + column, starts[last_row - 1] + last_column, kind


def _kind(token: tokenize.TokenInfo, before: str) -> str:
    """The class of a token; "" for one without a colour.

    before  the token before it
    """
    name = tokenize.tok_name[token.type]
    if name == "NAME":
        return "keyword" if keyword.iskeyword(token.string) else "name" if before in ("def", "class") else ""
    if name.startswith("FSTRING"):
        return "string"
    return name.lower() if name in ("STRING", "NUMBER", "COMMENT") else ""
