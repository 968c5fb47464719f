"""Painting of level full: an object fills its box, its centre has its colour, its silhouette is exact."""
import random

import numpy as np
import pytest
from PIL import Image

from data.scenes.backgrounds import BACKGROUNDS, draw_background
from data.scenes.objects import COLORS, KINDS, PATTERNS
from data.scenes.paint import is_mirrored, paint, silhouette
from minimolmo.flow import Thing

SIDE = 200  # pixels


def thing_of(kind: str, color: str = "red", pattern: str = "plain", word: str = "", x: float = 50.0) -> Thing:
    """An object whose box is 80 % of the image: pixels 20 to 180 when x is 50."""
    return Thing(kind, color, x, 50.0, 80.0, 80.0, pattern, word)


def painted(thing: Thing, background: tuple = (240, 240, 236), width: int = SIDE,
            height: int = SIDE) -> np.ndarray:
    """Pixels of the object alone on a background of one colour."""
    canvas = Image.new("RGB", (width, height), background)
    paint(canvas, thing, random.Random(f"{thing.kind} {thing.color}"))
    return np.asarray(canvas).astype(int)


def nearest(pixel: np.ndarray) -> str:
    """The name of the nearest colour to a pixel."""
    return min(COLORS, key=lambda name: np.square(pixel - COLORS[name]).sum())


def mask_of(thing: Thing, width: int = SIDE, height: int = SIDE) -> np.ndarray:
    """Its silhouette as booleans."""
    return np.asarray(silhouette(thing, width, height)) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_centre_shows_the_stated_colour(kind):
    """Ten colours, three patterns: the centre and four pixels 2 % of the width away from it."""
    for color in COLORS:
        for pattern in PATTERNS:
            pixels = painted(thing_of(kind, color, pattern, word="BAKERY"))
            for dx, dy in ((0, 0), (4, 0), (-4, 0), (0, 4), (0, -4)):
                assert nearest(pixels[100 + dy, 100 + dx]) == color, (color, pattern, dx, dy)


@pytest.mark.parametrize("kind", KINDS)
def test_a_silhouette_is_exactly_what_is_painted(kind):
    """Painted over black and over white, a covered pixel is the same; boxes on odd pixels, over the edge."""
    for x, y in ((50.0, 50.0), (33.37, 61.29), (92.0, 8.0)):
        thing = Thing(kind, "blue", x, y, 41.7, 33.3, "striped", "ZOO")
        over_black, over_white = (painted(thing, (v, v, v), width=211, height=157) for v in (0, 255))
        covered = (over_black == over_white).all(axis=2)
        assert covered.any() and np.array_equal(covered, mask_of(thing, width=211, height=157))


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_fills_its_box(kind):
    """All four sides to 2 of 200 pixels: otherwise a stated box or centre would be wrong."""
    ys, xs = np.nonzero(mask_of(thing_of(kind)))
    assert np.abs(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) - (20, 20, 180, 180)).max() <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_outline_separates_an_object_from_its_background(kind):
    """White on white and black on black: 95 % of the pixels on an edge differ from the background."""
    for color in ("white", "black"):
        thing = thing_of(kind, color)
        wide = np.pad(mask_of(thing), 1)
        inside = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
        edge = painted(thing, COLORS[color])[mask_of(thing) & ~inside]
        assert (np.abs(edge - COLORS[color]).max(axis=1) > 60).mean() > 0.95


def test_no_two_kinds_have_the_same_silhouette():
    """Stretched into the same box, also mirrored, two kinds have an intersection over union below 0.93."""
    masks = np.stack([mask_of(thing_of(kind)) for kind in KINDS])
    for other in (masks, masks[:, :, ::-1]):
        a, b = (m.reshape(len(KINDS), -1).astype(np.float32) for m in (masks, other))
        intersection = a @ b.T
        iou = intersection / (a.sum(axis=1)[:, None] + b.sum(axis=1) - intersection)
        np.fill_diagonal(iou, 0)
        i, j = np.unravel_index(iou.argmax(), iou.shape)
        assert iou.max() < 0.93, f"{list(KINDS)[i]} and {list(KINDS)[j]}: {iou.max():.3f}"


