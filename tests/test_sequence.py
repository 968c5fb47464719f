"""Packing: one image and several annotations become one sequence."""
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minimolmo.batch.sequence import build_sequence, image_tokens
from minimolmo.config import ImageConfig
from minimolmo.flow import IMAGE_SEGMENT
from minimolmo.image.tiler import tile_image
from minimolmo.text.tokenizer import Tokenizer

GOLDEN = json.loads((Path(__file__).parent / "golden" / "packing.json").read_text(encoding="utf-8"))
BYTES = SimpleNamespace(eos=256, im_start=320, im_end=321, im_patch=322, im_col=323)  # a byte is a token
IMAGE_IDS = [256, 320, 322, 322, 323, 321]  # BOS, start, two patches, end of row, end
IMAGE = SimpleNamespace(token_grids=((1, 2),))


def pack(*annotations, **options):
    """A sequence of an image of two patches and annotations, each a list of messages: user, assistant, ..."""
    return build_sequence(IMAGE, [[list(text.encode()) for text in a] for a in annotations], BYTES, **options)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_a_sequence_equals_molmos_token_for_token(case):
    y, x, c = np.ogrid[:56, :56, :3]
    image = ((7 * y + 13 * x + 29 * c + y * x // 50) % 256).astype(np.uint8)
    config = ImageConfig(crop_size=56, patch_size=14, margins=(0, 0), pool=2)
    messages = case["messages"] if isinstance(case["messages"][0], list) else [case["messages"]]

    s = build_sequence(tile_image(image, config, max_crops=4),
                       [[list(text.encode()) for text in a] for a in messages], BYTES, root_weights=True)

    assert s.ids.tolist() == case["input_tokens"]
    assert s.targets.tolist() == case["target_tokens"]
    weights = np.maximum(case["loss_masks"], 0)  # -1 is padding, here 0
    assert s.loss_weight == pytest.approx(weights, abs=1e-6)
    assert s.position.tolist() == case["position_ids"]
    segments = case.get("subsegment_ids", [10_000] * 17 + [1] * (len(s.ids) - 17))
    assert np.where(s.segment_ids == IMAGE_SEGMENT, 10_000, s.segment_ids).tolist() == segments
    assert np.flatnonzero(s.ids == BYTES.im_patch).tolist() == sum(case["image_input_idx"], [])


def test_an_image_is_rows_of_patches_each_closed_by_a_column_token():
    """A 1x2 overview, then stitched crops of 2x1; the ids come right after the ordinary vocabulary."""
    start, end, patch, column = 300, 301, 302, 303
    ids = image_tokens(((1, 2), (2, 1)), Tokenizer([], vocab=300))
    assert ids == [start, patch, patch, column, end, start, patch, column, patch, column, end]


def test_the_target_of_each_token_is_the_next_token():
    s = pack(["q", "ab"])
    assert s.ids.tolist() == IMAGE_IDS + list(b"qab")
    assert s.targets.tolist() == IMAGE_IDS[1:] + list(b"qab") + [256]


def test_only_answers_and_their_end_of_text_have_a_loss():
    """A weight stands where the token is the target: at "q" the target is "a", at "b" end of text."""
    s = pack(["q", "ab"])
    assert s.loss_weight.tolist() == [0] * 6 + [1, 1, 1]


def test_the_positions_of_each_segment_continue_from_the_images_end():
    """The image has six tokens, so every annotation begins at position 6, as if it were the only one."""
    s = pack(["qq", "a"], ["r", "bb"])
    assert s.segment_ids.tolist() == [0] * 6 + [1] * 4 + [2] * 3  # q q a EOS; r b b (its EOS is a target)
    assert s.position.tolist() == [0, 1, 2, 3, 4, 5] + [6, 7, 8, 9] + [6, 7, 8]


def test_every_answer_of_a_dialogue_ends_with_end_of_text():
    s = pack(["q", "a", "r", "b"])
    assert s.ids.tolist() == IMAGE_IDS + [ord("q"), ord("a"), 256, ord("r"), ord("b")]
    assert s.loss_weight.tolist() == [0] * 6 + [1, 1, 0, 1, 1]  # targets: a, EOS, (r), b, EOS
    assert set(s.segment_ids[6:].tolist()) == {1}                    # one segment for all turns


def test_root_weights_let_four_annotations_weigh_as_much_as_two_single_ones():
    """sqrt(1/4) = 0.5 for each answer token."""
    s = pack(["q", "a"], ["q", "a"], ["q", "a"], ["q", "a"], root_weights=True)
    assert sorted(set(s.loss_weight.tolist())) == [0.0, 0.5]
    assert s.loss_weight.sum() == 4 * 2 * 0.5
    assert pack(["q", "a"], ["q", "a"]).loss_weight.max() == 1.0  # not in stage pretrain


def test_an_annotation_is_the_same_alone_and_packed():
    """Its segment id alone differs. Packing shares the image's tokens."""
    alone, packed = pack(["r", "bb"]), pack(["qq", "a"], ["r", "bb"])
    for field in ("ids", "targets", "position", "loss_weight"):
        assert getattr(packed, field)[10:].tolist() == getattr(alone, field)[6:].tolist()


def test_a_sequence_longer_than_max_tokens_is_cut_off():
    complete, truncated = pack(["q", "abcdef"]), pack(["q", "abcdef"], max_tokens=9)
    for field in ("ids", "targets", "loss_weight", "position", "segment_ids"):
        assert getattr(truncated, field).tolist() == getattr(complete, field)[:9].tolist()
    assert truncated.targets[-1] == ord("c")  # the next token, and not end of text


def test_a_prompt_without_an_answer_keeps_its_last_token():
    s = pack(["qr"])
    assert s.ids.tolist() == IMAGE_IDS + list(b"qr")
    assert s.targets[-1] == -1
    assert not s.loss_weight.any()


def test_an_image_without_annotations_is_the_image_segment_alone():
    """As in stage bootstrap. The sequence has every visual token."""
    s = pack()
    assert s.ids.tolist() == IMAGE_IDS[:-1]
    assert set(s.segment_ids.tolist()) == {IMAGE_SEGMENT}


def test_an_image_of_max_tokens_or_more_is_refused():
    with pytest.raises(ValueError):
        pack(["q", "a"], max_tokens=6, name="cat.jpg")
    assert len(pack(["q", "a"], max_tokens=7).ids) == 7


@pytest.mark.words
def test_an_image_of_max_tokens_or_more_is_named_with_what_to_try():
    with pytest.raises(ValueError, match=r"cat.jpg takes 6 tokens but max_tokens=6, so .* Try .*=12"):
        pack(["q", "a"], max_tokens=6, name="cat.jpg")
