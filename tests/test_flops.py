"""FLOPs: our formulas against PyTorch's counter, and the measurements of a log line."""
from dataclasses import replace

import pytest
import torch
from test_compiler import TINY, batch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from minimolmo.config import DecoderConfig, MolmoConfig
from minimolmo.model.molmo import MiniMolmo
from minimolmo.presets import preset
from minimolmo.training import flops

FAMILIES = {"nano's": TINY, "SigLIP's": replace(TINY, vision=replace(TINY.vision, family="siglip")),
            "OLMoE's": replace(TINY, decoder=replace(TINY.decoder, experts=4, top_k=2, qk_norm=True))}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_flops_counted_by_hand_are_those_that_pytorch_counts(family):
    """PyTorch counts every matrix product; with SDPBackend.MATH attention consists of products too."""
    config, inputs = FAMILIES[family], batch()
    torch.manual_seed(0)
    model = MiniMolmo(config)
    answers = int((inputs.loss_weight > 0).sum())
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.loss(inputs, model.decode(inputs, model.encode_images(inputs)[1]).last)
    ours = flops.forward_flops(config, len(inputs.patches), len(inputs.pool_idx), *inputs.ids.shape, answers)
    assert sum(ours.values()) == counter.get_total_flops()


def test_training_costs_three_times_the_forward_pass_and_bootstrap_runs_no_decoder():
    inputs = batch()
    parts = flops.forward_flops(TINY, len(inputs.patches), len(inputs.pool_idx), *inputs.ids.shape,
                                int((inputs.loss_weight > 0).sum()))
    parts["decoder"] *= float((inputs.segment_ids >= 0).float().mean())  # padding is not counted
    assert flops.training_flops(TINY, "finetune", inputs) == pytest.approx(3 * sum(parts.values()))
    longer = batch(lengths=(300,))
    image = sum(parts[name] for name in ("vit", "pooling", "projector"))
    assert flops.training_flops(TINY, "bootstrap", inputs) == 3 * image
    assert flops.training_flops(TINY, "bootstrap", longer) == 3 * image


def test_molmo_7b_needs_two_flops_a_weight_and_token():
    """The rule of thumb: 2 x parameters x tokens; 7.07 billion weights in products, and attention on top."""
    config = MolmoConfig(decoder=DecoderConfig(width=3584, layers=28, heads=28, kv_heads=4, mlp=18944,
                                               vocab=152064, tied=False))
    parts = flops.forward_flops(config, 1, 16, 1, 1000, answer_tokens=1000)
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


def test_no_step_is_faster_than_the_peak_so_then_the_mfu_is_left_out():
    """A CPU's peak is measured, and too low if other programs run meanwhile. It is unknown from then on."""
    meter = flops.Meter(replace(preset("nano"), model=TINY), torch.device("cpu"))
    meter.peak = 1e9
    assert [meter.mfu(rate) for rate in (5e8, 1e9, 2e9, 5e8)] == [{"mfu": 0.5}, {"mfu": 1.0}, {}, {}]


def test_the_peak_is_measured_once_as_the_fastest_run(monkeypatch):
    """Runs of 4, 1 and 2 seconds in 6 seconds; one run even if there is no time."""
    flops.measured_peak.cache_clear()
    clock = iter([0, 0, 4, 4, 5, 5, 7, 8])
    monkeypatch.setattr(flops.time, "perf_counter", lambda: next(clock))
    for _ in range(2):
        assert flops.measured_peak(torch.device("cpu"), 6) == 2 * 512 ** 3
    clock = iter([0, 1, 3, 3])
    assert flops.measured_peak(torch.device("cpu"), 0) == 512 ** 3
    flops.measured_peak.cache_clear()


def test_a_log_line_has_the_speed_the_data_wait_and_the_mfu(monkeypatch):
    """A batch of two images takes 2 s, 0.5 s of it for data. The device's peak is 1e9 FLOPs a second."""
    clock = iter([10.0, 10.5, 12.0])
    meter = flops.Meter(replace(preset("nano"), model=TINY), torch.device("cpu"))
    monkeypatch.setattr(flops.time, "perf_counter", lambda: next(clock))
    meter.peak = 1e9
    inputs = batch()
    meter.start(), meter.batch_ready()
    line = meter.log_line("finetune", [inputs], world=1)
    assert line["images_per_second"] == 1.0 and line["data_wait"] == 0.25
    assert line["visual_tokens_per_second"] == round(len(inputs.pool_idx) / 2)
    assert line["mfu"] == pytest.approx(flops.training_flops(TINY, "finetune", inputs) / 2e9, abs=1e-4)
