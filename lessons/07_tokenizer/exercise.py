"""Lesson 07: byte-pair encoding by hand. Pieces are bytes: b"re" is the piece that spells re.

`make start N=07` copies this file to mine/07_tokenizer.py: write there. `make check N=07` says how you stand.
`make hint N=07` gives hints, in three steps.
"""

BUILD = [  # `make blank N=07` empties these in mine/minimolmo, `make marks N=07` marks them
    "minimolmo/text/tokenizer.py:_merge_pair",
    "minimolmo/text/tokenizer.py:_assign_ids",
    "minimolmo/text/tokenizer.py:_PairCounts.best",
    "minimolmo/text/tokenizer.py:_PairCounts.merge",
    "minimolmo/text/tokenizer.py:_PairCounts._update",
    "minimolmo/text/tokenizer.py:Tokenizer.decode_bytes",
]


def best_pair(words: dict[bytes, int]) -> tuple[bytes, bytes] | None:
    """The pair of bytes to merge first, given how often each word occurs; None if no pair occurs twice.

    >>> best_pair({b"red": 5, b"bed": 3, b"reed": 1})
    (b'e', b'd')

    Rule: every two neighbouring bytes of a word are a pair, and it occurs as often as the word.
          Take the most frequent pair. Of equally frequent pairs take the alphabetically first.
          A pair that occurs only once is not merged.
    """
    raise NotImplementedError


def merge_pair(pieces: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Make each such pair one piece, from left to right.

    >>> merge_pair([b"r", b"e", b"e", b"d"], (b"e", b"d"))
    [b'r', b'e', b'ed']

    Rule: go from left to right. If the next two pieces are the pair, append them as one piece and go on
          after both. Else append the next piece alone.
    """
    raise NotImplementedError


def encode(word: bytes, merges: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The pieces of a word: pairs are merged in the order in which training found them.

    >>> encode(b"breed", [(b"e", b"d"), (b"r", b"ed"), (b"b", b"r")])
    [b'br', b'e', b'ed']

    Rule: begin with single bytes. Of all pairs of neighbouring pieces in the word, take the one that is
          earliest in `merges`, and merge it everywhere. Repeat this until no pair is in `merges`.
    """
    raise NotImplementedError


def decode(ids: list[int], pieces: dict[int, bytes]) -> str:
    """Ids to text. `pieces` gives the bytes of each id; an id that is not in it is left out.

    >>> decode([114, 256, 511], {114: b"r", 256: b"ed"})
    'red'

    Rule: concatenate the bytes of all ids, then decode them as UTF-8. Bytes that are no UTF-8 become U+FFFD.
    """
    raise NotImplementedError
