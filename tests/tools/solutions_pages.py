"""The exercises of the pages without a number, written out: the third part of solutions.py."""
from __future__ import annotations

import math

import numpy as np
import torch

from minimolmo.image.tiler import choose_grid
from minimolmo.model.attention import repeat_kv
from minimolmo.text.prompts import TEMPLATES


# training

def tried_gradient(loss, weight, tiny):
    return (loss(weight + tiny) - loss(weight - tiny)) / (2 * tiny)


def descend(gradient, weight, rate, steps):
    weights = [weight]
    for _ in range(steps):
        weights.append(weights[-1] - rate * gradient(weights[-1]))
    return weights


def cross_entropy(scores, right):
    largest = max(scores)
    return math.log(sum(math.exp(score - largest) for score in scores)) - (scores[right] - largest)


# bootstrap

def tens_and_ones(x, y):
    digits = []
    for value in (x, y):
        whole = min(int(round(value * 10) / 10), 99)
        digits += [whole // 10, whole % 10]
    return digits


def referent(before, word, things):
    colors = [color for color, _ in things]
    fits = []
    for number, (color, kind) in enumerate(things):
        if word == color or (word == kind and (before not in colors or before == color)):
            fits.append(number)
    return fits[0] if len(fits) == 1 else -1


# traps

def attention_mask(query_segments, key_segments):
    order = torch.arange(key_segments.shape[1])
    causal = order <= order[-query_segments.shape[1]:, None]
    allowed = (key_segments == 0)[:, None, :] | (query_segments[:, :, None] == key_segments[:, None, :])
    return (causal & allowed)[:, None]


def attention(q, k, v, visible=None):
    batch, heads, length, size = q.shape
    k, v = repeat_kv(k, heads), repeat_kv(v, heads)
    scores = q @ k.transpose(-2, -1) / size ** 0.5
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ v


def pad_targets(targets, weights):
    shape = len(targets), max(len(row) for row in targets)
    target, weight = np.full(shape, -1), np.zeros(shape, np.float32)
    for number, (row, own) in enumerate(zip(targets, weights)):
        target[number, :len(row)], weight[number, :len(row)] = row, own
    return target, weight


def rotary_angles(position, head_size, theta):
    frequencies = theta ** (-torch.arange(0, head_size, 2).float() / head_size)
    angles = (position[:, :, None] * frequencies).repeat(1, 1, 2)[:, None]
    return angles.cos(), angles.sin()


def patch_coverage(overview, crops):
    coverage = np.full((1 + len(crops), overview.shape[1]), -1.0)
    coverage[0] = overview[0]
    coverage[1:] = crops
    return coverage


def grid_for_image(image, config, max_crops):
    width, height = image.size
    return choose_grid(height, width, config, max_crops)


def fill_template(number, label):
    templates = TEMPLATES["point_count"]
    return templates[number % len(templates)].format(label=label)


def round_to_tenth(percent):
    return round(percent * 10) / 10


# inside

def cover(image, row, column, side):
    size, covered = len(image) // side, image.copy()
    covered[row * size:(row + 1) * size, column * size:(column + 1) * size] = image.mean(axis=(0, 1))
    return covered


def needed(losses):
    return (losses[1:] - losses[0]).clamp(min=0).T


# change

def nearest_color(color, colors):
    distances = {name: sum(abs(a - b) for a, b in zip(color, other)) for name, other in colors.items()}
    name = min(distances, key=distances.get)
    return name, distances[name]


def split_of(colors, held_out, checksum):
    if any(pair in held_out for pair in zip(colors, colors[1:])):
        return "novel"
    return "val" if checksum % 8 == 0 else "train"


def mean_pool(features, pool_idx):
    found = features[pool_idx.clamp(min=0)] * (pool_idx >= 0)[..., None]
    return found.sum(dim=1) / pool_idx.shape[1]


# worlds

def time_of(short_hand, long_hand):
    minute = round(long_hand / 6) % 60
    hour = round((short_hand - minute / 2) / 30) % 12
    return hour or 12, minute


def bar_values(painted, step):
    heights, before = [], False
    for column in painted.T:
        height = int(column.sum())
        if height and before:
            heights[-1] = max(heights[-1], height)
        elif height:
            heights.append(height)
        before = height > 0
    return [round(height / step) for height in heights]


def best_guess(train, test):
    answers = {}
    for question, answer in train:
        answers.setdefault(question, []).append(answer)
    best = {question: max(given, key=given.count) for question, given in answers.items()}
    right = [best.get(question) == answer for question, answer in test]
    return sum(right) / len(right) if right else 0.0
