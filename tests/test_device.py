"""The choice of the device, and equal outputs on GPU and CPU."""
import sys

import pytest
import torch

from minimolmo import device
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_without_a_gpu_it_is_the_cpu_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.pick_device() == torch.device("cpu")
    with device.autocast(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("version, kind", [("2.9.1", "cpu"), ("2.12.0+git", "cpu"),
                                           ("2.13.0", "mps"), ("3.0.1", "mps")])
def test_mps_is_taken_only_with_a_torch_whose_attention_is_right_there(version, kind, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "__version__", version)
    assert device.pick_device().type == kind


def test_an_old_torch_on_a_mac_is_named_once(monkeypatch, capsys):
    device._note_mps_is_not_used.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    device.pick_device(), device.pick_device()
    assert capsys.readouterr().err.count("Try torch 2.13 or newer") == 1


@pytest.mark.parametrize("name, capability, expected", [
    ("T4", (7, 5), torch.float32), ("A100", (8, 0), torch.bfloat16), ("RTX 3090", (8, 6), torch.bfloat16),
    ("H200", (9, 0), torch.bfloat16)])
def test_bfloat16_is_for_gpus_that_multiply_in_it(name, capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    cuda = torch.device("cuda")
    assert device.frozen_dtype(cuda) == expected, name
    assert device.trains_in_bfloat16(cuda) == (expected == torch.bfloat16)


def test_a_cpu_keeps_weights_in_bfloat16_and_trains_in_float32_and_mps_does_all_in_float32():
    cpu, mps = torch.device("cpu"), torch.device("mps")
    assert device.frozen_dtype(cpu) == torch.bfloat16 and not device.trains_in_bfloat16(cpu)
    assert device.frozen_dtype(mps) == torch.float32 and not device.trains_in_bfloat16(mps)


def test_mps_is_taken_by_one_process_but_not_shared_by_two(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "__version__", "2.13.0")
    assert device.pick_device().type == "mps"
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert device.pick_device().type == "cpu"


def test_under_torchrun_each_process_takes_its_own_gpu(monkeypatch):
    devices_set = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", devices_set.append)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert device.pick_device() == torch.device("cuda", 3) and devices_set == [torch.device("cuda", 3)]


def batch_and_model(questions=2):
    import numpy as np
    torch.manual_seed(0)
    model, tokenizer = MiniMolmo(preset("nano").model).eval(), Tokenizer([], vocab=512)
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    messages = (" What?", " A cat."), (" Where?", " There.")
    ids = [[tokenizer.encode(text) for text in pair] for pair in messages[:questions]]
    return collate([build_sequence(tile_image(image, model.config.image, 0), ids, tokenizer)]), model


@pytest.mark.gpu
@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_kept_memory_is_not_cleared_by_the_system_again():
    """100 MB in blocks of 4 MB, two times: the second time most of their 25,600 pages are there already.

    A block may find its place taken, and then its 1,024 pages are new.
    """
    import resource  # Windows has none

    device.keep_freed_memory()
    faults = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.ones(2 ** 20) for _ in range(25)]
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        del blocks
    assert faults[1] < 25_600 / 2


@needs_cuda
def test_a_gpus_logits_equal_the_cpus_and_nearly_do_in_bfloat16():
    batch, model = batch_and_model()
    with torch.no_grad():
        expected = model(batch)
        cuda = device.pick_device()
        model, batch = model.to(cuda), batch.to(cuda)
        assert torch.allclose(model(batch).cpu(), expected, atol=1e-3)
        with device.autocast(cuda):
            assert torch.allclose(model(batch).float().cpu(), expected, atol=0.05)


@pytest.mark.gpu
@needs_cuda
def test_the_masked_attention_runs_in_a_fused_kernel():
    from torch.nn.attention import SDPBackend, sdpa_kernel

    from minimolmo.model.attention import attention, fused_attention
    q, k, v = (torch.randn(2, heads, 64, 32, device="cuda") for heads in (6, 2, 2))
    visible = torch.ones(64, 64, dtype=torch.bool, device="cuda").tril()[None, None]
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
        assert torch.allclose(fused_attention(q, k, v, visible), attention(q, k, v, visible), atol=1e-2)
        halves = [x.to(torch.bfloat16).requires_grad_() for x in (q, k, v)]  # as in training
        fused_attention(*halves, visible).float().square().sum().backward()
    assert all(x.grad.isfinite().all() for x in halves)


@pytest.mark.gpu
@needs_cuda
def test_more_windows_than_the_kernels_largest_batch_can_be_pooled():
    from minimolmo.model.pooling import AttentionPooling
    pooling = AttentionPooling(64, 64, heads=2).cuda()
    features, windows = torch.randn(280_000, 64).cuda(), torch.arange(280_000).view(-1, 4).cuda()
    with device.autocast(torch.device("cuda")):
        pooled = pooling(features, windows)
    chosen = torch.tensor([0, 35_000, -1])
    with torch.no_grad():
        expected = pooling.cpu()(features.cpu(), windows.cpu()[chosen])
    assert torch.allclose(pooled.detach().float().cpu()[chosen], expected, atol=0.05)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("questions", [1, 2])  # a single segment needs no mask
def test_a_gpu_answers_in_bfloat16(questions):
    from minimolmo import answer
    batch, model = batch_and_model(questions)
    cuda = device.pick_device()
    with device.autocast(cuda):
        answers = answer.generate(model.to(cuda).eval(), batch.to(cuda), eos=-1, max_new_tokens=40)
    assert [len(ids) for ids in answers] == [40] * len(batch.ids)
