"""clocks at level easy: a dial with a short thick hour hand and a long coloured minute hand, 64 x 64 pixels.

An `EasyClock` is the only source of the picture and of the answers. Its lengths are pixels of the picture;
parts of the dial are measured in radii of the dial, as in `pen.py`.
"""
from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from PIL import Image

from data.clocks.hands import hand_angles
from data.clocks.pen import Color, Pen, XY, dial_point
from data.clocks.time_wording import digital_time, in_hours_and_minutes, in_words
from data.scenes.easy import COLORS, SUPERSAMPLE, Scene
from data.splits import train_or_val
from minimolmo.flow import Annotation, Thing

Time = tuple[int, int]  # hour 1 to 12, minute 0 to 59

SIDE = 64                     # pixels along the picture
RADIUS = 22, 30               # half the width of a round dial, pixels
SQUARE_RADIUS = 22, 29        # a square dial that leans needs more room
SQUARE_REACH = 1.07           # from its centre to its most distant side when it leans, radii
MAX_TILT = 4.0                # degrees to either side

HOUR_LENGTH, MINUTE_LENGTH = 0.48, 0.76     # radii of the dial
HOUR_WIDTH, MINUTE_WIDTH = 0.15, 0.085
RIM_WIDTH = 0.07
MARKS_RADIUS = 0.81, 0.91     # inner and outer end of an hour mark
TIP_BOX = 10                  # pixels along the labelled box around the tip of a hand


class Face(NamedTuple):
    """The colours of a dial, and the name of its hour hand's colour."""
    dial: Color
    ink: Color
    rim: Color
    accent: Color   # of the mark at twelve, on every other clock
    hour_hand: str


HOUR_HANDS: dict[str, Color] = {"black": (24, 26, 34), "white": (246, 246, 242)}
FACES = {
    "paper": Face((252, 252, 248), (52, 58, 72), (66, 74, 92), (206, 24, 40), "black"),
    "cream": Face((252, 240, 212), (92, 68, 48), (134, 92, 58), (134, 92, 58), "black"),
    "mint": Face((222, 242, 230), (36, 84, 74), (58, 128, 110), (24, 96, 84), "black"),
    "sky": Face((220, 234, 250), (48, 72, 112), (84, 118, 170), (32, 70, 150), "black"),
    "night": Face((32, 40, 68), (176, 188, 214), (150, 162, 190), (250, 250, 250), "white"),
    "slate": Face((44, 46, 52), (190, 190, 186), (24, 24, 28), (240, 190, 90), "white"),
}
MARKS = ("bars", "dots", "quarters")  # bars for all hours; dots with four bars; four dots among thin bars

# Each hour lacks one sector of five minutes, and each sector one hour: 12 of the 144 combinations.
HELD_OUT = {hour: (5 * hour + 2) % 12 for hour in range(1, 13)}
TIMES = [(hour, minute) for hour in range(1, 13) for minute in range(60)]

# The slot {} names the format of the answer; "" means figures.
TELL_TIME = ("What time is it{}?", "What is the time{}?", "What does the clock say{}?", "Read the clock{}.",
             "Tell me the time{}.", "what time is it{}")
FIGURES, WORDS, LONG = ("", "", "", " in figures"), (" in words",), (" in hours and minutes",)
HOUR = ("What hour is it?", "Which hour is it?", "Only the hour, please.", "Read the hour alone.",
        "just the hour")
MINUTE = ("What minute is it?", "Which minute is it?", "Only the minutes, please.", "Read the minutes alone.",
          "just the minutes")
HALF = ("Is it before or after half past?", "Before or after half past?", "Half past: before or after?",
        "half past: is it before or after")
CHECK = ("Is it {}?", "Is the time {}?", "Does the clock say {}?", "is it {}")
NUM_MORE_QUESTIONS = 2, 3  # besides the time in figures


