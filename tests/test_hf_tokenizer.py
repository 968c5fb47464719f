"""Official tokenizer files loaded into our BPE: a tiny one of 600 tokens in Qwen2's format, and others."""
import copy
import json
import os
import random
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from minimolmo.batch.sequence import build_sequence, image_tokens
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import tile_image
from minimolmo.text.hf_tokenizer import BYTE_OF, IMAGE_TOKENS, HFTokenizer, merge_by_rank, read_tokenizer
from minimolmo.text.prompts import question_prompt
from minimolmo.text.tokenizer import Tokenizer

GOLDEN = Path(__file__).parent / "golden"
FILE = json.loads((GOLDEN / "tiny_tokenizer.json").read_text(encoding="utf-8"))
VOCAB, MERGES, ADDED = FILE["model"]["vocab"], FILE["model"]["merges"], FILE["added_tokens"][0]
TOKENIZER = read_tokenizer(GOLDEN / "tiny_tokenizer.json")
STYLES = json.loads((GOLDEN / "tokens_styles.json").read_text(encoding="utf-8"))["styles"]

# Twenty scripts: the first and last letter of each.
SCRIPTS = ["az", "àÿ", "αω", "ая", "աֆ", "את", "بي", "अह", "অহ", "கஹ", "กฮ", "ກຮ", "აჰ", "ሀቈ", "កហ", "あん",
           "アン", "一丿", "가깋", "ᚠᛪ"]
OTHER_TEXTS = ["def f(x):\n    return x**2  # ok\n", '{"a": [1, 2, null]}', "for(int i=0;i<10;i++){}",
               "\r\n\r\n", "   ", "👩\u200d👩\u200d👧", "🏳️\u200d🌈", "🇳🇵", "1️⃣", "e\u0301", "हिन्दी",
               "Ⅷ", "½", "𝟙𝟚", "don't", "WE'LL", "\t"]


def mixed_text(size: int) -> str:
    """Words of twenty scripts, code and emoji in random order; `size` bytes or a little more."""
    rng, words = random.Random(0), list(OTHER_TEXTS)
    for first, last in SCRIPTS:
        letters = [chr(code) for code in range(ord(first), ord(last) + 1)]
        words += ["".join(rng.choices(letters, k=rng.randrange(1, 9))) for _ in range(30)]
    parts = []
    while size > 0:
        parts.append(rng.choice(words) + " ")
        size -= len(parts[-1].encode())
    return "".join(parts)


def write_tokenizer(folder: Path, file: dict | bytes) -> Path:
    path = folder / "tokenizer.json"
    path.write_bytes(file if type(file) is bytes else json.dumps(file).encode())
    return path


def edited(*keys, value) -> dict:
    """The tiny file with another value under one key; None removes the key."""
    file = copy.deepcopy(FILE)
    *path, last = keys
    node = file
    for key in path:
        node = node[key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return file


def test_ids_are_the_official_ones_pair_by_pair():
    for pair in json.loads((GOLDEN / "tokens_tiny.json").read_text(encoding="utf-8"))["pairs"]:
        assert TOKENIZER.encode(pair["text"]) == pair["ids"], pair["text"]


@pytest.mark.skipif("QWEN_TOKENIZER" not in os.environ, reason="QWEN_TOKENIZER names no folder")
def test_with_the_real_vocabulary_ids_are_the_official_ones_too():
    tokenizer = read_tokenizer(os.environ["QWEN_TOKENIZER"], vocab=152064)
    assert tokenizer.eos == 151643
    for pair in json.loads((GOLDEN / "tokens_qwen.json").read_text(encoding="utf-8"))["pairs"]:
        assert tokenizer.encode(pair["text"]) == pair["ids"], pair["text"]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style["name"])
