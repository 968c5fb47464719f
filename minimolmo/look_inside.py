"""Looking inside: nine pictures of what happens between a picture and an answer.

    python -m minimolmo.look_inside photo.jpg "Point to the red circle."
    python -m minimolmo.look_inside photo.jpg "Point to the red circle." --weights=out/nano --out=out/inside

    patches    the picture as the ViT receives it           pooling    what each patch gave to its token
    crops      how a large picture is cut, overlap shaded    booths     who may look at whom, by booth
    stitched   the crops put together again                 loss_mask  the tokens that train, in green
    attention  where each word of the question looked       points     where the point may be, digit by digit
    course     the loss, and what the model said on the way (of a run that kept its log)
"""
from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from minimolmo import draw
from minimolmo.answer import ask, default_weights, load
from minimolmo.config import ImageConfig
from minimolmo.flow import Crops
from minimolmo.image.resize import MEAN, STD, open_image
from minimolmo.image.tiler import stitch_ids, tile_image
from minimolmo.inside import Inside, booths, read
from minimolmo.text.tokenizer import Tokenizer

# What is cut into crops if the image itself is no larger than one.
LARGE = Path(__file__).resolve().parent.parent / "data" / "pictures" / "backgrounds.png"
OTHER_QUESTIONS = ("Just a number: how many shapes?", "What does the picture show?")  # for the other booths
COORDINATE = re.compile(r'([xy])[0-9]*="([0-9]*\.?[0-9]*)$')  # being written: its axis, and its digits so far
MISSING = {"points": "the answer points at nothing. Try a question like \"Point to the red circle.\"",
           "course": "these weights come without loss.png and samples. Train, then name --weights=out/nano"}
FINE, THIN = 400, 6  # cells along each side of a point's heat; the least that are lit


# what the eye receives

def tiles_of(crops: Crops, patch: int) -> np.ndarray:
    """The patches as pixels again: (C, S, patch, patch, 3) uint8."""
    pixels = crops.patches.reshape(*crops.real.shape, patch, patch, 3) * STD + MEAN
    return np.rint(pixels * 255).clip(0, 255).astype(np.uint8)


def mosaic(tiles: np.ndarray, columns: int, gap: int = 0) -> Image.Image:
    """Small pictures (n, h, w, 3) laid out row by row, `gap` pixels of paper between them."""
    tiles = np.pad(tiles, ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=244)
    rows = tiles.reshape(-1, columns, *tiles.shape[1:])
    return Image.fromarray(np.concatenate(np.concatenate(rows.swapaxes(0, 1), axis=-2), axis=0))


def overview(crops: Crops, config: ImageConfig) -> Image.Image:
    """Crop 0 as the ViT receives it."""
    return mosaic(tiles_of(crops, config.patch_size)[0], config.side)


def draw_patches(crops: Crops, config: ImageConfig) -> Image.Image:
    """The overview whole, and taken apart into its patches."""
    side, patch = config.side, config.patch_size
    large = tiles_of(crops, patch)[0].repeat(5, axis=1).repeat(5, axis=2)  # so that the gaps stay sharp
    whole, apart = mosaic(large, side), mosaic(large, side, gap=10)
    words = [f"{config.crop_size} x {config.crop_size} pixels"], [
        f"{side} x {side} patches of {patch} x {patch} pixels, each {3 * patch ** 2} numbers"]
    return draw.contact_sheet([(whole, "what the eye receives", words[0], None),
                               (apart, "as it reads it", words[1], None)], columns=2, width=440)


def draw_cut(image: np.ndarray, crops: Crops) -> Image.Image:
    """The image under its crops, overlap shaded."""
    picture = Image.fromarray(image)
    picture.thumbnail((720, 720))
    return draw.draw_crops(picture, crops.places)


def stitched(crops: Crops, config: ImageConfig) -> Image.Image:
    """What the last grid's visual tokens hold, put together as they lie."""
    rows, cols = crops.token_grids[-1]
    patches = tiles_of(crops, config.patch_size).reshape(-1, *[config.patch_size] * 2, 3)
    patches = np.pad(patches, ((0, 1), (0, 0), (0, 0), (0, 0)))  # -1, no patch, finds the last: black
    windows = [mosaic(patches[window], config.pool) for window in crops.pool_idx[-rows * cols:]]
    return mosaic(np.stack([np.asarray(window) for window in windows]), cols)


