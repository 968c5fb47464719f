"""The tokenizer: text to ids and back."""
import random
from collections import Counter
from itertools import pairwise

import pytest

from minimolmo.text.tokenizer import WORD, Tokenizer

TEXTS = ["A red circle stands left of a green square.", "Counting the red circles shows a total of 12.",
         '<points x1="61.5" y1="40.4" x2="70.2" y2="38.0" alt="red circle">red circle</points>',
         "Two green squares, one of them striped; naïve café, 東京."] * 3
TOKENIZER = Tokenizer.train(TEXTS, vocab=400)

BROKEN = [
    b"", b"\xff\xfe", b"[]", b"null", b"{}", b'{"kind": "cat"}', b"[" * 100_000,
    b'{"kind": "minimolmo tokenizer 1", "vocab": 300, "merges": [["a"',     # cut off
    b'{"kind": "minimolmo tokenizer 1", "vocab": 300}',
    b'{"kind": "minimolmo tokenizer 1", "vocab": "300", "merges": []}',
    b'{"kind": "minimolmo tokenizer 1", "vocab": 3, "merges": []}',
    b'{"kind": "minimolmo tokenizer 1", "vocab": 300, "merges": 7}',
    b'{"kind": "minimolmo tokenizer 1", "vocab": 300, "merges": ["ab c"]}',
    b'{"kind": "minimolmo tokenizer 1", "vocab": 300, "merges": [["a", 1]]}',
    b'{"kind": "minimolmo tokenizer 1", "vocab": 300, "merges": [["ab", "c"]]}',  # no merge made "ab"
    b'{"kind": "minimolmo tokenizer 1", "vocab": 257, "merges": [["a", "b"]]}',   # no free id
    b'{"version": "1.0", "model": {"type": "BPE"}}',                              # another format
]


def random_text(rng: random.Random, length: int) -> str:
    """Random characters of all kinds: symbols, emoji, control characters, lone surrogates."""
    tops = [0x80, 0x800, 0x10000, 0x110000]
    return "".join(chr(rng.randrange(rng.choice(tops))) for _ in range(length))


def test_training_merges_the_most_frequent_pair_first():
    """ "ab" stands 3 times, "bc" twice. Then ab+c twice; nothing else occurs twice."""
    tokenizer = Tokenizer.train(["abc.abc.ab"], vocab=300)
    assert tokenizer.merges == [(b"a", b"b"), (b"ab", b"c")]
    assert tokenizer.encode("abcab") == [257, 256]


def test_equally_frequent_pairs_are_merged_in_alphabetical_order():
    """So the order of the texts does not matter."""
    tokenizer = Tokenizer.train(["xy.", "xy.", "ab.", "ab."], vocab=300)
    assert tokenizer.merges == [(b"a", b"b"), (b"x", b"y")]
    assert Tokenizer.train(reversed(TEXTS), vocab=400).merges == TOKENIZER.merges


def test_updating_the_counts_is_the_same_as_counting_anew():
    """Compared with the simplest trainer: count all pairs, merge one, start over."""
    rng = random.Random(0)
    text = " ".join("".join(rng.choices("aab", k=rng.randrange(1, 9))) for _ in range(300))
    words = {word: [bytes([byte]) for byte in word.encode()] for word in WORD.findall(text)}
    word_counts, merges = Counter(WORD.findall(text)), []
    while True:
        counts = Counter()
        for word, pieces in words.items():
            for pair in pairwise(pieces):
                counts[pair] += word_counts[word]
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        if counts[pair] < 2:
            break
        merges.append(pair)
        for pieces in words.values():
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == pair:
                    pieces[i:i + 2] = [pair[0] + pair[1]]
                i += 1
    tokenizer = Tokenizer.train([text], vocab=1000)
    assert len(merges) > 50
    assert tokenizer.merges == merges
    for word, pieces in words.items():  # and encoding merges each word as training did
        assert tokenizer.encode(word) == [tokenizer.id_of[piece] for piece in pieces]


def test_any_text_comes_back():
    for seed in range(50):
        text = random_text(random.Random(seed), 500).encode("utf-8", "ignore").decode()  # no lone surrogates
        assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_any_bytes_come_back():
    for seed in range(50):
        data = random.Random(seed).randbytes(500) + "é東".encode()[:seed % 6]
        assert TOKENIZER.decode_bytes(TOKENIZER.encode_bytes(data)) == data


def test_utf8_bytes_and_their_text_have_the_same_ids():
    for text in TEXTS:
        assert TOKENIZER.encode_bytes(text.encode()) == TOKENIZER.encode(text)


def test_half_a_character_is_decoded_as_a_replacement_character():
    """A lone surrogate has no UTF-8, a cut-off character is not whole: both are decoded as U+FFFD."""
    assert TOKENIZER.decode(TOKENIZER.encode("a\ud800b")) == "a\ufffd\ufffd\ufffdb"
    assert TOKENIZER.decode([0xC3]) == "\ufffd"
    assert TOKENIZER.decode(TOKENIZER.encode("a\udcffb")) == "a\ufffd\ufffd\ufffdb"


