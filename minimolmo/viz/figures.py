"""Figures of how an image becomes an answer: eight, and a ninth of a run that kept its losses.

    python -m minimolmo.viz.figures photo.jpg "Point to the red circle."
    python -m minimolmo.viz.figures photo.jpg "Point to the red circle." --weights=out/nano --out=out/inside

    patches         the overview and its patches         pooling         pooling weight of each patch, by head
    crops           crops and their overlap              attention_mask  the mask with segments
    stitched        the stitched image of all crops      loss_mask       tokens that carry loss, in green
    attention       attention of the question's tokens   points          distribution of a point, by digit
    training        loss curve and samples of the run, if it kept them
"""
from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from minimolmo import draw
from minimolmo.answer import ask, default_weights, load
from minimolmo.command import run_command, say
from minimolmo.config import VIEWS, ImageConfig
from minimolmo.disk import check_not_given, write_image
from minimolmo.flow import Crops
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import stitch_ids, tile_image
from minimolmo.options import Parser, path_argument
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.viz.activations import Activations, record_activations, segment_mask

# Cut into crops instead of an image that is no larger than one crop.
LARGE_IMAGE = Path(__file__).resolve().parent.parent.parent / "data" / "pictures" / "backgrounds.png"
OTHER_QUESTIONS = ("Just a number: how many shapes?", "What does the picture show?")  # segments 2 and 3
COORDINATE = re.compile(r'([xy])[0-9]*="([0-9]*\.?[0-9]*)$')  # an unfinished one: its axis, its digits so far
MISSING = {"points": "the answer has no points. Try a question like \"Point to the red circle.\"",
           "training": "these weights come without loss.png and samples. Train, then name --weights=out/nano"}
BINS, MIN_BINS = 400, 6  # bins of a coordinate, 0 to 100 %; the fewest that an interval fills, to be visible


# Images and their crops.

def patch_images(crops: Crops, patch: int) -> np.ndarray:
    """The patches as images of patch x patch pixels: (C, S, patch, patch, 3) uint8."""
    pixels = crops.patches.reshape(*crops.patch_coverage.shape, patch, patch, 3)
    return np.rint(pixels).astype(np.uint8)


def image_grid(images: np.ndarray, columns: int, gap: int = 0) -> Image.Image:
    """Small images (n, h, w, 3) in rows, with `gap` pale pixels between them."""
    images = np.pad(images, ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=244)
    rows = images.reshape(-1, columns, *images.shape[1:])
    return Image.fromarray(np.concatenate(np.concatenate(rows.swapaxes(0, 1), axis=-2), axis=0))


def overview_image(crops: Crops, config: ImageConfig) -> Image.Image:
    """Crop 0, the overview, as the ViT receives it."""
    return image_grid(patch_images(crops, config.patch_size)[0], config.side)


def draw_patches(crops: Crops, config: ImageConfig) -> Image.Image:
    """Figure `patches`: the overview, whole and as separate patches."""
    side, patch = config.side, config.patch_size
    enlarged = patch_images(crops, patch)[0].repeat(5, axis=1).repeat(5, axis=2)  # the gaps stay sharp
    sizes = [f"{config.crop_size} x {config.crop_size} pixels",
             f"{side} x {side} patches of {patch} x {patch} pixels, each {3 * patch ** 2} numbers"]
    return draw.contact_sheet([
        (image_grid(enlarged, side), "the overview", sizes[:1], None),
        (image_grid(enlarged, side, gap=10), "its patches, the input of the ViT", sizes[1:], None)],
        columns=2, width=440)


def draw_crop_overlap(image: np.ndarray, crops: Crops) -> Image.Image:
    """Figure `crops`: the image with its crops, overlaps shaded."""
    picture = Image.fromarray(image)
    picture.thumbnail((720, 720))
    return draw.draw_crops(picture, crops.crop_boxes)


def stitched_image(crops: Crops, config: ImageConfig) -> Image.Image:
    """The pooling windows of the last grid's visual tokens, laid out like the image."""
    rows, cols = crops.token_grids[-1]
    patches = patch_images(crops, config.patch_size).reshape(-1, *[config.patch_size] * 2, 3)
    patches = np.pad(patches, ((0, 1), (0, 0), (0, 0), (0, 0)))  # -1, no patch, indexes the last: black
    windows = [image_grid(patches[window], config.pool) for window in crops.pool_idx[-rows * cols:]]
    return image_grid(np.stack([np.asarray(window) for window in windows]), cols)


