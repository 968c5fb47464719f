"""Settings: from the command line, from JSON, and invalid ones."""
import json
import math
import re

import pytest

from data.generate import NUM_IMAGES
from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    StageConfig,
    VisionConfig,
)
from minimolmo.overrides import from_dict, override, to_dict
from minimolmo.presets import DRAWN, DRAWN_SMALL, preset

NANO = preset("nano")


# Overrides

@pytest.mark.parametrize("argument, get, value", [
    ("--finetune.steps=20", lambda c: c.finetune.steps, 20),
    ("--model.decoder.width=192", lambda c: c.model.decoder.width, 192),
    ("--max_grad_norm=2", lambda c: c.max_grad_norm, 2.0),                      # an int where a float may be
    ("--bootstrap.learning_rates=[1e-3, 2e-3, 3e-3]", lambda c: c.bootstrap.learning_rates,
     (1e-3, 2e-3, 3e-3)),
    ("--model.decoder.tied=false", lambda c: c.model.decoder.tied, False),
    ("--pretrain.view=ground", lambda c: c.pretrain.view, "ground"),            # plain words need no quotes
    ("--mix.mine=1", lambda c: c.mix["mine"], 1.0),                             # a dataset of your own
    ("--mix.cap=0", lambda c: c.mix["cap"], 0.0),
])
def test_any_number_can_be_set_from_the_command_line(argument, get, value):
    changed = get(override(NANO, [argument]))
    assert changed == value and type(changed) is type(value)


def test_only_what_is_named_changes():
    changed = override(NANO, ["--finetune.steps=20"])
    assert changed != NANO
    assert override(changed, [f"--finetune.steps={NANO.finetune.steps}"]) == NANO
    assert "mine" not in NANO.mix and "mine" in override(NANO, ["--mix.mine=1"]).mix


def test_of_a_setting_given_twice_the_last_value_counts():
    assert override(NANO, ["--seed=2", "--seed=3"]).seed == 3


def test_a_misspelt_setting_gets_a_suggestion():
    with pytest.raises(ValueError, match="'stepz'. Did you mean steps"):
        override(NANO, ["--finetune.stepz=20"])


def test_an_unknown_setting_gets_the_list_of_settings():
    with pytest.raises(ValueError, match="image, vision, connector, decoder"):
        override(NANO, ["--model.xyzzy=20"])


@pytest.mark.parametrize("argument", ["--seed=ten", "--seed=1.5", "--seed=true", "--max_grad_norm=high",
                                      "--max_grad_norm=true",
                                      "--bootstrap.learning_rates=0.1", "--bootstrap.learning_rates=[1, 2]",
                                      "--bootstrap.warmup_steps=[1, 2, 3.5]",
                                      "--model.decoder.tied=1", "--mix.cap=much", "--pretrain.view=3"])
def test_a_value_of_the_wrong_type_is_refused_with_an_example(argument):
    with pytest.raises(ValueError, match="Its present value is .*: try one like it"):
        override(NANO, [argument])


@pytest.mark.parametrize("argument", ["finetune.steps=20", "--finetune.steps", "20", "-seed=1"])
def test_an_argument_that_is_no_setting_is_refused_with_an_example(argument):
    with pytest.raises(ValueError, match="settings look like --finetune.steps=20"):
        override(NANO, [argument])


def test_a_group_is_not_a_setting_and_a_setting_is_not_a_group():
    with pytest.raises(ValueError, match="names a group.*Try --finetune.NAME=value"):
        override(NANO, ["--finetune=20"])
    with pytest.raises(ValueError, match="seed is a single setting.*Try --seed=1"):
        override(NANO, ["--seed.x=20"])


def test_the_drawn_datasets_are_those_that_make_data_draws():
    assert {*DRAWN} == {*NUM_IMAGES["easy"]} == {*NUM_IMAGES["full"]}
    assert {*DRAWN_SMALL} == {*NUM_IMAGES["small"]}


# Impossible settings