def test_files_of_other_families_are_read_as_the_official_reader_reads_them(tmp_path, style):
    """GPT-NeoX: GPT-2's pattern, runs of spaces as tokens. dolma2: three digits a word, whole words first."""
    changes = dict(style["changes"])
    file = copy.deepcopy(FILE)
    file["model"]["ignore_merges"] = changes.pop("ignore_merges", False)
    tokenizer = read_tokenizer(write_tokenizer(tmp_path, file | changes))
    for pair in style["pairs"]:
        assert tokenizer.encode(pair["text"]) == pair["ids"], pair["text"]
        assert tokenizer.decode(pair["ids"]) == pair["said"]


def test_a_megabyte_of_twenty_scripts_code_and_emoji_comes_back():
    text = mixed_text(1_000_000)
    assert len(text.encode()) >= 1_000_000
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == unicodedata.normalize("NFC", text)


def test_any_bytes_come_back():
    tokenizer = HFTokenizer(FILE | {"normalizer": None})
    for seed in range(50):
        data = random.Random(seed).randbytes(300)
        assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


def test_a_combining_accent_becomes_one_with_its_letter():
    """NFC, as Qwen2's file demands; without a normalizer the two stay two."""
    assert TOKENIZER.encode("e\u0301") == TOKENIZER.encode("é")
    tokenizer = HFTokenizer(FILE | {"normalizer": None})
    assert tokenizer.decode(tokenizer.encode("e\u0301")) == "e\u0301"


@pytest.mark.parametrize("settings, ids", [
    ({"normalized": True}, [900, 900]), ({}, [900, 900]),
    ({"normalized": False}, [900, *TOKENIZER.encode("cé")]),
    ({"special": True}, [900, *TOKENIZER.encode("cé")])])
def test_an_added_token_is_matched_after_nfc_or_before_it(settings, ids):
    """The text is "cé", then "ce" with a combining accent. By default special tokens come before NFC."""
    tokenizer = HFTokenizer(FILE | {"added_tokens": [ADDED, {"id": 900, "content": "cé", **settings}]})
    assert tokenizer.encode("céce\u0301") == ids


def test_a_whole_word_of_the_vocabulary_may_go_before_all_merges():
    """No merge makes " cats". With ignore_merges it is a token all the same."""
    model = FILE["model"] | {"vocab": VOCAB | {"Ġcats": 900}}
    assert len(HFTokenizer(FILE | {"model": model}).encode(" cats")) > 1
    tokenizer = HFTokenizer(FILE | {"model": model | {"ignore_merges": True}})
    assert tokenizer.encode("Two cats") == [*TOKENIZER.encode("Two"), 900]


def test_merges_come_as_pairs_or_as_strings(tmp_path):
    strings = edited("model", "merges", value=[" ".join(pair) for pair in FILE["model"]["merges"]])
    assert read_tokenizer(write_tokenizer(tmp_path, strings)).merges == TOKENIZER.merges


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_older_pair_of_files_gives_the_same_tokenizer(tmp_path, ending):
    (tmp_path / "vocab.json").write_text(json.dumps(FILE["model"]["vocab"]), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in FILE["model"]["merges"])]
    (tmp_path / "merges.txt").write_bytes(ending.join([*lines, ""]).encode())
    for source in (tmp_path, tmp_path / "vocab.json", tmp_path / "merges.txt"):
        tokenizer = read_tokenizer(source)
        for attribute in ("merges", "id_of", "eos"):
            assert getattr(tokenizer, attribute) == getattr(TOKENIZER, attribute)
        assert tokenizer.encode("it's 12 e\u0301") == TOKENIZER.encode("it's 12 e\u0301")


def test_the_older_pair_takes_pattern_and_added_tokens_from_its_config(tmp_path):
    """Without it: Qwen2's pattern, and end of text as the first id beyond the vocabulary."""
    vocab = {text: number - 1 for text, number in FILE["model"]["vocab"].items() if number}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    lines = [" ".join(pair) for pair in FILE["model"]["merges"]]
    (tmp_path / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    assert read_tokenizer(tmp_path).eos == 599
    assert len(read_tokenizer(tmp_path).encode("12 IT'S")) == len(TOKENIZER.encode("12 IT'S"))

    (tmp_path / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {
            "700": {"content": "<|endoftext|>", "special": True},
            "599": {"content": "<pad>", "special": False}}}), encoding="utf-8")
    tokenizer = read_tokenizer(tmp_path)
    assert (tokenizer.eos, tokenizer.encode("a<pad>"), tokenizer.vocab) == (700, [64, 599], 701)
    assert tokenizer.pretokenizer.split("12 IT'S") == ["12", " IT", "'", "S"]