@dataclass(frozen=True)
class EasyClock:
    """One clock. `style_seed` seeds the background, which carries no facts."""
    hour: int           # 1 to 12
    minute: int
    minute_color: str
    face: str
    square: bool
    marks: str
    has_accent: bool
    x: float            # centre and radius of the dial, pixels
    y: float
    radius: float
    tilt: float         # degrees clockwise
    style_seed: int
    columns: ClassVar[dict] = {}
    suffix: ClassVar[str] = ".png"

    @property
    def things(self) -> tuple[Thing, Thing]:
        """The tips of the two hands: the centre of a box is the tip."""
        hour_tip, minute_tip = (dial_point(angle + self.tilt, length * self.radius) for angle, length in
                                zip(self.angles, (HOUR_LENGTH, MINUTE_LENGTH)))
        return (self._tip("hour", FACES[self.face].hour_hand, hour_tip),
                self._tip("minute", self.minute_color, minute_tip))

    @property
    def angles(self) -> XY:
        """Degrees of the hour hand and the minute hand, clockwise from the mark at twelve."""
        return hand_angles(self.hour, self.minute, 0)[:2]

    def _tip(self, kind: str, color: str, tip: XY) -> Thing:
        x, y, side = (round(100 * value / SIDE, 2) for value in (self.x + tip[0], self.y + tip[1], TIP_BOX))
        return Thing(kind, color, x, y, side, side)

    def draw(self) -> Image.Image:
        """Draw the clock as an antialiased RGB image."""
        background = Scene(SIDE, SIDE, self.style_seed, things=()).draw()
        canvas = background.resize((SIDE * SUPERSAMPLE,) * 2, Image.Resampling.NEAREST)
        center = self.x * SUPERSAMPLE, self.y * SUPERSAMPLE
        pen, face = Pen(canvas, center, self.radius * SUPERSAMPLE, self.tilt), FACES[self.face]
        draw_dial(pen, face, self.square)
        draw_marks(pen, face, self.marks, self.has_accent)
        hour_angle, minute_angle = self.angles
        # The hour hand comes last, so that no tip is ever hidden.
        draw_hand(pen, minute_angle, MINUTE_LENGTH, MINUTE_WIDTH, COLORS[self.minute_color])
        draw_hand(pen, hour_angle, HOUR_LENGTH, HOUR_WIDTH, HOUR_HANDS[face.hour_hand])
        pen.disc(0, 0, 0.75 * HOUR_WIDTH, HOUR_HANDS[face.hour_hand])
        return canvas.reduce(SUPERSAMPLE)


def draw_dial(pen: Pen, face: Face, square: bool) -> None:
    """Draw the rim and the dial inside it."""
    for radius, fill in ((1.0, face.rim), (1 - RIM_WIDTH, face.dial)):
        if square:
            pen.box(-radius, -radius, radius, radius, fill)
        else:
            pen.disc(0, 0, radius, fill)


def draw_marks(pen: Pen, face: Face, marks: str, has_accent: bool) -> None:
    """Draw the twelve hour marks. The one at twelve is a wide bar, in the accent colour if there is one."""
    inner, outer = MARKS_RADIUS
    for hour in range(1, 12):
        angle, is_quarter = 30 * hour, hour % 3 == 0
        if marks == "bars" or is_quarter == (marks == "dots"):
            width = 0.07 if is_quarter else 0.04
            pen.bar(dial_point(angle, inner), dial_point(angle, outer), width, face.ink)
        else:
            middle = dial_point(angle, (inner + outer) / 2)
            pen.disc(*middle, 0.06 if is_quarter else 0.035, face.ink)
    pen.bar((0, -inner + 0.03), (0, -outer), 0.17, face.accent if has_accent else face.ink)


def draw_hand(pen: Pen, angle: float, length: float, width: float, fill: Color) -> None:
    """Draw a straight hand with round ends. Its tip is the centre of the outer end's circle."""
    tip = dial_point(angle, length)
    pen.bar((0, 0), tip, width, fill)
    pen.disc(*tip, width / 2, fill)


