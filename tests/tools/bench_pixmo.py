"""Measure the download of PixMo from a fake hub on localhost: all eight datasets, or 3,000 large images.

    python tests/tools/bench_pixmo.py sets --rows=300      out/pixmo/data/pixmo, out/pixmo/look.png
    python tests/tools/bench_pixmo.py speed --rows=3000    images a second, memory while it runs

The server is a process of its own on the same cores. The results are in RUNS.md.
"""
from __future__ import annotations

import io
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

from PIL import Image  # noqa: E402

from data.pixmo.hub import LIMITS, Hub  # noqa: E402
from data.pixmo.network import Limits  # noqa: E402
from data.pixmo.prepare import PixmoSpec, prepare  # noqa: E402
from data.preview.contact_sheets import annotation_text, points_in  # noqa: E402
from minimolmo.batch.dataset import Dataset, check_split  # noqa: E402
from minimolmo.disk import remove_own, write_image  # noqa: E402
from minimolmo.draw import contact_sheet, draw_points  # noqa: E402
from minimolmo.options import Parser, count_argument, path_argument  # noqa: E402

NUM_IMAGES, LONG_SIDE = 200, 1024  # different images of the speed test, and their pixels
NUM_TILES = 4                     # of each style on the sheet


def serve(kind: str, rows: int, urls) -> None:
    """Serve the fake hub for ever; put its URL into the queue when it is up."""
    from tools.fake_hub import FakeHub
    from tools.fake_pixmo import FakePixmo
    with FakeHub() as hub:
        FakePixmo(hub, rows=6 * rows) if kind == "sets" else _add_captions(hub, rows)
        urls.put(hub.url)
        threading.Event().wait()


def _add_captions(hub, rows: int) -> None:
    """Add large images. A number after each JPEG's end makes its bytes unique; decoders ignore it."""
    from data.scenes.full import make_scene
    jpegs = []
    for number in range(NUM_IMAGES):
        picture = make_scene("train", random.Random(number)).draw()
        scale, file = LONG_SIDE / max(picture.size), io.BytesIO()
        picture.resize([round(side * scale) for side in picture.size]).save(file, "JPEG", quality=90)
        jpegs.append(file.getvalue())
    print(f"images of {sum(map(len, jpegs)) / len(jpegs) / 1e3:.0f} kB on average")

    def get_image(path: str) -> bytes:
        number = int(path.strip("/").removesuffix(".jpg"))
        return jpegs[number % NUM_IMAGES] + str(number).encode()

    hub.images = get_image
    hub.rows["allenai/pixmo-cap", "default"] = [
        {"image_url": f"{hub.url}/{n}.jpg", "caption": f"Picture {n}. " * 50, "transcripts": ["words " * 200]}
        for n in range(rows + 100)]


def watch_memory(megabytes: list[float]) -> None:
    """Record the megabytes of this process twice a second."""
    while True:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
        megabytes.append(pages * os.sysconf("SC_PAGESIZE") / 1e6)
        time.sleep(0.5)


def draw_sheet(folder: Path) -> Image.Image:
    """Some held-out and training images of each style, with their points."""
    by_style = defaultdict(list)
    for split in ("val", "train"):
        data = Dataset(folder, split)
        for row in range(len(data)):
            example = data[row]
            for note in example.annotations:
                tiles = by_style[note.style]
                if len(tiles) < NUM_TILES and example.image not in [path for path, _, _ in tiles]:
                    tiles.append((example.image, note, _points(example, note)))
    tiles = []
    for style, examples in by_style.items():
        for path, note, points in examples:
            with Image.open(path) as image:
                tiles.append((draw_points(image, points), style, [annotation_text(note)[:150]], None))
    return contact_sheet(tiles, columns=NUM_TILES * 2)


def _points(example, note) -> list:
    """The points of an annotation. A plain count has none: it gets those of another one with its label."""
    twins = [other for other in example.annotations if other.points and other.label == note.label]
    return points_in(twins[0] if note.style == "count" and twins else note)


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["sets", "speed"])
    parser.add_argument("--rows", type=count_argument(), default=300)
    parser.add_argument("--out", type=path_argument, default=Path("out/pixmo"))
    args = parser.parse_args(arguments)
    folder = args.out / ("data" if args.what == "sets" else "speed") / "pixmo"
    remove_own(folder, "pixmo")
    context, memory = multiprocessing.get_context("spawn"), []
    urls = context.SimpleQueue()
    server = context.Process(target=serve, args=(args.what, args.rows, urls), daemon=True)
    server.start()
    hub = Hub(urls.get(), limits=replace(LIMITS, loopback=True), pause=0)
    threading.Thread(target=watch_memory, args=(memory,), daemon=True).start()
    spec = PixmoSpec(**{"rows": args.rows} | ({"sets": ("cap",)} if args.what == "speed" else {}))
    start, start_cpu = time.monotonic(), time.process_time()
    print(prepare(spec, folder, hub, Limits(loopback=True, backoff=0.05)))
    seconds, cpu_seconds = time.monotonic() - start, time.process_time() - start_cpu
    images = len(list((folder / "images").rglob("*.jpg")))
    megabytes = [memory[len(memory) * tenth // 10] for tenth in range(10)] + [max(memory)]
    print(f"{images / seconds:.0f} images/s, {images / cpu_seconds:.0f} a second of CPU; "
          f"MB at each tenth of the time, and at most: " + " ".join(f"{value:.0f}" for value in megabytes))
    for split in ("train", "val"):
        print(check_split(folder, split))
    if args.what == "sets":
        write_image(args.out / "look.png", draw_sheet(folder))
        print(f"written: {args.out / 'look.png'}")
    server.terminate()


if __name__ == "__main__":
    run_command(main)
