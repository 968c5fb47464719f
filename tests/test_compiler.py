"""Compilation, padding and workers change nothing that is learned; the log's numbers are checked by hand."""
import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    StageConfig,
    VisionConfig,
)
from minimolmo.image.resize import normalise
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.patch_embed import normalise_pixels
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training import compiler, flops

ROOT = Path(__file__).resolve().parent.parent
WORDS = Tokenizer([], vocab=257)
TINY = MolmoConfig(
    ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2, ground_crops=4),
    VisionConfig(width=16, layers=3, heads=2, mlp=24), ConnectorConfig(width=12, heads=2, mlp=20),
    DecoderConfig(width=32, layers=3, heads=4, kv_heads=2, mlp=40, vocab=257))
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def batch(answers=(" A cat.", " Two."), lengths=(), as_bytes=True):
    """One image a sequence, each 16 px wider than the last: one crop more."""
    sequences = []
    for number, answer in enumerate(answers):
        image = np.random.default_rng(number).integers(0, 256, (16, 16 + 16 * number, 3), np.uint8)
        crops = tile_image(image, TINY.image, 4, as_bytes)
        sequences.append(build_sequence(crops, [[WORDS.encode(" What?"), WORDS.encode(answer)]], WORDS))
    return collate(sequences, lengths)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MiniMolmo(TINY)


def gradients(model, batch):
    """The loss, and the gradient of every weight."""
    loss = model.loss(batch, model.encode_images(batch)[1])[0]
    weights = list(model.parameters())
    return loss, torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)


def same(some, others, **tolerance):
    torch.testing.assert_close(some[0], others[0], **tolerance)
    for one, other in zip(some[1], others[1]):
        torch.testing.assert_close(one, other, **tolerance)


# Bytes

def test_bytes_become_the_very_numbers_that_the_tiler_would_have_made():
    """Every byte in every channel, to the last bit."""
    pixels = np.stack([np.arange(256, dtype=np.uint8)] * 3, axis=-1)                      # (256, 3)
    expected = normalise(pixels / np.float32(255))
    numbers = normalise_pixels(torch.from_numpy(pixels.reshape(1, 1, -1)))
    assert np.array_equal(numbers.numpy().reshape(256, 3), expected)


def test_a_picture_that_needs_no_resizing_loses_nothing_as_bytes_and_another_one_step_of_255():
    for shape, steps in (((64, 64), 0), ((90, 130), 1), ((700, 500), 1)):
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        exact, rough = (tile_image(image, ImageConfig(), 0, as_bytes) for as_bytes in (False, True))
        off = np.abs(normalise_pixels(torch.from_numpy(rough.patches)).numpy() - exact.patches)
        assert off.max() * 0.2763 * 255 <= steps + 0.05
        assert np.array_equal(rough.patch_coverage, exact.patch_coverage)


def test_a_model_learns_the_same_from_bytes_as_from_numbers(model):
    one = (" A cat.",)  # 16 x 16 px, a crop as it is
    same(gradients(model, batch(one)), gradients(model, batch(one, as_bytes=False)), atol=0, rtol=0)


# Shapes that repeat

def test_a_batch_filled_up_to_a_longer_length_teaches_the_same(model):
    longer = batch(lengths=(10, 100, 200))
    assert longer.ids.shape[1] == 100 > batch().ids.shape[1]
    same(gradients(model, longer), gradients(model, batch()), atol=1e-5, rtol=1e-4)


def test_a_batch_longer_than_all_lengths_stays_as_long_as_it_is():
    assert batch(lengths=(10,)).ids.shape == batch().ids.shape


def test_no_batch_is_longer_than_the_longest_of_its_lengths():
    """Molmo's 2,304 tokens are nine lengths below and one of their own; 10,000 are five more."""
    assert compiler.length_buckets(2304) == (*compiler.LENGTH_BUCKETS, 2304)
    assert compiler.length_buckets(10_000) == (*compiler.LENGTH_BUCKETS, 4096, 6144, 8192, 10_000)
    for most in (1, 8, 100, 320, 1280, 2048, 2049, 2304, 10_001):
        lengths = compiler.length_buckets(most)
        assert most <= lengths[-1] < most + 8 and not lengths[-1] % 8
        assert list(lengths) == sorted(set(lengths))


