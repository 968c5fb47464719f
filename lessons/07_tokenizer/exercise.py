"""Lesson 07: byte-pair encoding by hand. Pieces are bytes: b"re" is the piece that spells re.

`make start N=07` copies this file to mine/07_tokenizer.py: write there. `make check N=07` says how you stand.
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
    """Which two bytes to join first, given how often each word occurs; None if no pair occurs twice.

    >>> best_pair({b"red": 5, b"bed": 3, b"reed": 1})
    (b'e', b'd')

    Rule: every two neighbouring bytes of a word are a pair, as often as the word occurs.
          Take the most frequent pair; among equally frequent ones the alphabetically first.
          A pair that occurs only once is not worth it.
    Hint: word[i:i + 1] is one byte as bytes. min(count, key=lambda pair: (-count[pair], pair)).
    """
    raise NotImplementedError


def join(pieces: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Make each such pair one piece, from left to right.

    >>> join([b"r", b"e", b"e", b"d"], (b"e", b"d"))
    [b'r', b'e', b'ed']

    Rule: walk from left to right; where the next two pieces are the pair, put them down joined and go on
          behind both; else put down the one piece.
    Hint: what was joined just now takes part in no other join: a a a becomes aa a.
    """
    raise NotImplementedError


def encode(word: bytes, merges: list[tuple[bytes, bytes]]) -> list[bytes]:
    """A word in pieces: joined in the order in which training found the pairs.

    >>> encode(b"breed", [(b"e", b"d"), (b"r", b"ed"), (b"b", b"r")])
    [b'br', b'e', b'ed']

    Rule: begin with single bytes. Of the pairs that stand side by side in the word and are in `merges`, take
          the one that is earliest in `merges`, and join it wherever it stands. Again, until there is none.
    Hint: your `join`. With rank = {pair: place in merges}, the earliest is min(known, key=rank.get).
    """
    raise NotImplementedError


def decode(ids: list[int], pieces: dict[int, bytes]) -> str:
    """Ids to text. `pieces` gives the bytes of each id; an id that is not there says nothing.

    >>> decode([114, 256, 511], {114: b"r", 256: b"ed"})
    'red'

    Rule: put the bytes of all ids together, then read them as UTF-8; what is no UTF-8 becomes U+FFFD.
    Hint: b"".join(...) first, and .decode("utf-8", "replace") once, at the end.
    """
    raise NotImplementedError