def test_splitting_into_words_loses_no_character():
    for seed in range(20):
        text = random_text(random.Random(seed), 500)
        assert "".join(WORD.findall(text)) == text


def test_words_keep_the_space_before_them_and_digits_stand_alone():
    assert WORD.findall("has 61.5%, ok\n\n x_y  2") == \
        ["has", " ", "6", "1", ".", "5", "%,", " ok", "\n\n", " x_y", " ", " ", "2"]


def test_a_digit_is_always_the_same_token():
    """However often 61.5 is in the training text, its digits are the bytes "6", "1" and "5"."""
    tokenizer = Tokenizer.train(['x="61.5" 61.5 615'] * 100, vocab=300)
    for text in ("615", " 6 1 5", 'x="61.5"', "a6b1c5", "-6--1--5"):
        assert [i for i in tokenizer.encode(text) if i in range(48, 58)] == [54, 49, 53]
    assert not any(set(left + right) & set(b"0123456789") for left, right in tokenizer.merges)


def test_special_ids_come_after_the_vocabulary_and_cannot_be_typed():
    assert (TOKENIZER.vocab, TOKENIZER.eos) == (400, 399)
    assert (TOKENIZER.im_start, TOKENIZER.im_end) == (400, 401)
    assert (TOKENIZER.im_patch, TOKENIZER.im_col) == (402, 403)
    for text in ("<im_start><im_patch><im_col><im_end>", "<|endoftext|>", "\x00", "<|image|>"):
        assert max(TOKENIZER.encode(text)) < TOKENIZER.eos


def test_special_and_unused_ids_are_left_out_of_the_text():
    ids = [TOKENIZER.eos, *TOKENIZER.encode("red"), TOKENIZER.im_patch, 398, *TOKENIZER.encode(" circle"), -1]
    assert TOKENIZER.decode(ids) == "red circle"


def test_few_texts_leave_ids_unused_and_the_vocabulary_as_large_as_requested():
    tokenizer = Tokenizer.train(["abab"], vocab=5000)
    assert tokenizer.merges == [(b"a", b"b")]
    assert (tokenizer.vocab, tokenizer.eos, tokenizer.im_start) == (5000, 4999, 5000)


def test_many_texts_fill_the_vocabulary_to_the_last_id():
    """256 is the first id after the bytes, 259 the last before end of text, 260."""
    tokenizer = Tokenizer.train(TEXTS, vocab=261)
    assert max(tokenizer.bytes_of) == 259 and tokenizer.eos == 260


def test_two_ways_to_merge_the_same_bytes_are_one_piece():
    """a+bc and ab+c are both "abc": one id, and no id is lost for it."""
    tokenizer = Tokenizer([(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"a", b"bc"), (b"x", b"y")], vocab=261)
    assert [tokenizer.id_of[piece] for piece in (b"ab", b"bc", b"abc", b"xy")] == [256, 257, 258, 259]


def test_an_empty_text_can_be_encoded_and_trained_on():
    assert TOKENIZER.encode("") == [] and TOKENIZER.decode([]) == ""
    tokenizer = Tokenizer.train([], vocab=257)
    assert tokenizer.encode("hi") == [104, 105] and tokenizer.eos == 256


def test_a_saved_tokenizer_is_the_same_tokenizer(tmp_path):
    TOKENIZER.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert (loaded.merges, loaded.vocab) == (TOKENIZER.merges, TOKENIZER.vocab)
    assert loaded.encode(TEXTS[3]) == TOKENIZER.encode(TEXTS[3])
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]  # no temporary file is left


def test_saving_again_replaces_the_whole_file_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    TOKENIZER.save(path)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))  # interrupted
    with pytest.raises(KeyboardInterrupt):
        Tokenizer.train(["abab"], vocab=300).save(path)
    assert Tokenizer.load(path).vocab == 400


def test_a_broken_file_is_refused_with_what_to_try(tmp_path):
    path = tmp_path / "tokenizer.json"
    for content in BROKEN:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"tokenizer.json holds no minimolmo tokenizer \(.*Try"):
            Tokenizer.load(path)


def test_a_missing_file_is_refused_with_what_to_try(tmp_path):
    with pytest.raises(ValueError, match="no ids. Try"):
        Tokenizer.load(tmp_path / "missing.json")


def test_too_small_a_vocabulary_is_refused_before_any_text_is_read():
    def never():
        raise AssertionError("a text was read")
        yield
    with pytest.raises(ValueError):
        Tokenizer.train(never(), vocab=256)


@pytest.mark.words
def test_too_small_a_vocabulary_is_refused_with_what_to_try():
    with pytest.raises(ValueError, match="Try 257"):
        Tokenizer([], vocab=256)


def test_a_very_long_word_is_split_so_that_time_is_linear_in_the_length():
    words = WORD.findall("a" * 1000 + " " * 1000 + "<" * 1000)
    assert max(map(len, words)) == 33  # 32 and a space before them
    for unit in ("red", " ", "<", "é", "1"):
        assert TOKENIZER.decode(TOKENIZER.encode(unit * 100_000)) == unit * 100_000
