"""Will it fit? What a piece keeps is what the real one keeps; a step's peak; and the answers in words."""
from dataclasses import replace

import pytest
import torch

from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import override
from minimolmo.presets import preset, with_adapters
from minimolmo.training import memory
from minimolmo.weights import advice, sizes
from minimolmo.weights.counts import GB, count_parameters
from minimolmo.weights.fit import Piece, decoder_inputs, moments_bytes, pieces, step_peak, training_need

NANO = preset("nano")
MOLMO = preset("molmo_7b_d")
ADAPTED = override(with_adapters(MOLMO), ["--lora=16"])


def test_a_fake_block_keeps_as_many_bytes_as_a_real_one():
    """What a real block saves for its backward pass, without its weights and what was there before it."""
    model = MiniMolmo(NANO.model)
    x = torch.randn(NANO.finetune.batch_size // NANO.accumulate, NANO.max_tokens, 96, requires_grad=True)
    inputs = decoder_inputs(model, torch.zeros(x.shape[:2], dtype=torch.long), 0.0)
    before = [*model.parameters(), x, *inputs[0], inputs[1]]
    known = {tensor.untyped_storage().data_ptr() for tensor in before}
    saved = {}

    def note(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = model.decoder.blocks[0](x, *inputs)[0]
    real = sum(storage.nbytes() for address, storage in saved.items() if address not in known)
    computed = pieces(NANO, "finetune", False, torch.float32)[-2]  # the last block before the head
    assert computed.kept == real + output.nbytes
    output.sum().backward()
    gradients = [weight.grad for weight in model.decoder.blocks[0].parameters()]
    assert computed.gradients == sum(gradient.nbytes for gradient in gradients)


def test_gradients_come_while_activations_go_so_the_peak_is_the_largest_of_their_sums():
    heavy, light = Piece(kept=10, working=15, gradients=1), Piece(kept=1, working=3, gradients=20)
    assert step_peak([heavy, light], accumulates=False) == (20, 15)  # in heavy, after light
    assert step_peak([light, heavy], accumulates=False) == (21, 0)   # at the end
    assert step_peak([light, heavy], accumulates=True) == (21, 16)   # gradients of the batch before


def test_adapters_freeze_weights_in_two_bytes_without_gradients_and_moments():
    """7B-D: two bytes of each of its weights but the connector's and the norms', which have four."""
    need, counts = training_need(ADAPTED, reduced=True), count_parameters(MOLMO.model)
    connector, block = counts["connector"], 3584 + 4608 + 3584 + 3584 + 3 * (3584 + 18944)
    assert need.weights == pytest.approx(2 * counts["total"] + 2 * connector, rel=0.01)
    assert need.optimizer == 8 * (connector + 16 * 28 * block)
    assert 22 * GB < need.peak < 23 * GB  # one card of 24 GB


def test_recomputing_keeps_less_and_an_old_gpus_frozen_weights_take_four_bytes():
    plain = override(replace(NANO, bootstrap=replace(NANO.bootstrap, steps=0)), [
        "--lora=4", "--model.decoder.layers=2", "--model.vision.layers=2"])
    need, other = training_need(plain), training_need(replace(plain, recompute=True), frozen=torch.float32)
    assert other.activations < 0.8 * need.activations and other.weights > 1.4 * need.weights


def test_muon_keeps_one_moment_of_a_matrix_and_adamw_two():
    model = MiniMolmo(NANO.model)
    matrices, all_weights = (sum(weight.numel() for weight in group)
                             for group in (model.matrices(), model.parameters()))
    assert moments_bytes(model, "adamw") == 8 * all_weights
    assert moments_bytes(model, "muon") == 8 * all_weights - 4 * matrices


def test_experts_are_counted_as_if_each_got_equally_many_tokens():
    tiny = override(replace(NANO, bootstrap=replace(NANO.bootstrap, steps=0)), [
        "--model.decoder.experts=4", "--model.decoder.top_k=2", "--model.decoder.layers=1"])
    assert training_need(tiny).activations > 1e6


def answer(*arguments, capsys):
    sizes.main([*arguments])
    return capsys.readouterr().out


def test_the_command_says_whether_it_fits_and_what_to_change(capsys, monkeypatch):
    words = answer("--preset=nano", "--gpu=2", capsys=capsys)
    assert "GB (weights" in words and "It fits 2 GB" in words
    monkeypatch.setattr(advice, "training_need", lambda run, *_: advice.Need(
        (16 if run.lora else 32) * GB, 0, 0, run.max_tokens * GB // 400))
    fits, too_large = (answer("--preset=molmo_7b_d", "--lora=16", gpu, capsys=capsys)
                       for gpu in ("--gpu=24", "--gpu=22"))
    assert "It fits 24 GB" in fits and "1 image at once, of at most 13 crops and 2304 tokens" in fits
    assert "It does not fit 22 GB. Try --max_tokens=1152, which needs 18.9 GB." in too_large
    assert "Try --lora=16, which needs 21.8 GB" in answer("--preset=molmo_7b_d", "--gpu=24", capsys=capsys)
    with pytest.raises(ValueError, match="no model is named. Try --preset=mini"):
        sizes.main(["--gpu=24"])


def test_the_batch_is_first_cut_into_as_few_pieces_as_should_fit():
    """200 GB for the whole batch of 16 images: in 8 pieces 25 GB at once, in 4 pieces 50 GB."""
    need = advice.Need(0, 0, 0, 200 * GB // NANO.accumulate)
    proposed = [names for names, _ in advice.smaller_runs(NANO, "finetune", need, 51 * GB)]
    assert proposed == [["--accumulate=8"], ["--accumulate=16"], ["--accumulate=16", "--recompute=true"]]


@pytest.mark.parametrize("world, pieces", [(1, 8), (2, 4), (4, 2)])
def test_what_is_proposed_is_for_each_of_several_processes(world, pieces, monkeypatch):
    """32 images of 2 GB each, on GPUs of 16 GB: four at once. So each of four processes has two pieces."""
    config = override(NANO, ["--accumulate=1", "--pretrain.batch_size=32", "--finetune.batch_size=32"])
    monkeypatch.setattr(advice, "training_need", lambda run, stage, *_: advice.Need(
        0, 0, 0, 2 * GB * advice.batch_sizes(run, stage)[0]))
    words = advice.verdict(config, "finetune", 16 * GB, world)
    assert f"{32 // world} images at once" in words
    assert f"Try --accumulate={pieces}, which needs 8.0 GB" in words
    override(config, [f"--accumulate={pieces}"]).check_batches(world)


def test_adapters_are_proposed_with_as_many_pieces_as_the_processes_allow(monkeypatch):
    """With adapters a batch has 16 images: two processes divide it into 8 pieces each, and 32 cannot."""
    monkeypatch.setattr(advice, "training_need", lambda run, *_: advice.Need(
        0 if run.lora else 99 * GB, 0, 0, 0))
    words = advice.verdict(replace(preset("molmo_7b_d"), shard=False), "finetune", 24 * GB, 2)
    assert "Try --lora=16 --accumulate=8, which needs" in words
    assert "Try --lora=16, which needs" in advice.verdict(preset("molmo_7b_d"), "finetune", 24 * GB)


def test_more_gpus_are_proposed_where_no_setting_is_enough(monkeypatch):
    """Experts have no adapters, so MolmoE-1B needs several GPUs of 80 GB to train all of its weights."""
    measured = []

    def need(config, stage, reduced, shards, frozen):
        measured.append(config)
        return advice.Need(40 * GB // shards, 80 * GB // shards, 0, 20 * GB)
    monkeypatch.setattr(advice, "training_need", need)
    words = advice.verdict(preset("molmoe_1b"), "finetune", 80 * GB)
    assert "Try 4 GPUs: torchrun --nproc-per-node=4" in words and not any(run.lora for run in measured)
    assert "--accumulate=32" in words  # pretrain's 128 images: one at a time on each of 4 GPUs
    words = advice.verdict(preset("molmoe_1b"), "finetune", 10 * GB)
    assert "Try a smaller model, or GPUs with more memory" in words


def test_training_says_what_it_needs_unless_the_model_is_small(monkeypatch, capsys):
    cpu = torch.device("cpu")
    memory.note_memory(NANO, cpu)
    assert not capsys.readouterr().err
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(memory, "training_need", lambda *_: advice.Need(0, 0, 0, GB // 10))
    memory.note_memory(NANO, cpu)
    assert capsys.readouterr().err.startswith("memory: training nano needs 0.1 GB (weights 0.0")
