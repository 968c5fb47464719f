"""Pre-tokenization: where an official pattern splits a text, on texts that are hard to split."""
import json
import random
import unicodedata
from itertools import groupby
from pathlib import Path

import pytest

from minimolmo.text.hf_tokenizer import GPT2, QWEN2
from minimolmo.text.pretokenizer import PreTokenizer

GOLDEN = json.loads((Path(__file__).parent / "golden" / "words.json").read_text(encoding="utf-8"))
WHITE_SPACE = [*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
               0x205F, 0x3000]


def test_hard_texts_are_split_as_the_official_engine_splits_them():
    """Contractions in every case, spaces at the end of a line, joined emoji, combining accents, digits."""
    for case in GOLDEN["cases"]:
        pretokenizer = PreTokenizer(case["pattern"])
        for text, expected in zip(GOLDEN["texts"], case["words"], strict=True):
            assert pretokenizer.split(text) == expected, (case["name"], text)


def test_the_built_in_patterns_are_the_official_ones():
    patterns = {case["name"]: case["pattern"] for case in GOLDEN["cases"]}
    assert (QWEN2, GPT2) == (patterns["qwen2"], patterns["gpt2"])


@pytest.mark.parametrize("character_class, is_member", [
    (r"\p{L}", lambda character: unicodedata.category(character)[0] == "L"),
    (r"\p{N}", lambda character: unicodedata.category(character)[0] == "N"),
    (r"\s", lambda character: ord(character) in WHITE_SPACE),
])
def test_a_character_class_has_exactly_the_characters_of_its_unicode_category(character_class, is_member):
    """The first two planes, 131,072 characters, in one text: it is split where the class begins or ends."""
    text = "".join(map(chr, range(0x20000)))
    runs = ["".join(run) for _, run in groupby(text, key=is_member)]
    assert PreTokenizer(f"{character_class}+").split(text) == runs
    assert PreTokenizer(f"[{character_class}]+").split(text) == runs
    assert PreTokenizer(f"[^{character_class}]+").split(text) == runs


def test_white_space_is_unicodes_and_not_pythons():
    """U+001C to U+001F separate files and records to Python's re; to Unicode they are control characters."""
    assert PreTokenizer(r"\S+").split("a\x1cb c\x1fd") == ["a\x1cb", " ", "c\x1fd"]
    assert PreTokenizer(r"\s+").split("a\x1cb\x85c\u3000") == ["a\x1cb", "\x85", "c", "\u3000"]


def test_where_case_is_ignored_the_long_s_is_an_s():
    """As Unicode folds case. The Kelvin sign would be a "k", but no contraction has one."""
    assert PreTokenizer(QWEN2).split("it'ſ IT'S") == ["it", "'ſ", " IT", "'S"]
    assert PreTokenizer(GPT2).split("it'ſ it's IT'S") == ["it", "'", "ſ", " it", "'s", " IT", "'", "S"]


def test_splitting_loses_no_character_even_where_the_pattern_does_not_match():
    rng = random.Random(0)
    for pattern in (QWEN2, GPT2, r"\p{L}\s", "x"):
        for _ in range(20):
            text = "".join(chr(rng.randrange(rng.choice([0x80, 0x3000, 0x110000]))) for _ in range(300))
            assert "".join(PreTokenizer(pattern).split(text)) == text


def test_text_that_the_pattern_does_not_match_is_one_word():
    assert PreTokenizer(r"\p{L}+").split("12, ab!?") == ["12, ", "ab", "!?"]


@pytest.mark.parametrize("pattern", [r"\p{Lu}", r"\P{L}", r"\d+", r"\w", r"\b", r"[\S]", "é", "(a)|b", "^a",
                                     "a$", "[[a]]", "[a&&b]", "a*"])
def test_a_pattern_that_python_would_read_differently_is_refused(pattern):
    with pytest.raises(ValueError, match="its pattern has"):
        PreTokenizer(pattern)