def test_crops_are_filled_up_by_less_than_an_eighth_to_few_sizes():
    """16 crops stay 16; 17 become 18; of 1 ... 2,048 there are 16, and then eight sizes for each doubling."""
    counts = range(1, 2049)
    filled = [len(compiler.pad_crops(torch.zeros(count, 1, 1))) for count in counts]
    assert filled[:16] == list(range(1, 17)) and filled[16:20] == [18, 18, 20, 20]
    assert all(count <= full < 1.125 * count for count, full in zip(counts, filled))
    assert len(set(filled)) == 16 + 8 * 7


def compiled(model, backend="eager"):
    """What `torch.compile` does, counted; `eager` runs the captured program without a C++ compiler."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiler.compile_blocks(model, partial(torch.compile, backend=backend, fullgraph=True))
    return model


def test_compiled_blocks_and_filled_up_crops_teach_the_same(model):
    plain = gradients(model, batch())
    names = list(model.state_dict())
    same(gradients(compiled(model), batch()), plain, atol=1e-5, rtol=1e-4)
    assert list(model.state_dict()) == names


def test_all_blocks_of_a_tower_are_one_program_and_a_shape_seen_before_is_none_anew(model):
    """Two towers of three blocks: two programs; one more for a new length, or a new number of crops."""
    def programs():
        return torch._dynamo.utils.counters["stats"]["unique_graphs"]
    fast, lengths = compiled(model), (128, 256)
    gradients(fast, batch(lengths=lengths))
    assert programs() == 2
    gradients(fast, batch((" A.", " B.", " C."), lengths)), gradients(fast, batch(lengths=lengths))
    assert programs() == 4  # three sequences in place of two, in the decoder; 9 crops in place of 5
    gradients(fast, batch((" A" * 70 + ".", " B."), lengths))
    assert programs() == 5


def test_answering_never_compiles(model):
    fast = compiled(model).eval()
    with torch.no_grad():
        fast(batch())
    assert not torch._dynamo.utils.counters["stats"]


# FLOPs

FAMILIES = {"nano's": TINY, "SigLIP's": replace(TINY, vision=replace(TINY.vision, family="siglip")),
            "OLMoE's": replace(TINY, decoder=replace(TINY.decoder, experts=4, top_k=2, qk_norm=True))}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_flops_counted_by_hand_are_those_that_pytorch_counts(family):
    """PyTorch watches every matrix product; its attention is counted when it is written out as products."""
    config, some = FAMILIES[family], batch()
    torch.manual_seed(0)
    model = MiniMolmo(config)
    said = int((some.loss_weight > 0).sum())
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.loss(some, model.encode_images(some)[1])
    ours = flops.forward_flops(config, len(some.patches), len(some.pool_idx), *some.ids.shape, said)
    assert sum(ours.values()) == counter.get_total_flops()


def test_training_costs_three_times_the_forward_pass_and_growing_only_looks():
    some = batch()
    parts = flops.forward_flops(TINY, len(some.patches), len(some.pool_idx), *some.ids.shape,
                                int((some.loss_weight > 0).sum()))
    parts["decoder"] *= float((some.segment_ids >= 0).float().mean())  # for padding nothing is needed
    assert flops.training_flops(TINY, "finetune", some) == pytest.approx(3 * sum(parts.values()))
    longer = batch(lengths=(300,))
    assert flops.training_flops(TINY, "bootstrap", longer) == flops.training_flops(TINY, "bootstrap", some)
    seen = sum(parts[name] for name in ("vit", "pooling", "projector"))
    assert flops.training_flops(TINY, "bootstrap", some) == 3 * seen


def test_molmo_7b_needs_two_flops_a_weight_and_token():
    """The rule of thumb: 2 x parameters x tokens; 7.07 billion weights in products, and attention on top."""
    config = MolmoConfig(decoder=DecoderConfig(width=3584, layers=28, heads=28, kv_heads=4, mlp=18944,
                                               vocab=152064, tied=False))
    parts = flops.forward_flops(config, 1, 16, 1, 1000, said=1000)
    weights = 7_615_616_512 - 152_064 * 3584  # without the embedding, which is looked up
    assert parts["decoder"] + parts["head"] == pytest.approx(2 * weights * 1000, rel=0.04)


def test_the_peak_is_looked_up_by_the_gpus_name_else_measured(monkeypatch):
    for name, peak in (("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12),
                       ("NVIDIA L4", 121e12)):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: name)
        assert flops.peak_flops(torch.device("cuda")) == peak
    with monkeypatch.context() as patch:
        patch.setattr(flops, "measured_peak", lambda _device: 1.0)
        for name in ("NVIDIA L40", "NVIDIA RTX A1000"):  # no L4, no A100
            patch.setattr(torch.cuda, "get_device_name", lambda _device: name)
            assert flops.peak_flops(torch.device("cuda")) == 1.0
    assert 1e8 < flops.peak_flops(torch.device("cpu")) < 1e14


def test_a_log_line_says_how_fast_and_how_busy(monkeypatch):
    """Two seconds for a batch of two images, half a second of them waiting, at a peak of a million FLOPs."""
    clock = iter([10.0, 10.5, 12.0])
    meter = flops.Meter(replace(preset("nano"), model=TINY), torch.device("cpu"))
    monkeypatch.setattr(flops.time, "perf_counter", lambda: next(clock))
    meter.peak = 1e9
    some = batch()
    meter.start(), meter.feed()
    line = meter.read("finetune", [some], world=1)
    assert line["images_per_second"] == 1.0 and line["waited"] == 0.25
    assert line["visual_tokens_per_second"] == round(len(some.pool_idx) / 2)
    assert line["mfu"] == pytest.approx(flops.training_flops(TINY, "finetune", some) / 2e9, abs=1e-4)


# Memory

GPU = 80e9  # bytes

def test_when_the_memory_is_full_the_message_names_the_setting_to_lower():
    config = RunConfig(finetune=StageConfig(steps=1, batch_size=128))
    said = memory.oom_message(config, "finetune", 1, GPU)
    assert "128 images at once" in said
    assert "--resume --accumulate=2, which cuts each batch into 2 pieces" in said
    assert "--accumulate=4" in memory.oom_message(replace(config, accumulate=2), "finetune", 1, GPU)
    one_at_a_time = replace(config, accumulate=128)
    assert "--max_tokens=160" in memory.oom_message(one_at_a_time, "finetune", 1, GPU)


def test_when_the_weights_alone_fill_the_memory_the_message_asks_for_more_gpus():
    """Molmo-7B-D: 8.02 billion weights of 16 bytes are 128.3 GB; four GPUs of 80 hold 32 each. No setting of
    the batch helps, neither while building nor in the first step; shared by four, the batch is to blame."""
    seven = preset("molmo_7b_d")
    said = memory.oom_message(seven, None, 1, GPU)
    assert said == memory.oom_message(seven, "finetune", 1, GPU)
    assert "8,021 million weights of molmo_7b_d" in said and "take 128.3 GB" in said
    assert "Try 4 GPUs, of which each holds a share: torchrun --nproc-per-node=4" in said
    assert "--nproc-per-node=4" in memory.oom_message(seven, None, 2, GPU)
    assert "64 images at once" in memory.oom_message(seven, "finetune", 4, GPU)
    assert "Try again when nothing else runs on this GPU" in memory.oom_message(preset("mini"), None, 1, GPU)


# Workers

def test_batches_are_prepared_by_all_cores_but_one_as_far_as_shared_memory_goes(monkeypatch):
    """16 cores. A group of mini is 8 batches of 128 pictures of 13 crops, 1.13 GB; each worker holds two."""
    monkeypatch.setattr(speed, "cores", lambda: 16)
    monkeypatch.setattr(speed, "raise_file_limit", lambda: 10 ** 6)
    free, group = {}, 8 * 128 * 13 * 3 * 168 ** 2
    monkeypatch.setattr(workers_module.shutil, "disk_usage", lambda _path: free["disk"])
    workers = []
    for groups in (1000, 20, 1):
        free["disk"] = SimpleNamespace(free=groups * group)
        with pytest.warns(match="2.3 GB .* 1.1 are free.*--shm-size") if groups == 1 else nullcontext():
            workers.append(workers_module.count_workers(preset("mini"), "finetune", torch.device("cuda"), 1))
    assert workers == [15, 10, 0]
    assert workers_module.count_workers(preset("mini"), "finetune", torch.device("cpu"), 1) == 0


def test_workers_are_no_more_than_the_files_that_may_be_open(monkeypatch):
    """8 x 4 micro-batches of 11 tensors are a group of 352 files, and each worker holds two groups."""
    monkeypatch.setattr(speed, "cores", lambda: 16)
    monkeypatch.setattr(workers_module.shutil, "disk_usage", lambda _path: SimpleNamespace(free=10 ** 15))
    config, workers = replace(preset("mini"), accumulate=4), []
    for files in (10 ** 6, 4096, 512):
        monkeypatch.setattr(speed, "raise_file_limit", lambda: files)
        with pytest.warns(match="704 open files, where 512 may be") if files == 512 else nullcontext():
            workers.append(workers_module.count_workers(config, "finetune", torch.device("cuda"), 1))
    assert workers == [15, 5, 0]


def test_in_a_container_only_its_own_cores_count(monkeypatch, tmp_path):
    """192 cores, of which a container may use 1.6 seconds in each tenth of a second: 16."""
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda _process: range(192), raising=False)
    quota = tmp_path / "cpu.max"
    assert device.cpu_cores(quota) == 192  # no such file: no container
    for said, found in (("max 100000", 192), ("1600000 100000", 16), ("50000 100000", 1)):
        quota.write_text(said)
        assert device.cpu_cores(quota) == found


MANY_FILES = """
import resource, sys, torch
from dataclasses import replace
from pathlib import Path
from minimolmo.training import compiler
from minimolmo.batch.dataset import Dataset
from minimolmo.batch.loader import Loader, Preprocessor
from minimolmo.config import ImageConfig
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
config = replace(preset("nano"), accumulate=8)
assert workers_module.count_workers(config, "finetune", torch.device("cuda"), 1)
recipe = Preprocessor(ImageConfig(), Tokenizer([], vocab=300), "finetune", 0, 200)
loader = Loader([Dataset(Path(sys.argv[1]), "train")], [1.0], recipe, 8, 1, accumulate=8)
print(sum(len(step) for step in loader.batches(0, 16, workers=1)))
"""


@pytest.mark.skipif(workers_module.resource is None, reason="Windows shares memory without open files")
def test_a_shells_usual_limit_of_open_files_is_raised_before_workers_hand_tensors_over(tmp_path):
    """16 steps of 8 micro-batches of 11 tensors: 704 files a group, where the shell allows 256."""
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    said = [{"style": "user_qa", "question": "What?", "answer": "A cat."}]
    (tmp_path / "train.jsonl").write_text(json.dumps({"image": "a.png", "annotations": said}))
    done = subprocess.run([sys.executable, "-c", MANY_FILES, str(tmp_path)], cwd=ROOT, capture_output=True,
                          text=True, timeout=120)
    assert done.stdout.split() == ["128"], done.stderr


def test_what_is_sharded_or_has_experts_is_not_compiled():
    cuda, nano = torch.device("cuda"), preset("nano")
    assert compiler.should_compile(nano, cuda, 1)
    assert not compiler.should_compile(nano, torch.device("cpu"), 1)
    assert not compiler.should_compile(replace(nano, shard=True), cuda, 2)
    assert not compiler.should_compile(preset("molmoe_1b"), cuda, 1)


def test_a_process_alone_shares_with_nobody_so_what_would_be_sharded_is_compiled():
    seven = preset("molmo_7b_d")
    assert seven.shard and compiler.should_compile(seven, torch.device("cuda"), 1)


# On a GPU

@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_compiled_equals_eager(model):
    cuda = torch.device("cuda")
    model = model.to(cuda)
    some = batch(lengths=(128,)).to(cuda)
    plain = gradients(model, some)
    compiler.compile_blocks(model)
    same(gradients(model, some), plain, atol=1e-3, rtol=1e-2)
    with torch.autocast("cuda", torch.bfloat16):
        loss, _ = gradients(model, some)
    assert float(loss) == pytest.approx(float(plain[0]), rel=0.02)


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_bytes_become_the_cpus_numbers():
    some = batch().patches
    assert torch.allclose(normalise_pixels(some.cuda()).cpu(), normalise_pixels(some), atol=1e-6)
