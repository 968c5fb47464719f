"""Answers to the page on the scaffold: the library's own functions, and likely mistakes. Try first."""
import torch

from lessons.compare import compare
from minimolmo.training import auxiliary


# tens_and_ones

def tens_and_ones(x, y):
    return auxiliary.tens_and_ones_digits(torch.tensor([[x, y]], dtype=torch.float64))[0].tolist()


def check_tens_and_ones(yours):
    cases = [dict(x=83.74, y=7.1), dict(x=0.0, y=50.0), dict(x=19.92, y=20.04), dict(x=19.96, y=20.04),
             dict(x=9.97, y=99.97), dict(x=100.0, y=0.04)]
    compare(yours, tens_and_ones, cases, because="Round to a tenth first, then drop the decimal; at most 99.")


def _digits(x, y):
    return [x // 10, x % 10, y // 10, y % 10]


wrong_tens_and_ones = {
    "drops the decimals without rounding": lambda x, y: _digits(min(int(x), 99), min(int(y), 99)),
    "rounds to a whole number": lambda x, y: _digits(min(round(x), 99), min(round(y), 99)),
    "begins with y": lambda x, y: tens_and_ones(y, x),
}


# referent

COLORS, KINDS = ("red", "blue", "green"), ("circle", "square", "triangle")
WORDS = {word: number for number, word in enumerate(("the", "and", *COLORS, *KINDS))}


def referent(before, word, things):
    ids = torch.tensor([[[WORDS[color], WORDS[kind]] for color, kind in things]]).view(1, len(things), 2)
    return int(auxiliary.resolve_referents(torch.tensor([[WORDS[before], WORDS[word]]]), ids)[0, 1])


def check_referent(yours):
    three = [("red", "circle"), ("blue", "square"), ("red", "triangle")]
    cases = [dict(before=before, word=word, things=three) for before, word in (
        ("the", "circle"), ("the", "red"), ("red", "triangle"), ("blue", "circle"), ("the", "blue"),
        ("the", "and"), ("green", "circle"))]
    two = [("red", "circle"), ("blue", "circle")]
    cases += [dict(before=before, word="circle", things=two) for before in ("the", "red", "blue")]
    cases += [dict(before="red", word="circle", things=[])]
    compare(yours, referent, cases, because="One object alone must fit; a color right before it, too.")


def _fitting(word, things):
    found = [n for n, thing in enumerate(things) if word in thing]
    return found[0] if len(found) == 1 else -1


wrong_referent = {
    "ignores the color before the kind": lambda before, word, things: _fitting(word, things),
    "takes the first of several": lambda before, word, things: next(
        (n for n, thing in enumerate(things) if word in thing), -1),
    "asks for the word before in every case": lambda before, word, things: next(
        (n for n, thing in enumerate(things) if before in thing and word in thing), -1),
}


# the three steps of make hint

HINTS = {
    "tens_and_ones": (
        "What does the answer's text say for 19.96? Its digits are asked for, not those of the exact number.",
        "Rounding can carry over into the tens. So round first, cut afterwards.",
        "whole = min(int(round(x * 10) / 10), 99), then whole // 10 and whole % 10.",
    ),
    "referent": (
        "List the objects that fit. The answer is one of them only if the list has one entry.",
        "Is the word before a color of *any* object? Then, for a kind, that color must fit, too.",
        "fits = word == color, or word == kind and (before is no color here, or before == color).",
    ),
}