@pytest.mark.parametrize("make, message", [
    (lambda: ImageConfig(crop_size=65), "65 px does not hold a whole number.*Try crop_size=64"),
    (lambda: ImageConfig(margins=(2, 3)), "margin 3 .*would straddle two crops. Try 4"),
    (lambda: ImageConfig(margins=(4, 4)), "drop 8 of a crop's 8 patches.*Try smaller margins"),
    (lambda: ImageConfig(margins=(-2, 2)), "margin -2 .*Try 0"),
    (lambda: ImageConfig(patch_size=0), "patch_size=0.*Try patch_size=1"),
    (lambda: ImageConfig(pool=0), "pool=0.*Try pool=1"),
    (lambda: ImageConfig(ground_crops=-1), "ground_crops=-1.*Try ground_crops=0"),
    (lambda: VisionConfig(heads=5), "width=96 cannot be divided by heads=5.*with width=100"),
    (lambda: VisionConfig(heads=0), "heads=0. Try heads=1"),
    (lambda: VisionConfig(width=90), "width=90 is not a multiple of 4.*Try width=92"),
    (lambda: VisionConfig(layers=3, feature_layers=(-1, -4)),
     "feature layer -4 is not one of 3 blocks.*Try -1 ... -3"),
    (lambda: VisionConfig(feature_layers=(0, -1)), "feature layer 0 is not one of"),
    (lambda: ConnectorConfig(width=96, heads=7), "width=96 cannot be divided.*Try"),
    (lambda: DecoderConfig(heads=3, kv_heads=2), "heads=3 cannot be divided by kv_heads=2. Try"),
    (lambda: DecoderConfig(width=9, heads=3), "head size 3.*pairs.*Try an even"),
    (lambda: DecoderConfig(additional_vocab=3), "additional_vocab=3.*Try additional_vocab=4"),
    (lambda: DecoderConfig(experts=8), "top_k=0 of experts=8 cannot.*Try top_k=2"),
    (lambda: DecoderConfig(top_k=2), "top_k=2 of experts=0.*Try top_k=0"),
    (lambda: DecoderConfig(experts=4, top_k=5), "top_k=5 of experts=4.*Try"),
    (lambda: VisionConfig(family="vqgan"), "family='vqgan'.*Try one of clip, siglip, dino"),
    (lambda: StageConfig(steps=-1), "steps=-1.*Try steps=20"),
    (lambda: StageConfig(steps=1, batch_size=0), "batch_size=0.*Try"),
    (lambda: StageConfig(steps=1, dropout=1.0), "dropout=1.0.*Try"),
    (lambda: StageConfig(steps=1, view="sky"), "view='sky'.*Try.*bird"),
    (lambda: RunConfig(accumulate=0), "accumulate=0.*Try accumulate=1"),
    (lambda: RunConfig(level="hard"), "level='hard'.*Try one of easy, small, full"),
    (lambda: RunConfig(mix={"../x": 1.0}), "mix.../x does not name a folder.*Try the folder's name alone"),
    (lambda: RunConfig(weight_decay=math.nan), "weight_decay=nan is no number.*Try a finite one"),
    (lambda: RunConfig(mix={"cap": math.inf}), "mix=.* is no number.*Try a finite one"),
    (lambda: StageConfig(1, learning_rates=(math.nan, 0.1, 0.1)), "learning_rates=.*nan.* is no number"),
    (lambda: StageConfig(1, auxiliary_weight=-1.0), "auxiliary_weight=-1.0 is too small"),
    (lambda: StageConfig(10 ** 400), "steps=1000.* is no number"),
    (lambda: VisionConfig(eps=0.0), "eps=0.0 is too small"),
    (lambda: VisionConfig(eps=1.5), "eps=1.5 is too large.*Try at most 1"),
    (lambda: DecoderConfig(eps=2.0), "eps=2.0 is too large.*Try at most 1"),
    (lambda: StageConfig(1, learning_rates=(0.1, 1e3, 0.1)), "learning_rates=.*too large.*Try at most 10"),
    (lambda: StageConfig(5, learning_rates=(0.0, 0.0, 0.0)), "change nothing in 5 steps. Try .*steps=0"),
    (lambda: RunConfig(weight_decay=101.0), "weight_decay=101.0 is too large.*Try at most 100"),
    (lambda: RunConfig(max_grad_norm=1e-9), "max_grad_norm=1e-09 is too small. Try max_grad_norm=1e-06"),
    (lambda: RunConfig(max_grad_norm=0.0), "max_grad_norm=0.0 is too small"),
    (lambda: RunConfig(name="../../x"), "name '../../x' is not a plain name.*Try letters"),
    (lambda: RunConfig(name=""), "name '' is not a plain name.*Try letters"),
    (lambda: RunConfig(pretrain=StageConfig(1, batch_size=10 ** 6)),
     "pretrain.batch_size=1000000 is 500,000 images at once.*Try --pretrain.batch_size=64"),
    (lambda: DecoderConfig(theta=-1.0), "theta=-1.0 is too small"),
])
def test_an_impossible_setting_is_refused_at_once_with_one_that_works(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_settings_that_the_messages_propose_work():
    assert ImageConfig(crop_size=64).side == 8
    assert ImageConfig(crop_size=96, margins=(2, 4)).margins == (2, 4)
    assert VisionConfig(width=100, heads=5).heads == 5
    assert DecoderConfig(width=96, heads=4, kv_heads=2).head_size == 24


def test_a_config_cannot_be_changed_after_it_was_checked():
    with pytest.raises(AttributeError):
        NANO.model.image.crop_size = 65


@pytest.mark.parametrize("settings, world, remedy", [
    (["--finetune.batch_size=7", "--accumulate=2"], 1, "--accumulate=1"),
    (["--accumulate=32"], 1, "--accumulate=16"),    # 32, 16 and 16 images: pretrain has too few
    (["--accumulate=16"], 2, "--accumulate=8"),
    (["--accumulate=2"], 3, "torchrun --nproc-per-node=2 with --accumulate=1"),
])
def test_batches_of_all_stages_are_checked_together_and_the_remedy_works(settings, world, remedy):
    """An hour into the run would be late. A resumed run may change accumulate, and no batch_size."""
    with pytest.raises(ValueError, match=f"images cannot be divided among .* Try {remedy}"):
        override(NANO, settings).check_batches(world)
    accumulate = re.search(r"--accumulate=\d+", remedy)[0]
    processes = int(re.search(r"node=(\d+)|$", remedy)[1] or world)
    override(NANO, [*settings, accumulate]).check_batches(processes)


def test_a_large_batch_may_be_divided():
    settings = ["--bootstrap.batch_size=1600000", "--accumulate=8"]
    with pytest.raises(ValueError, match="200,000 images at once"):
        override(NANO, settings)
    sixteen = ["--pretrain.batch_size=16", "--finetune.batch_size=16", "--accumulate=16"]
    assert override(NANO, [*settings, *sixteen]).accumulate == 16


def test_a_stage_that_is_left_out_may_have_any_batch():
    override(NANO, ["--pretrain.batch_size=7", "--pretrain.steps=0", "--accumulate=2"])


@pytest.mark.parametrize("argument, message", [
    ("--shard=False", "not true or false. Its present value is false: try one like it, as --shard=false"),
    ("--max_grad_norm=NaN", "is no number to compute with"),
    ("--max_grad_norm=-Infinity", "is no number to compute with"),
    ("--max_grad_norm=1e999", "is no number to compute with"),
    ("--max_grad_norm=1" + 400 * "0", "is no number to compute with"),
    ("--seed=" + 5000 * "9", "is not a whole number"),
    ("--mix.cap=" + 50_000 * "[", "is not a number"),
    ("--outt=x", "Did you mean out"),
    ("--bootstrap.learning_rates=1", r"Its present value is \[0.002, 0.002, 0.002\]"),
])
def test_what_a_command_line_can_hold_and_no_training_can_use_is_refused_in_words(argument, message):
    with pytest.raises(ValueError, match=message) as error:
        override(NANO, [argument])
    assert len(str(error.value)) < 300


def test_a_space_in_place_of_the_equals_sign_is_explained():
    with pytest.raises(ValueError, match="settings are written with =.* Try --finetune.steps=20"):
        override(NANO, ["--finetune.steps", "20"])


# Derived numbers

def test_a_crops_side_is_counted_in_patches_and_in_visual_tokens():
    """Molmo: 336 px of 14 px patches are 24 a side, 12 after pooling; SigLIP's 27 are rounded up to 14."""
    molmo = ImageConfig(crop_size=336, patch_size=14, margins=(4, 4))
    siglip = ImageConfig(crop_size=378, patch_size=14, margins=(4, 4))
    assert (molmo.side, molmo.pooled_side) == (24, 12)
    assert (siglip.side, siglip.pooled_side) == (27, 14)


def test_each_view_has_a_maximum_of_crops():
    """Bird: the overview alone. Ground: as in training. Close-up: more crops than in training."""
    image = ImageConfig()
    assert [image.max_crops(view) for view in ("bird", "ground", "close_up")] == [0, 4, 12]
    with pytest.raises(ValueError, match="'sky' is not one .* Try one of bird, ground, close_up"):
        image.max_crops("sky")


# On disk

def test_a_config_comes_back_from_json_as_it_was():
    changed = override(NANO, ["--finetune.steps=20", "--mix.mine=0.5",
                              "--model.vision.feature_layers=[-1,-3]"])
    for config in (NANO, changed):
        back = from_dict(RunConfig, json.loads(json.dumps(to_dict(config))))
        assert back == config
        assert isinstance(back.model, MolmoConfig) and isinstance(back.model.vision.feature_layers, tuple)


def test_settings_missing_from_a_file_keep_their_defaults():
    values = {"seed": 7, "optimizer": "muon", "untagged": 0.5}
    assert from_dict(RunConfig, values) == override(NANO, ["--seed=7"])


def test_a_file_from_before_muon_is_of_a_run_with_adamw():
    assert from_dict(RunConfig, {}).optimizer == "adamw"


def test_a_file_from_before_untagged_is_of_a_run_that_always_had_those_tags():
    assert from_dict(RunConfig, {}).untagged == 0


def test_muon_does_not_go_with_divided_matrices():
    with pytest.raises(ValueError, match="shard=True divides them among processes. Try --optimizer=adamw"):
        override(NANO, ["--shard=true"])


def test_an_unknown_setting_in_a_file_is_refused():
    with pytest.raises(ValueError, match="StageConfig has no setting 'wings'"):
        from_dict(RunConfig, {"bootstrap": {"steps": 1, "wings": 2}})
