"""The answers to lesson 13: the library's own functions, and plausible mistakes. Try first."""
from types import SimpleNamespace

import numpy as np

from lessons.compare import compare, expect_equal
from minimolmo.batch import loader
from minimolmo.flow import Annotation
from minimolmo.text.prompts import OFTEN_UNTAGGED, to_messages

# sampling_weights


def sampling_weights(sizes, weights):
    return loader.sampling_weights(sizes, weights).tolist()


def check_sampling_weights(yours):
    cases = [([9], [1.0]), ([36, 4], [1.0, 1.0]), ([4, 4], [1.0, 3.0]), ([36, 16, 9, 4], [1.0] * 4),
             ([20_000, 14_000, 10_000, 8_000], [0.7, 1.6, 1.1, 0.7]), ([100, 400], [1.0, 0.0])]
    compare(yours, sampling_weights, [dict(sizes=sizes, weights=weights) for sizes, weights in cases],
            because="Weight times the square root of the size, and all together make 1.")


def _normalise(values):
    return [float(value / sum(values)) for value in values]


wrong_sampling_weights = {
    "goes by the size itself": lambda sizes, weights: _normalise([s * w for s, w in zip(sizes, weights)]),
    "puts the weight under the root": lambda sizes, weights: _normalise(
        [(s * w) ** 0.5 for s, w in zip(sizes, weights)]),
    "does not divide by the sum": lambda sizes, weights: [s ** 0.5 * w for s, w in zip(sizes, weights)],
}


# row_of

def row_of(draw, orders):
    size = len(orders[0])
    known = {0: (draw // size, np.array(orders[draw // size]))}
    return loader.Loader.row_of(SimpleNamespace(datasets=[range(size)], orders=known, seed=0), 0, draw)


def check_row_of(yours):
    orders = [[2, 0, 1], [1, 2, 0], [0, 2, 1]]
    rng = np.random.default_rng(0)
    longer = [rng.permutation(7).tolist() for _ in range(4)]
    cases = [dict(draw=draw, orders=orders) for draw in (0, 1, 2, 3, 4, 8)]
    cases += [dict(draw=draw, orders=longer) for draw in (6, 7, 20, 27)]
    compare(yours, row_of, cases, because="Every row once an epoch; the next epoch has its own order.")


wrong_row_of = {
    "repeats the first order in every epoch": lambda draw, orders: orders[0][draw % len(orders[0])],
    "swaps epoch and index": lambda draw, orders: orders[draw % len(orders)][
        draw // len(orders) % len(orders[0])],
    "counts draws from 1": lambda draw, orders: row_of(max(0, draw - 1), orders),
}


# user_message

def user_message(style, question, number):
    rng = SimpleNamespace(random=lambda: number)
    return to_messages(Annotation(style, question=question, answer="-"), "finetune", rng)[0]


def check_user_message(yours):
    cases = [("user_qa", 0.5), ("user_qa", 0.95), ("user_qa", 0.9), ("clocks", 0.5), ("charts", 0.99),
             ("count", 0.0), ("pointing", 0.91), ("long_caption", 0.89), ("point_explanations", 0.1)]
    compare(yours, user_message, [dict(style=s, question="How many?", number=n) for s, n in cases],
            because="The styles of people have no tag in 9 of 10 cases. All others always have one.")


def _message(tag, question):
    return f" User: {tag}{question} Assistant:"


wrong_user_message = {
    "never tags the styles of people": lambda style, question, number: _message(
        "" if style in OFTEN_UNTAGGED else f"{style}: ", question),
    "leaves out the tag at random for every style": lambda style, question, number: _message(
        "" if number < 0.9 else f"{style}: ", question),
    "tags in 9 of 10 cases": lambda style, question, number: _message(
        f"{style}: " if number < 0.9 or style not in OFTEN_UNTAGGED else "", question),
    "forgets the space at the beginning": lambda style, question, number: user_message(
        style, question, number)[1:],
}


# rows_per_dataset

def rows_per_dataset(seed, group, rows, weights):
    batch_size = rows // loader.GROUP_STEPS
    made = loader.Loader([range(1)] * len(weights), [1.0] * len(weights), None, batch_size, seed)
    made.sampling_weights = np.array(weights)
    made.sample_rows(group)
    return (made.drawn[group + 1] - made.drawn[group]).tolist()


def check_rows_per_dataset(yours):
    because = "The generator of a group comes from (seed, 0, group). Earlier draws play no part."
    weights = [0.5, 0.3, 0.2]
    for group in (0, 1, 1, 7, 0):  # one after another, and back again
        expect_equal(yours(1, group, 64, weights), rows_per_dataset(1, group, 64, weights), because=because,
                     given=f"seed = 1, group = {group}, rows = 64, weights = {weights}")
    compare(yours, rows_per_dataset, [dict(seed=s, group=g, rows=r, weights=[0.25] * 4)
                                      for s, g, r in [(2, 0, 8), (2, 5, 64), (9, 30, 256)]], because=because)


_shared = np.random.default_rng(1)
wrong_rows_per_dataset = {
    "goes on with one generator": lambda seed, group, rows, weights: _shared.multinomial(
        rows, weights).tolist(),
    "has the same generator for every group": lambda seed, group, rows, weights: np.random.default_rng(
        (seed, 0, 0)).multinomial(rows, weights).tolist(),
    "rounds the weights and draws nothing": lambda seed, group, rows, weights: [
        round(rows * weight) for weight in weights],
}


# the three steps of make hint

HINTS = {
    "sampling_weights": (
        "First one number for each dataset, then make them add up to 1.",
        "Only the size is under the root.",
        "the weight stands outside the root: a weight of 2 doubles the product.",
    ),
    "row_of": (
        "Write draws 0, 1, 2, ... above the entries of the orders, one after the other.",
        "Which epoch is draw 7 if a dataset has 3 rows, and the how-manieth draw of that epoch is it?",
        "divmod(draw, size) gives the epoch and the index in it.",
    ),
    "user_message": (
        "Two questions decide about the tag: which style, and which number.",
        "Build the tag first; it may be empty. The rest of the message is always the same.",
        "the number matters only for the styles of that list. Mind the space at the very beginning.",
    ),
    "rows_per_dataset": (
        "Everything that is random here comes from a generator that you make yourself.",
        "One draw gives the counts of all datasets at once; it has a name in statistics.",
        "generator.multinomial(rows, weights) draws; .tolist() makes plain numbers of it.",
    ),
}
