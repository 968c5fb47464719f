"""Words to ids and back: byte-level byte-pair encoding, by hand.

Text is first cut into *words* by one pattern, then each word's bytes are joined, pair by pair, in the order
in which training found the pairs to be frequent. Whatever was never seen stays a row of single bytes, so any
text, even any bytes, has ids and comes back unharmed.

    " 3 cats"  ->  " " "3" " cats"  ->  [32, 51, 301]

The ids:

    0 ... 255          the single bytes
    256 ... vocab-2    the joined pieces, most frequent first (the rest unused, if the text gave fewer)
    vocab-1            end of text; it also opens every sequence, as in Molmo
    vocab ... vocab+3  image tokens: im_start, im_end, im_patch, im_col; no text ever encodes to these

Source: Sennrich et al. 2016 for the method, GPT-2 for bytes; id layout and image tokens as in Molmo.
"""
from __future__ import annotations

import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from minimolmo.disk import write_atomically

Pair = tuple[bytes, bytes]

# A word is letters with the space before them, ONE digit, other signs with the space before them, or blanks.
# A digit never joins anything, so a coordinate is always spelled with the same ten tokens. A word is cut
# after 32 characters, as joining takes time by the square of its length.
WORD = re.compile(r" ?[^\W\d]{1,32}|\d| ?[^\w\s]{1,32}|\s{1,32}(?!\S)|\s{1,32}")

KIND = "minimolmo tokenizer 1"  # first thing in a saved file
REMEMBERED = 200_000            # words whose ids are kept for next time,
LONGEST_REMEMBERED = 100        # if they have no more characters than this


class Tokenizer:
    """Text to ids and ids to text.

    vocab                               how many ids text may use, end of text included
    eos                                 end of text, the last of them
    im_start, im_end, im_patch, im_col  the ids after those, for the image
    merges                              which two pieces become one, in the order to try them

    Pieces are numbered as above, unless a file of somebody else's numbers them: hf_tokenizer.py.
    """

    def __init__(self, merges: list[Pair], vocab: int, id_of: dict[bytes, int] | None = None,
                 eos: int | None = None):
        self.id_of = _number_pieces(merges, vocab) if id_of is None else id_of
        self.bytes_of = {number: piece for piece, number in self.id_of.items()}
        self.merges, self.rank = merges, {pair: rank for rank, pair in enumerate(merges)}
        self.vocab, self.eos = vocab, vocab - 1 if eos is None else eos
        self.im_start, self.im_end, self.im_patch, self.im_col = range(vocab, vocab + 4)
        self._remembered: dict[str, list[int]] = {}

    @staticmethod
    def train(texts: Iterable[str], vocab: int) -> Tokenizer:
        """Join the most frequent pair of pieces again and again, until `vocab` ids are used.

        Equally frequent pairs are joined in alphabetical order, so the same texts, in any order, give the
        same tokenizer. A pair seen only once is not worth an id: if texts are few, `vocab` stays as asked and
        some ids stay unused. ValueError if vocab is under 257.

        >>> words = Tokenizer.train(["abc.abc.ab"], vocab=300)  # "ab" stands there three times
        >>> words.merges, words.encode("abcab")
        ([(b'a', b'b'), (b'ab', b'c')], [257, 256])
        """
        _number_pieces([], vocab)  # too small a vocab must not first cost an hour
        words = Counter()
        for text in texts:
            words.update(WORD.findall(_readable(_to_bytes(text))))
        table = _PairTable({_restore(word): times for word, times in words.items()})
        merges = []
        while len(merges) < vocab - 257 and (pair := table.best()):
            merges.append(pair)
            table.join(pair)
        return Tokenizer(merges, vocab)

    def encode(self, text: str) -> list[int]:
        """Text to ids below `eos`: text that spells a special token is only text. Never fails."""
        return self._encode_text(text if text.isascii() else _readable(_to_bytes(text)))

    def encode_bytes(self, data: bytes) -> list[int]:
        """Any bytes to ids; for UTF-8 the same as `encode`."""
        return self._encode_text(_readable(data))

    def decode(self, ids: Iterable[int]) -> str:
        """Ids to text. End of text, image tokens and unused ids say nothing; broken UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Ids to the very bytes they stand for."""
        return b"".join(self.bytes_of.get(int(number), b"") for number in ids)

    def save(self, path: str | Path):
        """Write JSON, all or nothing. A byte is written as the character of the same number (latin-1)."""
        merges = [[left.decode("latin-1"), right.decode("latin-1")] for left, right in self.merges]
        content = {"kind": KIND, "vocab": self.vocab, "merges": merges}
        write_atomically(path, [json.dumps(content).encode()])

    @staticmethod
    def load(path: str | Path) -> Tokenizer:
        """Read what `save` wrote. ValueError if the file is missing, broken or something else."""
        try:
            saved = json.loads(Path(path).read_text("utf-8"))
            if saved["kind"] != KIND:
                raise ValueError(f"its kind is {saved['kind']!r}, not {KIND!r}")
            merges = [(left.encode("latin-1"), right.encode("latin-1")) for left, right in saved["merges"]]
            return Tokenizer(merges, saved["vocab"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} holds no tokenizer of ours ({type(error).__name__}: {error}), so words "
                             f"have no ids. Try Tokenizer.train(texts, vocab).save(path).") from error

    def _encode_text(self, text: str) -> list[int]:
        """The ids of a text's words, one after another: no piece ever reaches from one word into the next."""
        ids = []
        for word in self._cut(text):
            ids += self._remembered.get(word) or self._encode_word(word)
        return ids

    def _cut(self, text: str) -> list[str]:
        return WORD.findall(text)

    def _encode_word(self, word: str) -> list[int]:
        """A word's ids, kept for next time: a text is mostly words that it had before."""
        ids = [self.id_of[piece] for piece in self._pieces(_restore(word))]
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        if len(word) <= LONGEST_REMEMBERED:
            self._remembered[word] = ids
        return ids

    def _pieces(self, word: bytes) -> list[bytes]:
        """Join the pair that training joined first, until no pair is left to join."""
        pieces = _single_bytes(word)
        while len(pieces) > 1:
            pair = min(pairwise(pieces), key=lambda pair: self.rank.get(pair, len(self.rank)))
            if pair not in self.rank:
                break
            pieces = _join(pieces, pair)
        return pieces


