"""Compilation, padding and bytes do not change losses and gradients."""
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import (
    PIXEL_MEAN,
    PIXEL_STD,
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    VisionConfig,
)
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.patch_embed import normalise_pixels
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training import compiler

ROOT = Path(__file__).resolve().parent.parent
TOKENIZER = Tokenizer([], vocab=257)
TINY = MolmoConfig(
    ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2, ground_crops=4),
    VisionConfig(width=16, layers=3, heads=2, mlp=24), ConnectorConfig(width=12, heads=2, mlp=20),
    DecoderConfig(width=32, layers=3, heads=4, kv_heads=2, mlp=40, vocab=257))
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def batch(answers=(" A cat.", " Two."), lengths=(), as_bytes=True):
    """A batch of one image for each answer, each 16 px wider than the one before, which is one crop more."""
    sequences = []
    for number, answer in enumerate(answers):
        image = np.random.default_rng(number).integers(0, 256, (16, 16 + 16 * number, 3), np.uint8)
        crops = tile_image(image, TINY.image, 4, as_bytes)
        sequences.append(build_sequence(crops, [[TOKENIZER.encode(" What?"), TOKENIZER.encode(answer)]],
                                        TOKENIZER))
    return collate(sequences, lengths)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MiniMolmo(TINY)


def gradients(model, batch):
    """The loss and all gradients. As in training, outputs are wanted at answer tokens only."""
    visual, wanted = model.encode_images(batch)[1], batch.loss_weight > 0
    loss = model.loss(batch, model.decode(batch, visual, wanted=wanted).last)[0]
    weights = list(model.parameters())
    return loss, torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)


def assert_same(first, second, **tolerance):
    """The same loss and gradients."""
    torch.testing.assert_close(first[0], second[0], **tolerance)
    for one, other in zip(first[1], second[1]):
        torch.testing.assert_close(one, other, **tolerance)


# Bytes

def test_pixels_of_any_dtype_are_normalised_by_clips_mean_and_deviation():
    """Every byte in every channel: (x / 255 - mean) / std, bit for bit, from bytes and from floats."""
    pixels = np.stack([np.arange(256, dtype=np.uint8)] * 3, axis=-1)                      # (256, 3)
    mean, std = np.array(PIXEL_MEAN, np.float32), np.array(PIXEL_STD, np.float32)
    expected = (pixels / np.float32(255) - mean) / std
    patches = torch.from_numpy(pixels.reshape(1, 1, -1))
    for each in (patches, patches.float()):
        assert np.array_equal(normalise_pixels(each).numpy().reshape(256, 3), expected)


def test_as_bytes_an_image_loses_nothing_without_resizing_and_at_most_one_step_of_255_with_it():
    for shape, steps in (((64, 64), 0), ((90, 130), 1), ((700, 500), 1)):
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        floats, in_bytes = (tile_image(image, ImageConfig(), 0, as_bytes) for as_bytes in (False, True))
        assert np.abs(in_bytes.patches.astype(np.float32) - floats.patches).max() <= steps + 0.01
        assert np.array_equal(in_bytes.patch_coverage, floats.patch_coverage)


def test_bytes_and_floats_give_the_same_loss_and_gradients(model):
    one = (" A cat.",)  # 16 x 16 px, so that the crop is not resized
    assert_same(gradients(model, batch(one)), gradients(model, batch(one, as_bytes=False)), atol=0, rtol=0)


# Padding to few shapes

def test_a_batch_padded_to_a_longer_length_has_the_same_loss_and_gradients(model):
    longer = batch(lengths=(10, 100, 200))
    assert longer.ids.shape[1] == 100 > batch().ids.shape[1]
    assert_same(gradients(model, longer), gradients(model, batch()), atol=1e-5, rtol=1e-4)


def test_a_batch_longer_than_all_lengths_is_not_padded():
    assert batch(lengths=(10,)).ids.shape == batch().ids.shape