@pytest.mark.parametrize("pattern", ["striped", "dotted"])
def test_a_pattern_leaves_most_of_the_body_in_its_colour(pattern):
    """Of the pixels in the plain body's colour, 55 to 95 % are the same with the pattern."""
    for kind in KINDS:
        plain, patterned = (painted(thing_of(kind, "green", p)) for p in ("plain", pattern))
        body = (plain == plain[100, 100]).all(axis=2)
        kept = (plain == patterned).all(axis=2)[body].mean()
        assert 0.55 <= kept <= 0.95, f"{kind}: {kept:.2f}"


def test_the_same_input_gives_the_same_bytes_and_another_seed_another_shade():
    for kind in ("cat", "bicycle", "sign"):
        thing, canvas = thing_of(kind, word="STOP"), [Image.new("RGB", (90, 70)) for _ in range(3)]
        for picture, seed in zip(canvas, (1, 1, 2)):
            paint(picture, thing, random.Random(seed))
        assert canvas[0].tobytes() == canvas[1].tobytes() != canvas[2].tobytes()


def test_about_half_of_the_things_face_left_and_are_mirror_images():
    """`is_mirrored` depends on the object's own numbers. Rounding differs in a mirror image: 98 % agree."""
    birds = [thing_of("bird", x=50 + i) for i in range(-10, 11)]
    masks = {is_mirrored(bird): mask_of(bird)[20:180, 2 * int(bird.x) - 80:2 * int(bird.x) + 80]
             for bird in birds}
    assert 5 <= sum(map(is_mirrored, birds)) <= 16
    assert (masks[True][:, ::-1] == masks[False]).mean() > 0.98


def test_a_word_changes_the_sign_but_not_its_silhouette():
    blank, zoo, bus = (thing_of("sign", "blue", word=word) for word in ("", "ZOO", "BUS"))
    assert not np.array_equal(painted(blank), painted(zoo)) and not np.array_equal(painted(zoo), painted(bus))
    assert np.array_equal(mask_of(blank), mask_of(zoo))


@pytest.mark.parametrize("word, width", [("ZOO", 36), ("BAKERY", 66)])
def test_letters_are_nine_pixels_high_on_a_sign_that_is_large_enough(word, width):
    """Three letters on a sign 36 pixels wide, six on one of 66; painted twice as large, hence 18."""
    height = width / KINDS["sign"].aspect
    size = {"width": 2 * width, "height": round(2 * height)}
    blank, written = (painted(Thing("sign", "yellow", 50, 50, 100, 100, word=w), **size) for w in ("", word))
    rows = np.nonzero((blank != written).any(axis=(1, 2)))[0]
    assert rows.max() + 1 - rows.min() >= 18


def test_a_sign_too_small_for_letters_stays_blank():
    blank, written = (painted(Thing("sign", "yellow", 50, 50, 5, 5, word=word)) for word in ("", "BAKERY"))
    assert np.array_equal(blank, written)


def test_backgrounds_differ_and_have_the_requested_size():
    """Also for sizes that are prime numbers."""
    for size in ((200, 160), (37, 91), (1, 1)):
        pictures = [draw_background(background, *size, random.Random(1)) for background in BACKGROUNDS]
        assert {picture.size for picture in pictures} == {size} and {p.mode for p in pictures} == {"RGB"}
        assert size == (1, 1) or len({picture.tobytes() for picture in pictures}) == len(BACKGROUNDS)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_background_is_a_function_of_its_seed_and_has_no_colour_of_an_object(background):
    """Twenty seeds; no pixel is near red, green, blue, ...; white and black objects have an outline."""
    first, again, other = (draw_background(background, 120, 90, random.Random(seed)) for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    bright = np.array([color for name, color in COLORS.items() if name not in ("white", "black")])
    for seed in range(20):
        pixels = np.asarray(draw_background(background, 120, 90, random.Random(seed))).astype(int)
        distance = np.sqrt(np.square(pixels.reshape(-1, 1, 3) - bright).sum(axis=2))
        assert distance.min() > 40, f"{list(COLORS)[distance.min(axis=0).argmin()]}: {distance.min():.0f}"


def test_an_unknown_background_is_refused_with_the_list_of_backgrounds():
    with pytest.raises(ValueError, match="'moon' does not exist.*Try one of: field"):
        draw_background("moon", 10, 10, random.Random(1))


def test_there_are_34_kinds_or_more_and_every_background_has_12():
    assert len(KINDS) >= 34 and len({kind.plural for kind in KINDS.values()}) == len(KINDS)
    for background in BACKGROUNDS:
        assert sum(background in kind.backgrounds or not kind.backgrounds for kind in KINDS.values()) >= 12
