"""The words of the released models: an official tokenizer's files, read into our byte-level BPE.

    tokenizer.json             all in one: vocabulary, merges, added tokens, how text is cut into words
    vocab.json + merges.txt    the older pair; tokenizer_config.json beside it, if there, says whose they are

The method is tokenizer.py's, but the files number the pieces and say by which pattern text is cut into words
(pretokenizer.py). Pieces are spelled there with one visible letter for each byte: "Ġcat" is " cat".

Source: GPT-2 for the visible letters; the files of Qwen2, OLMo and GPT-NeoX for the rest.
"""
from __future__ import annotations

import heapq
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path

from minimolmo.disk import write_atomically
from minimolmo.text.pretokenizer import PreTokenizer
from minimolmo.text.tokenizer import KIND, Pair, Tokenizer

END_OF_TEXT = "<|endoftext|>"  # of every released Molmo
IMAGE_TOKENS = ("<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<|image|>")  # their ids, in this order

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # and GPT-NeoX, OLMoE

# A byte that prints stands for itself, the others for the letters from U+0100 on, in their order.
_PRINTS = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [byte for byte in range(256) if byte not in _PRINTS]
BYTE_OF = {chr(byte): byte for byte in _PRINTS} | {chr(256 + n): byte for n, byte in enumerate(_HIDDEN)}


def read_tokenizer(source: str | Path, vocab: int | None = None) -> Tokenizer:
    """A tokenizer from its folder or from one of its files, an official one or one that we saved.

    vocab   the first image token's id, for official files that name no image tokens, as those of the language
            models that Molmo starts from: Molmo's vocab_size, 152064 with Qwen2. If not given, the first
            id after all that the files use.

    Raises ValueError if the files are missing, broken, or ask for what byte-level BPE does not do.
    """
    source = Path(source)
    try:
        file = _read_files(source)
        if file.get("kind") == KIND:
            return Tokenizer.load(source / "tokenizer.json" if source.is_dir() else source)
        return HFTokenizer(file, vocab)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, re.error) as error:
        why = f"it lacks {error}" if type(error) is KeyError else error
        raise ValueError(f"{source} holds no tokenizer that we can read ({type(error).__name__}: {why}), so "
                         f"words have no ids. Try a released model's folder, with its tokenizer.json, or "
                         f"vocab.json and merges.txt, as they came.") from error


class HFTokenizer(Tokenizer):
    """A released model's words, used as ours are, with two differences.

    Text that spells one of the file's added tokens, such as <|endoftext|>, becomes that token, as in Molmo;
    only the image tokens cannot be typed. And what comes back is the text in Unicode's form NFC, if the file
    asks for it: "e" with a combining accent becomes "é".

    file    what a tokenizer.json holds
    vocab   see `read_tokenizer`

    A special token says nothing when decoded; an added token that is not special says its text.
    """

    def __init__(self, file: dict, vocab: int | None = None):
        _check_method(file["model"])
        self.file = file
        tokens = {token["content"]: _read_token(token) for token in file["added_tokens"]}
        id_of = _read_vocabulary(file["model"]["vocab"], tokens)
        typed = {text: token for text, token in tokens.items() if text not in IMAGE_TOKENS}
        self.added = {text: token["id"] for text, token in typed.items()}
        vocab = _first_image_id(tokens, vocab, max([*id_of.values(), *self.added.values()]))
        super().__init__(_read_merges(file["model"]["merges"], id_of), vocab, id_of, self.added[END_OF_TEXT])

        self.bytes_of |= {token["id"]: b"" if token["special"] else text.encode()
                          for text, token in typed.items()}
        self.whole_words = file["model"].get("ignore_merges", False)
        self.normalize = _normal_form(file.get("normalizer"))
        self.cutter = PreTokenizer(_official_pattern(file["pre_tokenizer"]))
        self.verbatim = _any_of(text for text, token in typed.items() if not token["normalized"])
        self.normalized = _any_of(text for text, token in typed.items() if token["normalized"])

    def save(self, path: str | Path):
        """Write a tokenizer.json, all or nothing: the file as it was, and the image tokens by name."""
        others = [token for token in self.file["added_tokens"] if token["content"] not in IMAGE_TOKENS]
        images = [{"id": self.vocab + n, "content": text, "special": True, "normalized": False}
                  for n, text in enumerate(IMAGE_TOKENS)]
        content = {**self.file, "added_tokens": others + images}
        write_atomically(path, [json.dumps(content).encode()])

    def _encode_text(self, text: str) -> list[int]:
        """Added tokens stand between stretches of text, each of which is cut and encoded for itself."""
        ids = []
        for i, stretch in enumerate(self.verbatim.split(text)):
            if i % 2:  # what split() matched stands at the odd places
                ids.append(self.added[stretch])
                continue
            for j, part in enumerate(self.normalized.split(self.normalize(stretch))):
                ids += [self.added[part]] if j % 2 else super()._encode_text(part)
        return ids

    def _cut(self, text: str) -> list[str]:
        return self.cutter.cut(text)

    def _pieces(self, word: bytes) -> list[bytes]:
        return [word] if self.whole_words and word in self.id_of else merge_by_rank(word, self.rank)


