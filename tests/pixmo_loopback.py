"""Fetch PixMo from the web on loopback and measure it: all eight sets, or 3,000 large pictures of one.

    python tests/pixmo_loopback.py sets --rows=300      out/pixmo/data/pixmo, out/pixmo/look.png
    python tests/pixmo_loopback.py speed --rows=3000    pictures a second, memory while it runs

The server has a process of its own and shares the cores. RUNS.md has what came out.
"""
from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import shutil
import sys
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # as a script it knows neither

from data.preview.contact_sheets import points_in, annotation_text  # noqa: E402
from data.pixmo.hub import LIMITS, Hub  # noqa: E402
from data.pixmo.network import Limits  # noqa: E402
from data.pixmo.prepare import PixmoSpec, prepare  # noqa: E402
from minimolmo.batch.dataset import Dataset, check  # noqa: E402
from minimolmo.draw import contact_sheet, draw_points  # noqa: E402

DRAWN, LONGEST = 200, 1024  # different pictures of the speed test, and their pixels
PICTURES = 4                # of each style on the sheet


def serve(kind: str, rows: int, told) -> None:
    """The web, for ever; its URL is told when it is up."""
    from loopback import Loopback
    from pixmo_world import World
    with Loopback() as web:
        World(web, rows=6 * rows) if kind == "sets" else _many_captions(web, rows)
        told.put(web.url)
        threading.Event().wait()


def _many_captions(web, rows: int) -> None:
    """Large pictures, each with bytes of its own: a JPEG may be followed by anything."""
    from data.scenes.full import make_scene
    drawn = []
    for number in range(DRAWN):
        picture = make_scene("train", random.Random(number)).draw()
        scale, file = LONGEST / max(picture.size), io.BytesIO()
        picture.resize([round(side * scale) for side in picture.size]).save(file, "JPEG", quality=90)
        drawn.append(file.getvalue())
    print(f"pictures of {sum(map(len, drawn)) / len(drawn) / 1e3:.0f} kB on average")
    number_of = lambda path: int(path.strip("/").removesuffix(".jpg"))
    web.pictures = lambda path: drawn[number_of(path) % DRAWN] + str(number_of(path)).encode()
    web.rows["allenai/pixmo-cap", "default"] = [
        {"image_url": f"{web.url}/{n}.jpg", "caption": f"Picture {n}. " * 50, "transcripts": ["words " * 200]}
        for n in range(rows + 100)]


def watch_memory(seen: list[float]) -> None:
    """Megabytes of this process, noted twice a second."""
    while True:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        seen.append(pages * os.sysconf("SC_PAGESIZE") / 1e6)
        time.sleep(0.5)


def sheet(folder: Path) -> Image.Image:
    """Some held-out and trained pictures of each style, their points drawn in."""
    by_style = defaultdict(list)
    for split in ("val", "train"):
        data = Dataset(folder, split)
        for row in range(len(data)):
            example = data[row]
            for note in example.annotations:
                tiles = by_style[note.style]
                if len(tiles) < PICTURES and example.image not in [path for path, _, _ in tiles]:
                    tiles.append((example.image, note, _places(example, note)))
    tiles = []
    for style, found in by_style.items():
        for path, note, places in found:
            with Image.open(path) as image:
                tiles.append((draw_points(image, places), style, [annotation_text(note)[:150]], None))
    return contact_sheet(tiles, columns=PICTURES * 2)


def _places(example, note) -> list:
    """Where an annotation points; a plain number is shown with the points of its twin."""
    twins = [other for other in example.annotations if other.points and other.label == note.label]
    return points_in(twins[0] if note.style == "count" and twins else note)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["sets", "speed"])
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("out/pixmo"))
    given = parser.parse_args()
    folder = given.out / ("data" if given.what == "sets" else "speed") / "pixmo"
    shutil.rmtree(folder, ignore_errors=True)
    context, memory = multiprocessing.get_context("spawn"), []
    told = context.SimpleQueue()
    server = context.Process(target=serve, args=(given.what, given.rows, told), daemon=True)
    server.start()
    hub = Hub(told.get(), limits=replace(LIMITS, loopback=True), pause=0)
    threading.Thread(target=watch_memory, args=(memory,), daemon=True).start()
    plan = PixmoSpec(**{"rows": given.rows} | ({"sets": ("cap",)} if given.what == "speed" else {}))
    start, worked = time.monotonic(), time.process_time()
    print(prepare(plan, folder, hub, Limits(loopback=True, backoff=0.05)))
    took, worked = time.monotonic() - start, time.process_time() - worked
    images = len(list((folder / "images").rglob("*.jpg")))
    marks = [memory[len(memory) * tenth // 10] for tenth in range(10)] + [max(memory)]
    print(f"{images / took:.0f} images/s, {images / worked:.0f} a second of CPU; "
          f"MB at each tenth of the time, and at most: " + " ".join(f"{mark:.0f}" for mark in marks))
    for split in ("train", "val"):
        print(check(folder, split))
    if given.what == "sets":
        sheet(folder).save(given.out / "look.png")
        print(f"written: {given.out / 'look.png'}")
    server.terminate()


if __name__ == "__main__":
    main()
