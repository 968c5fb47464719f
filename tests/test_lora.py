"""LoRA: an adapted model begins as its base, only adapters and connector change, merged equals applied."""
import json

import numpy as np
import pytest
import torch
from PIL import Image
from test_molmo import TINY, batch, loss

from minimolmo.answer import build_prompt, load
from minimolmo.batch.collate import collate
from minimolmo.config import DecoderConfig
from minimolmo.model import lora
from minimolmo.model.lora import AdaptedLinear, FrozenLinear, adapt, merged_state
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.recompute import recompute_blocks
from minimolmo.overrides import override
from minimolmo.presets import preset, with_adapters
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import adapters, checkpoint, official
from minimolmo.weights.shards import TensorFolder

import train

CAT = ("where?", "a cat on the left")


def make_model(seed=0, **decoder) -> MiniMolmo:
    """A tiny model with random weights, biases too, so that no zero hides an error."""
    torch.manual_seed(seed)
    config = TINY if not decoder else TINY.__class__(
        TINY.image, TINY.vision, TINY.connector, DecoderConfig(**{**vars(TINY.decoder), **decoder}))
    model = MiniMolmo(config)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return model


def adapted(rank=2, vit=False, trained=True, dtype=torch.float32, **decoder) -> MiniMolmo:
    """The same model with adapters; `trained` ones are no longer zero."""
    model = make_model(**decoder)
    adapt(model, rank, vit, dtype)
    for name, weight in model.named_parameters():
        if trained and lora.is_adapter(name):
            weight.data += 0.1 * torch.randn_like(weight)
    return model


# the model

@pytest.mark.parametrize("rank, vit", [(0, False), (2, False), (2, True)])
def test_an_adapted_model_begins_as_its_base(rank, vit):
    assert torch.allclose(adapted(rank, vit, trained=False)(batch(CAT)), make_model()(batch(CAT)), atol=1e-5)


def test_one_layer_by_hand():
    layer = torch.nn.Linear(3, 2)
    changed, x = AdaptedLinear(layer, torch.float32, rank=1), torch.tensor([1.0, 2.0, 3.0])
    changed.lora_down.data[:] = torch.tensor([[1.0, 0.0, 1.0]])   # down x = 4
    changed.lora_up.data[:] = torch.tensor([[1.0], [-1.0]])       # up 4 = 4, -4; times 2
    assert torch.allclose(changed(x) - layer(x), torch.tensor([8.0, -8.0]), atol=1e-5)


def test_only_adapters_and_connector_have_gradients():
    """The connector's are those that the base would have, because the adapters change nothing yet."""
    base, model = make_model(), adapted(trained=False)
    for each in (base, model):
        loss(each, batch(CAT)).backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    connector = {id(weight) for weight in model.parameter_groups()["connector"]}
    parameters, plain = dict(model.named_parameters()), dict(base.named_parameters())
    assert {name for name in gradients if not lora.is_adapter(name)} == {
        name for name, weight in parameters.items() if id(weight) in connector}
    for name, gradient in gradients.items():
        if not lora.is_adapter(name):
            assert torch.allclose(gradient, plain[name].grad, atol=1e-5), name
    assert sum(name.endswith("lora_up") for name in gradients) == 5 * TINY.decoder.layers


@pytest.mark.parametrize("tied", [True, False])
def test_merged_equals_applied(tied):
    model, merged = adapted(vit=True, tied=tied), make_model(seed=1, tied=tied)
    merged.load_state_dict(merged_state(model), strict=False)
    merged.decoder.tie()
    assert torch.allclose(model(batch(CAT)), merged(batch(CAT)), atol=1e-5)
    assert not torch.allclose(merged(batch(CAT)), make_model(tied=tied)(batch(CAT)), atol=1e-2)


def test_frozen_matrices_are_kept_in_bfloat16_and_the_rest_in_float32():
    """The answer differs from the base's by bfloat16's rounding alone."""
    model = adapted(trained=False, dtype=torch.bfloat16)
    for name, weight in model.named_parameters():
        module = model.get_submodule(name.rpartition(".")[0])
        rounded = name.rpartition(".")[2] in ("weight", "bias") and isinstance(
            module, (FrozenLinear, lora.FrozenEmbedding))
        assert weight.dtype == (torch.bfloat16 if rounded else torch.float32), name
    logits, plain = model(batch(CAT)), make_model()(batch(CAT))
    assert logits.dtype == torch.float32 and (logits - plain).abs().max() < 0.1 * plain.abs().max()


def test_experts_are_refused_in_words():
    with pytest.raises(ValueError, match="has 4 experts, and adapters for experts are not.*Try --lora=0"):
        adapted(experts=4, top_k=2)


def test_recomputed_activations_give_the_same_gradients():
    """And a block runs twice: once forward, once more in the backward pass."""
    plain, model, calls = make_model(), make_model(), []
    model.decoder.blocks[0].attention_norm.register_forward_hook(lambda *_: calls.append(1))
    recompute_blocks(model)
    for each in (plain, model):
        loss(each.train(), batch(CAT)).backward()
    assert len(calls) == 2
    for (name, one), (_, other) in zip(plain.named_parameters(), model.named_parameters()):
        assert (one.grad is None) == (other.grad is None), name
        assert one.grad is None or torch.allclose(one.grad, other.grad, atol=1e-6), name


# a run

