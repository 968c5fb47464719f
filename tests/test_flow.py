"""The dataclasses that flow: a batch moves to another device without losing a field."""
import dataclasses

import torch

from minimolmo.flow import IMAGE_SEGMENT, PAD_SEGMENT, Batch


def test_a_batch_on_another_device_is_the_same_batch():
    """The device "meta" has shapes and no numbers, and every machine has one."""
    tensors = {field.name: torch.zeros(2, 3) for field in dataclasses.fields(Batch) if field.name != "names"}
    moved = Batch(**tensors, names=["a:1", "b:2"]).to(torch.device("meta"))

    for name in tensors:
        assert (getattr(moved, name).device.type, getattr(moved, name).shape) == ("meta", (2, 3))
    assert moved.names == ["a:1", "b:2"]


def test_image_padding_and_annotations_are_told_apart_by_the_sign_of_their_branch():
    """Annotations count from 1: the image is 0 and padding less, so `branch > IMAGE_SEGMENT` is all that is said."""
    assert PAD_SEGMENT < IMAGE_SEGMENT == 0