def draw_stitching(crops: Crops, config: ImageConfig) -> Image.Image:
    """Figure `stitched`: the high-res crops, the stitched image, and the crop of each visual token."""
    rows, cols = crops.token_grids[-1]
    cut = [np.asarray(image_grid(crop, config.side)) for crop in patch_images(crops, config.patch_size)[1:]]
    crop_of = stitch_ids(crops.grid, config) // config.pooled_side ** 2
    return draw.contact_sheet([
        (image_grid(np.stack(cut), crops.grid[1], gap=6), f"{len(cut)} crops", ["neighbours overlap"], None),
        (stitched_image(crops, config), "the stitched image",
         [f"{rows} x {cols} visual tokens, without the overlap"], None),
        (draw.draw_grid(crop_of, 24), "the crop of each visual token", ["each crop has a colour"], None)],
        columns=3, width=330)


# Attention.

def draw_attention(activations: Activations, config: ImageConfig, num_blocks: int = 4,
                   num_tokens: int = 6) -> Image.Image:
    """Figure `attention`: a row for each of the question's last tokens, a column for each selected block."""
    image, depth, cards = overview_image(activations.crops, config), len(activations.attention), []
    blocks = np.linspace(0, depth - 1, min(num_blocks, depth)).round().astype(int).tolist()
    for token in question_tokens(activations)[-num_tokens:]:
        for block in blocks:
            weights = activations.attention[block].mean(dim=0)[token]                  # (T,)
            on_image = weights[activations.visual_positions()].sum().item()
            cards.append((draw.dim_by_heatmap(image, activations.overview_heat(block, token)),
                          f'"{activations.tokens[token].strip()}", block {block + 1} of {depth}',
                          [f"{on_image:.0%} of its attention is on visual tokens"], None))
    return draw.contact_sheet(cards, columns=len(blocks), width=230)


def question_tokens(activations: Activations) -> list[int]:
    """Indices of the first question's tokens that are words, without the roles "User" and "Assistant"."""
    sequence = activations.sequence
    indices = np.flatnonzero((sequence.segment_ids == 1) & (sequence.loss_weight == 0)).tolist()
    words = [activations.tokens[index].strip() for index in indices]
    return [index for index, word in zip(indices, words)
            if word.isalpha() and word not in ("User", "Assistant")]