@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny released model, and a set of one's own with one picture."""
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(3)
    small = ["--model.vision.layers=1", "--model.decoder.layers=1", "--model.decoder.vocab=257",
             "--model.vision.feature_layers=[-1,-1]"]
    official.save_official(folder / "model", MiniMolmo(override(preset("nano"), small).model))
    Tokenizer([], vocab=257).save(folder / "model" / "tokenizer.json")
    own = folder / "data" / "mine"
    own.mkdir(parents=True)
    Image.new("RGB", (64, 64), (200, 30, 30)).save(own / "red.png")
    row = {"image": "red.png", "annotations": [{"style": "user_qa", "question": "Colour?", "answer": "red"}]}
    for split in ("train", "val"):
        (own / f"{split}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def tune(base, out, *more: str) -> None:
    train.main([f"--from={base / 'model'}", f"--data={base / 'data'}", f"--out={out}", "--mix.mine=1",
                "--lora=2", "--max_tokens=200", "--finetune.view=bird", "--finetune.batch_size=2",
                "--accumulate=2", "--finetune.warmup_steps=[1,1,1]", "--finetune.dropout=0.0", *more])


def test_a_run_saves_adapters_alone_resumes_and_merges(base, tmp_path):
    """Unbroken and resumed runs are equal; the merged model answers with the same logits."""
    tune(base, tmp_path / "whole", "--finetune.steps=4", "--finetune.hold_fraction=1.0")
    tune(base, tmp_path / "broken", "--finetune.steps=2", "--finetune.hold_fraction=1.0")
    tune(base, tmp_path / "broken", "--finetune.steps=4", "--resume")
    whole, broken = (checkpoint.read_weights(checkpoint.latest(tmp_path / o)) for o in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert not any(name.startswith(("vit", "decoder")) and not lora.is_adapter(name) for name in whole)

    assert adapters.merge(tmp_path / "whole", tmp_path / "merged") > 10
    model, tokenizer, _ = load(tmp_path / "whole")
    merged, _, _ = official.load(tmp_path / "merged", torch.device("cpu"), torch.float32)
    blank = np.zeros((64, 64, 3), np.uint8)
    prompt = collate([build_prompt(blank, "Colour?", model, tokenizer, "bird")])
    assert torch.allclose(model(prompt), merged(prompt), atol=0.05)  # the base's matrices are in bfloat16
    assert all(whole[name].abs().max() > 0 for name in whole if name.endswith("lora_up"))


def test_a_base_that_was_moved_is_named_and_can_be_given_again(base, tmp_path):
    """In answering, merging and training on. Merged with the moved base, the model is the same."""
    out, moved = tmp_path / "out", tmp_path / "moved"
    tune(base, out, "--finetune.steps=1")
    adapters.merge(out, tmp_path / "before")
    (base / "model").rename(moved)
    try:
        with pytest.raises(ValueError, match="adapters for .*model, .*Put them back, or a link to them. If "
                                             ".* in another FOLDER now: .*adapters .* MERGED --base=FOLDER"):
            load(out)
        with pytest.raises(ValueError, match="If it was moved, .* goes on without --from, .* --base=FOLDER"):
            tune(base, out, "--finetune.steps=2", "--resume")
        resume = [f"--out={out}", f"--data={base / 'data'}", "--resume", "--finetune.steps=2"]
        with pytest.raises(ValueError, match=f"adapters for .* --out={out} --resume --base=FOLDER goes on"):
            train.main(resume)
        adapters.main([str(out), str(tmp_path / "after"), f"--base={moved}"])
        before, after = (TensorFolder(tmp_path / name) for name in ("before", "after"))
        assert all(torch.equal(before[name], after[name]) for name in before)
        train.main([*resume, f"--base={moved}"])
        assert checkpoint.load_config(checkpoint.latest(out)).base == str(moved)
        assert load(out)
    finally:
        moved.rename(base / "model")


def test_adapters_need_weights_to_adapt(tmp_path):
    with pytest.raises(ValueError, match="lora=8 adapts trained weights, and none are named. Try --from"):
        train.read_arguments(["--lora=8", f"--out={tmp_path}"])


def test_a_run_with_adapters_takes_one_image_at_a_time_and_keeps_no_activations():
    run = with_adapters(preset("molmo_7b_d"))
    assert run.finetune.batch_size == run.accumulate and run.recompute
    assert run.finetune.learning_rates[1] == preset("molmo_7b_d").finetune.learning_rates[1]


def test_a_base_is_never_overwritten_by_what_is_merged_from_it(tmp_path):
    """The run needs it still."""
    model = MiniMolmo(TINY)
    checkpoint.save_checkpoint(tmp_path / "plain", 1, model.state_dict(), override(preset("nano"), []),
                               Tokenizer([], vocab=512), None, {})
    config = override(preset("nano"), ["--lora=2", f"--base={tmp_path / 'export'}"])
    checkpoint.save_checkpoint(tmp_path / "run", 1, {}, config, Tokenizer([], vocab=512), None, {})
    with pytest.raises(ValueError, match="is the base of .*would destroy it. Try another folder"):
        adapters.merge(tmp_path / "run", tmp_path / "export")


def test_a_run_with_adapters_is_merged_before_it_is_trained_further(base, tmp_path):
    tune(base, tmp_path / "out", "--finetune.steps=1")
    with pytest.raises(ValueError, match="holds adapters and not the weights below them.*Merge them first"):
        train.read_arguments([f"--from={tmp_path / 'out'}", "--mix.mine=1", f"--out={tmp_path / 'new'}"])


def test_base_beside_from_is_refused(base, tmp_path):
    with pytest.raises(ValueError, match="--base names the weights of a run with adapters that is resumed"):
        tune(base, tmp_path / "out", f"--base={base}")


def test_what_holds_adapters_is_not_exported_without_their_base(base, tmp_path):
    tune(base, tmp_path / "out", "--finetune.steps=1")
    with pytest.raises(ValueError, match="holds adapters.*Try .*-m minimolmo.weights.adapters"):
        official.export(tmp_path / "out", tmp_path / "export")
