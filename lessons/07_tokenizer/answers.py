"""The answers to lesson 07: the library's own functions, and slips that are easily made. Try first."""
import random
from collections import Counter

from lessons.compare import compare
from minimolmo.text import tokenizer
from minimolmo.text.tokenizer import Tokenizer


def _word(rng: random.Random, letters: str = "abc", longest: int = 8) -> bytes:
    return "".join(rng.choices(letters, k=rng.randrange(1, longest))).encode()


# best_pair

def best_pair(words):
    return tokenizer._PairCounts(words).best()


def check_best_pair(yours):
    rng = random.Random(0)
    cases = [{b"ed": 2}, {b"ab": 3, b"cd": 2}, {b"red": 5, b"bed": 3, b"reed": 1}, {b"xy": 2, b"ab": 2},
             {b"ab": 1}, {}, {b"aaa": 1}, {b"ba": 2, b"bab": 1}]
    cases += [{_word(rng): rng.randrange(1, 9) for _ in range(6)} for _ in range(20)]
    compare(yours, best_pair, [dict(words=case) for case in cases],
            because="A pair counts as often as its word; on a tie the alphabetically first; at least twice.")


def _count(words, weigh=True):
    count = Counter()
    for word, times in words.items():
        for i in range(len(word) - 1):
            count[word[i:i + 1], word[i + 1:i + 2]] += times if weigh else 1
    return count


def _best(count, least=2, last=False):
    fitting = sorted(pair for pair in count if count[pair] >= least)
    return max(reversed(fitting) if last else fitting, key=count.get, default=None)


wrong_best_pair = {
    "counts each word once, however often it occurs": lambda words: _best(_count(words, weigh=False)),
    "takes the alphabetically last on a tie": lambda words: _best(_count(words), last=True),
    "joins a pair that occurs once": lambda words: _best(_count(words), least=1),
}


# join

def join(pieces, pair):
    return tokenizer._merge_pair(pieces, pair)


def check_join(yours):
    rng = random.Random(0)
    cases = [([b"e", b"d"], (b"e", b"d")), ([b"r", b"e", b"e", b"d"], (b"e", b"d")),
             ([b"d", b"e"], (b"e", b"d")), ([], (b"e", b"d")), ([b"a", b"b", b"a", b"b"], (b"a", b"b")),
             ([b"a", b"a", b"a"], (b"a", b"a")),
             ([b"r", b"ed", b"r"], (b"r", b"ed"))]
    cases += [([bytes([byte]) for byte in _word(rng, "ab", 9)], (b"a", b"b")) for _ in range(20)]
    compare(yours, join, [dict(pieces=pieces, pair=pair) for pieces, pair in cases],
            because="From left to right, everywhere, and what was joined takes part in no other join.")


def _join_first(pieces, pair):
    for i in range(len(pieces) - 1):
        if (pieces[i], pieces[i + 1]) == pair:
            return [*pieces[:i], pair[0] + pair[1], *pieces[i + 2:]]
    return pieces


def _join_overlapping(pieces, pair):
    out = pieces[:1]
    for before, piece in zip(pieces, pieces[1:]):
        out = [*out[:-1], pair[0] + pair[1]] if (before, piece) == pair else [*out, piece]
    return out


wrong_join = {
    "joins the first place only": _join_first,
    "walks from right to left": lambda pieces, pair: [piece[::-1] for piece in join(
        [piece[::-1] for piece in pieces[::-1]], (pair[1][::-1], pair[0][::-1]))][::-1],
    "lets a piece take part in two joins": _join_overlapping,
    "does not care which of the two comes first": lambda pieces, pair: join(
        join(pieces, pair), pair[::-1]),
}


# encode

def encode(word, merges):
    words = Tokenizer(merges, 512)
    return [words.bytes_of[number] for number in words.encode_bytes(word)]


def check_encode(yours):
    rng = random.Random(0)
    few = [(b"e", b"d"), (b"r", b"ed"), (b"b", b"r")]
    learned = Tokenizer.train([" ".join(_word(rng).decode() for _ in range(60))], 290).merges
    cases = [(b"d", few), (b"red", few), (b"bred", few), (b"breed", few),
             (b"abc", [(b"b", b"c"), (b"a", b"b")]), (b"abab", [(b"a", b"b"), (b"ab", b"ab")]),
             (b"abcd", [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c"), (b"bc", b"d")])]
    cases += [(_word(rng, longest=12), learned) for _ in range(30)]
    compare(yours, encode, [dict(word=word, merges=merges) for word, merges in cases],
            because="Join in the order of `merges`, not from the left and not the longest first.")


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
    "joins from the left, in any order of merges": _leftmost,
    "takes the longest piece that fits": _longest,
    "joins the latest merge first": lambda word, merges: _by_rank(word, merges, last=True),
    "joins once and stops": lambda word, merges: _by_rank(word, merges, rounds=1),
}


def _by_rank(word, merges, last=False, rounds=99):
    pieces, rank = _single(word), {pair: place for place, pair in enumerate(merges)}
    for _ in range(rounds):
        known = [pair for pair in zip(pieces, pieces[1:]) if pair in rank]
        pieces = join(pieces, (max if last else min)(known, key=rank.get)) if known else pieces
    return pieces


# decode

def decode(ids, pieces):
    words = Tokenizer([], 257)
    words.bytes_of = pieces
    return words.decode(ids)


def check_decode(yours):
    pieces = {byte: bytes([byte]) for byte in range(256)}
    pieces |= {256: b"ed", 257: " é".encode(), 258: b"\xa9!"}
    cases = [[114, 256], [], [114, 256, 511], [511, 114], [257], [195, 169], [195, 258],
             [195], [114, 195, 256]]
    cases = [dict(ids=ids, pieces={n: pieces[n] for n in ids if n in pieces}) for ids in cases]
    compare(yours, decode, cases,
            because="All bytes together first, then one reading as UTF-8: a letter may lie across two ids.")


wrong_decode = {
    "reads each id by itself, which breaks letters that lie across two": lambda ids, pieces: "".join(
        pieces.get(number, b"").decode("utf-8", "replace") for number in ids),
    "reads bytes as letters of the same number": lambda ids, pieces: b"".join(
        pieces.get(number, b"") for number in ids).decode("latin-1"),
    "leaves out what is no UTF-8": lambda ids, pieces: b"".join(
        pieces.get(number, b"") for number in ids).decode("utf-8", "ignore"),
}