def draw_stitched(crops: Crops, config: ImageConfig) -> Image.Image:
    """The high-res crops; what is kept of them, laid together; and which crop each visual token is from."""
    rows, cols = crops.token_grids[-1]
    views = [np.asarray(mosaic(crop, config.side)) for crop in tiles_of(crops, config.patch_size)[1:]]
    crop_of = stitch_ids(crops.grid, config) // config.pooled_side ** 2
    return draw.contact_sheet([
        (mosaic(np.stack(views), crops.grid[1], gap=6), f"{len(views)} crops", ["neighbours overlap"], None),
        (stitched(crops, config), "stitched", [f"{rows} x {cols} visual tokens, nothing twice"], None),
        (draw.draw_grid(crop_of, 24), "from which crop", ["a colour for each"], None)], columns=3, width=330)


# who looked where

def draw_attention(inside: Inside, config: ImageConfig, blocks: int = 4, words: int = 6) -> Image.Image:
    """The last words of the first question over the picture; a column for some of the decoder's blocks."""
    picture, depth, tiles = overview(inside.crops, config), len(inside.attention), []
    columns = np.linspace(0, depth - 1, min(blocks, depth)).round().astype(int).tolist()
    for place in question_words(inside)[-words:]:
        for block in columns:
            share = inside.attention[block].mean(dim=0)[place, inside.visual()].sum().item()
            tiles.append((draw.draw_heat(picture, inside.overview_heat(block, place)),
                          f'"{inside.words[place].strip()}", block {block + 1} of {depth}',
                          [f"{share:.0%} of its looking is at the picture"], None))
    return draw.contact_sheet(tiles, columns=len(columns), width=230)


def question_words(inside: Inside) -> list[int]:
    """Where the words of the first question stand, without the roles around it."""
    asked = np.flatnonzero((inside.sequence.branch == 1) & (inside.sequence.loss_weight == 0)).tolist()
    said = [inside.words[place].strip() for place in asked]
    return [place for place, word in zip(asked, said) if word.isalpha() and word not in ("User", "Assistant")]


