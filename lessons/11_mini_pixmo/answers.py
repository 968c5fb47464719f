"""The answers to lesson 11: the library's own functions, and slips that are easily made. Try first."""
import random
import zlib

from data import splits
from data.clocks import hands
from data.docs.grid import Grid, extremum_row_questions
from data.scenes import full_wording
from data.scenes.easy_wording import DIRECTIONS
from lessons.compare import compare, expect_equal
from minimolmo.flow import Thing

# hand_angles

def hand_angles(hour, minute, second):
    return tuple(map(float, hands.hand_angles(hour, minute, second)))


def check_hand_angles(yours):
    compare(yours, hand_angles, [dict(hour=hour, minute=minute, second=second) for hour, minute, second in
                           [(3, 0, 0), (12, 0, 0), (6, 30, 0), (12, 30, 0), (1, 0, 30), (10, 9, 33),
                            (11, 59, 59)]],
            because="The hour hand moves half a degree a minute, and the minute hand a tenth of a degree a "
                    "second.")


wrong_hand_angles = {
    "lets the hour hand jump from hour to hour": lambda hour, minute, second: (
        30.0 * (hour % 12), *hand_angles(hour, minute, second)[1:]),
    "puts twelve o'clock at 360 degrees": lambda hour, minute, second: (
        30.0 * hour + minute / 2 + second / 120, *hand_angles(hour, minute, second)[1:]),
    "lets the minute hand wait for the full minute": lambda hour, minute, second: (
        hand_angles(hour, minute, second)[0], 6.0 * minute, 6.0 * second),
}


# extremes

def extremes(names, values):
    grid = Grid("", "", "", tuple(names), ("",), ("",), tuple((value,) for value in values))
    questions = extremum_row_questions(grid, random.Random(0))
    return [(question.slots["most"], question.answer) for question in questions]


def check_extremes(yours):
    cases = [[3, 7], [7, 7], [3, 7, 7], [3, 3, 7], [1, 2, 1, 2], [-5, 0, 5], [4]]
    cases += [[random.Random(seed).randint(1, 6) for _ in range(6)] for seed in range(5)]
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    compare(yours, extremes, [dict(names=days[:len(values)], values=values) for values in cases],
            because="A value that two names share is left out, because the answer would not be exact.")


wrong_extremes = {
    "names the first of those that share": lambda names, values: [
        ("highest", names[values.index(max(values))]), ("lowest", names[values.index(min(values))])],
    "asks nothing if any two values are equal": lambda names, values: (
        extremes(names, values) if len(set(values)) == len(values) else []),
    "names the value, not its name": lambda names, values: [
        (most, str(values[names.index(name)])) for most, name in extremes(names, values)],
}


# left_of

def _on_side(direction, anchor, others, min_offset):
    things = [Thing("", str(number), x, y, 0.0, 0.0) for number, (x, y) in enumerate([*others, anchor])]
    scale = full_wording.MIN_OFFSET / min_offset  # the library has one minimum for all
    things = [Thing(t.kind, t.color, t.x * scale, t.y * scale, 0.0, 0.0) for t in things]
    found = full_wording.unambiguous_things_on_side(DIRECTIONS[direction], things[-1], tuple(things[:-1]))
    return [int(thing.color) for thing in found]


def left_of(anchor, others, min_offset):
    return _on_side("left of", anchor, others, min_offset)


def check_left_of(yours):
    cases = [[(20.0, 50.0)], [(80.0, 50.0)], [(20.0, 90.0), (80.0, 10.0)], [(47.0, 50.0)],
             [(20.0, 50.0), (47.0, 50.0)], [(20.0, 50.0), (53.0, 50.0)], [(20.0, 50.0), (50.0, 10.0)],
             [(44.0, 50.0)], [(56.0, 50.0), (10.0, 50.0)], []]
    cases = [dict(anchor=(50.0, 50.0), others=others, min_offset=6.0) for others in cases]
    cases.append(dict(anchor=(50.0, 20.0), others=[(20.0, 50.0)], min_offset=6.0))
    for seed in range(20):
        rng = random.Random(seed)
        others = [(rng.uniform(0, 100), rng.uniform(0, 100)) for _ in range(rng.randint(1, 4))]
        cases.append(dict(anchor=(50.0, 50.0), others=others, min_offset=10.0))
    compare(yours, left_of, cases,
            because="Left is a smaller x by more than `min_offset`. One unclear point makes the answer [].")


wrong_left_of = {
    "answers although another point is unclear": lambda anchor, others, min_offset: [
        number for number, (x, _) in enumerate(others) if anchor[0] - x > min_offset],
    "takes left for right": lambda anchor, others, min_offset: (
        _on_side("right of", anchor, others, min_offset)),
    "looks at y": lambda anchor, others, min_offset: _on_side("above", anchor, others, min_offset),
    "takes only points on the left for unclear": lambda anchor, others, min_offset: (
        [] if any(0 <= anchor[0] - x <= min_offset for x, _ in others) else
        [number for number, (x, _) in enumerate(others) if x < anchor[0] - min_offset]),
}


# train_or_val

def train_or_val(facts):
    return splits.train_or_val(facts)


def check_train_or_val(yours):
    cases = [0, 1, 7, "red circle", ("red", "circle"), ("red", "circle", 10.0)]
    compare(yours, train_or_val, [dict(facts=facts) for facts in cases + [f"cup {n}" for n in range(40)]],
            because="zlib.crc32(repr(facts).encode()) decides: val if it can be divided by 8.")
    many = [yours(("tree", number)) for number in range(4000)]
    expect_equal(many, [train_or_val(("tree", number)) for number in range(4000)], given="4,000 images",
                 because="About one in eight is val.")


wrong_train_or_val = {
    "swaps train and val": lambda facts: {"train": "val", "val": "train"}[train_or_val(facts)],
    "hashes the text without repr": lambda facts: "train" if zlib.crc32(str(facts).encode()) % 8 else "val",
    "takes one in ten": lambda facts: "train" if zlib.crc32(repr(facts).encode()) % 10 else "val",
}


# the three steps of make hint

HINTS = {
    "hand_angles": (
        "How many degrees does each hand move in one second?",
        "Turn the time into seconds since twelve. Then each hand is one division and perhaps a "
        "remainder.",
        "count the seconds since twelve; the hour hand needs 120 of them for a degree, the minute hand "
        "10.",
    ),
    "extremes": (
        "The answer is a list that may be empty, have one entry or two.",
        "Whether the highest is unique is a matter of counting, not of searching.",
        "values.count(max(values)) is the number of names that share it.",
    ),
    "left_of": (
        '"Clearly left", "clearly right", "not clear": three kinds of points.',
        "A single unclear point makes the whole answer empty.",
        "look for unclear points first.",
    ),
    "train_or_val": (
        "The same facts must give the same split today, tomorrow, and on another machine.",
        "From facts to text, from text to bytes, from bytes to a number, from the number to a word.",
        "import zlib. Python's own hash() of a text differs from run to run, and the split must not.",
    ),
}