def is_held_out(time: Time) -> bool:
    """Whether the combination of hour and five-minute sector belongs to the split `novel` alone."""
    hour, minute = time
    return minute // 5 == HELD_OUT[hour]


def split_of(clock: EasyClock) -> str:
    """The split of a clock. It depends on time, face and the minute hand's colour only."""
    if is_held_out((clock.hour, clock.minute)):
        return "novel"
    return train_or_val((clock.hour, clock.minute, clock.face, clock.minute_color))


def random_clock(split: str, rng: random.Random) -> EasyClock:
    """A clock with random time (of the split), look and position."""
    times = [time for time in TIMES if is_held_out(time) == (split == "novel")]
    while True:
        minute_color, square = rng.choice(list(COLORS)), rng.random() < 0.4
        face = rng.choice([name for name in FACES if is_visible(minute_color, FACES[name])])
        clock = EasyClock(*rng.choice(times), minute_color, face, square, rng.choice(MARKS),
                          rng.random() < 0.5, *_random_placement(square, rng), rng.getrandbits(32))
        if split_of(clock) == split:
            return clock


def is_visible(minute_color: str, face: Face) -> bool:
    """Whether a hand of this colour stands out: yellow does so on dark dials only."""
    return minute_color != "yellow" or face.hour_hand == "white"


def _random_placement(square: bool, rng: random.Random) -> tuple[float, float, float, float]:
    """x, y and radius in pixels, and tilt in degrees. The dial is always inside the picture."""
    radius = round(rng.uniform(*(SQUARE_RADIUS if square else RADIUS)), 2)
    reach = radius * (SQUARE_REACH if square else 1)
    x, y = (round(rng.uniform(reach, SIDE - reach), 2) for _ in range(2))
    return x, y, radius, round(rng.uniform(-MAX_TILT, MAX_TILT), 1)


def make_example(split: str, rng: random.Random) -> tuple[EasyClock, list[Annotation]]:
    """One clock with three or four questions: the time in figures, and others about the time."""
    clock = random_clock(split, rng)
    figures = tell_time(FIGURES, digital_time(clock.hour, clock.minute), rng)
    more = rng.sample(other_questions(clock, rng), rng.randint(*NUM_MORE_QUESTIONS))
    return clock, [Annotation("clocks", question=rng.choice(wordings), answer=answer)
                   for wordings, answer in (figures, *more)]


def other_questions(clock: EasyClock, rng: random.Random) -> list[tuple[list[str], str]]:
    """(wordings, answer) of every question about this clock except the time in figures."""
    time = clock.hour, clock.minute
    is_true = rng.random() < 0.5
    asked = digital_time(*(time if is_true else wrong_time(time, rng)))
    questions = [tell_time(WORDS, in_words(*time), rng), tell_time(LONG, in_hours_and_minutes(*time), rng),
                 (HOUR, str(clock.hour)), (MINUTE, str(clock.minute)),
                 ([wording.format(asked) for wording in CHECK], "yes" if is_true else "no")]
    if clock.minute not in (0, 30):  # at 0 both half hours are equally near
        questions.append((HALF, "before" if clock.minute < 30 else "after"))
    return questions


def tell_time(formats: tuple[str, ...], answer: str, rng: random.Random) -> tuple[list[str], str]:
    """(wordings, answer) of the question for the time in a format."""
    return [wording.format(rng.choice(formats)) for wording in TELL_TIME], answer


def wrong_time(time: Time, rng: random.Random) -> Time:
    """Another time, distributed like the right ones. In half of the cases only one hand is elsewhere.

    A held-out time is replaced by a held-out one, and a time of `train` and `val` by another of theirs.
    """
    others = [other for other in TIMES if other != time and is_held_out(other) == is_held_out(time)]
    one_hand = [other for other in others if other[1] == time[1] or
                other[0] == time[0] and abs(other[1] - time[1]) >= 5]
    return rng.choice(one_hand if one_hand and rng.random() < 0.5 else others)