def draw_pooling(inside: Inside, config: ImageConfig, most: int = 3) -> Image.Image:
    """The overview's patches, each as dark as its share in its visual token; a grid for some of the heads."""
    tokens = inside.crops.token_grids[0][0] * inside.crops.token_grids[0][1]
    idx, side = inside.crops.pool_idx[:tokens], config.side
    windows = [f"{tokens} windows of {config.pool} x {config.pool} patches"]
    tiles = [(overview(inside.crops, config), "the overview", windows, None)]
    for head in range(min(most, inside.pooling.shape[1])):
        shares, given = np.zeros(side * side), inside.pooling[:tokens, head].numpy()
        shares[idx[idx >= 0]] = given[idx >= 0]
        tiles.append((draw.draw_grid(shares.reshape(side, side), 320 // side), f"head {head + 1}",
                      [f"shares from {given.min():.0%} (pale) to {given.max():.0%} (dark); "
                       f"even would be {1 / idx.shape[1]:.0%}"], None))
    return draw.contact_sheet(tiles, columns=len(tiles), width=240)


def draw_booths(inside: Inside) -> Image.Image:
    """A row is a token that looks, a column one that is looked at; its colour says whose it is."""
    names = [word.strip() or "_" for word in inside.words]
    cell = max(3, min(12, 900 // len(names)))
    return draw.draw_grid(booths(inside), cell, names, names,
                          "Blue: the picture, seen by all. Every other colour: one booth's words")


# what is learnt

def draw_loss_mask(inside: Inside) -> Image.Image:
    """Every token that is to be said, green if it trains the model."""
    words, weights = [*inside.words[1:], "[end]"], inside.sequence.loss_weight.tolist()
    title = f"{np.count_nonzero(weights)} of {len(words)} tokens train, each with weight {max(weights):.2f}"
    return draw.draw_tokens(words, weights, title=title)


# a point, digit by digit

def digits_written(inside: Inside) -> list[tuple[int, str, str, str]]:
    """For each digit of the first point: (the token before it, axis, digits so far, digit)."""
    found, said = [], ""
    for place in np.flatnonzero(inside.sequence.branch == 1)[:-1].tolist():
        said += inside.words[place]
        writing, after = COORDINATE.search(said), inside.words[place + 1]
        if writing and after in tuple("0123456789"):
            if found and found[-1][1] == "y" and writing[1] == "x":
                break  # the second point begins
            found.append((place, writing[1], writing[2], after))
    return found


def digit_band(written: str, digit: int, whole: int) -> tuple[float, float]:
    """From where to where a coordinate of `whole` digits before the point may lie, once a digit is added.

    >>> digit_band("", 6, whole=2), digit_band("6", 1, whole=2), digit_band("61.", 5, whole=2)
    ((60.0, 70.0), (61.0, 62.0), (61.5, 61.6))
    """
    if "." in written:
        start, step = float(written + str(digit)), 10.0 ** -(len(written) - written.index("."))
    else:
        step = 10.0 ** (whole - len(written) - 1)
        start = int(written + str(digit)) * step
    return start, round(start + step, 6)


def draw_digits(inside: Inside, picture: Image.Image, tokenizer: Tokenizer) -> Image.Image | None:
    """Before each digit of the first point: how likely the point is where. None if there is no point."""
    ids, tiles, known = [tokenizer.encode(str(digit))[-1] for digit in range(10)], [], {}
    steps = digits_written(inside)
    for place, axis, written, digit in steps:
        whole = sum(step[1] == axis and "." not in step[2] for step in steps)
        chances, line = inside.scores[place].softmax(dim=-1)[ids], np.zeros(FINE)
        for candidate in range(10):
            line[cells(*digit_band(written, candidate, whole))] += chances[candidate].item()
        heat = np.outer(np.ones(FINE), line) if axis == "x" else np.outer(line, known["x"])
        known[axis] = np.zeros(FINE)
        known[axis][cells(*digit_band(written, int(digit), whole))] = 1
        likeliest = [f'"{d}" {chances[d]:.0%}' for d in chances.argsort(descending=True)[:3].tolist()]
        tiles.append((draw.draw_heat(picture, heat), f'{axis}="{written}", and now "{digit}"',
                      [", ".join(likeliest)], None))
    return draw.contact_sheet(tiles, columns=3, width=300) if tiles else None


def cells(start: float, stop: float) -> slice:
    """The cells of a line of FINE that a stretch in percent covers: THIN at least, so that it shows."""
    first = min(int(start / 100 * FINE), FINE - THIN)
    return slice(first, max(first + THIN, int(stop / 100 * FINE)))


# the course of a run, and all nine

def draw_course(run: Path, most: int = 3) -> Image.Image | None:
    """A run's loss curve, and below it what the model said at some of its evaluations. None if not kept."""
    samples = sorted((run / "samples").glob("*.png"))
    if not (run / "loss.png").exists():
        return None
    chosen = np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int).tolist()
    return draw.stack([Image.open(path) for path in [run / "loss.png", *[samples[n] for n in chosen]]])


def draw_all(image: np.ndarray, question: str, weights: Path, view: str | None = None) -> dict:
    """All pictures by name; None where there is nothing to draw: no point in the answer, no log of a run."""
    model, tokenizer, config = load(weights)
    view, sizes, questions = view or config.mixture.view, config.model.image, [question, *OTHER_QUESTIONS]
    answers = ask(model, tokenizer, [image] * len(questions), questions, view)
    inside = read(model, tokenizer, image, [(q, a.text) for q, a in zip(questions, answers)], view)
    large = image if max(image.shape) > sizes.crop_size else open_image(LARGE)
    cut = tile_image(large, sizes, sizes.budget("ground"))
    return {
        "patches": draw_patches(inside.crops, sizes), "crops": draw_cut(large, cut),
        "stitched": draw_stitched(cut, sizes), "attention": draw_attention(inside, sizes),
        "pooling": draw_pooling(inside, sizes), "booths": draw_booths(inside),
        "loss_mask": draw_loss_mask(inside), "course": draw_course(weights),
        "points": draw_digits(inside, Image.fromarray(image), tokenizer)}


def main(arguments: list[str]) -> None:
    """The command line: draw all, and say where they are."""
    parser = argparse.ArgumentParser(description="Nine pictures of what happens inside.")
    parser.add_argument("image", type=Path)
    parser.add_argument("question")
    parser.add_argument("--weights", type=Path,
                        help="a run's folder (default: out/nano if it is trained, else the released nano)")
    parser.add_argument("--view", choices=["bird", "ground", "close_up"], help="default: the one of training")
    parser.add_argument("--out", type=Path, default=Path("out/inside"), help="default: %(default)s")
    given = parser.parse_args(arguments)
    weights = given.weights or default_weights()
    given.out.mkdir(parents=True, exist_ok=True)
    drawn = draw_all(open_image(given.image), given.question, weights, given.view)
    for name, picture in drawn.items():
        path = given.out / f"{name}.png"
        if picture:
            picture.save(path)
        print(f"drawn: {path}" if picture else f"no {name}: {MISSING[name]}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