def merge_by_rank(word: bytes, rank: dict[Pair, int]) -> list[bytes]:
    """Join the pair that stands first in the merges, the leftmost among equals, until none is left to join.

    One pair at a time, as the official code does, and from a heap, in n log n steps: a "word" of these
    patterns can be a page of Chinese.

    >>> merge_by_rank(b"hugs", {(b"u", b"g"): 0, (b"h", b"ug"): 1})
    [b'hug', b's']
    """
    pieces = [word[i:i + 1] for i in range(len(word))]  # a joined piece stands at its first byte's place
    before, after = list(range(-1, len(word) - 1)), list(range(1, len(word) + 1))
    heap = [(rank[pair], left) for left, pair in enumerate(pairwise(pieces)) if pair in rank]
    heapq.heapify(heap)
    while heap:
        order, left = heapq.heappop(heap)
        right = after[left]
        if right == len(word) or rank.get((pieces[left], pieces[right])) != order:
            continue  # one of the two was joined to something else since
        pieces[left], pieces[right] = pieces[left] + pieces[right], b""
        after[left] = after[right]
        if after[left] < len(word):
            before[after[left]] = left
        for start in (before[left], left):  # the new piece has two new neighbours, if it stands at no end
            if 0 <= start and after[start] < len(word):
                pair = (pieces[start], pieces[after[start]])
                if pair in rank:
                    heapq.heappush(heap, (rank[pair], start))
    return [piece for piece in pieces if piece]


def _read_files(source: Path) -> dict:
    """What tokenizer.json holds, or would hold if the older pair of files were one."""
    pair = source.name in ("vocab.json", "merges.txt")
    if source.is_dir() and (source / "tokenizer.json").exists():
        source = source / "tokenizer.json"
    elif source.is_dir() or pair:
        return _read_older_pair(source.parent if pair else source)
    return json.loads(source.read_text("utf-8"))


def _read_older_pair(folder: Path) -> dict:
    """The pair does not say how text is cut: as Qwen2 does, unless tokenizer_config.json names another."""
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    lines = (folder / "merges.txt").read_text("utf-8").split("\n")
    named = folder / "tokenizer_config.json"
    config = json.loads(named.read_text("utf-8")) if named.exists() else {}
    tokens = {token["content"]: {**token, "id": int(number)}
              for number, token in config.get("added_tokens_decoder", {}).items()}
    end = {"id": vocab.get(END_OF_TEXT, len(vocab)), "content": END_OF_TEXT, "special": True}
    qwen2 = config.get("tokenizer_class", "Qwen2Tokenizer").startswith("Qwen2")
    return {"model": {"type": "BPE", "vocab": vocab,
                      "merges": [line for line in lines if line and not line.startswith("#version")]},
            "added_tokens": list(({END_OF_TEXT: end} | tokens).values()),
            "normalizer": {"type": "NFC"} if qwen2 else None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": QWEN2 if qwen2 else GPT2}},
                {"type": "ByteLevel", "use_regex": False}]}}


