"""Reads the config.json of a trained part: CLIP's vision tower, or a language model.

    {"model_type": "llama", "hidden_size": 576, ...}  ->  DecoderConfig(width=576, ...)

A setting that would change the computation, and that our modules do not have, is refused by its name. Source:
Hugging Face's config classes; settings that a file leaves out have their defaults.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minimolmo.command import python_command
from minimolmo.config import DecoderConfig, ImageConfig, VisionConfig
from minimolmo.overrides import from_dict
from minimolmo.presets import VISION
from minimolmo.weights.safetensors import parse_json_object

CLIP = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "image_size": 224, "patch_size": 32, "num_channels": 3, "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5}  # the defaults
TOWER_FAMILIES = {"quick_gelu": "clip", "gelu": "clip_gelu"}  # by the activation
DECODERS = {  # model_type: what it has; the default of rms_norm_eps
    "qwen2": (dict(qkv_bias=True), 1e-6),
    "llama": (dict(qkv_bias=False), 1e-6),
    "olmo2": (dict(qkv_bias=False, qk_norm=True, post_norm=True), 1e-5)}
SIZES = {"width": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads",
         "mlp": "intermediate_size", "vocab": "vocab_size"}  # required of a language model
TRY_CLIP = "openai/clip-vit-base-patch16 or openai/clip-vit-large-patch14-336"
TRY_DECODER = "Qwen2.5-0.5B, SmolLM2-135M or OLMo-2-0425-1B"
MOST_LAYERS = 1000
FULL = "full_attention"
DEEP, SHALLOW = 3, 10  # Molmo's features: CLIP's third-to-last and tenth-from-last layer


@contextmanager
def explain_wrong_types(folder: Path) -> Iterator[None]:
    """A context manager for reading a config.json: a value of a wrong type becomes a ValueError in words."""
    try:
        yield
    except (TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"{folder}/config.json holds a setting of the wrong type ({error}), so no model can "
                         f"be built. Try the config.json that was published with the weights.") from None


def read_tower(folder: Path) -> tuple[ImageConfig, VisionConfig]:
    """The tower of a CLIP folder, without its last layer, and how images are cut for it.

    The feature layers are Molmo's, or the nearest that a smaller tower has. Raises ValueError for a folder
    that is no CLIP.
    """
    path, values = _read_config(folder)
    with explain_wrong_types(folder):
        return _tower(path, values)


def _tower(path: Path, values: dict) -> tuple[ImageConfig, VisionConfig]:
    kind = values.get("model_type")
    if kind not in ("clip", "clip_vision_model"):
        raise _wrong_kind(path, kind, "--vision", "only CLIP's towers are read", TRY_CLIP)
    given = values if kind == "clip_vision_model" else values.get("vision_config")
    values = {**CLIP, **_present(given if isinstance(given, dict) else {})}
    if values["hidden_act"] not in TOWER_FAMILIES or values["num_channels"] != 3:
        given = f"hidden_act={values['hidden_act']!r}, num_channels={values['num_channels']}"
        raise _unsupported(path, given, "the tower has quick_gelu or gelu, and three colours", TRY_CLIP)
    layers = _check_depth(path, values["num_hidden_layers"])
    built, deep, shallow = (max(1, layers - left_out) for left_out in (1, DEEP - 1, SHALLOW - 1))
    vision = from_dict(VisionConfig, dict(
        width=values["hidden_size"], layers=built, heads=values["num_attention_heads"],
        mlp=values["intermediate_size"], eps=values["layer_norm_eps"],
        feature_layers=[deep - built - 1, shallow - built - 1], family=TOWER_FAMILIES[values["hidden_act"]]))
    return _image_config(path, values["image_size"], values["patch_size"]), vision


def _image_config(path: Path, size: int, patch: int) -> ImageConfig:
    """Crops of a tower's size. Their margins are the same share of a crop as Molmo's, in whole windows."""
    if type(size) is not int or type(patch) is not int or not 0 < patch <= size:
        raise _unsupported(path, f"image_size={size!r}, patch_size={patch!r}", "these are no sizes", TRY_CLIP)
    share, pool = VISION.image.margins[0] / VISION.image.side, VISION.image.pool
    margin = pool * round(share * (size // patch) / pool)
    return ImageConfig(size, patch, (margin, margin), pool, ground_crops=VISION.image.ground_crops,
                       close_up_crops=VISION.image.close_up_crops)


def describe_features(vision: VisionConfig, left_out: int = 1) -> str:
    """Where a tower's features come from, in words.

    left_out  layers of the part that are not built: a CLIP's last one, and none of a whole model
    """
    numbers = [vision.layers + layer + 1 for layer in vision.feature_layers]
    where = f"features from layers {numbers[0]} and {numbers[1]} of {vision.layers + left_out}"
    if left_out and vision.layers < SHALLOW - 1:
        where += " (the nearest that it has to the third-to-last and the tenth-from-last)"
    return where


def read_decoder_config(folder: Path) -> DecoderConfig:
    """The decoder of a language model's folder: qwen2, llama or olmo2.

    All rows of its embedding count as vocabulary, so image tokens come behind them. Raises ValueError for
    another model type, and for settings that our decoder does not have.
    """
    path, values = _read_config(folder)
    with explain_wrong_types(folder):
        return _decoder(path, values)


def _decoder(path: Path, values: dict) -> DecoderConfig:
    kind = values.get("model_type") or ("minimolmo" if isinstance(values.get("model"), dict) else None)
    if kind not in DECODERS:
        known = f"the decoder reads {', '.join(DECODERS)} and no others"
        raise _wrong_kind(path, kind, "--decoder", known, TRY_DECODER)
    has, eps = DECODERS[kind]
    missing = [name for name in SIZES.values() if values.get(name) is None]
    if missing:
        raise ValueError(f"{path} has no {', '.join(missing)}, so no decoder can be built. Try the "
                         f"config.json that was published with the weights.")
    _check_depth(path, values["num_hidden_layers"])
    sizes = {ours: values[name] for ours, name in SIZES.items()}
    given = _present(values)
    config = from_dict(DecoderConfig, {
        **sizes, **has, "kv_heads": given.get("num_key_value_heads", sizes["heads"]),
        "eps": given.get("rms_norm_eps", eps), "tied": given.get("tie_word_embeddings", False),
        "theta": _read_theta(path, given)})
    _check_decoder(path, given, config)
    return config


def _check_depth(path: Path, layers: int) -> int:
    """A number of layers. Raises ValueError for one that nobody could build, even without memory."""
    if type(layers) is not int or not 0 < layers <= MOST_LAYERS:
        raise _unsupported(path, f"num_hidden_layers={layers!r}", f"a part has 1 to {MOST_LAYERS} layers",
                           "the config.json that was published with the weights")
    return layers


def _read_theta(path: Path, values: dict) -> float:
    """The base of the rotary angles. Raises ValueError for angles that are changed by another rule."""
    for name in ("rope_scaling", "rope_parameters"):
        rope = values.get(name, {})
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default" or rope.get("factor", 1) != 1:
            raise _unsupported(path, f"{name} of type {kind!r}", "the decoder has plain rotary positions",
                               TRY_DECODER)
    return values.get("rope_parameters", {}).get("rope_theta", values.get("rope_theta", 10_000.0))


def _check_decoder(path: Path, values: dict, config: DecoderConfig) -> None:
    """Raise ValueError for settings that change the computation and that our decoder does not have."""
    windowed = values.get("use_sliding_window", values["model_type"] != "qwen2")
    windowed = windowed and values.get("sliding_window") or set(values.get("layer_types", ())) - {FULL}
    head_size = values.get("head_dim", config.head_size)
    faults = {
        f"hidden_act={values.get('hidden_act')!r}": values.get("hidden_act", "silu") != "silu",
        f"head_dim={head_size}": head_size != config.head_size,
        "a sliding_window": bool(windowed),
        "attention_bias": bool(values.get("attention_bias")), "mlp_bias": bool(values.get("mlp_bias")),
        "rope_interleaved": bool(values.get("rope_interleaved")),
        "partial_rotary_factor": values.get("partial_rotary_factor", 1) != 1,
        "quantization_config": bool(values.get("quantization_config"))}
    found = [name for name, wrong in faults.items() if wrong]
    if found:
        raise _unsupported(path, ", ".join(found), f"the decoder of {values['model_type']} has none such: "
                           f"silu, full attention, heads of {config.head_size}, whole float weights",
                           TRY_DECODER)


def _read_config(folder: Path) -> tuple[Path, dict]:
    """The path and the content of a folder's config.json."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder} has no config.json, so it is no part's folder, or not downloaded whole. "
                         f"Try the folder that holds config.json beside the weights.")
    return path, parse_json_object(path, path.read_bytes())


def _present(values: dict) -> dict:
    """The settings that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def _wrong_kind(path: Path, kind: object, option: str, known: str, remedy: str) -> ValueError:
    """The error to raise for a folder of another model type."""
    if kind in ("molmo", "minimolmo"):
        train = python_command("train.py", f"--from={path.parent}")
        return ValueError(f"{path} is a whole model's, of which only the tower can be a part. Try "
                          f"--vision={path.parent} for its tower, and for {option} {remedy}; or train it as "
                          f"it is: {train}")
    other = {"--vision": "--decoder", "--decoder": "--vision"}[option]
    swapped = kind in (DECODERS if option == "--vision" else ("clip", "clip_vision_model"))
    remedy = f"{other}={path.parent}, and for {option} {remedy}" if swapped else remedy
    return ValueError(f"{path} is of model_type {kind!r}, but {known}, so it cannot be the {option}. "
                      f"Try {remedy}.")


def _unsupported(path: Path, given: str, why: str, remedy: str) -> ValueError:
    """The error to raise for a setting that our modules do not have."""
    return ValueError(f"{path} has {given}, but {why}, so the outputs would be wrong. Try {remedy}.")