def test_image_tokens_have_the_ids_that_molmo_gives_them():
    """At vocab_size, 152064 with Qwen2's tokenizer; by default after all other ids."""
    for vocab, first in ((None, 600), (152064, 152064)):
        tokenizer = read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab)
        assert (tokenizer.im_start, tokenizer.im_end) == (first, first + 1)
        assert (tokenizer.im_patch, tokenizer.im_col) == (first + 2, first + 3)
        assert (tokenizer.vocab, tokenizer.eos) == (first, 0)


def test_a_file_that_names_the_image_tokens_gives_their_ids(tmp_path):
    added = [{"id": 700 + n, "content": text, "special": True} for n, text in enumerate(IMAGE_TOKENS)]
    path = write_tokenizer(tmp_path, FILE | {"added_tokens": FILE["added_tokens"] + added})
    assert read_tokenizer(path).im_start == read_tokenizer(path, vocab=700).im_start == 700
    with pytest.raises(ValueError, match="its image tokens begin at 700, not at vocab=701"):
        read_tokenizer(path, vocab=701)


def test_an_image_token_cannot_be_typed_but_end_of_text_can(tmp_path):
    """As in Molmo: typed text must not look like an image."""
    TOKENIZER.save(tmp_path / "tokenizer.json")
    tokenizer = read_tokenizer(tmp_path)
    for text in IMAGE_TOKENS:
        assert max(tokenizer.encode(text)) < 600 and tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode("a<|endoftext|>b") == [65, 0, 66]
    assert tokenizer.decode([65, 0, tokenizer.im_patch, 66, 99_999]) == "ab"


def test_a_question_about_a_picture_is_laid_out_with_official_ids():
    """A 336 px image at Molmo's sizes: BOS, 316 image tokens, then the question's ids of the golden file."""
    tokenizer = read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab=152064)
    config = ImageConfig(crop_size=336, patch_size=14, margins=(4, 4), ground_crops=12)
    crops = tile_image(np.zeros((336, 336, 3), np.uint8), config, max_crops=12)
    question = tokenizer.encode(question_prompt("How many cats?"))
    ids = build_sequence(crops, [[question]], tokenizer).ids.tolist()
    image_ids = image_tokens(crops.token_grids, tokenizer)
    assert len(image_ids) == 316 and set(image_ids) == {152064, 152065, 152066, 152067}
    assert ids == [0, *image_ids, 303, 26, 221, 536, 339, 376, 89, 327, 275, 83, 31, 309, 26]


def test_a_saved_tokenizer_is_read_again_as_the_same(tmp_path):
    tokenizer = read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab=700)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = read_tokenizer(tmp_path)
    assert (again.vocab, again.im_col, again.eos) == (700, 703, 0)
    assert again.encode("Mt. Rainier's summit") == tokenizer.encode("Mt. Rainier's summit")
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


def test_our_own_tokenizer_files_are_read_too(tmp_path):
    ours = Tokenizer.train(["a red circle"] * 3, vocab=300)
    ours.save(tmp_path / "tokenizer.json")
    for source in (tmp_path, tmp_path / "tokenizer.json"):
        tokenizer = read_tokenizer(source)
        assert type(tokenizer) is Tokenizer and (tokenizer.merges, tokenizer.vocab) == (ours.merges, 300)


def test_the_first_merge_wins_and_among_equals_the_leftmost():
    """ "aaa": the left two. "abcab": b+c stands first, so the left "ab" is never made; the right one is."""
    a, b, c = b"a", b"b", b"c"
    assert merge_by_rank(b"aaa", {(a, a): 0}) == [b"aa", a]
    assert merge_by_rank(b"abcab", {(b, c): 0, (a, b): 1}) == [a, b"bc", b"ab"]
    assert merge_by_rank(b"", {}) == []


