r"""Cuts text into words by an official pattern, character for character as the official engine does.

    r"\p{L}+|\p{N}"    "Été 1٢!"  ->  "Été" " " "1" "٢" "!"

These patterns ask for Unicode's classes: \p{L} is any letter, \p{N} any number, \s any white space. Python's
`re` has no \p, and its \s has four characters more. But beyond ASCII a pattern asks for nothing except
classes: so each such character is replaced by a stand-in of its class, the stand-ins are cut, and then the
text at the same places. Four stand-ins make short classes, and those are fast.

Which character is a letter, Python's own `unicodedata` knows: in Python 3.11 that is Unicode 14, as in the
official engine when Molmo was released. (A newer one knows more letters, here and there.)

Source: the \p, \s and (?i:) of the Oniguruma engine, compared with it on every character.
"""
from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, pairwise

LETTER, NUMBER, BLANK, OTHER = "é²\xa0§"  # the stand-ins; any other of the class would do
LONG_S = "ſ"                              # stands for itself: where case is ignored, "'ſ" is "'s"
WHITE_SPACE = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

CLASSES = {r"\p{L}": f"A-Za-z{LONG_S}{LETTER}", r"\p{N}": f"0-9{NUMBER}", r"\s": f"\t-\r {BLANK}"}


class Cutter:
    """An official pattern, ready to cut. ValueError for signs whose meaning is another in Python's `re`."""

    def __init__(self, official: str):
        parts, inside = [], False
        for sign in re.findall(r"\\[pP]\{\w+\}|\\.|.", official, re.DOTALL):
            inside = sign == "[" or inside and sign != "]"
            if sign in CLASSES:
                parts.append(CLASSES[sign] if inside else f"[{CLASSES[sign]}]")
            elif sign == r"\S" and not inside:
                parts.append(f"[^{CLASSES[sign.lower()]}]")
            elif sign in (r"\r", r"\n", r"\t") or len(sign) == 1 and sign.isascii():
                parts.append(sign)
            else:
                raise ValueError(f"its pattern has {sign}, which Python's re reads differently or not at all")
        pattern = "".join(parts)
        if re.compile(pattern).groups:
            raise ValueError("its pattern has a group that keeps what it matched")
        self.pattern = re.compile(f"{pattern}|(?:(?!{pattern})(?s:.))+")  # what it leaves out is a word too

    def cut(self, text: str) -> list[str]:
        """The words; laid end to end they are the text."""
        if text.isascii():
            return self.pattern.findall(text)
        words = self.pattern.findall(text.translate(STAND_INS))
        return [text[start:stop] for start, stop in pairwise(accumulate(map(len, words), initial=0))]


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
