"""The dataclasses of `flow.py`: a batch keeps every field on another device."""
import dataclasses

import torch

from minimolmo.flow import IMAGE_SEGMENT, PAD_SEGMENT, Batch


def test_a_batch_on_another_device_is_the_same_batch():
    """The device "meta" has shapes without values, and every machine has it."""
    tensors = {field.name: torch.zeros(2, 3) for field in dataclasses.fields(Batch) if field.name != "names"}
    moved = Batch(**tensors, names=["a:1", "b:2"]).to(torch.device("meta"))

    for name in tensors:
        assert (getattr(moved, name).device.type, getattr(moved, name).shape) == ("meta", (2, 3))
    assert moved.names == ["a:1", "b:2"]


def test_the_sign_of_a_segment_id_separates_padding_image_and_annotations():
    """Annotations count from 1, the image is 0, padding is negative: `> IMAGE_SEGMENT` selects text."""
    assert PAD_SEGMENT < IMAGE_SEGMENT == 0
