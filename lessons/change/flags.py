"""flags: a data set of our own in mini-PixMo's format, three stripes and questions about them.

    python -m lessons.change.flags                   draws data/flags/easy: train, val, novel
    python train.py --mix.flags=1 ...                trains with it
"""
from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from PIL import Image, ImageDraw

from data.generate import DATA_FOLDER, DatasetSpec, write_dataset
from data.scenes.easy import COLORS, SHADE_JITTER, SUPERSAMPLE, Scene
from data.splits import train_or_val
from minimolmo.command import run_command
from minimolmo.flow import Annotation, Thing
from minimolmo.options import Parser, count_argument, path_argument

SIDE = 64                                            # pixels along the picture
WIDTH, STRIPE = (30, 54), (10, 17)                   # pixels: width of a flag, height of one stripe
PLACES = "top", "middle", "bottom"
# Colours that touch in split novel alone, in both orders: else "Is red above green?" would be "no" too often.
HELD_OUT = {("red", "green"), ("green", "red")}

COLOR = ("What color is the {place} stripe?", "Which color is the {place} stripe?",
         "what color is the {place} stripe")
PLACE = ("Which stripe is {color}?", "Where is the {color} stripe?", "which stripe is {color}")
ABOVE = ("Is {a} above {b}?", "Is the {a} stripe above the {b} one?", "is {a} above {b}")


@dataclass(frozen=True)
class Flag:
    """Three stripes of different colours, from top to bottom. `style_seed` seeds what carries no fact."""
    colors: tuple[str, str, str]
    style_seed: int
    columns: ClassVar[dict] = {}
    suffix: ClassVar[str] = ".png"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width of the flag and height of one stripe, in pixels. They follow from the seed."""
        rng = random.Random(self.style_seed)
        width, stripe = rng.randint(*WIDTH), rng.randint(*STRIPE)
        return rng.randint(2, SIDE - width - 2), rng.randint(2, SIDE - 3 * stripe - 2), width, stripe

    @property
    def things(self) -> tuple[Thing, ...]:
        """The stripes, for the auxiliary losses: centre and size in percent of the picture."""
        left, top, width, stripe = (value * 100 / SIDE for value in self.box)
        return tuple(Thing("stripe", color, left + width / 2, top + (row + 0.5) * stripe, width, stripe)
                     for row, color in enumerate(self.colors))

    def draw(self) -> Image.Image:
        """Draw the flag as an RGB image of 64 x 64 pixels, on the background of the easy scenes."""
        background = Scene(SIDE, SIDE, self.style_seed, things=()).draw()
        canvas = background.resize((SIDE * SUPERSAMPLE,) * 2, Image.Resampling.NEAREST)
        pen, rng = ImageDraw.Draw(canvas), random.Random(self.style_seed)
        left, top, width, stripe = (value * SUPERSAMPLE for value in self.box)
        for row, color in enumerate(self.colors):
            shade = tuple(min(255, max(0, channel + rng.randint(-SHADE_JITTER, SHADE_JITTER)))
                          for channel in COLORS[color])
            pen.rectangle((left, top + row * stripe, left + width - 1, top + (row + 1) * stripe - 1), shade)
        return canvas.reduce(SUPERSAMPLE)


def split_of(colors: tuple[str, ...]) -> str:
    """The split of a flag. It depends on the colours alone, so no flag is in two splits."""
    return "novel" if HELD_OUT & set(zip(colors, colors[1:])) else train_or_val(colors)


def random_flag(split: str, rng: random.Random) -> Flag:
    """A flag of the split, with random colours and look."""
    while True:
        flag = Flag(tuple(rng.sample(list(COLORS), len(PLACES))), rng.getrandbits(32))
        if split_of(flag.colors) == split:
            return flag


def make_example(level, split: str, rng: random.Random) -> tuple[Flag, list[Annotation]]:
    """One flag with three questions: a colour, a place, and a comparison, each in a random wording."""
    flag, row = random_flag(split, rng), rng.randrange(len(PLACES))
    color, place = flag.colors[row], PLACES[row]
    a, b = rng.sample(flag.colors, 2)                # each order is as likely, so yes is as common as no
    is_above = flag.colors.index(a) < flag.colors.index(b)
    questions = [(COLOR, color), (PLACE, place), (ABOVE, "yes" if is_above else "no")]
    slots = dict(color=color, place=place, a=a, b=b)
    return flag, [Annotation("user_qa", question=rng.choice(wordings).format(**slots), answer=answer)
                  for wordings, answer in questions]


def main(arguments: list[str]) -> None:
    """The command line: draw this data set."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=count_argument(), default=2000,
                        help="of split train (default: %(default)s)")
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER, help="folder of the datasets")
    given = parser.parse_args(arguments)
    spec = DatasetSpec("flags", "easy", seed=1, num_images=dict(train=given.images, val=128, novel=128))
    write_dataset(spec, make_example, given.folder)


if __name__ == "__main__":
    run_command(main)
