r"""The pre-tokenizer: splits text into words by an official pattern, exactly as the official engine does.

    r"\p{L}+|\p{N}"    "Été 1٢!"  ->  "Été" " " "1" "٢" "!"

These patterns use Unicode's classes: \p{L} is any letter, \p{N} any number, \s any white space. Python's `re`
has no \p, and its \s matches four more characters. Beyond ASCII, the patterns contain only classes. So each
character beyond ASCII is replaced by a stand-in of its class. Then the stand-ins are split, and the text is
split at the same places. There are only four stand-ins, so the classes are short and fast to match.

Python's `unicodedata` says which characters are letters. Python 3.11 follows Unicode 14, as the official
engine did when Molmo was released. Newer versions of both know a few more rare letters.

Source: the \p, \s and (?i:) of the Oniguruma engine, compared with it on every character.
"""
from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, pairwise

LETTER, NUMBER, BLANK, OTHER = "é²\xa0§"  # the stand-ins; any other of the class would do
LONG_S = "ſ"  # not replaced: where case is ignored it matches s, as in "'ſ"
WHITE_SPACE = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

CLASSES = {r"\p{L}": f"A-Za-z{LONG_S}{LETTER}", r"\p{N}": f"0-9{NUMBER}", r"\s": f"\t-\r {BLANK}"}

# Other characters that a pattern may contain. The characters left out have another meaning in Python.
SIGNS = {chr(code) for code in range(128)} - {"\\"} | {r"\r", r"\n", r"\t"}
OUTSIDE, WITHIN = SIGNS - {"^", "$"}, SIGNS - {"[", "&"}


class PreTokenizer:
    """Splits text by an official pattern. ValueError for syntax that Python's `re` interprets differently."""

    def __init__(self, official: str):
        pattern = _to_python(official)
        if re.compile(pattern).groups:
            raise ValueError("its pattern has a capturing group")
        if re.fullmatch(pattern, ""):
            raise ValueError("its pattern has words without a character")
        self.pattern = re.compile(f"{pattern}|(?:(?!{pattern})(?s:.))+")  # what is left over is a word too

    def split(self, text: str) -> list[str]:
        """The words of a text; joined, they are the text."""
        if text.isascii():
            return self.pattern.findall(text)
        words = self.pattern.findall(text.translate(STAND_INS))
        return [text[start:stop] for start, stop in pairwise(accumulate(map(len, words), initial=0))]


def _to_python(official: str) -> str:
    """Translate the pattern to Python's `re`, with stand-in characters.

    Inside [...], a class is inserted without its own brackets.
    """
    parts, inside = [], False
    for sign in re.findall(r"\\[pP]\{\w+\}|\\.|.", official, re.DOTALL):
        if sign in CLASSES:
            parts.append(CLASSES[sign] if inside else f"[{CLASSES[sign]}]")
        elif sign == r"\S" and not inside:
            parts.append(f"[^{CLASSES[sign.lower()]}]")
        elif sign in (WITHIN if inside else OUTSIDE):
            parts.append(sign)
        else:
            raise ValueError(f"its pattern has {sign}, which Python's re reads differently or not at all")
        inside = sign == "[" or inside and sign != "]"
    return "".join(parts)


class _StandIns(dict):
    """A table for str.translate, filled lazily: code point to stand-in."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 128 or character == LONG_S:
            self[code] = character
        elif character in WHITE_SPACE:
            self[code] = BLANK
        else:
            self[code] = {"L": LETTER, "N": NUMBER}.get(unicodedata.category(character)[0], OTHER)
        return self[code]


STAND_INS = _StandIns()
