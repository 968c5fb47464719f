"""Official tokenizers' files, read into our words: a tiny one of 600 pieces in Qwen2's format, and kin."""
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
FILE = json.loads((GOLDEN / "tiny_tokenizer.json").read_text())
VOCAB, MERGES, ADDED = FILE["model"]["vocab"], FILE["model"]["merges"], FILE["added_tokens"][0]
WORDS = read_tokenizer(GOLDEN / "tiny_tokenizer.json")
STYLES = json.loads((GOLDEN / "tokens_styles.json").read_text())["styles"]

# Twenty scripts: the first and last letter of each.
SCRIPTS = ["az", "àÿ", "αω", "ая", "աֆ", "את", "بي", "अह", "অহ", "கஹ", "กฮ", "ກຮ", "აჰ", "ሀቈ", "កហ", "あん",
           "アン", "一丿", "가깋", "ᚠᛪ"]
MORE = ["def f(x):\n    return x**2  # ok\n", '{"a": [1, 2, null]}', "for(int i=0;i<10;i++){}", "\r\n\r\n",
        "   ", "👩\u200d👩\u200d👧", "🏳️\u200d🌈", "🇳🇵", "1️⃣", "e\u0301", "हिन्दी", "Ⅷ", "½", "𝟙𝟚",
        "don't", "WE'LL", "\t"]


def mixed_text(size: int) -> str:
    """Words of twenty scripts, code and emoji in random order; `size` bytes or a little more."""
    rng, words = random.Random(0), list(MORE)
    for first, last in SCRIPTS:
        letters = [chr(code) for code in range(ord(first), ord(last) + 1)]
        words += ["".join(rng.choices(letters, k=rng.randrange(1, 9))) for _ in range(30)]
    parts = []
    while size > 0:
        parts.append(rng.choice(words) + " ")
        size -= len(parts[-1].encode())
    return "".join(parts)


def written(folder: Path, file) -> Path:
    path = folder / "tokenizer.json"
    path.write_bytes(file if type(file) is bytes else json.dumps(file).encode())
    return path


def changed(*keys, value) -> dict:
    """The tiny file with another value at one place; None takes the place away."""
    file = copy.deepcopy(FILE)
    *way, last = keys
    place = file
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return file


def test_ids_are_the_official_ones_pair_by_pair():
    for pair in json.loads((GOLDEN / "tokens_tiny.json").read_text())["pairs"]:
        assert WORDS.encode(pair["text"]) == pair["ids"], pair["text"]


@pytest.mark.skipif("QWEN_WORDS" not in os.environ, reason="QWEN_WORDS names no folder with Qwen's files")
def test_with_the_real_vocabulary_ids_are_the_official_ones_too():
    words = read_tokenizer(os.environ["QWEN_WORDS"], vocab=152064)
    assert words.eos == 151643
    for pair in json.loads((GOLDEN / "tokens_qwen.json").read_text())["pairs"]:
        assert words.encode(pair["text"]) == pair["ids"], pair["text"]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style["name"])
def test_files_of_other_families_are_read_as_the_official_reader_reads_them(tmp_path, style):
    """GPT-NeoX: GPT-2's pattern, runs of spaces as tokens. dolma2: three digits a word, whole words first."""
    changes = dict(style["changes"])
    file = copy.deepcopy(FILE)
    file["model"]["ignore_merges"] = changes.pop("ignore_merges", False)
    words = read_tokenizer(written(tmp_path, file | changes))
    for pair in style["pairs"]:
        assert words.encode(pair["text"]) == pair["ids"], pair["text"]
        assert words.decode(pair["ids"]) == pair["said"]


def test_a_megabyte_of_twenty_scripts_code_and_emoji_comes_back():
    text = mixed_text(1_000_000)
    assert len(text.encode()) >= 1_000_000
    assert WORDS.decode(WORDS.encode(text)) == unicodedata.normalize("NFC", text)


def test_any_bytes_come_back():
    words = HFTokenizer(FILE | {"normalizer": None})
    for seed in range(50):
        data = random.Random(seed).randbytes(300)
        assert words.decode_bytes(words.encode_bytes(data)) == data


