"""Tokenizers of the official models: loads Hugging Face's tokenizer files into our byte-level BPE.

    tokenizer.json             all in one: vocabulary, merges, added tokens, the pre-tokenizer's pattern
    vocab.json + merges.txt    the older pair; tokenizer_config.json, if present, names the family

The method is that of tokenizer.py, but the files assign the ids and give the pattern that splits text into
words (pretokenizer.py). They spell a piece with one visible letter for each byte: "Ġcat" is " cat".

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

END_OF_TEXT = "<|endoftext|>"  # in every official Molmo
IMAGE_TOKENS = ("<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<|image|>")  # their ids, in this order

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # and GPT-NeoX, OLMoE
# SmolLM2: GPT-2's pattern on the stretches between single digits, so a digit ends a stretch of white space.
DIGITS_GPT2 = (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+")

# A printable byte is spelled as its own character, the others as the letters from U+0100 on, in order.
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTE_OF = {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + n): byte for n, byte in enumerate(_OTHERS)}


def read_tokenizer(source: str | Path, vocab: int | None = None) -> Tokenizer:
    """Load a tokenizer from its folder or from one of its files: an official one, or one that we saved.

    vocab   the first image token's id, for official files that name no image tokens, such as those of the
            language models that Molmo starts from. It is Molmo's vocab_size, 152064 with Qwen2. The default
            is the highest id of the files plus 1.

    Raises ValueError if the files are missing, broken, or need more than byte-level BPE.
    """
    source = Path(source)
    try:
        file = _read_files(source)
        if file.get("kind") == KIND:
            return Tokenizer.load(source / "tokenizer.json" if source.is_dir() else source)
        return HFTokenizer(file, vocab)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, re.error) as error:
        reason = f"it lacks {error}" if type(error) is KeyError else error
        raise ValueError(f"{source} holds no tokenizer that we can read ({type(error).__name__}: {reason}), "
                         f"so text has no ids. Try an official model's folder, with its original "
                         f"tokenizer.json, or vocab.json and merges.txt.") from error


class HFTokenizer(Tokenizer):
    """A tokenizer from Hugging Face's files. It is used like `Tokenizer`, with three differences.

    Text that spells one of the file's added tokens, such as <|endoftext|>, becomes that token, as in Molmo.
    Only the image tokens cannot be typed. Decoding gives the text in Unicode's form NFC, if the file asks for
    it: "e" with a combining accent becomes "é". A byte that the vocabulary lacks becomes the file's unk token
    (SmolLM2 lacks 21 bytes, and its unk token is <|endoftext|>).

    file    the content of a tokenizer.json
    vocab   see `read_tokenizer`

    Decoding leaves out special tokens, and gives the text of added tokens that are not special.
    """

    def __init__(self, file: dict, vocab: int | None = None):
        _check_method(file["model"])
        self.file = file
        tokens = {token["content"]: _read_token(token) for token in file["added_tokens"]}
        id_of = _read_vocabulary(file["model"]["vocab"], tokens)
        unknown = _read_unknown(file["model"], tokens, id_of)
        added = {text: token for text, token in tokens.items() if text not in IMAGE_TOKENS}
        self.added = {text: token["id"] for text, token in added.items()}
        vocab = _first_image_id(tokens, vocab, max([*id_of.values(), *self.added.values()]))
        super().__init__(_read_merges(file["model"]["merges"], id_of), vocab, id_of, self.added[END_OF_TEXT])

        self.id_of = self.id_of | unknown  # not in bytes_of: decoding does not give the byte back
        self.bytes_of |= {token["id"]: b"" if token["special"] else text.encode()
                          for text, token in added.items()}
        self.ignore_merges = file["model"].get("ignore_merges", False)
        self.normalize = _read_normalizer(file.get("normalizer"))
        self.pretokenizer = PreTokenizer(_read_pattern(file["pre_tokenizer"]))
        self.added_raw = _any_of(text for text, token in added.items() if not token["normalized"])
        self.added_normalized = _any_of(text for text, token in added.items() if token["normalized"])

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json atomically: the original content, and the image tokens by name."""
        others = [token for token in self.file["added_tokens"] if token["content"] not in IMAGE_TOKENS]
        images = [{"id": self.vocab + n, "content": text, "special": True, "normalized": False}
                  for n, text in enumerate(IMAGE_TOKENS)]
        content = {**self.file, "added_tokens": others + images}
        write_atomically(path, [json.dumps(content).encode()])

    def _encode_text(self, text: str) -> list[int]:
        """Find added tokens, and encode each stretch of text between them separately."""
        ids = []
        for i, stretch in enumerate(self.added_raw.split(text)):
            if i % 2:  # split() returns its matches at the odd indices
                ids.append(self.added[stretch])
                continue
            for j, part in enumerate(self.added_normalized.split(self.normalize(stretch))):
                ids += [self.added[part]] if j % 2 else super()._encode_text(part)
        return ids

    def _split_words(self, text: str) -> list[str]:
        return self.pretokenizer.split(text)

    def _merge_word(self, word: bytes) -> list[bytes]:
        return [word] if self.ignore_merges and word in self.id_of else merge_by_rank(word, self.rank)


