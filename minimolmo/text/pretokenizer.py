r"""Cuts text into words by an official pattern, character for character as the official engine does.

    r"\p{L}+|\p{N}"    "Été 1٢!"  ->  "Été" " " "1" "٢" "!"

These patterns ask for Unicode's classes: \p{L} is any letter, \p{N} any number, \s any white space. Python's
`re` has no \p, and its \s has four characters more. But beyond ASCII a pattern asks for nothing except
classes: so each such character is replaced by a stand-in of its class, the stand-ins are cut, and then the
text at the same places. Four stand-ins make short classes, and those are fast.

Which character is a letter, Python's own `unicodedata` says: in Python 3.11 by Unicode 14, as did the
official engine when Molmo was released. Newer ones, of Python and of the engine, know some rare letters more.

Source: the \p, \s and (?i:) of the Oniguruma engine, compared with it on every character.
"""
from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, pairwise

LETTER, NUMBER, BLANK, OTHER = "é²\xa0§"  # the stand-ins; any other of the class would do
LONG_S = "ſ"  # stands for itself: where case is ignored it is an s, as in "'ſ"
WHITE_SPACE = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

CLASSES = {r"\p{L}": f"A-Za-z{LONG_S}{LETTER}", r"\p{N}": f"0-9{NUMBER}", r"\s": f"\t-\r {BLANK}"}

# What else a pattern may hold, outside its brackets and within; the signs taken away differ in Python.
SIGNS = {chr(code) for code in range(128)} - {"\\"} | {r"\r", r"\n", r"\t"}
OUTSIDE, WITHIN = SIGNS - {"^", "$"}, SIGNS - {"[", "&"}


class PreTokenizer:
    """An official pattern, ready to cut. ValueError if it has signs that mean something else in Python."""

    def __init__(self, official: str):
        pattern = _in_python(official)
        if re.compile(pattern).groups:
            raise ValueError("its pattern has a group that keeps what it matched")
        if re.fullmatch(pattern, ""):
            raise ValueError("its pattern has words without a character")
        self.pattern = re.compile(f"{pattern}|(?:(?!{pattern})(?s:.))+")  # what it leaves out is a word too

    def cut(self, text: str) -> list[str]:
        """The words; laid end to end they are the text."""
        if text.isascii():
            return self.pattern.findall(text)
        words = self.pattern.findall(text.translate(STAND_INS))
        return [text[start:stop] for start, stop in pairwise(accumulate(map(len, words), initial=0))]


def _in_python(official: str) -> str:
    """The pattern over stand-ins, for Python's `re`. Within brackets a class needs none of its own."""
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
    """For str.translate: a character's number -> its stand-in, looked up when first met."""

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