def test_an_accent_apart_becomes_one_with_its_letter():
    """NFC, as Qwen2's file asks; without a normalizer the two stay two."""
    assert WORDS.encode("e\u0301") == WORDS.encode("é")
    words = HFTokenizer(FILE | {"normalizer": None})
    assert words.decode(words.encode("e\u0301")) == "e\u0301"


@pytest.mark.parametrize("settings, ids", [
    ({"normalized": True}, [900, 900]), ({}, [900, 900]),
    ({"normalized": False}, [900, *WORDS.encode("cé")]), ({"special": True}, [900, *WORDS.encode("cé")])])
def test_an_added_token_is_looked_for_after_nfc_or_before_it(settings, ids):
    """ "cé", then "ce" with its accent apart. If it is not told, a special token is looked for before."""
    words = HFTokenizer(FILE | {"added_tokens": [ADDED, {"id": 900, "content": "cé", **settings}]})
    assert words.encode("céce\u0301") == ids


def test_a_whole_word_of_the_vocabulary_may_go_before_all_merges():
    """No merge makes " cats": it is a piece all the same, where the file says that merges may be ignored."""
    model = FILE["model"] | {"vocab": VOCAB | {"Ġcats": 900}}
    assert len(HFTokenizer(FILE | {"model": model}).encode(" cats")) > 1
    words = HFTokenizer(FILE | {"model": model | {"ignore_merges": True}})
    assert words.encode("Two cats") == [*WORDS.encode("Two"), 900]


def test_merges_come_as_pairs_or_as_strings(tmp_path):
    strings = changed("model", "merges", value=[" ".join(pair) for pair in FILE["model"]["merges"]])
    assert read_tokenizer(written(tmp_path, strings)).merges == WORDS.merges


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_older_pair_of_files_says_the_same(tmp_path, ending):
    (tmp_path / "vocab.json").write_text(json.dumps(FILE["model"]["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in FILE["model"]["merges"])]
    (tmp_path / "merges.txt").write_bytes(ending.join([*lines, ""]).encode())
    for source in (tmp_path, tmp_path / "vocab.json", tmp_path / "merges.txt"):
        words = read_tokenizer(source)
        assert (words.merges, words.id_of, words.eos) == (WORDS.merges, WORDS.id_of, WORDS.eos)
        assert words.encode("it's 12 e\u0301") == WORDS.encode("it's 12 e\u0301")


def test_the_older_pair_takes_what_else_it_needs_from_its_config(tmp_path):
    """Whose pattern it is, and tokens beyond the vocabulary; else end of text is the first of them."""
    vocab = {text: number - 1 for text, number in FILE["model"]["vocab"].items() if number}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text("\n".join(" ".join(pair) for pair in FILE["model"]["merges"]))
    assert read_tokenizer(tmp_path).eos == 599
    assert len(read_tokenizer(tmp_path).encode("12 IT'S")) == len(WORDS.encode("12 IT'S"))

    (tmp_path / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {
            "700": {"content": "<|endoftext|>", "special": True},
            "599": {"content": "<pad>", "special": False}}}))
    words = read_tokenizer(tmp_path)
    assert (words.eos, words.encode("a<pad>"), words.vocab) == (700, [64, 599], 701)
    assert words.cutter.cut("12 IT'S") == ["12", " IT", "'", "S"]


def test_image_tokens_stand_where_molmo_has_them():
    """At vocab_size: 152064 with Qwen2's words. Without being told, after all the others."""
    for vocab, first in ((None, 600), (152064, 152064)):
        words = read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab)
        assert (words.im_start, words.im_end, words.im_patch, words.im_col) == tuple(range(first, first + 4))
        assert (words.vocab, words.eos) == (first, 0)


def test_a_file_that_names_the_image_tokens_says_itself_where_they_are(tmp_path):
    named = [{"id": 700 + n, "content": text, "special": True} for n, text in enumerate(IMAGE_TOKENS)]
    path = written(tmp_path, FILE | {"added_tokens": FILE["added_tokens"] + named})
    assert read_tokenizer(path).im_start == read_tokenizer(path, vocab=700).im_start == 700
    with pytest.raises(ValueError, match="its image tokens begin at 700, not at vocab=701"):
        read_tokenizer(path, vocab=701)