def _check_method(model: dict):
    """ValueError if pieces are not joined as byte-level BPE joins them."""
    if model.get("type", "BPE") != "BPE":
        raise ValueError(f"its model is {model['type']}, not BPE")
    for setting in ("byte_fallback", "continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if model.get(setting):
            raise ValueError(f"its {setting} is {model[setting]!r}, which byte-level BPE has not")


def _read_token(token: dict) -> dict:
    """One added token with its settings. ValueError for one that also takes the spaces around it."""
    for setting in ("single_word", "lstrip", "rstrip"):
        if token.get(setting):
            raise ValueError(f"added token {token['content']!r} has {setting}, which none of Molmo's has")
    if type(token["id"]) is not int or token["id"] < 0 or not token["content"]:
        raise ValueError(f"added token {token['content']!r} has id {token['id']!r}")
    special = token.get("special", False)
    return {"id": token["id"], "special": special, "normalized": token.get("normalized", not special)}


def _read_vocabulary(vocab: dict[str, int], tokens: dict[str, dict]) -> dict[bytes, int]:
    """Every piece's id. ValueError if a byte has none, two share one, or a piece is not spelled in bytes."""
    id_of = {}
    for text, number in vocab.items():
        if type(number) is not int or number < 0:
            raise ValueError(f"piece {text!r} has id {number!r}")
        if text not in tokens or BYTE_OF.keys() >= set(text):
            id_of[_spelled(text)] = number
    added = {text: token["id"] for text, token in tokens.items()}
    everything = added | vocab
    if len(set(everything.values())) < len(everything) or not added.items() <= everything.items():
        raise ValueError("an id stands for two pieces, or a piece has two ids")
    missing = [letter for letter, byte in BYTE_OF.items() if bytes([byte]) not in id_of]
    if missing:
        raise ValueError(f"{len(missing)} of the 256 bytes have no id, the first being {missing[0]!r}")
    return id_of


def _read_merges(merges: list, id_of: dict[bytes, int]) -> list[Pair]:
    """Merges are pairs, or strings with a space between the two. ValueError if one makes no known piece."""
    pairs = []
    for merge in merges:
        left, right = map(_spelled, merge.split(" ") if type(merge) is str else merge)
        if not {left, right, left + right} <= id_of.keys():
            raise ValueError(f"merge {merge!r} joins or makes a piece that has no id")
        pairs.append((left, right))
    return pairs


def _spelled(text: str) -> bytes:
    """The bytes of a piece. ValueError if it is not spelled with the 256 visible letters."""
    try:
        return bytes(map(BYTE_OF.__getitem__, text))
    except KeyError as error:
        raise ValueError(f"piece {text!r} has {error}, which is no byte's letter") from None


def _first_image_id(tokens: dict[str, dict], vocab: int | None, highest: int) -> int:
    """Where the image tokens begin: where the file says, else at `vocab`, else after the highest id."""
    named = [tokens[text]["id"] for text in IMAGE_TOKENS if text in tokens]
    if not named:
        if vocab is not None and vocab <= highest:
            raise ValueError(f"vocab={vocab} leaves no place for its ids, which go up to {highest}")
        return highest + 1 if vocab is None else vocab
    if len(named) < 4 or named != list(range(named[0], named[0] + len(named))):
        raise ValueError(f"its image tokens have the ids {named}, not one after another")
    if vocab not in (None, named[0]):
        raise ValueError(f"its image tokens begin at {named[0]}, not at vocab={vocab}")
    return named[0]


def _normal_form(normalizer: dict | None) -> Callable[[str], str]:
    """Unicode's form NFC, or text as it is. ValueError for anything else."""
    steps = normalizer["normalizers"] if normalizer and normalizer["type"] == "Sequence" else [normalizer]
    kinds = {step and step["type"] for step in steps}
    if not kinds <= {None, "NFC"}:
        raise ValueError(f"its normalizer is {normalizer}, and we know NFC alone")
    return partial(unicodedata.normalize, "NFC") if "NFC" in kinds else str


def _official_pattern(cutter: dict) -> str:
    """The official pattern. ValueError for a way to cut that is neither GPT-2's nor one Split."""
    steps = cutter["pretokenizers"] if cutter["type"] == "Sequence" else [cutter]
    *splits, letters = steps
    if letters["type"] == "ByteLevel" and not letters.get("add_prefix_space"):
        if not splits and letters.get("use_regex", True):
            return GPT2
        if [split["type"] for split in splits] == ["Split"] and not letters.get("use_regex", True):
            split = splits[0]
            if (split["behavior"], split.get("invert", False)) in (("Isolated", False), ("Removed", True)):
                return split["pattern"]["Regex"]
    raise ValueError(f"it cuts text into words by {json.dumps(cutter)[:200]}")


def _any_of(texts: Iterable[str]) -> re.Pattern:
    """Finds any of the texts, the longest where several begin; of none, nothing."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")