class _PairTable:
    """How often two pieces stand side by side, kept up to date while they are joined, never counted anew."""

    def __init__(self, words: dict[bytes, int]):
        self.words = [_single_bytes(word) for word in words]
        self.times = list(words.values())
        self.count = Counter()
        self.where = defaultdict(set)  # the words that hold a pair, or once did
        for index in range(len(self.words)):
            self._tally(index, +1)
        self.heap = [(-count, pair) for pair, count in self.count.items()]
        heapq.heapify(self.heap)

    def best(self) -> Pair | None:
        """The most frequent pair, the alphabetically first among equals; None if no pair occurs twice."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if -count == self.count[pair]:  # else it changed since, and a newer entry stands in the heap
                return pair if -count > 1 else None
        return None

    def join(self, pair: Pair):
        """Make the pair one piece in every word that holds it."""
        touched = set()
        for index in self.where.pop(pair):
            touched |= self._tally(index, -1)
            self.words[index] = _join(self.words[index], pair)
            touched |= self._tally(index, +1)
        for other in touched:
            heapq.heappush(self.heap, (-self.count[other], other))

    def _tally(self, index: int, sign: int) -> set[Pair]:
        """Add (+1) or take away (-1) the pairs of one word; returns them."""
        pairs = list(pairwise(self.words[index]))
        for pair in pairs:
            self.count[pair] += sign * self.times[index]
            if sign > 0:
                self.where[pair].add(index)
        return set(pairs)


def _number_pieces(merges: list[Pair], vocab: int) -> dict[bytes, int]:
    """The id of every piece. ValueError if the merges do not build on each other or do not fit the vocab."""
    if type(vocab) is not int or vocab < 257:
        raise ValueError(f"vocab={vocab!r} cannot hold 256 bytes and end of text. Try 257 or more.")
    numbers = {bytes([byte]): byte for byte in range(256)}
    for left, right in merges:
        if left not in numbers or right not in numbers:
            raise ValueError(f"merge {left!r} + {right!r} joins a piece that no earlier merge made, so it "
                             f"can never happen. Try the merges in the order training gave them.")
        numbers.setdefault(left + right, len(numbers))  # a+bc and ab+c would be two merges but one piece
    if len(numbers) >= vocab:
        raise ValueError(f"{len(numbers)} pieces and end of text do not fit vocab={vocab}. "
                         f"Try vocab={len(numbers) + 1}.")
    return numbers


def _join(pieces: list[bytes], pair: Pair) -> list[bytes]:
    """Make each such pair one piece, from left to right.

    >>> _join([b"a", b"a", b"a"], (b"a", b"a"))
    [b'aa', b'a']
    """
    joined = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _readable(data: bytes) -> str:
    """Bytes as text. A byte that is not UTF-8 travels as a lone surrogate; `_restore` turns it back."""
    return data.decode("utf-8", "surrogateescape")


def _restore(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")


def _single_bytes(word: bytes) -> list[bytes]:
    return [word[i:i + 1] for i in range(len(word))]
