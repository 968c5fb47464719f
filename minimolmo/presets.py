"""The named configurations: nano for a laptop, mini for one GPU, and the four released Molmos.

    preset("molmo_7b_d").model.decoder.width     # 3584

Source: the paper's hyperparameter table, and the released configs. Learning rates and warm-up steps are in
the order (ViT, connector, decoder).
"""
from __future__ import annotations

from dataclasses import replace

from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    StageConfig,
    VisionConfig,
)

NANO = RunConfig()


def _mini() -> RunConfig:
    """mini, for one GPU: 25 million parameters, level full. Not trained yet: sizes and rates may change."""
    model = MolmoConfig(
        ImageConfig(crop_size=168, patch_size=14, ground_crops=12, close_up_crops=24),
        VisionConfig(width=384, layers=6, heads=6, mlp=1536),
        ConnectorConfig(width=384, heads=6, mlp=1024),
        DecoderConfig(width=384, layers=6, heads=6, kv_heads=6, mlp=1024, vocab=2048))
    bootstrap = StageConfig(steps=1500, batch_size=128, learning_rates=(1e-3, 1e-3, 1e-3), hold_fraction=0.5,
                            view="ground", auxiliary_weight=1.0)
    pretrain = StageConfig(steps=500, batch_size=128, learning_rates=(2e-4, 4e-4, 1e-3), hold_fraction=1.0,
                           view="ground", auxiliary_weight=0.5)
    mix = dict(points=1.0, count=1.2, ask_model_anything=1.0, cap=0.8, cap_qa=0.6, point_explanations=0.6,
               docs=1.5, clocks=1.5)
    return RunConfig("mini", level="full", model=model, bootstrap=bootstrap, pretrain=pretrain,
                     finetune=replace(pretrain, steps=5000, hold_fraction=0.6), mix=mix, max_tokens=1280)


# The same in all four: CLIP's ViT-L/14 at 336 px, and the crops.
VISION = MolmoConfig(
    ImageConfig(crop_size=336, patch_size=14, margins=(4, 4), ground_crops=12, close_up_crops=36,
                shifted_masks=True),
    VisionConfig(width=1024, layers=23, heads=16, mlp=4096, feature_layers=(-2, -9)),
    ConnectorConfig(width=1024, heads=16, mlp=18944))

QWEN2_7B = DecoderConfig(width=3584, layers=28, heads=28, kv_heads=4, mlp=18944, vocab=152064, theta=1e6,
                         tied=False)
QWEN2_72B = replace(QWEN2_7B, width=8192, layers=80, heads=64, kv_heads=8, mlp=29568, eps=1e-5)
OLMO_7B = DecoderConfig(width=4096, layers=32, heads=32, kv_heads=32, mlp=11008, vocab=100278,
                        vocab_padding=74, theta=5e5, qkv_bias=False, tied=False, qk_norm=True, post_norm=True)
OLMOE = DecoderConfig(width=2048, layers=16, heads=16, kv_heads=16, mlp=1024, vocab=50280,
                      vocab_padding=24, eps=1e-5, qkv_bias=False, tied=False, qk_norm=True, experts=64,
                      top_k=8)

NO_BOOTSTRAP = StageConfig(steps=0)  # Molmo starts from CLIP and a language model
PRETRAIN = StageConfig(steps=22_300, batch_size=128, learning_rates=(6e-6, 2e-4, 2e-5),
                       warmup_steps=(2000, 200, 2000), dropout=0.1, view="ground")
FINETUNE = StageConfig(steps=30_000, batch_size=256, learning_rates=(5e-6, 5e-6, 1e-5),
                       warmup_steps=(200, 200, 200), dropout=0.1, view="ground")
MIX = dict.fromkeys(("points", "count", "ask_model_anything", "cap", "cap_qa", "point_explanations", "docs",
                     "clocks"), 1.0)  # sampled by the square root of each set's size

DRAWN = tuple(MIX)  # the datasets that "make data" draws
DRAWN_SMALL = DRAWN[:4]  # ... at level small

MOLMO_7B_D = RunConfig("molmo_7b_d", level="full", model=replace(VISION, decoder=QWEN2_7B),
                       bootstrap=NO_BOOTSTRAP, pretrain=PRETRAIN, finetune=FINETUNE, mix=MIX, max_tokens=2304,
                       untagged=0.0, accumulate=1, optimizer="adamw", load_balance_weight=0.0, shard=True)


def _variant(name: str, decoder: DecoderConfig, projector: int, pretrain: dict, finetune: dict) -> RunConfig:
    """Molmo-7B-D with another language model and projector width, and with changes to both stages."""
    connector = replace(VISION.connector, mlp=projector)
    return replace(MOLMO_7B_D, name=name, model=replace(VISION, connector=connector, decoder=decoder),
                   pretrain=replace(PRETRAIN, **pretrain), finetune=replace(FINETUNE, **finetune))


PRESETS = {
    "nano": NANO,
    "mini": _mini(),
    "molmoe_1b": _variant("molmoe_1b", OLMOE, 1024, {}, dict(learning_rates=(5e-6, 5e-6, 2e-5))),
    "molmo_7b_o": _variant("molmo_7b_o", OLMO_7B, 11008, {}, dict(steps=32_000)),
    "molmo_7b_d": MOLMO_7B_D,
    "molmo_72b": _variant("molmo_72b", QWEN2_72B, 29568, dict(learning_rates=(6e-6, 2e-4, 1e-5)),
                          dict(learning_rates=(3e-6, 3e-6, 5e-6), steps=20_000)),
}


def with_adapters(run: RunConfig) -> RunConfig:
    """The settings of a run that trains adapters (model/lora.py): one image at a time, at LoRA's rates.

    The connector, which is trained whole, keeps its rate. Source of the rates: Hu et al. 2021, Table 11.
    """
    _, connector, _ = run.finetune.learning_rates
    finetune = replace(run.finetune, steps=1000, batch_size=16, learning_rates=(2e-4, connector, 2e-4),
                       warmup_steps=(20, 20, 20))
    return replace(run, finetune=finetune, accumulate=16, recompute=True)


def preset(name: str) -> RunConfig:
    """A named configuration. Raises ValueError with the list of names."""
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} does not exist. Try one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
