"""Every setting: how images are cut, the sizes of the model, and how it is trained.

    run = RunConfig()                                     # nano; presets.py has the others
    run = override(run, ["--finetune.steps=20"])          # overrides.py: as on train.py's command line
    python -m minimolmo.weights.sizes                     # all presets side by side, with their memory

The classes are frozen. Each setting names its unit and Molmo-7B-D's own value. A value that cannot work
raises ValueError when the object is made.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from minimolmo import bounds

VIEWS = ("bird", "ground", "close_up")  # each has a maximum of high-res crops, in ImageConfig
STAGES = ("bootstrap", "pretrain", "finetune")
LEVELS = ("easy", "small", "full")  # of mini-PixMo
OPTIMIZERS = ("muon", "adamw")
PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)   # red, green, blue of CLIP's training images, 0..1
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)


class Tower(NamedTuple):
    """The differences between families of vision towers. The blocks are the same in all families."""
    class_token: bool    # a class token before the patches
    patch_bias: bool     # the patch embedding has a bias
    first_norm: bool     # a LayerNorm before the first block
    layer_scale: bool    # each residual branch has a learned scale
    activation: str      # quick_gelu, gelu, or gelu_tanh


TOWERS = {"clip": Tower(True, False, True, False, "quick_gelu"),    # in all released Molmos
          "siglip": Tower(False, True, False, False, "gelu_tanh"),  # in the paper's ablations
          "dino": Tower(True, True, False, True, "gelu"),
          "clip_gelu": Tower(True, False, True, False, "gelu")}     # LAION's CLIPs, as parts


@dataclass(frozen=True)
class ImageConfig:
    """How an image becomes crops (paper, Section 2). Sizes are pixels unless the comment says patches."""
    crop_size: int = 64                 # one crop is square                          Molmo: 336
    patch_size: int = 8                 # one patch is square                         Molmo: 14
    margins: tuple[int, int] = (2, 2)   # patches dropped left/top, right/bottom      Molmo: (4, 4)
    pool: int = 2                       # pool x pool patches, one visual token       Molmo: 2
    bird_crops: int = 0                 # high-res crops, bird view: overview only
    ground_crops: int = 4               # ... ground view: the limit in training      Molmo: 12
    close_up_crops: int = 12            # ... close-up view: the limit in answering   Molmo: 36
    shifted_masks: bool = False         # patch coverage shifted by one crop          Molmo: True, by mistake

    def __post_init__(self):
        bounds.check_numbers(self)
        bounds.check_minimum(self, 1, "patch_size", "pool")
        bounds.check_minimum(self, 0, *(f"{view}_crops" for view in VIEWS))
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

    def max_crops(self, view: str) -> int:
        """The maximum number of high-res crops of a view: 'bird', 'ground' or 'close_up'."""
        bounds.check_choice("view", view, VIEWS)
        return getattr(self, f"{view}_crops")


@dataclass(frozen=True)
class VisionConfig:
    """The vision transformer (CLIP's ViT-L/14 in Molmo)."""
    width: int = 96                     #                                             Molmo: 1024
    layers: int = 3                     # blocks built                                Molmo: 23
    heads: int = 3                      #                                             Molmo: 16
    mlp: int = 384                      # inner width of a block's MLP                Molmo: 4096
    feature_layers: tuple[int, int] = (-1, -2)  # blocks whose outputs are kept       Molmo: (-2, -9)
    eps: float = 1e-5                   # LayerNorm                                   Molmo: 1e-5
    family: str = "clip"                # a key of TOWERS                             Molmo: clip
    position_grid: int = 0              # positions per side; 0 = one per patch       Molmo: 24, one per patch

    def __post_init__(self):
        bounds.check_numbers(self)
        bounds.check_minimum(self, 1, "width", "layers", "mlp")
        bounds.check_minimum(self, 0, "position_grid")
        bounds.check_range(self, 1e-12, 1.0, "eps")
        bounds.check_choice("family", self.family, TOWERS)
        bounds.check_divisible(self, "width", "heads")
        if self.width % 4:
            raise ValueError(f"width={self.width} is not a multiple of 4, but positions start as sines and "
                             f"cosines of two axes. Try width={-(-self.width // 4) * 4}.")
        for layer in self.feature_layers:
            if not -self.layers <= layer < 0:
                raise ValueError(f"feature layer {layer} is not one of {self.layers} blocks, counted from "
                                 f"the end. Try -1 ... -{self.layers}.")

    @property
    def tower(self) -> Tower:
        """The settings of this model's family of vision towers."""
        return TOWERS[self.family]


@dataclass(frozen=True)
class ConnectorConfig:
    """From patches to visual tokens: attention pooling, then a SwiGLU projector."""
    width: int = 96                     # of the pooling attention                    Molmo: 1024
    heads: int = 3                      #                                             Molmo: 16
    mlp: int = 512                      # inner width of the projector                Molmo: 18944

    def __post_init__(self):
        bounds.check_numbers(self)
        bounds.check_minimum(self, 1, "width", "mlp")
        bounds.check_divisible(self, "width", "heads")


@dataclass(frozen=True)
class DecoderConfig:
    """The language model (Qwen2-7B in Molmo-7B-D)."""
    width: int = 96                     #                                             Molmo: 3584
    layers: int = 3                     #                                             Molmo: 28
    heads: int = 3                      # query heads                                 Molmo: 28
    kv_heads: int = 3                   # key and value heads                         Molmo: 4
    mlp: int = 256                      # inner width of the SwiGLU, or of an expert  Molmo: 18944
    vocab: int = 512                    # ordinary tokens, end-of-text included       Molmo: 152064
    additional_vocab: int = 128         # embedding rows for special image tokens     Molmo: 128
    theta: float = 10_000.0             # base of the rotary angles                   Molmo: 1e6
    eps: float = 1e-6                   # RMSNorm                                     Molmo: 1e-6
    qkv_bias: bool = True               # biases on q, k and v only                   Molmo: True
    tied: bool = True                   # output head = input embedding               Molmo: False
    vocab_padding: int = 0              # unused embedding rows after vocab           Molmo: 0 (7B-O: 74)
    qk_norm: bool = False               # RMSNorm on q and k, over all heads          Molmo: False (7B-O: yes)
    post_norm: bool = False             # norms after attention and MLP, not before   Molmo: False (7B-O: yes)
    experts: int = 0                    # experts of a block; 0 = one dense SwiGLU    Molmo: 0 (MolmoE: 64)
    top_k: int = 0                      # experts that a token is routed to           Molmo: 0 (MolmoE: 8)

    def __post_init__(self):
        bounds.check_numbers(self)
        bounds.check_minimum(self, 1, "width", "layers", "mlp", "vocab", "theta")
        bounds.check_minimum(self, 0, "vocab_padding", "experts")
        bounds.check_range(self, 1e-12, 1.0, "eps")
        if not bool(self.experts) <= self.top_k <= self.experts:
            raise ValueError(f"top_k={self.top_k} of experts={self.experts} cannot be selected for a token. "
                             f"Try top_k={min(2, self.experts)}.")
        bounds.check_minimum(self, 4, "additional_vocab")  # im_start, im_end, im_patch, im_col
        bounds.check_divisible(self, "width", "heads")
        bounds.check_divisible(self, "heads", "kv_heads")
        if self.head_size % 2:
            raise ValueError(f"width={self.width} over heads={self.heads} gives head size {self.head_size}, "
                             f"but rotary positions rotate pairs of numbers. Try an even head size.")

    @property
    def head_size(self) -> int:
        """Dimensions per attention head."""
        return self.width // self.heads

    @property
    def rows(self) -> int:
        """Rows of the embedding matrix, and of the output head."""
        return self.vocab + self.vocab_padding


@dataclass(frozen=True)
class MolmoConfig:
    """The whole architecture."""
    image: ImageConfig = ImageConfig()
    vision: VisionConfig = VisionConfig()
    connector: ConnectorConfig = ConnectorConfig()
    decoder: DecoderConfig = DecoderConfig()


@dataclass(frozen=True)
class StageConfig:
    """One stage of training. Learning rates and warm-up steps are per part: (ViT, connector, decoder)."""
    steps: int
    batch_size: int = 8                                     # images per step       Molmo: 128, then 256
    learning_rates: tuple[float, float, float] = (2e-4, 4e-4, 1.2e-3)  # peak       Molmo: 6e-6, 2e-4, 2e-5
    warmup_steps: tuple[int, int, int] = (40, 40, 100)      #                       Molmo: 2000, 200, 2000
    hold_fraction: float = 0.0     # of the steps, at peak rate before the cosine   Molmo: 0
    dropout: float = 0.0           # of the decoder's residual branches             Molmo: 0.1
    view: str = "bird"             # bird, ground or close_up                       Molmo: ground
    auxiliary_weight: float = 0.0  # weight of the auxiliary losses (auxiliary.py)  Molmo: 0

    def __post_init__(self):
        bounds.check_numbers(self)
        bounds.check_minimum(self, 0, "auxiliary_weight")
        bounds.check_maximum(self, 10, "learning_rates")
        if self.steps < 0 or self.batch_size < 1:
            raise ValueError(f"steps={self.steps}, batch_size={self.batch_size}: a stage needs 0 or more "
                             f"steps of 1 or more images. Try steps=20, batch_size=32.")
        if min(self.learning_rates) < 0 or min(self.warmup_steps) < 0 or not 0 <= self.hold_fraction <= 1:
            raise ValueError(f"learning_rates={self.learning_rates}, warmup_steps={self.warmup_steps}, "
                             f"hold_fraction={self.hold_fraction}: rates and steps are 0 or more, the "
                             f"fraction is 0 to 1. Try learning_rates=[1e-3,1e-3,1e-3].")
        if self.steps and not any(self.learning_rates):
            raise ValueError(f"learning_rates={self.learning_rates} would change nothing in {self.steps} "
                             f"steps. Try learning_rates=[1e-3,1e-3,1e-3], or steps=0 to skip the stage.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} is not a fraction from 0 up to, but not including, 1. "
                             f"Try dropout=0.1.")
        bounds.check_choice("view", self.view, VIEWS)


@dataclass(frozen=True)
class RunConfig:
    """A model and its training. The defaults are nano."""
    name: str = "nano"
    seed: int = 1
    level: str = "easy"                  # which level of mini-PixMo: easy, small or full
    model: MolmoConfig = MolmoConfig()
    bootstrap: StageConfig = StageConfig(steps=1000, batch_size=32, learning_rates=(2e-3, 2e-3, 2e-3),
                                         hold_fraction=0.5, auxiliary_weight=1.0)
    pretrain: StageConfig = StageConfig(steps=100, batch_size=16, hold_fraction=1.0, auxiliary_weight=0.5)
    finetune: StageConfig = StageConfig(steps=2000, batch_size=16, hold_fraction=0.6, auxiliary_weight=0.5)
    mix: dict[str, float] = field(default_factory=lambda: dict(   # factor of the square root of a set's size
        points=0.6, count=1.4, ask_model_anything=0.8, cap=0.7, cap_qa=0.5, point_explanations=0.5, docs=1.5,
        clocks=0.8))
    replay: float = 0.0                  # fraction of the images from drawn sets; 0 = by the mix alone
    augment: float = 0.0                 # own images: up to this fraction of each side is cut off, at random
    max_tokens: int = 320                # longer sequences are cut                       Molmo: 2304
    untagged: float = 0.5                # of docs, clocks and others, asked without tag  Molmo: 0
    accumulate: int = 2                  # micro-batches per step: a short and a long one
    base: str = ""                       # folder of the weights that training started from
    lora: int = 0                        # rank of the adapters; 0: all weights are trained (model/lora.py)
    lora_vit: bool = False               # adapters in the ViT, too
    recompute: bool = False              # activations again in the backward pass: less memory, more time
    optimizer: str = "muon"              # muon or adamw: see training/optimizer.py       Molmo: adamw
    weight_decay: float = 0.0            #                                                Molmo: 0
    max_grad_norm: float = 1.0           # gradient clipping, part by part                Molmo: 1
    z_loss: float = 1e-4                 # weight of log(sum(exp(logits)))^2              Molmo: 1e-4
    load_balance_weight: float = 0.1     # of the experts' load-balancing loss            Molmo: 0
    shard: bool = False                  # torchrun: FSDP in place of DDP                 Molmo: True

    def __post_init__(self):
        bounds.check_numbers(self)
        bounds.check_minimum(self, 1, "max_tokens", "accumulate")
        bounds.check_minimum(self, 0, "lora", "seed", "weight_decay", "z_loss", "load_balance_weight")
        bounds.check_minimum(self, 1e-6, "max_grad_norm")  # smaller ones leave no gradient to speak of
        bounds.check_maximum(self, 100, "weight_decay")
        bounds.check_range(self, 0, 1, "untagged")
        bounds.check_range(self, 0, 0.99, "replay", "augment")
        bounds.check_plain_name(self.name, "name")
        self.check_batches()
        bounds.check_choice("level", self.level, LEVELS)
        bounds.check_choice("optimizer", self.optimizer, OPTIMIZERS)
        if self.optimizer == "muon" and self.shard:
            raise ValueError("optimizer='muon' needs whole matrices, and shard=True divides them among "
                             "processes. Try --optimizer=adamw.")
        if self.bootstrap.steps and not self.bootstrap.auxiliary_weight:
            raise ValueError("bootstrap.auxiliary_weight=0 leaves stage bootstrap without a loss. "
                             "Try --bootstrap.auxiliary_weight=1.0, or --bootstrap.steps=0 to skip it.")
        if self.mix and (min(self.mix.values()) < 0 or not sum(self.mix.values()) > 0):
            raise ValueError(f"mix={self.mix} has no dataset to sample: weights are 0 or more, and at least "
                             f"one is above 0. Try --mix.points=1.")
        for name in self.mix:
            if Path(name).name != name:
                raise ValueError(f"mix.{name} does not name a folder in data/, so it holds no dataset. Try "
                                 f"the folder's name alone, as --mix.mine=1.")

    def check_batches(self, world: int = 1) -> None:
        """Raise ValueError unless each stage's batch divides into micro-batches for each of the processes.

        The message proposes what works for all stages. A resumed run may change no batch_size.
        """
        for name in STAGES:
            size, pieces = getattr(self, name).batch_size, self.accumulate * world
            bounds.check_images(name, size if getattr(self, name).steps else 0, pieces)
            if getattr(self, name).steps and size % pieces:
                raise ValueError(f"{name}.batch_size={size} images cannot be divided among {world} "
                                 f"process(es) x accumulate={self.accumulate}. Try {self._fitting(world)}.")

    def _fitting(self, world: int) -> str:
        fitting = [n for n in range(1, min(self.accumulate, 10_000) + 1) if self.divides(n * world)]
        fewer = [n for n in range(1, world) if self.divides(n)]
        if fitting:
            return f"--accumulate={fitting[-1]}"
        return f"torchrun --nproc-per-node={fewer[-1]} with --accumulate=1"

    def divides(self, pieces: int) -> bool:
        """Whether the batch of every stage that trains can be divided into so many pieces."""
        stages = [getattr(self, name) for name in STAGES]
        return not any(stage.steps and stage.batch_size % pieces for stage in stages)

    @property
    def has_auxiliary(self) -> bool:
        """Whether any stage trains on exact labels (`training/auxiliary.py`)."""
        return any(stage.auxiliary_weight for stage in (self.bootstrap, self.pretrain, self.finetune))

    def folder(self, data: Path, name: str) -> Path:
        """A dataset's folder: data/<name>/<level> in mini-PixMo, or data/<name> for your own images."""
        with_level = data / name / self.level
        return with_level if with_level.is_dir() else data / name
