"""Paints photos of shapes cut from coloured paper, on a table or a cloth, whose content is known exactly.

    photo = take_photo(np.random.default_rng(0))
    photo.image, photo.papers

A photo is painted as a camera would take it: a table plane seen at an angle, its material, paper with uneven
edges and soft shadows, uneven light, a lens that blurs, a sensor's noise. paper_shapes.py makes a dataset.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data.scenes.easy import KINDS

PAPERS = {"red": (188, 38, 46), "green": (44, 138, 74), "blue": (42, 88, 182), "yellow": (236, 204, 62),
          "purple": (118, 60, 150), "orange": (232, 122, 38)}
SURFACES = ("wood", "wood", "cloth", "desk")
ASPECTS = (4 / 3, 3 / 4, 4 / 3, 1.0, 16 / 9)
SIZES = (120, 512)    # pixels of the longer side
WORKING_SIDE = 512    # pixels of the longer side while painting, or twice the photo's, if that is less
SHAPES = (1, 5)       # in one photo
SIDES = (0.15, 0.27)  # of a shape, as a fraction of the photo's shorter side
GAP = 2.5             # percent between two shapes' boxes, and to the photo's edge
GRID = 64             # cells of a noise texture, which repeats after them


@dataclass(frozen=True)
class Paper:
    """One cut shape, with its outline and the centre of its area in percent of the photo."""
    kind: str
    color: str
    x: float
    y: float
    outline: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Photo:
    """A painted photo, and what it shows."""
    image: Image.Image
    surface: str
    quality: int  # of its JPEG
    papers: tuple[Paper, ...]


def take_photo(rng: np.random.Generator) -> Photo:
    """Paint one photo; all random choices come from the generator."""
    longest, aspect = int(rng.integers(SIZES[0], SIZES[1] + 1)), ASPECTS[rng.integers(len(ASPECTS))]
    size = round(longest * min(1, aspect)), round(longest / max(1, aspect))
    working = max(160, min(WORKING_SIDE, 2 * longest)) / longest
    width, height = (round(side * working) for side in size)
    plane = tilted_plane(width / height, rng)
    papers = cut_papers(width, height, plane, rng)
    surface = SURFACES[rng.integers(len(SURFACES))]
    scene = SURFACE_PAINTERS[surface](*to_plane(plane, *pixel_grid(width, height)), rng)
    scene = lay_papers(scene, papers, rng) * light(width, height, rng)[..., None]
    image = develop(scene, size, rng)
    return Photo(image, surface, int(rng.integers(60, 93)), papers)


# The camera's view

def tilted_plane(aspect: float, rng: np.random.Generator) -> np.ndarray:
    """The homography (3, 3) from the photo, x and y in 0..1, to the table, where the photo is 1 high.

    The far edge of the photo shows more of the table than the near one.
    """
    tilt, turn, shift = rng.uniform(0, 0.4), rng.normal(0, 0.12), rng.normal(0, 0.03, 8)
    left, right = -aspect / 2, aspect / 2
    corners = np.array([[left * (1 + tilt), -0.5 - tilt / 3], [right * (1 + tilt), -0.5 - tilt / 3],
                        [right, 0.5], [left, 0.5]]) + shift.reshape(4, 2)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return homography(np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), corners @ rotation.T + rng.uniform(3, 9, 2))


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The (3, 3) matrix that maps four points (4, 2) to four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows, float), np.array(values)), 1).reshape(3, 3)


def to_plane(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Map coordinates by a homography."""
    u, v, w = np.tensordot(matrix, np.stack([x, y, np.ones_like(x)]), axes=1)
    return u / w, v / w


def pixel_grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of each pixel's centre, in 0..1: two arrays (height, width)."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return x, y


# Paper

def cut_papers(width: int, height: int, plane: np.ndarray, rng: np.random.Generator) -> tuple[Paper, ...]:
    """Different shapes at places where their boxes keep their distance from each other and from the edge."""
    pairs = [(color, kind) for color in PAPERS for kind in KINDS]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))[:rng.integers(SHAPES[0], SHAPES[1] + 1)]]
    papers, boxes = [], []
    for color, kind in pairs:
        for _ in range(60):
            outline = cut_outline(kind, rng.uniform(0.1, 0.9, 2), width, height, plane, rng)
            box = np.concatenate([outline.min(axis=0) - GAP, outline.max(axis=0) + GAP])
            apart = all((box[2:] < other[:2]).any() or (box[:2] > other[2:]).any() for other in boxes)
            if apart and box.min() >= 0 and box.max() <= 100:
                boxes.append(box)
                papers.append(Paper(kind, color, *(round(float(each), 2) for each in centroid(outline)),
                                    tuple((round(float(x), 2), round(float(y), 2)) for x, y in outline)))
                break
    return tuple(papers)


