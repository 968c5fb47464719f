"""Measure the memory that loading a released folder takes. Writes a synthetic one, loads it, removes it.

    python tests/tools/load_memory.py     2.3 GB in the system's temporary folder, a minute

The model is Molmo-7B-D with fewer layers and a smaller vocabulary, random numbers in float32, in shards of
500 MB. Each load happens in a process of its own. The operating system reports its peak; what
Python and torch take is subtracted.
"""
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import torch  # noqa: E402

from minimolmo.model.molmo import MiniMolmo  # noqa: E402
from minimolmo.presets import preset  # noqa: E402
from minimolmo.weights.official import load_official, save_official  # noqa: E402
from minimolmo.weights.counts import count_parameters  # noqa: E402

MOLMO = preset("molmo_7b_d").model
SMALLER = replace(MOLMO, vision=replace(MOLMO.vision, layers=9), connector=replace(MOLMO.connector, mlp=2048),
                  decoder=replace(MOLMO.decoder, width=2048, layers=6, heads=16, mlp=6144, vocab=32_000))


def peak_memory() -> int:
    """The peak memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def write(folder: str) -> None:
    """Write the synthetic folder, with random weights."""
    with torch.device("meta"):
        model = MiniMolmo(SMALLER)
    model = model.to_empty(device="cpu")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    before = peak_memory()
    save_official(folder, model, shard_bytes=500_000_000)
    print(f"writing: {(peak_memory() - before) / 1e9:.2f} GB beyond the model")


def load(folder: str, dtype: str) -> None:
    """Load the folder into a model of this dtype, and print the peak memory."""
    size = count_parameters(SMALLER)["total"] * getattr(torch, dtype).itemsize
    before = peak_memory()
    with torch.device("meta"):
        model = MiniMolmo(SMALLER).to(getattr(torch, dtype))
    model = model.to_empty(device="cpu")
    load_official(folder, model)
    peak = peak_memory() - before
    print(f"loading into {dtype}: model {size / 1e9:.2f} GB, peak {peak / 1e9:.2f} GB beyond torch's "
          f"{before / 1e9:.2f} GB, {peak / size:.3f} of the model")


def main(arguments: list[str]) -> None:
    """Write, then load twice. Each part is this script again, with arguments."""
    if arguments:
        part, *rest = arguments
        return {"write": write, "load": load}[part](*rest)
    with tempfile.TemporaryDirectory() as folder:
        for call in (["write", folder], ["load", folder, "float32"], ["load", folder, "bfloat16"]):
            if subprocess.run([sys.executable, __file__, *call]).returncode:
                raise ValueError(f"the part {' '.join(call)} failed, so nothing more is measured. Try it by "
                                 f"itself.")
        print(f"files: {sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e9:.2f} GB")


if __name__ == "__main__":
    run_command(main)