def merge_by_rank(word: bytes, rank: dict[Pair, int]) -> list[bytes]:
    """Merge the pair that comes first in the merges, the leftmost among equals, until no pair can be merged.

    One pair at a time, as the official code does. A heap makes this n log n steps, since a "word" of these
    patterns can be a page of Chinese.

    >>> merge_by_rank(b"hugs", {(b"u", b"g"): 0, (b"h", b"ug"): 1})
    [b'hug', b's']
    """
    pieces = [word[i:i + 1] for i in range(len(word))]  # a merged piece stands at its first byte's index
    before, after = list(range(-1, len(word) - 1)), list(range(1, len(word) + 1))
    heap = [(rank[pair], left) for left, pair in enumerate(pairwise(pieces)) if pair in rank]
    heapq.heapify(heap)
    while heap:
        order, left = heapq.heappop(heap)
        right = after[left]
        if right == len(word) or rank.get((pieces[left], pieces[right])) != order:
            continue  # one of the two has since been merged with a third piece
        pieces[left], pieces[right] = pieces[left] + pieces[right], b""
        after[left] = after[right]
        if after[left] < len(word):
            before[after[left]] = left
        for start in (before[left], left):  # the new piece makes a pair with each of its neighbours
            if 0 <= start and after[start] < len(word):
                pair = (pieces[start], pieces[after[start]])
                if pair in rank:
                    heapq.heappush(heap, (rank[pair], start))
    return [piece for piece in pieces if piece]


def _read_files(source: Path) -> dict:
    """The content of tokenizer.json or, if only the two older files exist, an equivalent built from them."""
    is_older = source.name in ("vocab.json", "merges.txt")
    if source.is_dir() and (source / "tokenizer.json").exists():
        source = source / "tokenizer.json"
    elif source.is_dir() or is_older:
        return _read_older_files(source.parent if is_older else source)
    return json.loads(source.read_text(encoding="utf-8"))


def _read_older_files(folder: Path) -> dict:
    """Read vocab.json and merges.txt. The pattern is Qwen2's unless tokenizer_config.json says otherwise."""
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    tokens = {token["content"]: {**token, "id": int(token_id)}
              for token_id, token in config.get("added_tokens_decoder", {}).items()}
    end = {"id": vocab.get(END_OF_TEXT, len(vocab)), "content": END_OF_TEXT, "special": True}
    qwen2 = config.get("tokenizer_class", "Qwen2Tokenizer").startswith("Qwen2")
    return {"model": {"type": "BPE", "vocab": vocab,
                      "merges": [line for line in lines if line and not line.startswith("#version")]},
            "added_tokens": list(({END_OF_TEXT: end} | tokens).values()),
            "normalizer": {"type": "NFC"} if qwen2 else None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": QWEN2 if qwen2 else GPT2}},
                {"type": "ByteLevel", "use_regex": False}]}}


