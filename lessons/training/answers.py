"""Answers to the page on training. Try first."""
import math

import torch

from lessons.compare import compare


# tried_gradient

def tried_gradient(loss, weight, tiny):
    return (loss(weight + tiny) - loss(weight - tiny)) / (2 * tiny)


def check_tried_gradient(yours):
    cases = [dict(loss=square, weight=3.0, tiny=0.5), dict(loss=cube, weight=2.0, tiny=1e-3),
             dict(loss=cube, weight=-1.0, tiny=0.5), dict(loss=square, weight=0.0, tiny=0.25)]
    compare(yours, tried_gradient, cases,
            because="The change of the loss over the change of the weight, to both sides.")


def square(weight):
    return weight * weight


def cube(weight):
    return weight ** 3


wrong_tried_gradient = {
    "divides by tiny and not by the distance": lambda loss, weight, tiny: (
        loss(weight + tiny) - loss(weight - tiny)) / tiny,
    "goes to one side only": lambda loss, weight, tiny: (loss(weight + tiny) - loss(weight)) / tiny,
    "subtracts the other way round": lambda loss, weight, tiny: (
        loss(weight - tiny) - loss(weight + tiny)) / (2 * tiny),
}


# descend

def descend(gradient, weight, rate, steps):
    weights = [weight]
    for _ in range(steps):
        weights.append(weights[-1] - rate * gradient(weights[-1]))
    return weights


def check_descend(yours):
    cases = [dict(gradient=slope, weight=8.0, rate=0.25, steps=3),
             dict(gradient=slope, weight=1.0, rate=0.1, steps=0),
             dict(gradient=valley, weight=0.5, rate=0.05, steps=6),
             dict(gradient=slope, weight=1.0, rate=1.5, steps=4)]
    compare(yours, descend, cases,
            because="Each step subtracts rate times the gradient at the present weight.")


def slope(weight):
    return 2.0 * weight


def valley(weight):
    return 4.0 * (2.0 * weight - 6.0)


def _descend_uphill(gradient, weight, rate, steps):
    return descend(gradient, weight, -rate, steps)


def _descend_from_the_start(gradient, weight, rate, steps):
    return [weight - n * rate * gradient(weight) for n in range(steps + 1)]


wrong_descend = {
    "adds the gradient and climbs": _descend_uphill,
    "uses the first gradient in every step": _descend_from_the_start,
    "leaves out the weight before the first step": lambda gradient, weight, rate, steps: descend(
        gradient, weight, rate, steps)[1:],
}


# cross_entropy

def cross_entropy(scores, right):
    logits = torch.tensor(scores, dtype=torch.float64)
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(right)))


def check_cross_entropy(yours):
    cases = [dict(scores=[0.0, 0.0, 0.0, 0.0], right=2), dict(scores=[math.log(3), 0.0], right=0),
             dict(scores=[math.log(3), 0.0], right=1), dict(scores=[2.0, -1.0, 0.5], right=1),
             dict(scores=[1000.0, 990.0], right=1), dict(scores=[1000.0, 0.0], right=0)]
    compare(yours, cross_entropy, cases, because="Minus the logarithm of the softmax at the right choice.")


def _log_sum(scores):
    largest = max(scores)
    return largest + math.log(sum(math.exp(score - largest) for score in scores))


wrong_cross_entropy = {
    "forgets the minus": lambda scores, right: scores[right] - _log_sum(scores),
    "takes the largest instead of the right one": lambda scores, right: _log_sum(scores) - max(scores),
    "gives the probability and not its logarithm": lambda scores, right: math.exp(
        scores[right] - _log_sum(scores)),
}


# the three steps of make hint

HINTS = {
    "tried_gradient": (
        "Measure the loss at two places. How far apart are they?",
        "A slope is a height divided by a length.",
        "(loss(weight + tiny) - loss(weight - tiny)) / (2 * tiny).",
    ),
    "descend": (
        "The list begins with the weight that you were given.",
        "The gradient is asked for anew in each step, at the newest weight.",
        "weights.append(weights[-1] - rate * gradient(weights[-1])), steps times.",
    ),
    "cross_entropy": (
        "Scores become probabilities by the softmax (lesson 03 has it for attention).",
        "The logarithm of a quotient is a difference: you never need the probability itself.",
        "log(sum of exp(score - largest)) - (scores[right] - largest).",
    ),
}
