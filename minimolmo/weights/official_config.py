"""Official settings files in our words: the released config.json, and the native one.

    {"hidden_size": 3584, "num_hidden_layers": 28, ...}  ->  MolmoConfig

Source: the official code's config classes; Hugging Face's names for the same.
"""
from __future__ import annotations

import math
from dataclasses import replace

from minimolmo.config import ConnectorConfig, DecoderConfig, MolmoConfig, VisionConfig
from minimolmo.presets import preset

SETTINGS = {  # ours: theirs in the native files, and in Hugging Face's where that is another
    "width": ("d_model", "hidden_size"), "layers": ("n_layers", "num_hidden_layers"),
    "heads": ("n_heads", "num_attention_heads"), "kv_heads": ("n_kv_heads", "num_key_value_heads"),
    "mlp": ("mlp_hidden_size", "intermediate_size"),  # theirs counts both halves of the SwiGLU
    "vocab": ("vocab_size",), "extra": ("additional_vocab_size",), "theta": ("rope_theta",),
    "eps": ("layer_norm_eps",), "qkv_bias": ("qkv_bias",), "qk_norm": ("attention_layer_norm",),
    "post_norm": ("norm_after",), "tied": ("weight_tying", "tie_word_embeddings"),
    "experts": ("moe_num_experts",), "top_k": ("moe_top_k",)}
NEEDED = ("width", "layers", "heads", "mlp", "vocab")
FAMILIES = {"openai": "clip", "siglip": "siglip", "dino": "dino"}


def describe(config: MolmoConfig) -> dict:
    """A config in the words of Hugging Face's config.json."""
    decoder = config.decoder
    theirs = {names[-1]: getattr(decoder, ours) for ours, names in SETTINGS.items()}
    return {"model_type": "molmo", "architectures": ["MolmoForCausalLM"], **theirs,
            "intermediate_size": 2 * decoder.mlp, "embedding_size": decoder.rows,
            "layer_norm_type": "rms", "use_position_ids": True}


def config_from(values: dict, path="the config") -> MolmoConfig:
    """An architecture from official settings, native or Hugging Face's; what they leave out is as in
    Molmo-7B-D.

    Raises ValueError with the names of settings that nothing can be built without.
    """
    values = {**values, **{f"moe_{name}": value for name, value in (values.get("moe") or {}).items()}}
    known = {ours: values[name] for ours, names in SETTINGS.items() for name in names
             if values.get(name) is not None}
    lacking = [" or ".join(SETTINGS[ours]) for ours in NEEDED if ours not in known]
    if lacking:
        raise ValueError(f"{path} says nothing of {', '.join(lacking)}, so no model can be built. "
                         f"Try the config.json that was released with the weights.")
    known["mlp"] //= 2
    known.setdefault("kv_heads", known["heads"])
    spare = (values.get("embedding_size") or known["vocab"]) - known["vocab"]
    return _with_eye(values, replace(preset("molmo_7b_d").model.decoder, **known, vocab_padding=spare))


def _with_eye(values: dict, decoder: DecoderConfig) -> MolmoConfig:
    """The rest of the architecture, around a decoder."""
    molmo, see = preset("molmo_7b_d").model, values.get("vision") or values.get("vision_backbone") or {}
    image = replace(molmo.image, crop_size=see.get("image_default_input_size", [molmo.image.crop_size])[0],
                    patch_size=see.get("image_patch_size", molmo.image.patch_size),
                    margins=tuple(values.get("overlap_margins", molmo.image.margins)),
                    ground=values.get("max_crops", molmo.image.ground))
    width = see.get("image_emb_dim", molmo.vision.width)
    heads = see.get("image_num_heads", molmo.vision.heads)
    vision = VisionConfig(width, see.get("image_num_layers", molmo.vision.layers), heads,
                          see.get("image_mlp_dim", molmo.vision.mlp),
                          tuple(values.get("vit_layers", molmo.vision.feature_layers)),
                          see.get("image_norm_eps", molmo.vision.eps),
                          FAMILIES.get(see.get("image_model_type", "openai"), see.get("image_model_type")))
    places = see.get("image_num_pos", image.side ** 2 + 1) - vision.tower.class_token
    vision = replace(vision, table=math.isqrt(places) if places != image.side ** 2 else 0)
    return MolmoConfig(image, vision, ConnectorConfig(width, heads, decoder.mlp), decoder)