def test_pairs_are_merged_one_at_a_time():
    """The first a+bc makes "abc", and abc+a stands before a+bc: the second "a" is gone when its turn is."""
    rank = {(b"b", b"c"): 0, (b"abc", b"a"): 1, (b"a", b"bc"): 2}
    assert merge_by_rank(b"abcabc", rank) == [b"abca", b"bc"]


def test_the_heap_merges_as_a_scan_of_all_pairs_does():
    def merge_by_scan(word, rank):
        pieces = [word[i:i + 1] for i in range(len(word))]
        while True:
            pairs = [(rank[pair], i) for i, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]
            if not pairs:
                return pieces
            i = min(pairs)[1]
            pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]
    rng = random.Random(0)
    for _ in range(300):
        pieces, rank = [b"a", b"b", b"c"], {}
        for order in rng.sample(range(40), 12):
            pair = (rng.choice(pieces), rng.choice(pieces))
            pieces.append(b"".join(pair))
            rank.setdefault(pair, order)
        word = bytes(rng.choices(b"abc", k=40))
        assert merge_by_rank(word, rank) == merge_by_scan(word, rank)


def test_a_long_text_without_spaces_does_not_take_quadratic_time():
    """65,000 letters of one "word": scanning all pairs each time would take five minutes."""
    text = "countingshows" * 5_000
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_every_byte_has_one_visible_letter():
    assert sorted(BYTE_OF.values()) == list(range(256))
    assert (BYTE_OF["A"], BYTE_OF["Ġ"], BYTE_OF["Ċ"]) == (ord("A"), ord(" "), ord("\n"))
    assert all(letter.isprintable() and not letter.isspace() for letter in BYTE_OF)


@pytest.mark.parametrize("file, reason", [
    (b"", "JSONDecodeError"), (b"\xff\xfe", "UnicodeDecodeError"), (b"[" * 100_000, "RecursionError"),
    (b"[]", "AttributeError"), (b"{}", "lacks 'model'"),
    (b'{"model": 3, "added_tokens": []}', "AttributeError"),
    (json.dumps(FILE).encode()[:9000], "JSONDecodeError"),
    (edited("model", "type", value="Unigram"), "its model is Unigram, not BPE"),
    (edited("model", "byte_fallback", value=True), "byte_fallback is True"),
    (edited("model", "end_of_word_suffix", value="</w>"), "end_of_word_suffix is '</w>'"),
    (edited("model", "vocab", value=None), "lacks 'vocab'"),
    (edited("model", "vocab", value=[]), "AttributeError"),
    (edited("model", "vocab", value=VOCAB | {"the": "7"}), "piece 'the' has id '7'"),
    (edited("model", "vocab", value=VOCAB | {"the": -7}), "piece 'the' has id -7"),
    (edited("model", "vocab", value=VOCAB | {"the": 7}), "an id stands for two pieces"),
    (edited("model", "vocab", value=VOCAB | {"▁the": 999}), "'▁the' has '▁', which stands for no byte"),
    (edited("model", "vocab", "Ġ", value=None), "1 of the 256 bytes have no id, the first being 'Ġ'"),
    (edited("model", "merges", value=None), "lacks 'merges'"),
    (edited("model", "merges", value=7), "TypeError"),
    (edited("model", "merges", value=[*MERGES, "a b c"]), "too many values"),
    (edited("model", "merges", value=[*MERGES, ["a", 1]]), "TypeError"),
    (edited("model", "merges", value=[*MERGES, ["q", "q"]]), r"merge \['q', 'q'\] joins or makes a piece"),
    (edited("added_tokens", value=None), "lacks 'added_tokens'"),
    (edited("added_tokens", value=[]), r"lacks '<\|endoftext\|>'"),
    (edited("added_tokens", value=[ADDED | {"id": 5}]), "a piece has two ids"),
    (edited("added_tokens", value=[ADDED, ADDED | {"content": "<x>", "id": 5}]), "id stands for two pieces"),
    (edited("added_tokens", value=[ADDED, {"content": "<x>", "id": 2.5}]), "'<x>' has id 2.5"),
    (edited("added_tokens", value=[ADDED, {"content": "", "id": 900}]), "'' has id 900"),
    (edited("added_tokens", value=[ADDED, {"content": "<x>", "id": 900, "lstrip": True}]), "has lstrip"),
    (edited("added_tokens", value=[ADDED, {"content": "<im_start>", "id": 900}]), r"have the ids \[900\]"),
    (edited("normalizer", value={"type": "Lowercase"}), "only NFC is supported"),
    (edited("pre_tokenizer", value={"type": "Metaspace"}), "pre-tokenizer is not supported: .*Metaspace"),
    (edited("pre_tokenizer", value={"type": "ByteLevel", "add_prefix_space": True}), "is not supported"),
    (edited("pre_tokenizer", value={"type": "Sequence", "pretokenizers": []}), "ValueError"),
    (edited("pre_tokenizer", "pretokenizers", 0, "behavior", value="Removed"), "is not supported:"),
    (edited("pre_tokenizer", "pretokenizers", 0, "pattern", value={"Regex": r"\d+"}), r"pattern has \\d"),
    (edited("pre_tokenizer", "pretokenizers", 0, "pattern", value={"Regex": "[a"}), "unterminated"),
])
def test_a_file_that_is_not_byte_level_bpe_is_refused_with_what_to_try(tmp_path, file, reason):
    path = write_tokenizer(tmp_path, file)
    with pytest.raises(ValueError, match=rf"tokenizer.json holds no tokenizer .* \(.*{reason}.*Try"):
        read_tokenizer(path)


