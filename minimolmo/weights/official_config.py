"""Converts configs: Ai2's native config or Hugging Face's config.json to a MolmoConfig, and back.

    {"hidden_size": 3584, "num_hidden_layers": 28, ...}  ->  MolmoConfig

Source: the official code's config classes; Hugging Face's names for the same settings.
"""
from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from minimolmo.config import ConnectorConfig, DecoderConfig, MolmoConfig, VisionConfig
from minimolmo.presets import preset

SETTINGS = {  # our name: the native name, and Hugging Face's where it differs
    "width": ("d_model", "hidden_size"), "layers": ("n_layers", "num_hidden_layers"),
    "heads": ("n_heads", "num_attention_heads"), "kv_heads": ("n_kv_heads", "num_key_value_heads"),
    "mlp": ("mlp_hidden_size", "intermediate_size"),  # counts both halves of the SwiGLU, ours one
    "vocab": ("vocab_size",), "additional_vocab": ("additional_vocab_size",), "theta": ("rope_theta",),
    "eps": ("layer_norm_eps",), "qkv_bias": ("qkv_bias",), "qk_norm": ("attention_layer_norm",),
    "post_norm": ("norm_after",), "tied": ("weight_tying", "tie_word_embeddings"),
    "experts": ("moe_num_experts",), "top_k": ("moe_top_k",)}
REQUIRED = ("width", "layers", "heads", "mlp", "vocab")
FAMILIES = {"openai": "clip", "siglip": "siglip", "dino": "dino"}


def to_hf_config(config: MolmoConfig) -> dict:
    """A config as the content of Hugging Face's config.json."""
    decoder = config.decoder
    settings = {names[-1]: getattr(decoder, name) for name, names in SETTINGS.items()}
    return {"model_type": "molmo", "architectures": ["MolmoForCausalLM"], **settings,
            "intermediate_size": 2 * decoder.mlp, "embedding_size": decoder.rows,
            "layer_norm_type": "rms", "use_position_ids": True}


def from_hf_config(values: dict, path: str | Path = "the config") -> MolmoConfig:
    """The architecture that an official config describes, with native or Hugging Face's names.

    Settings that it leaves out are those of Molmo-7B-D. Raises ValueError with the names of required settings
    that are missing.
    """
    values = {**values, **{f"moe_{name}": value for name, value in (values.get("moe") or {}).items()}}
    settings = {name: values[official] for name, names in SETTINGS.items() for official in names
                if values.get(official) is not None}
    missing = [" or ".join(SETTINGS[name]) for name in REQUIRED if name not in settings]
    if missing:
        raise ValueError(f"{path} has no {', '.join(missing)}, so no model can be built. "
                         f"Try the config.json that was published with the weights.")
    settings["mlp"] //= 2
    settings.setdefault("kv_heads", settings["heads"])
    vocab_padding = (values.get("embedding_size") or settings["vocab"]) - settings["vocab"]
    decoder = replace(preset("molmo_7b_d").model.decoder, **settings, vocab_padding=vocab_padding)
    return _with_vision(values, decoder)


def _with_vision(values: dict, decoder: DecoderConfig) -> MolmoConfig:
    """The full config: a given decoder plus the vision settings of an official config."""
    molmo = preset("molmo_7b_d").model
    settings = values.get("vision") or values.get("vision_backbone") or {}
    size = settings.get("image_default_input_size", [molmo.image.crop_size])[0]
    image = replace(molmo.image, crop_size=size,
                    patch_size=settings.get("image_patch_size", molmo.image.patch_size),
                    margins=tuple(values.get("overlap_margins", molmo.image.margins)),
                    ground_crops=values.get("max_crops", molmo.image.ground_crops))
    width = settings.get("image_emb_dim", molmo.vision.width)
    heads = settings.get("image_num_heads", molmo.vision.heads)
    family = settings.get("image_model_type", "openai")
    vision = VisionConfig(width, settings.get("image_num_layers", molmo.vision.layers), heads,
                          settings.get("image_mlp_dim", molmo.vision.mlp),
                          tuple(values.get("vit_layers", molmo.vision.feature_layers)),
                          settings.get("image_norm_eps", molmo.vision.eps), FAMILIES.get(family, family))
    num_positions = settings.get("image_num_pos", image.side ** 2 + 1) - vision.tower.class_token
    grid = math.isqrt(num_positions) if num_positions != image.side ** 2 else 0
    return MolmoConfig(image, replace(vision, position_grid=grid),
                       ConnectorConfig(width, heads, decoder.mlp), decoder)
