"""Collating sequences into a batch: tokens are padded, images never."""
import numpy as np
import torch

from minimolmo.batch.collate import collate
from minimolmo.flow import PAD_SEGMENT, Crops, Sequence

S, K = 4, 2  # patches in a crop, patches in a pooling window


def sequence(tokens: int, crops: int, value: float, things: int = 0) -> Sequence:
    """A sequence whose crops have four patches and two visual tokens each; the last window lacks a patch."""
    pool_idx = np.arange(crops * S).reshape(-1, K)
    pool_idx[-1, -1] = -1
    image = Crops(np.full((crops, S, 3), value, np.float32), np.full((crops, S), value, np.float32), pool_idx,
                  ((2, crops),), (1, crops), np.full((crops, 4), value, np.float32))
    ids = np.arange(10, 10 + tokens)
    return Sequence(ids, ids + 1, np.ones(tokens, np.float32), np.arange(tokens), np.ones(tokens, int), image,
                    np.full((things, 4), value, np.float32), np.full((things, 2), 7), f"row {value:g}")


def test_tokens_are_padded_on_the_right_and_padding_has_no_loss():
    batch = collate([sequence(3, 1, 0.5), sequence(2, 1, 1.0)])
    assert batch.ids.tolist() == [[10, 11, 12], [10, 11, 0]]
    assert batch.targets.tolist() == [[11, 12, 13], [11, 12, -1]]
    assert batch.loss_weight.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.position.tolist() == [[0, 1, 2], [0, 1, 0]]
    assert batch.segment_ids.tolist() == [[1, 1, 1], [1, 1, PAD_SEGMENT]]


def test_crops_are_concatenated_so_that_none_is_padding():
    """One crop, then two: three in all, each with the index of its sequence."""
    batch = collate([sequence(3, 1, 0.5), sequence(2, 2, 1.0)])
    assert batch.patches.shape == (3, S, 3)
    assert batch.patches[:, 0, 0].tolist() == [0.5, 1, 1]
    assert batch.patch_coverage[:, 0].tolist() == batch.crop_boxes[:, 0].tolist() == [0.5, 1, 1]
    assert batch.crop_owner.tolist() == [0, 1, 1]


def test_pool_idx_counts_patches_through_the_whole_batch():
    """The second image's patch 0 is the batch's patch 4; no patch (-1) stays no patch."""
    batch = collate([sequence(3, 1, 0.5), sequence(2, 2, 1.0), sequence(2, 1, 2.0)])
    assert batch.pool_idx.tolist() == [[0, 1], [2, -1],
                                       [4, 5], [6, 7], [8, 9], [10, -1],
                                       [12, 13], [14, -1]]


def test_a_window_finds_the_same_patches_in_a_batch_as_alone():
    def first_patches(batch):
        return batch.patches.flatten(0, 1)[batch.pool_idx[:, 0]]

    sequences = [sequence(3, 1, 0.5), sequence(2, 2, 1.0)]
    alone = torch.cat([first_patches(collate([each])) for each in sequences])
    assert torch.equal(first_patches(collate(sequences)), alone)


def test_an_image_with_fewer_things_is_padded_with_rows_of_minus_one():
    batch = collate([sequence(3, 1, 0.5, things=2), sequence(2, 1, 1.0, things=1), sequence(2, 1, 1.0)])
    assert batch.thing_boxes.shape == (3, 2, 4)
    assert batch.thing_boxes[:, :, 0].tolist() == [[0.5, 0.5], [1, -1], [-1, -1]]
    assert batch.thing_ids[:, :, 1].tolist() == [[7, 7], [7, -1], [-1, -1]]


def test_a_batch_of_one_is_the_sequence_itself():
    alone = sequence(3, 2, 1.0)
    batch = collate([alone])
    for field in ("ids", "targets", "loss_weight", "position", "segment_ids"):
        assert getattr(batch, field)[0].tolist() == getattr(alone, field).tolist()
    assert batch.pool_idx.tolist() == alone.crops.pool_idx.tolist()
    assert batch.names == ["row 1"]


def test_ids_are_whole_numbers_and_weights_are_float32():
    batch = collate([sequence(3, 1, 0.5)])
    for field in ("ids", "targets", "position", "segment_ids", "pool_idx", "crop_owner", "thing_ids"):
        assert getattr(batch, field).dtype == torch.int64
    for field in ("loss_weight", "patches", "patch_coverage", "crop_boxes", "thing_boxes"):
        assert getattr(batch, field).dtype == torch.float32
