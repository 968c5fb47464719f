"""The tokenizer: text to token ids and back, by byte-level byte-pair encoding (BPE) written out by hand.

A regular expression first splits text into *words*. Then each word's bytes are merged, pair by pair, in the
order in which training found the pairs. A word that training never met stays a list of single bytes. So any
text, even any bytes, has ids, and decoding gives back the same bytes.

    " 3 cats"  ->  " " "3" " cats"  ->  [32, 51, 301]

The ids:

    0 ... 255          the single bytes
    256 ... vocab-2    the merged pieces, in the order of training (the rest unused, if the text gave fewer)
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

# A word is letters with the space before them, ONE digit, other characters with the space before them, or
# blanks.
# A digit is never merged, so every coordinate is spelled with the same ten tokens. A word ends after 32
# characters, because merging takes time quadratic in its length.
WORD = re.compile(r" ?[^\W\d]{1,32}|\d| ?[^\w\s]{1,32}|\s{1,32}(?!\S)|\s{1,32}")

KIND = "minimolmo tokenizer 1"  # the first entry of a saved file
CACHE_SIZE = 200_000            # words whose ids are cached
MAX_CACHED_LENGTH = 100         # characters; longer words are not cached


class Tokenizer:
    """Byte-level BPE: text to token ids, and ids to text.

    vocab                               number of ids for text, end of text included
    eos                                 id of end of text, the last of them
    im_start, im_end, im_patch, im_col  the next four ids, for the image
    merges                              pairs of pieces that become one piece, the first found comes first
    id_of, bytes_of                     piece to id, and id to piece

    Ids are assigned as above, unless `id_of` gives them: those of other tokenizers' files (hf_tokenizer.py).
    """

    def __init__(self, merges: list[Pair], vocab: int, id_of: dict[bytes, int] | None = None,
                 eos: int | None = None):
        self.id_of = _assign_ids(merges, vocab) if id_of is None else id_of
        self.bytes_of = {token_id: piece for piece, token_id in self.id_of.items()}
        self.merges, self.rank = merges, {pair: rank for rank, pair in enumerate(merges)}
        self.vocab, self.eos = vocab, vocab - 1 if eos is None else eos
        self.im_start, self.im_end, self.im_patch, self.im_col = range(vocab, vocab + 4)
        self._cache: dict[str, list[int]] = {}

    @staticmethod
    def train(texts: Iterable[str], vocab: int) -> Tokenizer:
        """Merge the most frequent pair of pieces again and again, until `vocab` ids are used.

        Equally frequent pairs are merged in alphabetical order, so the order of the texts does not matter.
        A pair that occurs only once gets no id. If the texts are few, some of the `vocab` ids stay unused.
        ValueError if vocab is under 257.

        >>> tokenizer = Tokenizer.train(["abc.abc.ab"], vocab=300)  # "ab" occurs three times
        >>> tokenizer.merges, tokenizer.encode("abcab")
        ([(b'a', b'b'), (b'ab', b'c')], [257, 256])
        """
        _assign_ids([], vocab)  # refuse a vocab that is too small now, not after an hour
        words = Counter()
        for text in texts:
            words.update(WORD.findall(_decode_escaped(_to_bytes(text))))
        pairs = _PairCounts({_encode_escaped(word): count for word, count in words.items()})
        merges = []
        while len(merges) < vocab - 257 and (pair := pairs.best()):
            merges.append(pair)
            pairs.merge(pair)
        return Tokenizer(merges, vocab)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, all below `eos`: text that spells a special token stays text. Never fails."""
        return self._encode_text(text if text.isascii() else _decode_escaped(_to_bytes(text)))

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes; for UTF-8 the same as `encode`."""
        return self._encode_text(_decode_escaped(data))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. End of text, image tokens and unused ids are left out. Broken UTF-8 gives U+FFFD.
        """
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of ids."""
        return b"".join(self.bytes_of.get(int(token_id), b"") for token_id in ids)

    def save(self, path: str | Path) -> None:
        """Write a JSON file atomically. Each byte is written as the character with its number (latin-1)."""
        merges = [[left.decode("latin-1"), right.decode("latin-1")] for left, right in self.merges]
        content = {"kind": KIND, "vocab": self.vocab, "merges": merges}
        write_atomically(path, [json.dumps(content).encode()])

    @staticmethod
    def load(path: str | Path) -> Tokenizer:
        """Read a file that `save` wrote. ValueError if it is missing, broken or of another kind."""
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            if saved["kind"] != KIND:
                raise ValueError(f"its kind is {saved['kind']!r}, not {KIND!r}")
            merges = [(left.encode("latin-1"), right.encode("latin-1")) for left, right in saved["merges"]]
            return Tokenizer(merges, saved["vocab"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} holds no minimolmo tokenizer ({type(error).__name__}: {error}), so "
                             f"text has no ids. Try Tokenizer.train(texts, vocab).save(path).") from error

    def _encode_text(self, text: str) -> list[int]:
        """The ids of a text's words, one after another. No piece reaches from one word into the next."""
        ids = []
        for word in self._split_words(text):
            ids += self._cache.get(word) or self._encode_word(word)
        return ids

    def _split_words(self, text: str) -> list[str]:
        return WORD.findall(text)

    def _encode_word(self, word: str) -> list[int]:
        """A word's ids. They are cached, since most words of a text occur again."""
        ids = [self.id_of[piece] for piece in self._merge_word(_encode_escaped(word))]
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        if len(word) <= MAX_CACHED_LENGTH:
            self._cache[word] = ids
        return ids

    def _merge_word(self, word: bytes) -> list[bytes]:
        """The pieces of a word: merge the pair that training merged first, until no pair can be merged."""
        pieces = _single_bytes(word)
        while len(pieces) > 1:
            pair = min(pairwise(pieces), key=lambda pair: self.rank.get(pair, len(self.rank)))
            if pair not in self.rank:
                break
            pieces = _merge_pair(pieces, pair)
        return pieces


