"""The named configurations: nano for a laptop, mini and single_gpu for one GPU, the four released Molmos.

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

# Parts for one GPU: towers, each with its crops, and decoders. Masks are not shifted, as in the paper's text.
CLIP_L14 = replace(VISION.image, shifted_masks=False), VISION.vision
CLIP_B16 = (ImageConfig(224, 16, ground_crops=12, close_up_crops=36),
            VisionConfig(width=768, layers=11, heads=12, mlp=3072, feature_layers=(-2, -9)))
QWEN2_HALF_B = replace(QWEN2_7B, width=896, layers=24, heads=14, kv_heads=2, mlp=4864, vocab=151936,
                       tied=True)
SMOLLM2_135M = DecoderConfig(width=576, layers=30, heads=9, kv_heads=3, mlp=1536, vocab=49152, theta=1e5,
                             eps=1e-5, qkv_bias=False)
SMOLLM2_360M = replace(SMOLLM2_135M, width=960, layers=32, heads=15, kv_heads=5, mlp=2560)

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


TRAINED_HERE = ("nano", "mini")  # presets of models that learn from drawn data, and from nothing before it
FINETUNED = "-finetuned"
REPLAY = 0.5    # fraction of the images that are drawn ones, against forgetting (RUNS.md)
AUGMENT = 0.25  # of each side of a photo that may be cut off, against learning it by heart (RUNS.md)


def finetuned(config: RunConfig) -> RunConfig:
    """The settings for fine-tuning a model that was trained here on tens or hundreds of your own pictures.

    config  the settings that the model was trained with

    The decoder learns at a third of nano's rate and the ViT at three times its rate, because photos look
    new and the words are the same. Higher rates destroy what the model knows (RUNS.md). Your pictures have no
    object labels, so there are no auxiliary losses.
    """
    stage = replace(config.finetune, steps=600, batch_size=8, learning_rates=(6e-4, 6e-4, 4e-4),
                    warmup_steps=(20, 20, 20), hold_fraction=0.0, auxiliary_weight=0.0)
    skipped = {name: replace(getattr(config, name), steps=0, auxiliary_weight=0.0)
               for name in ("bootstrap", "pretrain")}
    return replace(config, name=config.name.removesuffix(FINETUNED) + FINETUNED, finetune=stage, accumulate=2,
                   optimizer="muon", shard=False, replay=REPLAY, augment=AUGMENT, **skipped)


def from_parts(image: ImageConfig, vision: VisionConfig, decoder: DecoderConfig) -> MolmoConfig:
    """A Molmo from a tower and a decoder. Its connector has the tower's width and the decoder's inner width.
    """
    return MolmoConfig(image, vision, ConnectorConfig(vision.width, vision.heads, decoder.mlp), decoder)


def _single_gpu() -> RunConfig:
    """A Molmo from small parts, for one GPU of 24 GB: CLIP's ViT-B/16 and SmolLM2-360M, at the paper's rates.

    With --from=FOLDER the parts are the folder's, and crops and batches suit the GPU (weights/single_gpu.py).
    A stage has 768,000 images: one epoch of PixMo-Cap, where the paper takes four.
    """
    return replace(MOLMO_7B_D, name="single_gpu", model=from_parts(*CLIP_B16, SMOLLM2_360M), shard=False,
                   pretrain=replace(PRETRAIN, steps=6000), max_tokens=1400, accumulate=64,
                   finetune=replace(FINETUNE, steps=6000, batch_size=128))


PRESETS = {
    "nano": NANO,
    "mini": _mini(),
    "single_gpu": _single_gpu(),
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
    _, connector, _ = run.pretrain.learning_rates
    pretrain = replace(run.pretrain, batch_size=16, learning_rates=(2e-4, connector, 2e-4))
    return replace(run, pretrain=pretrain, finetune=finetune, accumulate=16, recompute=True)


def preset(name: str) -> RunConfig:
    """A named configuration. Raises ValueError with the list of names."""
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} does not exist. Try one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
