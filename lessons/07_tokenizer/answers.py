"""The answers to lesson 07: the library's own functions, and common mistakes. Try first."""
import random
from collections import Counter

from lessons.compare import compare
from minimolmo.text import tokenizer as library
from minimolmo.text.tokenizer import Tokenizer


def _word(rng: random.Random, letters: str = "abc", max_length: int = 8) -> bytes:
    return "".join(rng.choices(letters, k=rng.randrange(1, max_length))).encode()


# best_pair

def best_pair(words):
    return library._PairCounts(words).best()


def check_best_pair(yours):
    rng = random.Random(0)
    cases = [{b"ed": 2}, {b"ab": 3, b"cd": 2}, {b"red": 5, b"bed": 3, b"reed": 1}, {b"xy": 2, b"ab": 2},
             {b"ab": 1}, {}, {b"aaa": 1}, {b"ba": 2, b"bab": 1}]
    cases += [{_word(rng): rng.randrange(1, 9) for _ in range(6)} for _ in range(20)]
    compare(yours, best_pair, [dict(words=case) for case in cases],
            because="A pair counts as often as its word, at least twice; on a tie the alphabetically first.")


def _count(words, weighted=True):
    count = Counter()
    for word, times in words.items():
        for i in range(len(word) - 1):
            count[word[i:i + 1], word[i + 1:i + 2]] += times if weighted else 1
    return count


def _best(count, min_count=2, last=False):
    frequent = sorted(pair for pair in count if count[pair] >= min_count)
    return max(reversed(frequent) if last else frequent, key=count.get, default=None)


wrong_best_pair = {
    "counts each word once, however often it occurs": lambda words: _best(_count(words, weighted=False)),
    "takes the alphabetically last on a tie": lambda words: _best(_count(words), last=True),
    "merges a pair that occurs once": lambda words: _best(_count(words), min_count=1),
}


# merge_pair

def merge_pair(pieces, pair):
    return library._merge_pair(pieces, pair)


def check_merge_pair(yours):
    rng = random.Random(0)
    cases = [([b"e", b"d"], (b"e", b"d")), ([b"r", b"e", b"e", b"d"], (b"e", b"d")),
             ([b"d", b"e"], (b"e", b"d")), ([], (b"e", b"d")), ([b"a", b"b", b"a", b"b"], (b"a", b"b")),
             ([b"a", b"a", b"a"], (b"a", b"a")),
             ([b"r", b"ed", b"r"], (b"r", b"ed"))]
    cases += [([bytes([byte]) for byte in _word(rng, "ab", 9)], (b"a", b"b")) for _ in range(20)]
    compare(yours, merge_pair, [dict(pieces=pieces, pair=pair) for pieces, pair in cases],
            because="From left to right, everywhere; a merged piece is not merged again.")


def _merge_first(pieces, pair):
    for i in range(len(pieces) - 1):
        if (pieces[i], pieces[i + 1]) == pair:
            return [*pieces[:i], pair[0] + pair[1], *pieces[i + 2:]]
    return pieces


def _merge_overlapping(pieces, pair):
    out = pieces[:1]
    for before, piece in zip(pieces, pieces[1:]):
        out = [*out[:-1], pair[0] + pair[1]] if (before, piece) == pair else [*out, piece]
    return out


wrong_merge_pair = {
    "merges the first occurrence only": _merge_first,
    "goes from right to left": lambda pieces, pair: [piece[::-1] for piece in merge_pair(
        [piece[::-1] for piece in pieces[::-1]], (pair[1][::-1], pair[0][::-1]))][::-1],
    "uses a piece in two merges": _merge_overlapping,
    "merges the pair in the other order too": lambda pieces, pair: merge_pair(
        merge_pair(pieces, pair), pair[::-1]),
}


# encode

def encode(word, merges):
    tokenizer = Tokenizer(merges, 512)
    return [tokenizer.bytes_of[token_id] for token_id in tokenizer.encode_bytes(word)]


