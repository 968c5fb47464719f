"""Campaigns of faults: damaged files and hostile inputs by the thousand, the same for the same seed.

    python tests/tools/faults.py [NAME ...] [--seed=0] [--count=2000]

`@campaign()` adds a function to the table. The tests run each of them with few inputs.
"""
from __future__ import annotations

import io
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from minimolmo.image.resize import open_image  # noqa: E402
from minimolmo.options import Parser, count_argument  # noqa: E402

Campaign = Callable[[int, int], list[str]]  # (seed, number of inputs) -> failures, one line for each
CAMPAIGNS: dict[str, Campaign] = {}
COSTS: dict[str, int] = {}  # how many times as long an input takes as one of the quick campaigns
MAX_SECONDS = 10  # for one input: more is a hang
MAX_SHOWN = 5     # failures of a campaign that are printed


def campaign(cost: int = 1) -> Callable[[Campaign], Campaign]:
    """Add a campaign to the table, under its name. The command gives it --count / cost inputs."""
    def add(function: Campaign) -> Campaign:
        CAMPAIGNS[function.__name__], COSTS[function.__name__] = function, cost
        return function
    return add


class Hang(BaseException):
    """The input took too long. Not an Exception, so that no code under test can catch it."""


@contextmanager
def time_limit(seconds: int = MAX_SECONDS) -> Iterator[None]:
    """Raise Hang if the block takes longer. It does nothing on Windows, which has no alarm."""
    def ring(*_):
        raise Hang(f"more than {seconds} s")
    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def failure_of(action: Callable[[], None], given: str) -> str:
    """Run one input. "" if it works or raises a ValueError with a full sentence, else what happened."""
    try:
        with time_limit():
            action()
    except ValueError as error:
        is_worded = str(error).endswith((".", "?")) and ". " in str(error)
        return "" if is_worded else f"{given}: not in words: {error!r}"
    except (Exception, Hang) as error:  # to find these is the purpose of a campaign
        return f"{given}: {error!r}"
    return ""


# Damage