def test_an_image_token_cannot_be_typed_but_end_of_text_can(tmp_path):
    """As in Molmo. What is typed must not look like a picture that is not there."""
    WORDS.save(tmp_path / "tokenizer.json")
    words = read_tokenizer(tmp_path)
    for text in IMAGE_TOKENS:
        assert max(words.encode(text)) < 600 and words.decode(words.encode(text)) == text
    assert words.encode("a<|endoftext|>b") == [65, 0, 66]
    assert words.decode([65, 0, words.im_patch, 66, 99_999]) == "ab"


def test_a_question_about_a_picture_is_laid_out_with_official_ids():
    """A 336 px picture at Molmo's sizes: BOS, 316 image tokens, then the question as in the golden pair."""
    words = read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab=152064)
    config = ImageConfig(crop_size=336, patch_size=14, margins=(4, 4), ground_crops=12)
    crops = tile_image(np.zeros((336, 336, 3), np.uint8), config, max_crops=12)
    ids = build_sequence(crops, [[words.encode(question_prompt("How many cats?"))]], words).ids.tolist()
    seen = image_tokens(crops.token_grids, words)
    assert len(seen) == 316 and set(seen) == {152064, 152065, 152066, 152067}
    assert ids == [0, *seen, 303, 26, 221, 536, 339, 376, 89, 327, 275, 83, 31, 309, 26]


def test_saved_and_read_again_it_is_the_same(tmp_path):
    words = read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab=700)
    words.save(tmp_path / "tokenizer.json")
    again = read_tokenizer(tmp_path)
    assert (again.vocab, again.im_col, again.eos) == (700, 703, 0)
    assert again.encode("Mt. Rainier's summit") == words.encode("Mt. Rainier's summit")
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


def test_our_own_words_are_read_too(tmp_path):
    ours = Tokenizer.train(["a red circle"] * 3, vocab=300)
    ours.save(tmp_path / "tokenizer.json")
    for source in (tmp_path, tmp_path / "tokenizer.json"):
        words = read_tokenizer(source)
        assert type(words) is Tokenizer and (words.merges, words.vocab) == (ours.merges, 300)


def test_the_first_merge_wins_and_among_equals_the_leftmost():
    """ "aaa": the left two. "abcab": b+c stands first, so the left "ab" is never made; the right one is."""
    a, b, c = b"a", b"b", b"c"
    assert merge_by_rank(b"aaa", {(a, a): 0}) == [b"aa", a]
    assert merge_by_rank(b"abcab", {(b, c): 0, (a, b): 1}) == [a, b"bc", b"ab"]
    assert merge_by_rank(b"", {}) == []


def test_pairs_are_joined_one_at_a_time():
    """The first a+bc makes "abc", and abc+a stands before a+bc: the second "a" is gone when its turn is."""
    rank = {(b"b", b"c"): 0, (b"abc", b"a"): 1, (b"a", b"bc"): 2}
    assert merge_by_rank(b"abcabc", rank) == [b"abca", b"bc"]


def test_the_heap_joins_as_looking_at_every_pair_each_time_does():
    def plainly(word, rank):
        pieces = [word[i:i + 1] for i in range(len(word))]
        while True:
            places = [(rank[pair], i) for i, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]
            if not places:
                return pieces
            i = min(places)[1]
            pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]
    rng = random.Random(0)
    for _ in range(300):
        pieces, rank = [b"a", b"b", b"c"], {}
        for order in rng.sample(range(40), 12):
            pair = (rng.choice(pieces), rng.choice(pieces))
            pieces.append(b"".join(pair))
            rank.setdefault(pair, order)
        word = bytes(rng.choices(b"abc", k=40))
        assert merge_by_rank(word, rank) == plainly(word, rank)


def test_a_page_without_a_space_takes_no_square_time():
    """65,000 letters of one "word": looking at every pair each time would take five minutes."""
    text = "countingshows" * 5_000
    assert WORDS.decode(WORDS.encode(text)) == text


def test_every_byte_has_one_visible_letter():
    assert sorted(BYTE_OF.values()) == list(range(256))
    assert (BYTE_OF["A"], BYTE_OF["Ġ"], BYTE_OF["Ċ"]) == (ord("A"), ord(" "), ord("\n"))
    assert all(letter.isprintable() and not letter.isspace() for letter in BYTE_OF)