def cut_outline(kind: str, center: np.ndarray, width: int, height: int, plane: np.ndarray,
                rng: np.random.Generator) -> np.ndarray:
    """A shape's outline (n, 2) in percent of the photo: turned a little, cut by hand, seen at an angle."""
    corners = np.array(KINDS[kind]) - 0.5
    corners = corners + rng.normal(0, 0.014 if len(corners) > 8 else 0.025, corners.shape)
    steps = np.linspace(0, 1, max(2, 48 // len(corners)), endpoint=False)[:, None]
    following = np.roll(corners, -1, axis=0)
    points = np.concatenate([a + steps * (b - a) for a, b in zip(corners, following)])
    points = points + rng.normal(0, 0.005, points.shape)
    turn, scale = rng.normal(0, 0.15), rng.uniform(*SIDES) * min(width, height) / height
    turned = points @ np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) * scale
    u, v = to_plane(plane, *center[:, None])
    side = np.stack(to_plane(plane, *np.stack([center + [0, 0.01], center - [0, 0.01]], axis=1)))
    turned = turned * np.linalg.norm(side[:, 0] - side[:, 1]) / 0.02  # larger where the table is farther
    x, y = to_plane(np.linalg.inv(plane), u + turned[:, 0], v + turned[:, 1])
    return np.stack([x, y], axis=1) * 100


def centroid(outline: np.ndarray) -> np.ndarray:
    """The centre of a polygon's area: (n, 2) -> (2,)."""
    following = np.roll(outline, -1, axis=0)
    cross = outline[:, 0] * following[:, 1] - following[:, 0] * outline[:, 1]
    return ((outline + following) * cross[:, None]).sum(axis=0) / (3 * cross.sum())


def paper_mask(paper: Paper, width: int, height: int) -> Image.Image:
    """A shape's mask, in the photo's size: 255 where it is."""
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon([(x / 100 * width, y / 100 * height) for x, y in paper.outline], fill=255)
    return mask


def lay_papers(scene: np.ndarray, papers: tuple[Paper, ...], rng: np.random.Generator) -> np.ndarray:
    """The scene (height, width, 3) with the shapes on it: each casts a shadow, curls a little, has grain."""
    height, width = scene.shape[:2]
    toward, depth = rng.uniform(0, 2 * math.pi), rng.uniform(0.25, 0.6)
    x, y = pixel_grid(width, height)
    for paper in papers:
        mask, lift = paper_mask(paper, width, height), rng.uniform(0.004, 0.018) * width
        for distance, strength in ((lift * 0.3, 0.5 * depth), (lift, depth)):
            shadow = mask.filter(ImageFilter.GaussianBlur(distance * 0.8 + 0.4))
            moved = shift(shadow, distance * math.cos(toward), distance * math.sin(toward))
            scene = scene * (1 - strength * moved)[..., None]
        grain = 1 + 0.03 * (noise(x * width / height * 60, y * 60, rng) - 0.5) + rng.normal(0, 0.012, x.shape)
        slope = rng.normal(0, 0.35, 2)
        curl = 1 + slope[0] * (x - paper.x / 100) + slope[1] * (y - paper.y / 100)
        color = np.array(PAPERS[paper.color]) + rng.normal(0, 9, 3)
        cover = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.7)), float)[..., None] / 255
        scene = scene * (1 - cover) + cover * color * (grain * curl)[..., None]
    return scene