class _PairCounts:
    """How often each pair of neighbouring pieces occurs. A merge updates only words with its pair."""

    def __init__(self, words: dict[bytes, int]):
        self.words = [_single_bytes(word) for word in words]
        self.word_counts = list(words.values())
        self.counts = Counter()
        self.words_with = defaultdict(set)  # indices of the words that hold a pair, or once did
        for index in range(len(self.words)):
            self._update(index, +1)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def best(self) -> Pair | None:
        """The most frequent pair, the alphabetically first among equals; None if no pair occurs twice."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if -count == self.counts[pair]:  # else the count has changed, and the heap has a newer entry
                return pair if -count > 1 else None
        return None

    def merge(self, pair: Pair) -> None:
        """Make the pair one piece in every word that holds it."""
        changed = set()
        for index in self.words_with.pop(pair):
            changed |= self._update(index, -1)
            self.words[index] = _merge_pair(self.words[index], pair)
            changed |= self._update(index, +1)
        for other in changed:
            heapq.heappush(self.heap, (-self.counts[other], other))

    def _update(self, index: int, sign: int) -> set[Pair]:
        """Add (+1) or subtract (-1) the pairs of one word; returns them."""
        pairs = list(pairwise(self.words[index]))
        for pair in pairs:
            self.counts[pair] += sign * self.word_counts[index]
            if sign > 0:
                self.words_with[pair].add(index)
        return set(pairs)


def _assign_ids(merges: list[Pair], vocab: int) -> dict[bytes, int]:
    """The id of every piece: a byte's value, then each merge's in turn. A piece made twice keeps its first.

    Raises ValueError if a merge joins a piece that no earlier merge made, if `vocab` is no int of 257 or more
    (256 bytes and end of text), or if the pieces and end of text do not fit it.
    """
    if type(vocab) is not int or vocab < 257:
        raise ValueError(f"vocab={vocab!r} cannot hold 256 bytes and end of text. Try 257 or more.")
    ids = {bytes([byte]): byte for byte in range(256)}
    for left, right in merges:
        if left not in ids or right not in ids:
            raise ValueError(f"merge {left!r} + {right!r} joins a piece that no earlier merge made, so it "
                             f"can never happen. Try the merges in the order that training gave them.")
        ids.setdefault(left + right, len(ids))  # a+bc and ab+c are two merges but one piece
    if len(ids) >= vocab:
        raise ValueError(f"{len(ids)} pieces and end of text do not fit vocab={vocab}. "
                         f"Try vocab={len(ids) + 1}.")
    return ids


def _merge_pair(pieces: list[bytes], pair: Pair) -> list[bytes]:
    """Merge every occurrence of the pair, from left to right.

    >>> _merge_pair([b"a", b"a", b"a"], (b"a", b"a"))
    [b'aa', b'a']
    """
    merged = []
    for piece in pieces:
        if merged and (merged[-1], piece) == pair:
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode_escaped(data: bytes) -> str:
    """Bytes as text. A byte that is not UTF-8 becomes a lone surrogate, which `_encode_escaped` undoes."""
    return data.decode("utf-8", "surrogateescape")


def _encode_escaped(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")


def _single_bytes(word: bytes) -> list[bytes]:
    return [word[i:i + 1] for i in range(len(word))]
