"""Every number once: how images are cut, how wide the model is, how it is trained.

    run = RunConfig()                                     # nano; presets.py has the others
    run = override(run, ["--mixture.steps=20"])           # as on train.py's command line
    python -m minimolmo.sizes                             # all presets side by side, and what they weigh

The classes are frozen, each number names its unit and Molmo-7B-D's own value, and a setting that
cannot work is refused when the object is made, not an hour later.
"""
from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

VIEWS = ("bird", "ground", "close_up")  # how near we look; ImageConfig gives each its number of crops
STAGES = ("grow", "captions", "mixture")
PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)   # red, green, blue of CLIP's training images, 0..1
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)


class Tower(NamedTuple):
    """What the families of vision towers do differently; their blocks are alike."""
    class_token: bool    # a token without a patch stands in front
    patch_bias: bool     # the patch embedding has a bias
    first_norm: bool     # a LayerNorm before the first block
    layer_scale: bool    # each residual branch is scaled, number by number
    activation: str      # quick_gelu, gelu, or gelu_tanh


TOWERS = {"clip": Tower(True, False, True, False, "quick_gelu"),    # in all released Molmos
          "siglip": Tower(False, True, False, False, "gelu_tanh"),  # in the paper's ablations
          "dino": Tower(True, True, False, True, "gelu")}


def _divides(config, whole: str, part: str):
    a, b = getattr(config, whole), getattr(config, part)
    if b < 1 or a % b:
        raise ValueError(f"{whole}={a} cannot be shared out among {part}={b}. Try {part}={max(1, b)} with "
                         f"{whole}={-(-a // max(1, b)) * max(1, b)}.")


def _at_least(config, least: int, *names: str):
    for name in names:
        if getattr(config, name) < least:
            raise ValueError(f"{name}={getattr(config, name)} is too little to work with. "
                             f"Try {name}={least}.")


def _known_view(view: str):
    if view not in VIEWS:
        raise ValueError(f"view={view!r} is not a view. Try one of {', '.join(VIEWS)}.")