def _check_method(model: dict) -> None:
    """Raise ValueError if the model is not byte-level BPE."""
    if model.get("type", "BPE") != "BPE":
        raise ValueError(f"its model is {model['type']}, not BPE")
    for setting in ("byte_fallback", "continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if model.get(setting):
            raise ValueError(f"its {setting} is {model[setting]!r}, which byte-level BPE does not have")


def _read_token(token: dict) -> dict:
    """One added token and its settings. ValueError if it would also match the spaces around it."""
    for setting in ("single_word", "lstrip", "rstrip"):
        if token.get(setting):
            raise ValueError(f"added token {token['content']!r} has {setting}, and no token of Molmo does")
    if type(token["id"]) is not int or token["id"] < 0 or not token["content"]:
        raise ValueError(f"added token {token['content']!r} has id {token['id']!r}")
    special = token.get("special", False)
    return {"id": token["id"], "special": special, "normalized": token.get("normalized", not special)}


def _read_vocabulary(vocab: dict[str, int], tokens: dict[str, dict]) -> dict[bytes, int]:
    """The id of every piece. ValueError if two share one, or if a spelling is invalid."""
    id_of = {}
    for text, token_id in vocab.items():
        if type(token_id) is not int or token_id < 0:
            raise ValueError(f"piece {text!r} has id {token_id!r}")
        if text not in tokens or BYTE_OF.keys() >= set(text):
            id_of[_to_piece(text)] = token_id
    added = {text: token["id"] for text, token in tokens.items()}
    ids = added | vocab
    if len(set(ids.values())) < len(ids) or not added.items() <= ids.items():
        raise ValueError("an id stands for two pieces, or a piece has two ids")
    return id_of


def _read_unknown(model: dict, tokens: dict[str, dict], id_of: dict[bytes, int]) -> dict[bytes, int]:
    """The id for each byte that has none of its own, the unk token's. ValueError if there is no unk token."""
    missing = [letter for letter, byte in BYTE_OF.items() if bytes([byte]) not in id_of]
    unknown = model.get("unk_token")
    ids = {text: token["id"] for text, token in tokens.items()} | model["vocab"]
    if missing and unknown not in ids:
        raise ValueError(f"{len(missing)} of the 256 bytes have no id, the first being {missing[0]!r}, and "
                         f"there is no unk token for them")
    return {bytes([BYTE_OF[letter]]): ids[unknown] for letter in missing}


def _read_merges(merges: list, id_of: dict[bytes, int]) -> list[Pair]:
    """Merges as pairs of pieces; a file may write one as "left right". ValueError if a piece has no id."""
    pairs = []
    for merge in merges:
        left, right = map(_to_piece, merge.split(" ") if type(merge) is str else merge)
        if not {left, right, left + right} <= id_of.keys():
            raise ValueError(f"merge {merge!r} joins or makes a piece that has no id")
        pairs.append((left, right))
    return pairs


def _to_piece(text: str) -> bytes:
    """The bytes that a spelling stands for. ValueError if it has characters outside the 256 byte letters."""
    try:
        return bytes(map(BYTE_OF.__getitem__, text))
    except KeyError as error:
        raise ValueError(f"piece {text!r} has {error}, which stands for no byte") from None


def _first_image_id(tokens: dict[str, dict], vocab: int | None, highest: int) -> int:
    """The id of <im_start>: the file's; if it has none, `vocab`; if that is None, the highest id plus 1."""
    ids = [tokens[text]["id"] for text in IMAGE_TOKENS if text in tokens]
    if not ids:
        if vocab is not None and vocab <= highest:
            raise ValueError(f"vocab={vocab} is too small for its ids, which go up to {highest}")
        return highest + 1 if vocab is None else vocab
    if len(ids) < 4 or ids != list(range(ids[0], ids[0] + len(ids))):
        raise ValueError(f"its image tokens have the ids {ids}, which are not consecutive")
    if vocab not in (None, ids[0]):
        raise ValueError(f"its image tokens begin at {ids[0]}, not at vocab={vocab}")
    return ids[0]


def _read_normalizer(normalizer: dict | None) -> Callable[[str], str]:
    """The function that normalises text: NFC normalisation or none. ValueError for any other normalizer."""
    steps = normalizer["normalizers"] if normalizer and normalizer["type"] == "Sequence" else [normalizer]
    kinds = {step and step["type"] for step in steps}
    if not kinds <= {None, "NFC"}:
        raise ValueError(f"its normalizer is {normalizer}, and only NFC is supported")
    return partial(unicodedata.normalize, "NFC") if "NFC" in kinds else str


def _read_pattern(pretokenizer: dict) -> str:
    """The pattern of a pre-tokenizer: GPT-2's, that with Digits, or one Split's. ValueError for other kinds.
    """
    steps = pretokenizer["pretokenizers"] if pretokenizer["type"] == "Sequence" else [pretokenizer]
    *splits, byte_level = steps
    if byte_level["type"] == "ByteLevel" and not byte_level.get("add_prefix_space"):
        if not splits and byte_level.get("use_regex", True):
            return GPT2
        if [(step["type"], step.get("individual_digits")) for step in splits] == [("Digits", True)]:
            if byte_level.get("use_regex", True):
                return DIGITS_GPT2
        if [split["type"] for split in splits] == ["Split"] and not byte_level.get("use_regex", True):
            split = splits[0]
            if (split["behavior"], split.get("invert", False)) in (("Isolated", False), ("Removed", True)):
                return split["pattern"]["Regex"]
    raise ValueError(f"its pre-tokenizer is not supported: {json.dumps(pretokenizer)[:200]}")


def _any_of(texts: Iterable[str]) -> re.Pattern:
    """A pattern that matches any of the texts, longest first. For an empty list, it never matches."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")