def test_a_missing_file_or_too_small_a_vocab_is_refused_with_what_to_try(tmp_path):
    for source in (tmp_path, tmp_path / "nowhere", tmp_path / "tokenizer.json"):
        with pytest.raises(ValueError, match=r"holds no tokenizer that we can read \(FileNotFoundError.*Try"):
            read_tokenizer(source)
    with pytest.raises(ValueError, match="vocab=599 is too small for its ids, which go up to 599.*Try"):
        read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab=599)


RECORDED = Path(os.environ.get("MINIMOLMO_GOLDEN") or GOLDEN)
PARTS = RECORDED / "parts" if (RECORDED / "parts").is_dir() else RECORDED  # other recordings fit, too
SMALL = read_tokenizer(GOLDEN / "parts" / "tiny_smollm_tokenizer.json")


@pytest.mark.parametrize("name, folder", [("tokens_tiny_smollm", ""), ("tokens_smollm", "SMOLLM_TOKENIZER")])
def test_smollms_ids_are_its_own_librarys_pair_by_pair(name, folder):
    """Digits one by one. 21 bytes of the real vocabulary, and more of the tiny one, have no id: id 0."""
    if folder and folder not in os.environ:
        pytest.skip(f"{folder} names no folder")
    tokenizer = read_tokenizer(os.environ[folder] if folder else PARTS / "tiny_smollm_tokenizer.json")
    for text, ids in json.loads((PARTS / f"{name}.json").read_text(encoding="utf-8"))["pairs"]:
        assert tokenizer.encode(text) == ids, text


def test_a_byte_without_an_id_becomes_the_unk_token_and_is_not_given_back():
    assert SMALL.encode("é") == [0, 0] and SMALL.decode([32, 0, 0]) == "a"
    with pytest.raises(ValueError, match="bytes have no id, the first being .*no unk token"):
        HFTokenizer({**SMALL.file, "model": {**SMALL.file["model"], "unk_token": None}})


def test_digits_end_a_stretch_of_white_space():
    """The two spaces before a digit are one word; of those before a letter, the second is the letter's."""
    assert SMALL.pretokenizer.split("a  1  b 22") == ["a", "  ", "1", " ", " b", " ", "2", "2"]