def check_encode(yours):
    rng = random.Random(0)
    few = [(b"e", b"d"), (b"r", b"ed"), (b"b", b"r")]
    learned = Tokenizer.train([" ".join(_word(rng).decode() for _ in range(60))], 290).merges
    cases = [(b"d", few), (b"red", few), (b"bred", few), (b"breed", few),
             (b"abc", [(b"b", b"c"), (b"a", b"b")]), (b"abab", [(b"a", b"b"), (b"ab", b"ab")]),
             (b"abcd", [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c"), (b"bc", b"d")])]
    cases += [(_word(rng, max_length=12), learned) for _ in range(30)]
    compare(yours, encode, [dict(word=word, merges=merges) for word, merges in cases],
            because="Merge in the order of `merges`, not from the left and not the longest first.")


def _single(word):
    return [bytes([byte]) for byte in word]


def _leftmost(word, merges):
    pieces = _single(word)
    while known := [i for i in range(len(pieces) - 1) if (pieces[i], pieces[i + 1]) in merges]:
        pieces[known[0]:known[0] + 2] = [pieces[known[0]] + pieces[known[0] + 1]]
    return pieces


def _longest(word, merges):
    known, pieces = {left + right for left, right in merges}, []
    while word:
        size = max(n for n in range(1, len(word) + 1) if n == 1 or word[:n] in known)
        pieces, word = [*pieces, word[:size]], word[size:]
    return pieces


wrong_encode = {
    "merges from the left and not in the order of training": _leftmost,
    "takes the longest piece that fits": _longest,
    "takes the latest merge first": lambda word, merges: _by_rank(word, merges, last=True),
    "merges once and stops": lambda word, merges: _by_rank(word, merges, rounds=1),
}


def _by_rank(word, merges, last=False, rounds=99):
    pieces, rank = _single(word), {pair: number for number, pair in enumerate(merges)}
    for _ in range(rounds):
        known = [pair for pair in zip(pieces, pieces[1:]) if pair in rank]
        pieces = merge_pair(pieces, (max if last else min)(known, key=rank.get)) if known else pieces
    return pieces


# decode

def decode(ids, pieces):
    tokenizer = Tokenizer([], 257)
    tokenizer.bytes_of = pieces
    return tokenizer.decode(ids)


def check_decode(yours):
    pieces = {byte: bytes([byte]) for byte in range(256)}
    pieces |= {256: b"ed", 257: " é".encode(), 258: b"\xa9!"}
    cases = [[114, 256], [], [114, 256, 511], [511, 114], [257], [195, 169], [195, 258],
             [195], [114, 195, 256]]
    cases = [dict(ids=ids, pieces={n: pieces[n] for n in ids if n in pieces}) for ids in cases]
    compare(yours, decode, cases,
            because="All bytes first, then decode them once as UTF-8: a character may span two ids.")


wrong_decode = {
    "decodes each id alone, which breaks characters that span two": lambda ids, pieces: "".join(
        pieces.get(token_id, b"").decode("utf-8", "replace") for token_id in ids),
    "decodes each byte as one character": lambda ids, pieces: b"".join(
        pieces.get(token_id, b"") for token_id in ids).decode("latin-1"),
    "leaves out bytes that are no UTF-8": lambda ids, pieces: b"".join(
        pieces.get(token_id, b"") for token_id in ids).decode("utf-8", "ignore"),
}


# the three steps of make hint

HINTS = {
    "best_pair": (
        "First count every pair over all words; only then choose.",
        "A word that occurs seven times adds seven to each of its pairs. For the choice sort by two "
        "things.",
        "word[i:i + 1] is one byte as bytes. min(count, key=lambda pair: (-count[pair], pair)).",
    ),
    "merge_pair": (
        "Walk with an index that can move by one or by two.",
        "Append to a new list. Never change the list that you walk over.",
        "a merged piece is not merged again in the same call: a a a becomes aa a.",
    ),
    "encode": (
        "Training made merges in an order; the same order is used again here.",
        "In each round look only at the pairs that the word has now, and find the one that was merged "
        "first.",
        "use `merge_pair`. With rank = {pair: index in merges}, the earliest is min(known, "
        "key=rank.get).",
    ),
    "decode": (
        "A letter such as e with an accent is two bytes, and they may lie in two pieces.",
        "So bytes are put together before anything becomes text.",
        'b"".join(...) first, and .decode("utf-8", "replace") once, at the end.',
    ),
}