def draw_pooling(activations: Activations, config: ImageConfig, max_heads: int = 3) -> Image.Image:
    """Figure `pooling`: the weight of each overview patch in its visual token, by head."""
    tokens = activations.crops.token_grids[0][0] * activations.crops.token_grids[0][1]
    pool_idx, side = activations.crops.pool_idx[:tokens], config.side
    windows = [f"{tokens} windows of {config.pool} x {config.pool} patches"]
    cards = [(overview_image(activations.crops, config), "the overview", windows, None)]
    for head in range(min(max_heads, activations.pooling.shape[1])):
        weights, by_patch = activations.pooling[:tokens, head].numpy(), np.zeros(side * side)
        by_patch[pool_idx[pool_idx >= 0]] = weights[pool_idx >= 0]
        cards.append((draw.draw_grid(by_patch.reshape(side, side), 320 // side), f"head {head + 1}",
                      [f"weights from {weights.min():.0%} (pale) to {weights.max():.0%} (dark); "
                       f"equal weights are {1 / pool_idx.shape[1]:.0%}"], None))
    return draw.contact_sheet(cards, columns=len(cards), width=240)


def draw_attention_mask(activations: Activations) -> Image.Image:
    """Figure `attention_mask`: a row is a query, a column is a key. The colour tells the key's segment."""
    names = [token.strip() or "_" for token in activations.tokens]
    cell = max(3, min(12, 900 // len(names)))
    return draw.draw_grid(segment_mask(activations.sequence), cell, names, names,
                          "Attention mask with segments: the image is blue, each other segment has a colour")


def draw_loss_mask(activations: Activations) -> Image.Image:
    """Figure `loss_mask`: every target token, green if it carries loss."""
    targets, weights = [*activations.tokens[1:], "[end]"], activations.sequence.loss_weight.tolist()
    title = f"{np.count_nonzero(weights)} of {len(targets)} tokens carry loss, weight {max(weights):.2f} each"
    return draw.draw_tokens(targets, weights, title=title)


# A point, digit by digit.

def point_digits(activations: Activations) -> list[tuple[int, str, str, str]]:
    """Each digit of the first point: (index of the token before it, axis, digits so far, digit)."""
    found, text = [], ""
    for index in np.flatnonzero(activations.sequence.segment_ids == 1)[:-1].tolist():
        text += activations.tokens[index]
        coordinate, following = COORDINATE.search(text), activations.tokens[index + 1]
        if coordinate and following in tuple("0123456789"):
            axis, digits = coordinate.groups()
            if found and found[-1][1] == "y" and axis == "x":
                break  # the second point begins
            found.append((index, axis, digits, following))
    return found


def digit_interval(digits: str, digit: int, whole: int) -> tuple[float, float]:
    """The interval of a coordinate with these digits and one more. `whole` digits precede the decimal point.

    >>> digit_interval("", 6, whole=2), digit_interval("6", 1, whole=2), digit_interval("61.", 5, whole=2)
    ((60.0, 70.0), (61.0, 62.0), (61.5, 61.6))
    """
    if "." in digits:
        start, step = float(digits + str(digit)), 10.0 ** -(len(digits) - digits.index("."))
    else:
        step = 10.0 ** (whole - len(digits) - 1)
        start = int(digits + str(digit)) * step
    return start, round(start + step, 6)


def draw_point_digits(activations: Activations, image: Image.Image,
                      tokenizer: Tokenizer) -> Image.Image | None:
    """Figure `points`: the predicted distribution of the first point, digit by digit. None without a point.

    For a digit of x, the heat map has columns. For a digit of y, it is limited to the columns of the known x.
    """
    ids, cards, known = [tokenizer.encode(str(digit))[-1] for digit in range(10)], [], {}
    steps = point_digits(activations)
    for index, axis, digits, digit in steps:
        whole = sum(step[1] == axis and "." not in step[2] for step in steps)
        probabilities, density = activations.logits[index].softmax(dim=-1)[ids], np.zeros(BINS)
        for candidate in range(10):
            bins = percent_to_bins(*digit_interval(digits, candidate, whole))
            density[bins] += probabilities[candidate].item()
        heat = np.outer(np.ones(BINS), density) if axis == "x" else np.outer(density, known["x"])
        known[axis] = np.zeros(BINS)
        known[axis][percent_to_bins(*digit_interval(digits, int(digit), whole))] = 1
        top = probabilities.argsort(descending=True)[:3].tolist()
        cards.append((draw.dim_by_heatmap(image, heat), f'{axis}="{digits}", next digit "{digit}"',
                      [", ".join(f'"{d}" {probabilities[d]:.0%}' for d in top)], None))
    return draw.contact_sheet(cards, columns=3, width=300) if cards else None


def percent_to_bins(start: float, stop: float) -> slice:
    """The bins of an interval in percent, at least MIN_BINS."""
    first = min(int(start / 100 * BINS), BINS - MIN_BINS)
    return slice(first, max(first + MIN_BINS, int(stop / 100 * BINS)))


# The run, and all figures.

def draw_training(run: Path, max_samples: int = 3) -> Image.Image | None:
    """Figure `training`: a run's loss curve above some of its samples. None if the run kept no loss curve."""
    samples = sorted((run / "samples").glob("*.png"))
    if not (run / "loss.png").exists():
        return None
    chosen = np.linspace(0, len(samples) - 1, min(max_samples, len(samples))).round().astype(int).tolist()
    paths = [run / "loss.png", *[samples[n] for n in chosen]]
    return draw.stack([Image.fromarray(open_image(path)) for path in paths])


def draw_all(image: np.ndarray, question: str, weights: Path,
             view: str | None = None) -> dict[str, Image.Image | None]:
    """All figures by name; None where there is nothing to draw: see MISSING."""
    model, tokenizer, config = load(weights)
    view, settings, questions = view or config.finetune.view, config.model.image, [question, *OTHER_QUESTIONS]
    answers = ask(model, tokenizer, [image] * len(questions), questions, view)
    dialogues = [(q, a.text) for q, a in zip(questions, answers)]
    activations = record_activations(model, tokenizer, image, dialogues, view)
    large = image if max(image.shape) > settings.crop_size else open_image(LARGE_IMAGE)
    crops = tile_image(large, settings, settings.max_crops("ground"))
    return {
        "patches": draw_patches(activations.crops, settings), "crops": draw_crop_overlap(large, crops),
        "stitched": draw_stitching(crops, settings), "attention": draw_attention(activations, settings),
        "pooling": draw_pooling(activations, settings), "attention_mask": draw_attention_mask(activations),
        "loss_mask": draw_loss_mask(activations), "training": draw_training(weights),
        "points": draw_point_digits(activations, Image.fromarray(image), tokenizer)}


def main(arguments: list[str]) -> None:
    """The command line: draw all figures and print their paths."""
    parser = Parser(description="Draw figures of how an image becomes an answer.")
    parser.add_argument("image", type=path_argument)
    parser.add_argument("question")
    parser.add_argument("--weights", type=path_argument,
                        help="a run's folder (default: out/nano if it is trained, else the released nano)")
    parser.add_argument("--view", choices=VIEWS, help="default: the one of training")
    parser.add_argument("--out", type=path_argument, default=Path("out/inside"), help="default: %(default)s")
    given = parser.parse_args(arguments)
    weights = given.weights or default_weights()
    given.out.mkdir(parents=True, exist_ok=True)
    figures = draw_all(open_image(given.image), given.question, weights, given.view)
    paths = {name: given.out / f"{name}.png" for name in figures}
    for path in paths.values():
        check_not_given(path, given.image)
    for name, figure in figures.items():
        path = paths[name]
        if figure:
            write_image(path, figure)
        say(f"drawn: {path}" if figure else f"no {name}: {MISSING[name]}")


if __name__ == "__main__":
    run_command(main)
