"""Joins a trained tower and a trained language model to a Molmo whose connector is new, ready to be trained.

    python -m minimolmo.weights.parts --vision=clip-vit-base-patch16 --decoder=SmolLM2-135M --out=start
    python train.py --from=start      # the paper's two stages: captions, then the mixture

Both folders are in Hugging Face's layout, already downloaded. The tower is a CLIP's, whose last layer is left
out, as in Molmo; or that of a whole model, as --vision=out/nano (own_tower.py). OUT is a Molmo in the
official layout, in float32. One tensor at a time is in memory.
"""
from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from minimolmo.command import python_command, run_command, say
from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.disk import has_own_manifest
from minimolmo.model.molmo import MiniMolmo
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.presets import from_parts
from minimolmo.text.hf_tokenizer import HFTokenizer, read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import official
from minimolmo.weights.own_tower import OwnTower, is_whole_model
from minimolmo.weights.part_configs import TRY_DECODER, describe_features, read_decoder_config, read_tower
from minimolmo.weights.part_files import Part, refuse_pointers
from minimolmo.weights.shards import whole_folder
from minimolmo.weights.single_gpu import fits_table, training_settings
from minimolmo.weights.counts import count_parameters, meta_model

KIND = "start"  # of the manifest: by it train.py knows that the connector is not trained


def join(vision: Path, decoder: Path, seed: int = 1) -> tuple[MolmoConfig, Mapping[str, Tensor]]:
    """The architecture of two parts with a new connector between them, and all its weights, read lazily.

    Raises ValueError for folders that are no parts, or not whole.
    """
    own = OwnTower(vision) if is_whole_model(vision) else None
    image, tower = (own.image, own.vision) if own else read_tower(vision)
    language = read_decoder_config(decoder)
    config = from_parts(image, tower, language)
    model = meta_model(config)
    parts = own or Part(vision, model, "vit."), Part(decoder, model, "decoder.")
    return config, ChainMap(new_connector(model, torch.Generator().manual_seed(seed)), *parts)


def new_connector(model: MiniMolmo, generator: torch.Generator) -> dict[str, Tensor]:
    """Random weights for all but the ViT and the decoder, by the names of `model`'s parameters.

    Matrices, also that of `extra_embedding`, the image tokens: normal, with a standard deviation of the root
    of 1 / their last dimension, as in `init_weights`. Zeros: biases, and `padding`, which is added to the
    features of patches that are padding.
    """
    names = {name: weight.shape for name, weight in model.named_parameters()
             if not name.startswith(("vit.", "decoder."))}
    return {name: torch.zeros(shape) if len(shape) == 1 or name == "padding" else
            torch.randn(shape, generator=generator) * shape[-1] ** -0.5 for name, shape in names.items()}


def read_part_tokenizer(folder: Path, rows: int) -> Tokenizer:
    """A decoder's tokenizer, with the image tokens behind the rows of its embedding.

    Raises ValueError if it has more ids than rows, so that it must be another model's.
    """
    refuse_pointers(folder)
    tokenizer = read_tokenizer(folder)
    if tokenizer.vocab <= rows and isinstance(tokenizer, HFTokenizer):
        tokenizer = read_tokenizer(folder, rows)
    if tokenizer.vocab != rows:
        raise ValueError(f"{folder} has a tokenizer of {tokenizer.vocab} ids and an embedding of {rows} "
                         f"rows, so they belong to two models. Try the tokenizer.json that was published "
                         f"with the weights.")
    return tokenizer


def write_start(vision: Path, decoder: Path, out: Path, seed: int = 1) -> MolmoConfig:
    """Join two parts and write the Molmo, in the official layout. A start of ours at `out` is replaced.

    Raises ValueError, and writes nothing, if a part cannot be used.
    """
    config, tensors = join(vision, decoder, seed)
    tokenizer = read_part_tokenizer(decoder, config.decoder.rows)
    with whole_folder(out, KIND) as folder:
        official.save_official(folder, meta_model(config), parameters=tensors)
        tokenizer.save(folder / "tokenizer.json")
    return config


def is_start(folder: Path) -> bool:
    """Whether a folder is a Molmo that `write_start` has joined from parts."""
    return has_own_manifest(folder, KIND)


def training_config(folder: Path, memory: float) -> RunConfig:
    """The settings for training a start: both stages of the paper on the preset's mix.

    memory  of the GPU, in bytes; infinite without a GPU
    """
    return replace(training_settings(official.read_config(folder), memory), name=Path(folder).resolve().name)


def main(arguments: list[str]) -> None:
    """The command line: write a start, and say what it is and how to train it."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--vision", type=path_argument, required=True, 
                        help="a CLIP, as Hugging Face has it; or a run, a release or a Molmo, for its tower")
    parser.add_argument("--decoder", type=path_argument, required=True, help=f"as {TRY_DECODER}")
    parser.add_argument("--out", type=path_argument, default=Path("start"), help="the folder to write")
    parser.add_argument("--seed", type=count_argument(0), default=1, help="of the connector's random weights")
    given = parser.parse_args(arguments)
    config = write_start(given.vision, given.decoder, given.out, given.seed)
    counts, left_out = count_parameters(config), 0 if is_whole_model(given.vision) else 1
    say(f"written: {given.out}\n"
        f"  tower      {counts['vit']:,} parameters, {describe_features(config.vision, left_out)}\n"
        f"  connector  {counts['connector']:,} parameters, new\n"
        f"  decoder    {counts['decoder']:,} parameters, image tokens from id {config.decoder.vocab} on\n"
        f"{fits_table({'trained whole': config})}\n"
        f"next: {python_command('train.py', f'--from={given.out}')}")


if __name__ == "__main__":
    run_command(main)