@pytest.mark.parametrize("file, why", [
    (b"", "JSONDecodeError"), (b"\xff\xfe", "UnicodeDecodeError"), (b"[" * 100_000, "RecursionError"),
    (b"[]", "AttributeError"), (b"{}", "lacks 'model'"),
    (b'{"model": 3, "added_tokens": []}', "AttributeError"),
    (json.dumps(FILE).encode()[:9000], "JSONDecodeError"),
    (changed("model", "type", value="Unigram"), "its model is Unigram, not BPE"),
    (changed("model", "byte_fallback", value=True), "byte_fallback is True"),
    (changed("model", "end_of_word_suffix", value="</w>"), "end_of_word_suffix is '</w>'"),
    (changed("model", "vocab", value=None), "lacks 'vocab'"),
    (changed("model", "vocab", value=[]), "AttributeError"),
    (changed("model", "vocab", value=VOCAB | {"the": "7"}), "piece 'the' has id '7'"),
    (changed("model", "vocab", value=VOCAB | {"the": -7}), "piece 'the' has id -7"),
    (changed("model", "vocab", value=VOCAB | {"the": 7}), "an id stands for two pieces"),
    (changed("model", "vocab", value=VOCAB | {"▁the": 999}), "'▁the' has '▁', which is no byte's letter"),
    (changed("model", "vocab", "Ġ", value=None), "1 of the 256 bytes have no id, the first being 'Ġ'"),
    (changed("model", "merges", value=None), "lacks 'merges'"),
    (changed("model", "merges", value=7), "TypeError"),
    (changed("model", "merges", value=[*MERGES, "a b c"]), "too many values"),
    (changed("model", "merges", value=[*MERGES, ["a", 1]]), "TypeError"),
    (changed("model", "merges", value=[*MERGES, ["q", "q"]]), r"merge \['q', 'q'\] joins or makes a piece"),
    (changed("added_tokens", value=None), "lacks 'added_tokens'"),
    (changed("added_tokens", value=[]), r"lacks '<\|endoftext\|>'"),
    (changed("added_tokens", value=[ADDED | {"id": 5}]), "a piece has two ids"),
    (changed("added_tokens", value=[ADDED, ADDED | {"content": "<x>", "id": 5}]), "id stands for two pieces"),
    (changed("added_tokens", value=[ADDED, {"content": "<x>", "id": 2.5}]), "'<x>' has id 2.5"),
    (changed("added_tokens", value=[ADDED, {"content": "", "id": 900}]), "'' has id 900"),
    (changed("added_tokens", value=[ADDED, {"content": "<x>", "id": 900, "lstrip": True}]), "has lstrip"),
    (changed("added_tokens", value=[ADDED, {"content": "<im_start>", "id": 900}]), r"have the ids \[900\]"),
    (changed("normalizer", value={"type": "Lowercase"}), "we know NFC alone"),
    (changed("pre_tokenizer", value={"type": "Metaspace"}), "it cuts text into words by .*Metaspace"),
    (changed("pre_tokenizer", value={"type": "ByteLevel", "add_prefix_space": True}), "it cuts text into"),
    (changed("pre_tokenizer", value={"type": "Sequence", "pretokenizers": []}), "ValueError"),
    (changed("pre_tokenizer", "pretokenizers", 0, "behavior", value="Removed"), "it cuts text into words by"),
    (changed("pre_tokenizer", "pretokenizers", 0, "pattern", value={"Regex": r"\d+"}), r"pattern has \\d"),
    (changed("pre_tokenizer", "pretokenizers", 0, "pattern", value={"Regex": "[a"}), "unterminated"),
])
def test_a_file_that_cannot_be_our_words_is_refused_with_what_to_try(tmp_path, file, why):
    path = written(tmp_path, file)
    with pytest.raises(ValueError, match=rf"tokenizer.json holds no tokenizer .* \(.*{why}.*Try"):
        read_tokenizer(path)


def test_a_missing_file_or_too_small_a_vocab_is_refused_with_what_to_try(tmp_path):
    for source in (tmp_path, tmp_path / "nowhere", tmp_path / "tokenizer.json"):
        with pytest.raises(ValueError, match=r"holds no tokenizer that we can read \(FileNotFoundError.*Try"):
            read_tokenizer(source)
    with pytest.raises(ValueError, match="vocab=599 leaves no place for its ids, which go up to 599.*Try"):
        read_tokenizer(GOLDEN / "tiny_tokenizer.json", vocab=599)