def shift(mask: Image.Image, dx: float, dy: float) -> np.ndarray:
    """A mask moved by so many pixels, as values in 0..1."""
    matrix = (1, 0, -dx, 0, 1, -dy)
    moved = mask.transform(mask.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(moved, float) / 255


# What lies below

def noise(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise in 0..1 whose cells are 1 wide and high, at coordinates u, v."""
    grid, i, j = rng.random((GRID, GRID)), np.floor(u).astype(int), np.floor(v).astype(int)
    s, t = (f * f * (3 - 2 * f) for f in (u - i, v - j))
    i, j, k, m = i % GRID, j % GRID, (i + 1) % GRID, (j + 1) % GRID
    return (grid[j, i] * (1 - s) + grid[j, k] * s) * (1 - t) + (grid[m, i] * (1 - s) + grid[m, k] * s) * t


def wood(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Planks with rings and fine grain."""
    if rng.random() < 0.5:
        u, v = v, u
    dark, pale = [((92, 60, 38), (150, 106, 68)), ((148, 112, 76), (206, 172, 128)),
                  ((70, 52, 42), (112, 88, 70)), ((176, 150, 116), (222, 200, 166))][rng.integers(4)]
    plank = np.floor(v * rng.uniform(2, 5))
    offset = rng.random(64)[plank.astype(int) % 64]
    bend = noise(u * 1.5 + 9 * offset, v * 5, rng)
    rings = 0.5 + 0.5 * np.sin(2 * math.pi * (v * 14 + 2.4 * bend + 5 * offset))
    grain = noise(u * 7, v * 160, rng)
    share = 0.3 * rings + 0.3 * grain + 0.25 * noise(u * 2, v * 30, rng) + 0.3 * (offset - 0.25)
    return np.array(dark) + share[..., None].clip(0, 1) * (np.array(pale) - np.array(dark))


def cloth(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A woven cloth with soft folds, sometimes with stripes."""
    base = [(196, 190, 178), (120, 128, 140), (72, 84, 112), (206, 196, 202), (150, 160, 140),
            (222, 218, 208)][rng.integers(6)]
    threads = rng.uniform(60, 130)
    weave = np.sin(2 * math.pi * u * threads) * np.sin(2 * math.pi * v * threads)
    folds = noise(u * 2.2 + v, v * 1.4, rng) + 0.5 * noise(u * 5, v * 5 + u, rng)
    shade = 0.84 + 0.07 * weave + 0.2 * folds / 1.5 + 0.06 * (noise(u * 200, v * 200, rng) - 0.5)
    color = np.array(base) * shade[..., None]
    if rng.random() < 0.4:
        stripe = (np.sin(2 * math.pi * u * rng.uniform(4, 9)) > rng.uniform(0.5, 0.9))[..., None]
        color = np.where(stripe, color * rng.uniform(0.75, 1.12, 3), color)
    return color


def desk(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A plain table top with specks and stains."""
    base = [(214, 212, 206), (176, 178, 182), (232, 228, 218), (96, 98, 104)][rng.integers(4)]
    specks = noise(u * 140, v * 140, rng)
    stains = 0.6 * noise(u * 3, v * 3, rng) + 0.4 * noise(u * 11, v * 11, rng)
    return np.array(base) * (0.95 + 0.1 * stains - 0.07 * (specks > 0.9))[..., None]


SURFACE_PAINTERS = {"wood": wood, "cloth": cloth, "desk": desk}


# Light and camera

def light(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """How bright each pixel is lit: a lamp or window at one side, darker corners, perhaps a hand's shadow."""
    x, y = pixel_grid(width, height)
    angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.4)
    level = 1 + strength * (math.cos(angle) * (x - 0.5) + math.sin(angle) * (y - 0.5))
    level = level * (1 - rng.uniform(0.1, 0.35) * ((x - 0.5) ** 2 + (y - 0.5) ** 2))
    if rng.random() < 0.35:
        edge = math.cos(angle + 2) * (x - 0.5) + math.sin(angle + 2) * (y - 0.5) - rng.uniform(0.15, 0.4)
        edge = edge + 0.12 * (noise(x * 3, y * 3, rng) - 0.5)
        level = level * (1 - rng.uniform(0.15, 0.4) / (1 + np.exp(-edge / rng.uniform(0.02, 0.08))))
    return level


def develop(scene: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """The photo of a scene (height, width, 3): lens, exposure, white balance, sensor, sharpening."""
    tint = rng.normal(1, 0.05) * np.array([1, 1, 1]) + np.array([1, 0, -1]) * rng.normal(0, 0.05)
    exposed = 255 * (scene * tint * rng.uniform(0.8, 1.15) / 255).clip(0, None) ** rng.uniform(0.85, 1.15)
    picture = Image.fromarray(np.clip(exposed, 0, 255).astype(np.uint8))
    sharp = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.0008, 0.003) * picture.width))
    soft = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.003, 0.008) * picture.width))
    _, y = pixel_grid(*picture.size)
    far = Image.fromarray((255 * (1 - y / rng.uniform(0.3, 0.9)).clip(0, 1)).astype(np.uint8))
    picture = Image.composite(soft, sharp, far).resize(size, Image.Resampling.LANCZOS)
    pixels, shape = np.asarray(picture, float), (size[1], size[0])
    sigma = rng.uniform(1.5, 6) * (1.4 - pixels.mean(axis=2) / 255)  # more in the dark
    pixels = pixels + (sigma * rng.normal(0, 1, shape))[..., None] + 0.5 * sigma[..., None] * rng.normal(
        0, 1, (*shape, 3))
    noisy = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return noisy.filter(ImageFilter.UnsharpMask(1.2, int(rng.uniform(20, 80)), 2))
