"""The answers to lesson 13: the library's own functions, and slips that are easily made. Try first."""
from types import SimpleNamespace

import numpy as np

from lessons.compare import compare, expect_equal
from minimolmo.batch import loader
from minimolmo.flow import Annotation
from minimolmo.text.prompts import OFTEN_UNTAGGED, to_messages

# portions


def portions(sizes, weights):
    return loader.shares(sizes, weights).tolist()


def check_portions(yours):
    cases = [([9], [1.0]), ([36, 4], [1.0, 1.0]), ([4, 4], [1.0, 3.0]), ([36, 16, 9, 4], [1.0] * 4),
             ([20_000, 14_000, 10_000, 8_000], [0.7, 1.6, 1.1, 0.7]), ([100, 400], [1.0, 0.0])]
    compare(yours, portions, [dict(sizes=sizes, weights=weights) for sizes, weights in cases],
            because="Weight times the square root of the size, and all together make 1.")


def _share(values):
    return [float(value / sum(values)) for value in values]


wrong_portions = {
    "goes by the size itself": lambda sizes, weights: _share([s * w for s, w in zip(sizes, weights)]),
    "puts the weight under the root": lambda sizes, weights: _share(
        [(s * w) ** 0.5 for s, w in zip(sizes, weights)]),
    "does not divide by the sum": lambda sizes, weights: [s ** 0.5 * w for s, w in zip(sizes, weights)],
}


# page

def page(turn, orders):
    size = len(orders[0])
    known = {0: (turn // size, np.array(orders[turn // size]))}
    return loader.Loader.row(SimpleNamespace(datasets=[range(size)], orders=known, seed=0), 0, turn)


def check_page(yours):
    orders = [[2, 0, 1], [1, 2, 0], [0, 2, 1]]
    random = np.random.default_rng(0)
    longer = [random.permutation(7).tolist() for _ in range(4)]
    cases = [dict(turn=turn, orders=orders) for turn in (0, 1, 2, 3, 4, 8)]
    cases += [dict(turn=turn, orders=longer) for turn in (6, 7, 20, 27)]
    compare(yours, page, cases, because="Every page once a round; the next round has an order of its own.")


wrong_page = {
    "walks the first order again in every round": lambda turn, orders: orders[0][turn % len(orders[0])],
    "swaps round and place": lambda turn, orders: orders[turn % len(orders)][
        turn // len(orders) % len(orders[0])],
    "counts turns from 1": lambda turn, orders: page(max(0, turn - 1), orders),
}


# user_message

def user_message(style, question, draw):
    dice = SimpleNamespace(random=lambda: draw)
    return to_messages(Annotation(style, question=question, answer="-"), "finetune", dice)[0]


def check_user_message(yours):
    cases = [("user_qa", 0.5), ("user_qa", 0.95), ("user_qa", 0.9), ("clocks", 0.5), ("charts", 0.99),
             ("count", 0.0), ("pointing", 0.91), ("long_caption", 0.89), ("point_explanations", 0.1)]
    compare(yours, user_message, [dict(style=s, question="How many?", draw=d) for s, d in cases],
            because="The styles of people go without in 9 of 10 cases. All others always have a tag.")


def _message(tag, question):
    return f" User: {tag}{question} Assistant:"


wrong_user_message = {
    "never tags the styles of people": lambda style, question, draw: _message(
        "" if style in OFTEN_UNTAGGED else f"{style}: ", question),
    "throws the dice for every style": lambda style, question, draw: _message(
        "" if draw < 0.9 else f"{style}: ", question),
    "tags in 9 of 10 cases": lambda style, question, draw: _message(
        f"{style}: " if draw < 0.9 or style not in OFTEN_UNTAGGED else "", question),
    "forgets the space at the beginning": lambda style, question, draw: user_message(
        style, question, draw)[1:],
}


# hours

def hours(seed, group, rows, shares):
    made = loader.Loader([range(1)] * len(shares), [1.0] * len(shares), None, rows // loader.GROUP, seed)
    made.shares = np.array(shares)
    made.draw(group)
    return (made.drawn[group + 1] - made.drawn[group]).tolist()


def check_hours(yours):
    because = "The dice of a group come from (seed, 0, group): what was asked before plays no part."
    shares = [0.5, 0.3, 0.2]
    for group in (0, 1, 1, 7, 0):  # one after another, and back again
        expect_equal(yours(1, group, 64, shares), hours(1, group, 64, shares), because=because,
                     given=f"seed = 1, group = {group}, rows = 64, shares = {shares}")
    compare(yours, hours, [dict(seed=s, group=g, rows=r, shares=[0.25] * 4)
                           for s, g, r in [(2, 0, 8), (2, 5, 64), (9, 30, 256)]], because=because)


_diary = np.random.default_rng(1)
wrong_hours = {
    "goes on with one generator": lambda seed, group, rows, shares: _diary.multinomial(rows, shares).tolist(),
    "has the same dice for every group": lambda seed, group, rows, shares: np.random.default_rng(
        (seed, 0, 0)).multinomial(rows, shares).tolist(),
    "rounds the shares and throws no dice": lambda seed, group, rows, shares: [
        round(rows * share) for share in shares],
}