def test_the_largest_length_bucket_fits_the_longest_sequence():
    """2,304 tokens (Molmo's) is the largest bucket after LENGTH_BUCKETS; 10,000 tokens need more buckets."""
    assert compiler.length_buckets(2304) == (*compiler.LENGTH_BUCKETS, 2304)
    assert compiler.length_buckets(10_000) == (*compiler.LENGTH_BUCKETS, 4096, 6144, 8192, 10_000)
    for longest in (1, 8, 100, 320, 1280, 2048, 2049, 2304, 10_001):
        lengths = compiler.length_buckets(longest)
        assert longest <= lengths[-1] < longest + 8 and not lengths[-1] % 8
        assert list(lengths) == sorted(set(lengths))


def test_crops_are_padded_by_less_than_an_eighth_to_few_sizes():
    """16 crops stay 16, 17 become 18. Of 1 ... 2,048, the first 16 stay; then each doubling has 8 sizes."""
    counts = range(1, 2049)
    padded = [len(compiler.pad_crops(torch.zeros(count, 1, 1))) for count in counts]
    assert padded[:16] == list(range(1, 17)) and padded[16:20] == [18, 18, 20, 20]
    assert all(count <= size < 1.125 * count for count, size in zip(counts, padded))
    assert len(set(padded)) == 16 + 8 * 7


def compiled(model, backend="eager"):
    """The model with compiled blocks; backend `eager` runs the captured program without a C++ compiler."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiler.compile_blocks(model, partial(torch.compile, backend=backend, fullgraph=True))
    return model


def test_compiled_blocks_and_padded_crops_have_the_same_loss_and_gradients(model):
    expected = gradients(model, batch())
    names = list(model.state_dict())
    assert_same(gradients(compiled(model), batch()), expected, atol=1e-5, rtol=1e-4)
    assert list(model.state_dict()) == names


def test_all_blocks_of_a_tower_share_a_program_and_a_repeated_shape_needs_no_new_one(model):
    """Two towers of three blocks are two programs; a new length or number of crops needs one more."""
    def count_programs():
        return torch._dynamo.utils.counters["stats"]["unique_graphs"]
    compiled_model, lengths = compiled(model), (128, 256)
    gradients(compiled_model, batch(lengths=lengths))
    assert count_programs() == 2
    gradients(compiled_model, batch((" A.", " B.", " C."), lengths))
    gradients(compiled_model, batch(lengths=lengths))
    assert count_programs() == 4  # three sequences in place of two, in the decoder; 9 crops in place of 5
    gradients(compiled_model, batch((" A" * 70 + ".", " B."), lengths))
    assert count_programs() == 5


def test_answering_never_compiles(model):
    compiled_model = compiled(model).eval()
    with torch.no_grad():
        compiled_model(batch())
    assert not torch._dynamo.utils.counters["stats"]


def test_sharded_models_and_mixtures_of_experts_are_not_compiled():
    cuda, nano = torch.device("cuda"), preset("nano")
    assert compiler.should_compile(nano, cuda, 1)
    assert not compiler.should_compile(nano, torch.device("cpu"), 1)
    assert not compiler.should_compile(replace(nano, shard=True, optimizer="adamw"), cuda, 2)
    assert not compiler.should_compile(preset("molmoe_1b"), cuda, 1)


def test_a_single_process_does_not_shard_so_its_model_is_compiled():
    molmo = preset("molmo_7b_d")
    assert molmo.shard and compiler.should_compile(molmo, torch.device("cuda"), 1)


# On a GPU

@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_compiled_equals_eager(model):
    cuda = torch.device("cuda")
    model = model.to(cuda)
    inputs = batch(lengths=(128,)).to(cuda)
    eager = gradients(model, inputs)
    compiler.compile_blocks(model)
    assert_same(gradients(model, inputs), eager, atol=1e-3, rtol=1e-2)
    with torch.autocast("cuda", torch.bfloat16):
        loss, _ = gradients(model, inputs)
    assert float(loss) == pytest.approx(float(eager[0]), rel=0.02)


@pytest.mark.gpu
@needs_cuda
def test_pixels_normalised_on_a_gpu_equal_the_cpus():
    patches = batch().patches
    assert torch.allclose(normalise_pixels(patches.cuda()).cpu(), normalise_pixels(patches), atol=1e-6)