@dataclass(frozen=True)
class ImageConfig:
    """How an image becomes crops (paper, Section 2). Sizes are pixels unless the comment says patches."""
    crop_size: int = 64                 # one crop is square                          Molmo: 336
    patch_size: int = 8                 # one patch is square                         Molmo: 14
    margins: tuple[int, int] = (2, 2)   # patches dropped left/top, right/bottom      Molmo: (4, 4)
    pool: int = 2                       # pool x pool patches, one visual token       Molmo: 2
    bird: int = 0                       # high-res crops of the bird view: none, the overview alone
    ground: int = 4                     # ... of the ground view, the training budget Molmo: 12
    close_up: int = 12                  # ... of the close-up view, when answering    Molmo: 36
    early_masks: bool = False           # shares of padding stand one crop too early  Molmo: True, by mistake

    def __post_init__(self):
        _at_least(self, 1, "patch_size", "pool")
        _at_least(self, 0, *VIEWS)
        if self.crop_size % self.patch_size:
            whole = max(1, round(self.crop_size / self.patch_size)) * self.patch_size
            raise ValueError(f"crop_size={self.crop_size} px does not hold a whole number of "
                             f"patch_size={self.patch_size} px patches. Try crop_size={whole}.")
        for margin in self.margins:
            if margin % self.pool or margin < 0:
                whole = max(0, -(-margin // self.pool) * self.pool)
                raise ValueError(f"margin {margin} patches is not 0 or a multiple of pool={self.pool}, so a "
                                 f"pooling window would straddle two crops. Try {whole}.")
        if sum(self.margins) >= self.side:
            raise ValueError(f"margins {self.margins} drop {sum(self.margins)} of a crop's {self.side} "
                             f"patches a side, so nothing is left of a middle crop. Try smaller margins.")

    @property
    def side(self) -> int:
        """Patches along one side of a crop."""
        return self.crop_size // self.patch_size

    @property
    def pooled_side(self) -> int:
        """Visual tokens along one side of a crop."""
        return -(-self.side // self.pool)

    def budget(self, view: str) -> int:
        """How many high-res crops a view may use: 'bird', 'ground' or 'close_up'."""
        _known_view(view)
        return getattr(self, view)


@dataclass(frozen=True)
class VisionConfig:
    """The vision transformer (CLIP's ViT-L/14 in Molmo)."""
    width: int = 96                     #                                             Molmo: 1024
    layers: int = 3                     # blocks built                                Molmo: 23
    heads: int = 3                      #                                             Molmo: 16
    mlp: int = 384                      # inner width of a block's MLP                Molmo: 4096
    taps: tuple[int, int] = (-1, -2)    # the two blocks whose outputs we keep        Molmo: (-2, -9)
    eps: float = 1e-5                   # LayerNorm                                   Molmo: 1e-5
    family: str = "clip"                # clip, siglip or dino: see TOWERS            Molmo: clip
    table: int = 0                      # patches a side that have positions; 0 = all Molmo: 24, all

    def __post_init__(self):
        _at_least(self, 1, "width", "layers", "mlp")
        _at_least(self, 0, "table")
        if self.family not in TOWERS:
            raise ValueError(f"family={self.family!r} is no family of towers that we can build. "
                             f"Try one of {', '.join(TOWERS)}.")
        _divides(self, "width", "heads")
        if self.width % 4:
            raise ValueError(f"width={self.width} is not a multiple of 4, but positions start as sines and "
                             f"cosines of two axes. Try width={-(-self.width // 4) * 4}.")
        for tap in self.taps:
            if not -self.layers <= tap < 0:
                raise ValueError(f"tap {tap} is not one of {self.layers} blocks counted from the end. "
                                 f"Try -1 ... -{self.layers}.")

    @property
    def tower(self) -> Tower:
        """What this family does in its own way."""
        return TOWERS[self.family]


@dataclass(frozen=True)
class ConnectorConfig:
    """From patches to visual tokens: attention pooling, then a SwiGLU projector."""
    width: int = 96                     # of the pooling attention                    Molmo: 1024
    heads: int = 3                      #                                             Molmo: 16
    mlp: int = 512                      # inner width of the projector                Molmo: 18944

    def __post_init__(self):
        _at_least(self, 1, "width", "mlp")
        _divides(self, "width", "heads")


@dataclass(frozen=True)
class DecoderConfig:
    """The language model (Qwen2-7B in Molmo-7B-D)."""
    width: int = 96                     #                                             Molmo: 3584
    layers: int = 3                     #                                             Molmo: 28
    heads: int = 3                      # query heads                                 Molmo: 28
    kv_heads: int = 3                   # key and value heads, shared among them      Molmo: 4
    mlp: int = 256                      # inner width of the SwiGLU, or of an expert  Molmo: 18944
    vocab: int = 512                    # ordinary tokens, end-of-text included       Molmo: 152064
    extra: int = 128                    # rows for special image tokens               Molmo: 128
    theta: float = 10_000.0             # base of the rotary angles                   Molmo: 1e6
    eps: float = 1e-6                   # RMSNorm                                     Molmo: 1e-6
    qkv_bias: bool = True               # biases on q, k and v alone                  Molmo: True
    tied: bool = True                   # output head = input embedding               Molmo: False
    spare: int = 0                      # rows behind vocab; image tokens fill them   Molmo: 0 (7B-O: 74)
    qk_norm: bool = False               # RMSNorm on q and k, over all heads          Molmo: False (7B-O: yes)
    post_norm: bool = False             # norms behind attention and MLP, not before  Molmo: False (7B-O: yes)
    experts: int = 0                    # SwiGLUs to choose from; 0 = one, no choice  Molmo: 0 (MolmoE: 64)
    top_k: int = 0                      # experts that a token asks                   Molmo: 0 (MolmoE: 8)

    def __post_init__(self):
        _at_least(self, 1, "width", "layers", "mlp", "vocab")
        _at_least(self, 0, "spare", "experts")
        if not bool(self.experts) <= self.top_k <= self.experts:
            raise ValueError(f"a token cannot ask top_k={self.top_k} of experts={self.experts}. "
                             f"Try top_k={min(2, self.experts)}.")
        _at_least(self, 4, "extra")  # im_start, im_end, im_patch, im_col
        _divides(self, "width", "heads")
        _divides(self, "heads", "kv_heads")
        if self.head_size % 2:
            raise ValueError(f"width={self.width} over heads={self.heads} gives head size {self.head_size}, "
                             f"but rotary positions turn pairs of numbers. Try an even head size.")

    @property
    def head_size(self) -> int:
        """Numbers per head."""
        return self.width // self.heads

    @property
    def rows(self) -> int:
        """Rows of the word table, and of the head."""
        return self.vocab + self.spare


@dataclass(frozen=True)
class MolmoConfig:
    """The whole architecture."""
    image: ImageConfig = ImageConfig()
    vision: VisionConfig = VisionConfig()
    connector: ConnectorConfig = ConnectorConfig()
    decoder: DecoderConfig = DecoderConfig()


@dataclass(frozen=True)
class StageConfig:
    """One stage of training. Rates and warm-ups are per part, in the order (ViT, connector, decoder)."""
    steps: int
    batch: int = 8                                          # images a step         Molmo: 128, then 256
    rates: tuple[float, float, float] = (2e-4, 4e-4, 1.2e-3)  # peak, per part      Molmo: 6e-6, 2e-4, 2e-5
    warmups: tuple[int, int, int] = (40, 40, 100)           # steps, per part       Molmo: 2000, 200, 2000
    hold: float = 0.0      # share of the steps at full rate before the cosine      Molmo: 0
    dropout: float = 0.0   # of the decoder's residual branches                     Molmo: 0.1
    view: str = "bird"     # bird, ground or close_up                               Molmo: ground
    growth: float = 0.0    # weight of the what-and-where losses beside the words   Molmo: 0

    def __post_init__(self):
        if self.steps < 0 or self.batch < 1:
            raise ValueError(f"steps={self.steps}, batch={self.batch}: a stage needs 0 or more steps of 1 or "
                             f"more images. Try steps=20, batch=32.")
        if min(self.rates) < 0 or min(self.warmups) < 0 or not 0 <= self.hold <= 1:
            raise ValueError(f"rates={self.rates}, warmups={self.warmups}, hold={self.hold}: rates and "
                             f"warm-ups are 0 or more, hold is a share. Try rates=[1e-3,1e-3,1e-3].")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} is not a share of the numbers that leaves some of "
                             f"them. Try dropout=0.1.")
        _known_view(self.view)


@dataclass(frozen=True)
class RunConfig:
    """A model and its training, from nothing to answers."""
    name: str = "nano"
    seed: int = 1
    level: str = "easy"                  # which level of mini-PixMo: easy, small or full
    model: MolmoConfig = MolmoConfig()
    grow: StageConfig = StageConfig(steps=950, batch=32, rates=(2e-3, 2e-3, 2e-3), hold=0.5, growth=1.0)
    captions: StageConfig = StageConfig(steps=400, hold=1.0, growth=0.5)
    mixture: StageConfig = StageConfig(steps=4200, hold=0.6, growth=0.5)
    mix: dict[str, float] = field(default_factory=lambda: dict(   # weight beside the square root of its size
        points=0.7, count=1.6, ask_model_anything=1.1, cap=0.7))
    max_tokens: int = 320                # longer sequences lose their last annotations   Molmo: 2304
    accumulate: int = 1                  # micro-batches a step, for small cards
    weight_decay: float = 0.0            #                                                Molmo: 0
    clip: float = 1.0                    # gradient norm allowed per part                 Molmo: 1
    z_loss: float = 1e-4                 # keeps the logits' scale in check               Molmo: 1e-4
    balance: float = 0.1                 # weight of the experts' uneven load             Molmo: 0
    shard: bool = False                  # torchrun: a share of the weights a process     Molmo: True (FSDP)

    def __post_init__(self):
        _at_least(self, 1, "max_tokens", "accumulate")
        _at_least(self, 0, "seed", "weight_decay", "z_loss", "balance")
        if self.clip <= 0:
            raise ValueError(f"clip={self.clip} would leave nothing of any gradient. Try clip=1.0.")
        if self.grow.steps and not self.grow.growth:
            raise ValueError("grow.growth=0 leaves stage grow nothing to learn from. Try --grow.growth=1.0, "
                             "or --grow.steps=0 to leave the stage out.")
        if min(self.mix.values(), default=0) < 0 or not sum(self.mix.values()) > 0:
            raise ValueError(f"mix={self.mix} draws from nothing: weights are 0 or more, and one is more. "
                             f"Try --mix.points=1.")

    @property
    def grows(self) -> bool:
        """Whether any stage teaches exact labels beside the words (`grow.py`)."""
        return any(stage.growth for stage in (self.grow, self.captions, self.mixture))

    def folder(self, data: Path, name: str) -> Path:
        """data/<name>/<level> if mini-PixMo drew it, else data/<name>: a folder of the learner's own."""
        drawn = data / name / self.level
        return drawn if drawn.is_dir() else data / name


def override(config: RunConfig, arguments: list[str]) -> RunConfig:
    """Apply `--a.b=value` arguments; values are JSON or plain words. Unknown names raise ValueError.

    >>> override(RunConfig(), ["--mixture.steps=20"]).mixture.steps
    20
    """
    values = to_dict(config)
    for argument in arguments:
        key, equals, value = argument.removeprefix("--").partition("=")
        if not (argument.startswith("--") and equals):
            raise ValueError(f"{argument!r} is not a setting: settings look like --mixture.steps=20.")
        path = key.split(".")
        if path[0] == "mix" and len(path) > 1:  # any dataset may be named
            values["mix"].setdefault(path[1], 0.0)
        _set(values, path, _parse(value), key)
    return from_dict(RunConfig, values)  # checked when all are set: a width and its heads change together


def _parse(text: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _set(node: dict, path: list[str], value, key: str):
    name, *rest = path
    if name not in node:
        close = difflib.get_close_matches(name, node, n=1) or [", ".join(node)]
        raise ValueError(f"--{key}: there is no setting {name!r}. Did you mean {close[0]}?")
    inner = isinstance(node[name], dict)
    if inner and not rest:
        raise ValueError(f"--{key} names a group, so it has no value of its own. Try --{key}.NAME=value.")
    if rest and not inner:
        raise ValueError(f"--{key}: {name} is a single setting, without parts. Try --{name}={node[name]!r}.")
    if rest:
        _set(node[name], rest, value, key)
    else:
        node[name] = _checked(node[name], value, key)


def _checked(old, value, key: str):
    """The value in the type of the old one, or a ValueError that says what was expected."""
    if isinstance(old, tuple) and isinstance(value, list) and len(old) == len(value):
        return tuple(_checked(a, b, key) for a, b in zip(old, value))
    if isinstance(old, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if type(value) is type(old):
        return value
    raise ValueError(f"--{key}={value!r} is not a {type(old).__name__}. Its present value is {old!r}: "
                     f"try one like it.")


def to_dict(config) -> dict:
    """A config as plain JSON."""
    return dataclasses.asdict(config)


def from_dict(kind, values: dict):
    """The reverse of `to_dict`: unknown names and values of another type raise ValueError, missing ones keep
    their default."""
    fields, given = {f.name: str(f.type) for f in dataclasses.fields(kind)}, {}
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} is {values!r}, where names and values belong. Try another copy.")
    for name, value in values.items():
        if name not in fields:
            raise ValueError(f"{kind.__name__} has no setting {name!r}: the file comes from another version.")
        inner = CLASSES.get(fields[name])
        if not inner and not _is(value, fields[name]):
            raise ValueError(f"{kind.__name__} has {name}={value!r}, which is no {fields[name]}, so nothing "
                             f"can be built from it. Try another copy of the file.")
        given[name] = from_dict(inner, value) if inner else tuple(value) if isinstance(value, list) else value
    return kind(**given)


def _is(value, kind: str) -> bool:
    """Whether a value is of a type as it is written above; a whole number may stand for a float."""
    if kind.startswith("tuple["):
        kinds = kind[len("tuple["):-1].split(", ")
        return isinstance(value, (list, tuple)) and len(value) == len(kinds) and all(map(_is, value, kinds))
    if kind.startswith("dict["):
        return isinstance(value, dict) and all(_is(each, "float") for each in value.values())
    types = {"int": int, "float": (int, float), "bool": bool, "str": str}
    return isinstance(value, types[kind]) and isinstance(value, bool) == (kind == "bool")


CLASSES = {kind.__name__: kind for kind in
           (ImageConfig, VisionConfig, ConnectorConfig, DecoderConfig, MolmoConfig, StageConfig)}
