"""The presets: the paper's numbers, and parameters counted to the last one."""
import pytest

from minimolmo.overrides import to_dict
from minimolmo.presets import PRESETS, preset
from minimolmo.weights.sizes import cache_bytes, count_parameters, list_settings, meta_model, presets_table

OFFICIAL = ["molmoe_1b", "molmo_7b_o", "molmo_7b_d", "molmo_72b"]

# From the shapes in the official files, in the order of OFFICIAL.
COUNTS = {
    "projector": [4_194_304, 67_633_152, 106_692_608, 302_776_320],
    "extra embedding": [262_144, 524_288, 458_752, 1_048_576],
    "connector": [11_804_672, 75_505_664, 114_499_584, 311_173_120],
    "embedding": [103_022_592, 411_041_792, 544_997_376, 1_245_708_288],
    "one block": [419_569_664, 202_391_552, 233_057_792, 877_684_736],
    "decoder": [6_919_161_856, 7_298_617_344, 7_615_616_512, 72_706_203_648],
    "active": [1_282_017_280, 7_298_617_344, 7_615_616_512, 72_706_203_648],
    "total": [7_221_875_712, 7_665_032_192, 8_021_025_280, 73_308_285_952],
}


@pytest.mark.parametrize("index, name", enumerate(OFFICIAL))
def test_the_official_molmos_have_as_many_parameters_as_their_files(index, name):
    counts = count_parameters(preset(name).model)
    assert counts["vit"] == 290_909_184 and counts["pooling"] == 7_344_128 and counts["padding"] == 4096
    assert {part: counts[part] for part in COUNTS} == {part: sizes[index] for part, sizes in COUNTS.items()}


def test_counting_takes_no_memory():
    assert all(parameter.is_meta for parameter in meta_model(preset("nano").model).parameters())


def test_nano_has_as_many_parameters_as_the_readme_says():
    assert f"{count_parameters(preset('nano').model)['total'] / 1e6:.2f}" == "0.97"


def test_a_token_uses_few_of_molmoes_experts():
    """8 of 64 experts: an eighth of their 6.4 billion parameters."""
    counts, decoder = count_parameters(preset("molmoe_1b").model), preset("molmoe_1b").model.decoder
    experts = 3 * decoder.layers * decoder.experts * decoder.width * decoder.mlp
    assert counts["decoder"] - counts["active"] == experts * 7 // 8


def test_the_presets_have_the_papers_learning_rates():
    """(ViT, connector, decoder). Lower for larger models, a little higher for the mixture of experts."""
    assert preset("molmo_7b_d").pretrain.learning_rates == (6e-6, 2e-4, 2e-5)
    assert preset("molmo_7b_d").pretrain.warmup_steps == (2000, 200, 2000)
    assert [preset(name).pretrain.learning_rates[2] for name in OFFICIAL] == [2e-5, 2e-5, 2e-5, 1e-5]
    assert [preset(name).finetune.learning_rates for name in OFFICIAL] == [
        (5e-6, 5e-6, 2e-5), (5e-6, 5e-6, 1e-5), (5e-6, 5e-6, 1e-5), (3e-6, 3e-6, 5e-6)]
    assert [preset(name).finetune.steps for name in OFFICIAL] == [30_000, 32_000, 30_000, 20_000]
    for name in OFFICIAL:
        run = preset(name)
        assert (run.pretrain.steps, run.pretrain.batch_size, run.finetune.batch_size) == (22_300, 128, 256)
        assert run.pretrain.dropout == run.finetune.dropout == 0.1 and run.max_tokens == 2304
        assert run.bootstrap.steps == 0 and not run.has_auxiliary  # they start from CLIP and a language model


def test_an_unknown_preset_is_refused_with_the_names_of_all():
    with pytest.raises(ValueError, match="Try one of: nano"):
        preset("giant")


def test_the_table_has_a_column_for_each_preset_and_a_row_for_each_setting():
    lines = presets_table(PRESETS).splitlines()
    assert lines[0].split() == list(PRESETS)
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:] if line}
    assert rows["model.decoder.width"] == [f"{run.model.decoder.width:,}" for run in PRESETS.values()]
    assert any(line.startswith("parameters: total") and "8,021,025,280" in line for line in lines)
    assert any(line.startswith("GB in float32") and "32.08" in line for line in lines)
    for group in ("decoder", "vision", "connector", "image"):
        assert {f"model.{group}.{name}" for name in to_dict(preset("nano"))["model"][group]} <= rows.keys()


def test_a_stage_without_steps_lists_no_learning_rates():
    settings = list_settings(preset("molmo_7b_d"))
    assert settings["bootstrap.steps"] == "0" and "bootstrap.learning_rates" not in settings
    assert "finetune.learning_rates" in settings


def test_grouped_queries_make_the_cache_small():
    """2304 tokens: 28 layers x 4 heads in Qwen2-7B, 32 x 32 in OLMo; a key and a value of two bytes each."""
    assert cache_bytes(preset("molmo_7b_d").model, 2304) == 2304 * 28 * 4 * 128 * 4
    assert cache_bytes(preset("molmo_7b_o").model, 2304) == 2304 * 32 * 32 * 128 * 4