def flip_bits(data: bytearray, rng: random.Random) -> None:
    """Flip one to eight random bits."""
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_bytes(data: bytearray, rng: random.Random) -> None:
    """Overwrite bytes at a random place with 0, 255, or an extreme 32-bit number; these often break code."""
    number = rng.choice([b"\0", b"\xff", bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
    start = rng.randrange(len(data))
    data[start:start + len(number)] = number


def truncate(data: bytearray, rng: random.Random) -> None:
    """Remove everything after a random place."""
    del data[rng.randrange(len(data)):]


def insert_bytes(data: bytearray, rng: random.Random) -> None:
    """Insert up to 40 random bytes."""
    start = rng.randrange(len(data))
    data[start:start] = rng.randbytes(rng.randint(1, 40))


def remove_bytes(data: bytearray, rng: random.Random) -> None:
    """Remove up to 40 bytes."""
    start = rng.randrange(len(data))
    del data[start:start + rng.randint(1, 40)]


def repeat_bytes(data: bytearray, rng: random.Random) -> None:
    """Copy a piece of the file over another place, or append it."""
    start, length = rng.randrange(len(data)), rng.randint(1, 100)
    place = rng.choice([rng.randrange(len(data)), len(data)])
    data[place:place + length] = data[start:start + length]


DAMAGE = (flip_bits, set_bytes, truncate, insert_bytes, remove_bytes, repeat_bytes)


def damage(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A damaged copy of a file, and what was done to it."""
    data, done = bytearray(content), []
    for change in rng.choices(DAMAGE, k=rng.choice([1, 1, 2, 3])):
        if data:
            change(data, rng)
            done.append(change.__name__)
    return bytes(data), " + ".join(done)


# Images

SAMPLES = {  # name: mode, format, options of Pillow's writer
    "jpeg": ("RGB", "JPEG", {}), "jpeg progressive": ("RGB", "JPEG", {"progressive": True}),
    "jpeg cmyk": ("CMYK", "JPEG", {}), "jpeg grey": ("L", "JPEG", {"comment": b"a note"}),
    "png": ("RGB", "PNG", {}), "png palette": ("P", "PNG", {"transparency": 3}),
    "png 16": ("I;16", "PNG", {}), "png alpha": ("RGBA", "PNG", {}), "png bits": ("1", "PNG", {}),
    "webp": ("RGB", "WEBP", {}), "webp lossless": ("RGBA", "WEBP", {"lossless": True}),
    "gif": ("P", "GIF", {"transparency": 3}), "gif animated": ("P", "GIF", {"save_all": True}),
    "bmp": ("RGB", "BMP", {}), "bmp palette": ("P", "BMP", {}), "bmp bits": ("1", "BMP", {}),
    "tiff": ("RGB", "TIFF", {}), "tiff float": ("F", "TIFF", {}),
    "tiff big": ("I", "TIFF", {"big_tiff": True}), "tiff lzw": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "tiff jpeg": ("RGB", "TIFF", {"compression": "jpeg"}),
    "tiff deflate": ("RGBA", "TIFF", {"compression": "tiff_deflate"}),
}


def sample_images() -> dict[str, bytes]:
    """A small file of each format and kind."""
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    picture[6:18] = 90, 60, 200  # an even part, which compresses
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    files = {}
    for name, (mode, form, options) in SAMPLES.items():
        image, file = Image.fromarray(picture), io.BytesIO()
        image = image.convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)
        if options.get("save_all"):
            options = {**options, "append_images": [image.rotate(90), image.rotate(180)]}
        image.save(file, form, **options, **({"exif": exif} if form in ("JPEG", "PNG", "WEBP") else {}))
        files[name] = file.getvalue()
    return files


@campaign()
def mutate_images(seed: int, count: int) -> list[str]:
    """Open damaged images of all formats: each must become RGB or raise a ValueError with a full sentence."""
    rng, files, failures = random.Random(seed), sorted(sample_images().items()), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        for number in range(count):
            name, content = files[number % len(files)]
            content, done = damage(content, rng)
            path.write_bytes(content)
            failures.append(failure_of(lambda: _open_as_rgb(path), f"{name}, {done} (number {number})"))
    return [failure for failure in failures if failure]


def _open_as_rgb(path: Path) -> None:
    image = open_image(path)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise TypeError(f"an image of shape {image.shape} and type {image.dtype}")


def all_campaigns() -> dict[str, Campaign]:
    """The campaigns of this file, fault_campaigns.py, fault_kills.py and fault_page.py, by name."""
    from tools import fault_campaigns, fault_kills, fault_page, faults
    assert fault_campaigns.campaign is fault_kills.campaign is fault_page.campaign is faults.campaign
    return faults.CAMPAIGNS


def main(arguments: list[str]) -> None:
    """The command line: run campaigns, print a table, and fail if one of them found something."""
    parser = Parser(description="Try damaged files and hostile inputs by the thousand.")
    campaigns = all_campaigns()
    parser.add_argument("names", nargs="*", help=f"of {', '.join(campaigns)} (default: all)")
    parser.add_argument("--seed", type=count_argument(0), default=0)
    parser.add_argument("--count", type=count_argument(), default=2000, help="inputs of a quick campaign")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in campaigns]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no campaign, so there is nothing to run. "
                         f"Try some of: {', '.join(campaigns)}.")
    warnings.simplefilter("ignore")  # what Pillow remarks on damaged files
    print("| campaign | inputs | failures | seconds |\n|---|---|---|---|")
    found = []
    for name in given.names or campaigns:
        start, count = time.monotonic(), -(-given.count // sys.modules["tools.faults"].COSTS[name])
        failures = campaigns[name](given.seed, count)
        print(f"| {name} | {count:,} | {len(failures)} | {time.monotonic() - start:.0f} |", flush=True)
        found += failures[:MAX_SHOWN]
    if found:
        raise ValueError("\n".join(["", *found]))


if __name__ == "__main__":
    run_command(main)
