"""The exercises of lessons 09 to 18, written out from their stubs' rules: the second part of solutions.py."""
from __future__ import annotations

import math
import re
import zlib

import numpy as np
import torch
from torch.nn import functional as F

OFTEN_UNTAGGED = ("point_count", "pointing", "user_qa", "long_caption", "count")
NUMBER_WORDS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
                "fifteen sixteen seventeen eighteen nineteen twenty").split()


# 09_decoder

def rotate(x, position, theta):
    d = len(x)
    angle = position * theta ** (-torch.arange(0, d, 2) / d)
    a, b = x[:d // 2], x[d // 2:]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()])


def kv_head_of(heads, kv_heads):
    shared = heads // kv_heads
    return [head // shared for head in range(heads)]


def swiglu(x, gate, up, down):
    z = x @ gate.T
    valve = z / (1 + torch.exp(-z))
    return (valve * (x @ up.T)) @ down.T


def attend_with_cache(q, k, v, keys, values):
    keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    weights = (keys @ q / math.sqrt(len(q))).softmax(dim=0)
    return weights @ values, keys, values


# 10_booths

def segment_mask(segments):
    segments = torch.tensor(segments)
    no_later = torch.ones(len(segments), len(segments), dtype=torch.bool).tril()
    return no_later & ((segments[:, None] == segments[None]) | (segments == 0)[None])


def position_ids(num_image_tokens, lengths):
    positions, segments = list(range(num_image_tokens)), [0] * num_image_tokens
    for number, length in enumerate(lengths, 1):
        positions += range(num_image_tokens, num_image_tokens + length)
        segments += [number] * length
    return positions, segments


def loss_weights(num_image_tokens, annotations, root):
    weight = math.sqrt(1 / len(annotations)) if root else 1.0
    weights = [0.0] * num_image_tokens
    for question, answer in annotations:
        weights += [0.0] * question + [weight] * (answer + 1)
    return weights[1:]


def find_leaks(visible, segments):
    leaks, allowed = [], segment_mask(segments)
    for query in range(len(segments)):
        for key in range(len(segments)):
            if visible[query, key] and not allowed[query, key]:
                leaks.append((query, key))
    return leaks


# 11_mini_pixmo

def hand_angles(hour, minute, second):
    seconds = (hour % 12) * 3600 + minute * 60 + second
    return seconds / 120, seconds % 3600 / 10, second * 6.0


def extremes(names, values):
    questions = []
    for most, value in (("highest", max(values)), ("lowest", min(values))):
        if values.count(value) == 1:
            questions.append((most, names[values.index(value)]))
    return questions


def left_of(anchor, others, min_offset):
    found = []
    for number, (x, _) in enumerate(others):
        if abs(x - anchor[0]) <= min_offset:
            return []
        if x < anchor[0] - min_offset:
            found.append(number)
    return found


def train_or_val(facts):
    return "val" if zlib.crc32(repr(facts).encode()) % 8 == 0 else "train"


# 12_captions

def length_hint(characters, noise):
    return (characters + int(noise)) // 15


def batch_loss(logits, targets, weight, total):
    log_probability = logits.log_softmax(dim=-1)
    loss = -log_probability.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return (loss * weight).sum() / total


def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    progress = (step - warmup) / (steps - warmup)
    return 0.1 * peak + 0.9 * peak * (1 + math.cos(math.pi * progress)) / 2


def clip_gradients(gradients, max_norm):
    clipped = []
    for gradient in gradients:
        norm = np.sqrt((gradient ** 2).sum())
        clipped.append(gradient * max_norm / norm if norm > max_norm else gradient)
    return clipped


# 13_mixture

def sampling_weights(sizes, weights):
    parts = [math.sqrt(size) * weight for size, weight in zip(sizes, weights)]
    return [part / sum(parts) for part in parts]


def row_of(draw, orders):
    size = len(orders[0])
    return orders[draw // size][draw % size]


def user_message(style, question, number):
    tag = "" if style in OFTEN_UNTAGGED and number < 0.9 else style + ": "
    return " User: " + tag + question + " Assistant:"


def rows_per_dataset(seed, group, rows, weights):
    rng = np.random.default_rng((seed, 0, group))
    return rng.multinomial(rows, weights).tolist()


# 14_scores

def count_hits(predicted, target, radius):
    if not predicted or not target:
        return 0
    first, others = predicted[0], predicted[1:]
    best = count_hits(others, target, radius)
    for i in range(len(target)):
        if abs(first - target[i]) <= radius:
            best = max(best, 1 + count_hits(others, target[:i] + target[i + 1:], radius))
    return best


def parse_count(text):
    text = text.lower().strip(" ").rstrip(".")
    last = text.split(" ")[-1]
    if last == "none":
        return 0
    if last in NUMBER_WORDS:
        return NUMBER_WORDS.index(last)
    if re.fullmatch("[0-9]{1,6}", last):
        return int(last)
    total = re.search("total of ([0-9]+)", text)
    return int(total[1]) if total else None


def within_five_minutes(predicted, target):
    first, second = ([int(part) for part in text.split(":")] for text in (predicted, target))
    way = (first[0] * 60 + first[1] - second[0] * 60 - second[1]) % 720
    return min(way, 720 - way) <= 5


def facts_in(text, colors, kinds, places):
    facts = set()
    for sentence in text.lower().split("."):
        objects = re.findall(rf"\b({'|'.join(colors)}) ({'|'.join(kinds)})\b", sentence)
        found = re.findall(rf"\bthe ({'|'.join(places)})\b", sentence)
        facts |= {(color, kind, place) for (color, kind), place in zip(objects, found)}
    return facts


# 15_ablations

def gain_and_spread(base, variant):
    gain = sum(variant) / len(variant) - sum(base) / len(base)
    return gain, max(max(base) - min(base), max(variant) - min(variant))


def verdict(gained, spread, before, after):
    if abs(gained) <= spread:
        return "too close"
    return "yes" if gained * (after - before) > 0 else "no"


def stack(features, pool_idx):
    gathered = features[pool_idx.clamp(min=0)] * (pool_idx >= 0)[..., None]
    return gathered.flatten(1)


# 16_fast

def block_flops(tokens, width, heads, kv_heads, mlp):
    kv_width = kv_heads * width // heads
    numbers = width * width + 2 * width * kv_width + width * width + 3 * width * mlp
    return 2 * tokens * numbers + 2 * (2 * tokens * tokens * width)


def padded_lengths(lengths, batch_size, buckets):
    padded = []
    for start in range(0, len(lengths), batch_size):
        longest = max(lengths[start:start + batch_size])
        padded.append(next((bucket for bucket in buckets if bucket >= longest), longest))
    return padded


def scaled_losses(losses):
    tokens = sum(len(own) for own in losses)
    return [sum(own) / tokens * len(losses) for own in losses]


def shard_rows(rows, rank, world):
    size = -(-rows // world)
    first = min(rank * size, rows)
    return first, min(size, rows - first)


# 17_molmo

def block_parameters(width, heads, kv_heads, mlp, bias):
    kv_width = kv_heads * width // heads
    total = 2 * width * width + 2 * width * kv_width + 3 * width * mlp + 2 * width
    if bias:
        total += width + 2 * kv_width
    return total


def split_up_gate(ff_proj):
    half = len(ff_proj) // 2
    return ff_proj[:half], ff_proj[half:]


def mixture_of_experts(x, router, gate, up, down, top_k):
    rows = []
    for token in x:
        weights = (router @ token).softmax(dim=0)
        total = torch.zeros(x.shape[1])
        for e in weights.argsort(descending=True)[:top_k].tolist():
            total = total + weights[e] * ((F.silu(gate[e] @ token) * (up[e] @ token)) @ down[e])
        rows.append(total)
    return torch.stack(rows)


def cache_bytes(tokens, layers, heads, kv_heads, width):
    return tokens * layers * kv_heads * (width // heads) * 2 * 2


# 18_own

def merge_adapter(weight, down, up):
    return weight + 2 * (up @ down)


def training_bytes(rows, columns, rank):
    if rank is None:
        return 16 * rows * columns
    return 2 * rows * columns + 16 * rank * (rows + columns)


def points_in_window(points, left, top, right, bottom):
    return [((x - left) * 100 / (right - left), (y - top) * 100 / (bottom - top)) for x, y in points]
