"""The answers to lesson 11: the library's own functions, and slips that are easily made. Try first."""
import random
import zlib

from data.clocks.hands import hand_angles
from data.docs.grid import Grid, extremum_questions
from data.scenes import full_wording
from data.scenes.easy_wording import DIRECTIONS
from data.splits import train_or_val
from lessons.compare import compare, expect_equal
from minimolmo.flow import Thing

# hands

def hands(hour, minute, second):
    return tuple(map(float, hand_angles(hour, minute, second)))


def check_hands(yours):
    compare(yours, hands, [dict(hour=hour, minute=minute, second=second) for hour, minute, second in
                           [(3, 0, 0), (12, 0, 0), (6, 30, 0), (12, 30, 0), (1, 0, 30), (10, 9, 33),
                            (11, 59, 59)]],
            because="Each hand creeps on with the next: half a degree an hour hand's minute, a tenth of a "
                    "degree a minute hand's second.")


wrong_hands = {
    "lets the hour hand jump from hour to hour": lambda hour, minute, second: (
        30.0 * (hour % 12), *hands(hour, minute, second)[1:]),
    "puts twelve o'clock at 360 degrees": lambda hour, minute, second: (
        30.0 * hour + minute / 2 + second / 120, *hands(hour, minute, second)[1:]),
    "lets the minute hand wait for the full minute": lambda hour, minute, second: (
        hands(hour, minute, second)[0], 6.0 * minute, 6.0 * second),
}


# extremes

def extremes(names, values):
    grid = Grid("", "", "", tuple(names), ("",), ("",), tuple((value,) for value in values))
    return [(ask.slots["most"], ask.answer) for ask in extremum_questions(grid, random.Random(0))]


def check_extremes(yours):
    cases = [[3, 7], [7, 7], [3, 7, 7], [3, 3, 7], [1, 2, 1, 2], [-5, 0, 5], [4]]
    cases += [[random.Random(seed).randint(1, 6) for _ in range(6)] for seed in range(5)]
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    compare(yours, extremes, [dict(names=days[:len(values)], values=values) for values in cases],
            because="A recipe answers exactly, or it does not ask: what two share is left out.")


wrong_extremes = {
    "names the first of those that share": lambda names, values: [
        ("highest", names[values.index(max(values))]), ("lowest", names[values.index(min(values))])],
    "is silent altogether if any two values are alike": lambda names, values: (
        extremes(names, values) if len(set(values)) == len(values) else []),
    "names the value, not its name": lambda names, values: [
        (most, str(values[names.index(name)])) for most, name in extremes(names, values)],
}


# clearly_left

def _clearly(way, anchor, others, clear):
    things = [Thing("", str(number), x, y, 0.0, 0.0) for number, (x, y) in enumerate([*others, anchor])]
    scale = full_wording.MIN_OFFSET / clear  # the library has one margin for all
    things = [Thing(t.kind, t.color, t.x * scale, t.y * scale, 0.0, 0.0) for t in things]
    return [
        int(thing.color)
        for thing in full_wording.things_on_side(DIRECTIONS[way], things[-1], tuple(things[:-1]))
    ]


def clearly_left(anchor, others, clear):
    return _clearly("left of", anchor, others, clear)


def check_clearly_left(yours):
    middle = (50.0, 50.0)
    cases = [[(20.0, 50.0)], [(80.0, 50.0)], [(20.0, 90.0), (80.0, 10.0)], [(47.0, 50.0)],
             [(20.0, 50.0), (47.0, 50.0)], [(20.0, 50.0), (53.0, 50.0)], [(20.0, 50.0), (50.0, 10.0)],
             [(44.0, 50.0)], [(56.0, 50.0), (10.0, 50.0)], []]
    for others in cases:
        compare(yours, clearly_left, [dict(anchor=middle, others=others, clear=6.0)],
                because="Left is a smaller x by more than `clear`; one thing in doubt, and nothing is said.")
    for seed in range(20):
        rng = random.Random(seed)
        others = [(rng.uniform(0, 100), rng.uniform(0, 100)) for _ in range(rng.randint(1, 4))]
        compare(yours, clearly_left, [dict(anchor=middle, others=others, clear=10.0)],
                because="Left is a smaller x by more than `clear`; one thing in doubt, and nothing is said.")


wrong_clearly_left = {
    "names those that are clear, though others are in doubt": lambda anchor, others, clear: [
        number for number, (x, _) in enumerate(others) if anchor[0] - x > clear],
    "takes left for right": lambda anchor, others, clear: _clearly("right of", anchor, others, clear),
    "looks at y": lambda anchor, others, clear: _clearly("above", anchor, others, clear),
    "doubts those on the left alone": lambda anchor, others, clear: (
        [] if any(0 <= anchor[0] - x <= clear for x, _ in others) else
        [number for number, (x, _) in enumerate(others) if x < anchor[0] - clear]),
}


# split

def split(facts):
    return train_or_val(facts)


def check_split(yours):
    cases = [0, 1, 7, "red circle", ("red", "circle"), ("red", "circle", 10.0)]
    compare(yours, split, [dict(facts=facts) for facts in cases + [f"cup {n}" for n in range(40)]],
            because="zlib.crc32(repr(facts).encode()) decides: val if 8 divides it.")
    many = [yours(("tree", number)) for number in range(4000)]
    expect_equal(many, [split(("tree", number)) for number in range(4000)], given="4,000 pictures",
                 because="About one in eight is val.")


wrong_split = {
    "swaps train and val": lambda facts: {"train": "val", "val": "train"}[split(facts)],
    "hashes the text without repr": lambda facts: "train" if zlib.crc32(str(facts).encode()) % 8 else "val",
    "takes one in ten": lambda facts: "train" if zlib.crc32(repr(facts).encode()) % 10 else "val",
}
