"""The answers to lesson 12: the library's own functions, and slips that are easily made. Try first."""
import math
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from lessons.compare import compare
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text import prompts
from minimolmo.training import optimizer

# length_hint

def length_hint(characters, noise):
    return prompts.length_hint(characters, noise)


def check_length_hint(yours):
    cases = [(15, 0.0), (29, 0.0), (5, 9.9), (1000, 0.0), (1000, -32.5), (1000, 9.9), (3, -25.0), (0, -0.5),
             (30, -0.5)]
    compare(yours, length_hint, [dict(characters=c, noise=n) for c, n in cases],
            because="The noise is rounded toward zero, the quotient down.")


wrong_length_hint = {
    "rounds to the nearest line": lambda characters, noise: round((characters + int(noise)) / 15),
    "rounds the quotient toward zero": lambda characters, noise: int((characters + int(noise)) / 15),
    "forgets the noise": lambda characters, noise: characters // 15,
    "rounds the noise down": lambda characters, noise: (characters + math.floor(noise)) // 15,
}


# batch_loss

def batch_loss(logits, targets, weight, total):
    model = SimpleNamespace(decoder=SimpleNamespace(logits=lambda hidden: hidden))  # the logits are given
    return MiniMolmo.loss(model, SimpleNamespace(loss_weight=weight, targets=targets), logits)[0] / total


def _case(weight, seed=0, pieces=1):
    weight = torch.tensor(weight)
    logits = torch.randn(*weight.shape, 3, generator=torch.Generator().manual_seed(seed))
    targets = torch.where(weight > 0, (logits * 10).long().sum(dim=-1) % 3, -1)
    return dict(logits=logits, targets=targets, weight=weight, total=float(weight.sum()) * pieces)


def check_batch_loss(yours):
    even = dict(logits=torch.zeros(1, 1, 2), targets=torch.tensor([[1]]), weight=torch.ones(1, 1), total=1.0)
    compare(yours, batch_loss, [
        even, _case([[0.0, 1.0]]), _case([[1.0, 1.0]], pieces=4), _case([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]),
        _case([[0.5, 0.5, 0.0], [0.0, 1.0, 1.0]], 1), _case([[0.0] * 5 + [0.7] * 5, [1.0] * 10], 2, 3)],
        because="A sum over answer tokens, each times its weight, divided by the whole batch's weight.")


def _tokens(logits, targets, weight):
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=-1)
    return losses.view(weight.shape) * weight


def _mean_of_means(logits, targets, weight, total):
    return (_tokens(logits, targets, weight).sum(dim=1) / weight.sum(dim=1)).mean()


wrong_batch_loss = {
    "divides by the weights of this micro-batch alone": lambda logits, targets, weight, total: _tokens(
        logits, targets, weight).sum() / weight.sum(),
    "takes the mean of each sequence's mean": _mean_of_means,
    "counts every token once, whatever its weight": lambda logits, targets, weight, total: _tokens(
        logits, targets, (weight > 0).float()).sum() / total,
}


# learning_rate

def learning_rate(step, steps, peak, warmup):
    return optimizer.learning_rate(step, steps, peak, warmup)


def check_learning_rate(yours):
    small = [dict(step=s, steps=100, peak=1.0, warmup=10) for s in (10, 5, 1, 100, 55, 30)]
    molmo = [dict(step=s, steps=22_300, peak=2e-4, warmup=w) for s in (1, 199, 200, 1999, 9000, 22_300)
             for w in (200, 2000)]
    scaled = [{**case, "peak": case["peak"] * 1e4} for case in molmo]  # so that no tolerance hides them
    compare(yours, learning_rate, small + scaled,
            because="Up in a straight line, then along half a cosine to a tenth of the peak.")


def _cosine(step, steps, peak, start, floor=0.1):
    return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * (step - start) / (steps - start))) / 2)


wrong_learning_rate = {
    "falls to zero": lambda step, steps, peak, warmup: (
        peak * step / warmup if step < warmup else _cosine(step, steps, peak, warmup, floor=0.0)),
    "begins the cosine at step 0": lambda step, steps, peak, warmup: (
        peak * step / warmup if step < warmup else _cosine(step, steps, peak, 0)),
    "has no warm-up": lambda step, steps, peak, warmup: _cosine(max(step, warmup), steps, peak, warmup),
}


# clip_gradients

def clip_gradients(gradients, max_norm):
    parameters = [torch.nn.Parameter(torch.zeros(len(part), dtype=torch.float64)) for part in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = torch.from_numpy(gradient)
    groups = [{"params": [parameter], "name": name} for name, parameter in zip(optimizer.PARTS, parameters)]
    optimizer.clip_gradients(SimpleNamespace(param_groups=groups), max_norm)
    return [parameter.grad.numpy().round(5) for parameter in parameters]


def check_clip_gradients(yours):
    random = np.random.default_rng(0)
    parts = [[[3.0, 4.0]], [[0.3, 0.4]], [[3.0, 4.0], [0.3, 0.4]], [[0.0, 0.0], [30.0, 40.0]],
             [[-3.0, 4.0], [5.0, 12.0], [0.6]]]
    cases = [dict(gradients=[np.array(part) for part in case], max_norm=1.0) for case in parts]
    cases.append(dict(gradients=[random.normal(size=n) for n in (3, 5, 2)], max_norm=0.5))
    compare(yours, clip_gradients, cases, tolerance=1e-4,
            because="Each part separately, only if its norm is too large, and in its own direction.")


def _scaled(gradients, max_norm, norms):
    return [gradient * min(1.0, max_norm / (norm + 1e-6)) for gradient, norm in zip(gradients, norms)]


wrong_clip_gradients = {
    "clips all parts by their common norm": lambda gradients, max_norm: _scaled(
        gradients, max_norm, [np.linalg.norm(np.concatenate(gradients))] * len(gradients)),
    "clips each number instead of the norm": lambda gradients, max_norm: [
        gradient.clip(-max_norm, max_norm) for gradient in gradients],
    "lengthens short gradients too": lambda gradients, max_norm: [
        gradient * max_norm / (np.linalg.norm(gradient) + 1e-6) for gradient in gradients],
}


# the three steps of make hint

HINTS = {
    "length_hint": (
        "Two roundings, in two directions. Try them on negative numbers.",
        "Round the noise before you add it.",
        "int(...) rounds toward zero, // rounds down. They differ on negative numbers.",
    ),
    "batch_loss": (
        "Throw away the positions without weight first: their targets are not tokens.",
        "The sum is divided by a number that you are given, not by a mean over what you see.",
        "logits[weight > 0] is (positions, N). torch.nn.functional.cross_entropy(..., "
        'reduction="none").',
    ),
    "learning_rate": (
        "Two pieces of a curve: a straight line, then half a wave of the cosine.",
        "What does the cosine give at progress 0 and at progress 1? So the rate goes from where to "
        "where?",
        "at step `warmup` the progress is 0 and the rate is the peak. `steps` is larger than `warmup` "
        "here.",
    ),
    "clip_gradients": (
        "Each part is clipped as if the others were not there.",
        "Only parts that are too long change, and their direction stays.",
        "np.linalg.norm(part). A norm of 0 is below `max_norm`: do not divide by it.",
    ),
}
