"""The exercises of lessons 00 to 08, written out from their stubs' rules as a learner might.

Each solves the stub of the same name, for mutants.py. answers.py calls the library: little to mutate there.
"""
from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import torch


# 00_map

def num_image_tokens(token_grids):
    total = 0
    for rows, columns in token_grids:
        total += 2 + rows * (columns + 1)
    return total


def shapes(crop_size, patch_size, pool, vision_width, decoder_width):
    side = crop_size // patch_size
    windows = math.ceil(side / pool)
    return [(side * side, patch_size * patch_size * 3), (side * side, 2 * vision_width),
            (windows * windows, decoder_width)]


def generate(next_logits, eos, max_new_tokens):
    tokens = []
    while len(tokens) < max_new_tokens:
        logits = next_logits(tokens)
        token = logits.index(max(logits))
        if token == eos:
            break
        tokens.append(token)
    return tokens


# 01_data

def select_points(things, color, kind):
    points = []
    for c, k, x, y in things:
        if (color == "" or c == color) and (kind == "" or k == kind):
            points.append((x, y))
    return points


def region(x, y):
    column, row = int(x * 3 // 100), int(y * 3 // 100)
    names = [["top left", "top", "top right"], ["left", "center", "right"],
             ["bottom left", "bottom", "bottom right"]]
    return names[row][column]


def to_row(style, label="", answer="", points=()):
    row = {"style": style, "label": label, "answer": answer, "points": points}
    keep_points = style in ("pointing", "point_count")
    return {key: value for key, value in row.items() if value or (key == "points" and keep_points)}


# 02_patches

def to_patches(image, patch_size):
    side = len(image)
    patches = []
    for top in range(0, side, patch_size):
        for left in range(0, side, patch_size):
            patches.append(image[top:top + patch_size, left:left + patch_size].reshape(-1))
    return np.stack(patches)


def normalise_pixels(pixels, mean, std):
    return (pixels / 255 - mean) / std


def sincos_position(column, row, width):
    n = width // 4
    f = 10.0 ** (-torch.arange(n) / n)
    return torch.cat([torch.sin(column * f), torch.cos(column * f), torch.sin(row * f), torch.cos(row * f)])


def embed_patches(patches, weight, class_token, positions):
    vectors = patches @ weight.T
    return torch.cat([class_token[None], vectors], dim=0) + positions


# 03_attention

def attention_weights(query, keys):
    scores = keys @ query / math.sqrt(query.shape[0])
    return scores.softmax(dim=-1)


def split_heads(x, heads):
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).transpose(1, 2)


def attention(q, k, v, visible=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if visible is not None:
        scores = scores.masked_fill(~visible, -torch.inf)
    return scores.softmax(dim=-1) @ v


# 04_vit

def layer_norm(x, eps=1e-5):
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred ** 2).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + eps)


def vision_block(x, weights, mlp):
    x = x + weights @ layer_norm(x)
    return x + layer_norm(x) @ mlp


def concat_layers(outputs, layers):
    first, second = outputs[layers[0]], outputs[layers[1]]
    return np.concatenate([first, second], axis=1)[1:]


def match_patches(side, boxes, min_overlap):
    step, result = 100 / side, np.full((side, side), -1)
    for row in range(side):
        for column in range(side):
            best = 0.0
            for number, (x, y, width, height) in enumerate(boxes):
                wide = min((column + 1) * step, x + width / 2) - max(column * step, x - width / 2)
                high = min((row + 1) * step, y + height / 2) - max(row * step, y - height / 2)
                overlap = max(wide, 0) * max(high, 0) / min(step * step, width * height)
                if overlap >= min_overlap and overlap > best:
                    best = overlap
                    result[row, column] = number
    return result


# 05_views

def starts(count, side, overlap):
    return [n * (side - overlap) for n in range(count)]


def keep(count, side, left, right):
    kept = []
    for n in range(count):
        first, last = 0, side
        if n > 0:
            first += left
        if n < count - 1:
            last -= right
        kept.append((first, last))
    return kept


def stitch(crops, grid, margin):
    rows, cols = grid
    side, lines = crops.shape[1], []
    down, across = keep(rows, side, margin, margin), keep(cols, side, margin, margin)
    for r in range(rows):
        line = [crops[r * cols + c][down[r][0]:down[r][1], across[c][0]:across[c][1]] for c in range(cols)]
        lines.append(np.concatenate(line, axis=1))
    return np.concatenate(lines, axis=0)


def best_grid(height, width, step, overlap, max_crops):
    grids = []
    for count in range(1, max_crops + 1):
        for rows in range(1, count + 1):
            if count % rows == 0:
                grids.append((rows, count // rows))

    def scale(grid):
        return min(grid[0] * step / (height - overlap), grid[1] * step / (width - overlap))
    enough = [grid for grid in grids if scale(grid) >= 1]
    return min(enough, key=scale) if enough else max(grids, key=scale)


# 06_connector

def window(row, col, side):
    patches = []
    for y in (2 * row, 2 * row + 1):
        for x in (2 * col, 2 * col + 1):
            patches.append(y * side + x if y < side and x < side else -1)
    return patches


def pool_window(features):
    query = features.mean(axis=0)
    scores = features @ query / math.sqrt(features.shape[1])
    weights = np.exp(scores) / np.exp(scores).sum()
    return weights @ features


def mark_padding(features, patch_coverage, empty, partly):
    is_empty = patch_coverage == 0
    is_partly = (patch_coverage != 0) & (patch_coverage < 1)
    return features + is_empty[:, None] * empty + is_partly[:, None] * partly


def splice(ids, embeddings, visual, im_patch):
    embeddings, used = embeddings.copy(), 0
    for position, token in enumerate(ids):
        if token == im_patch:
            embeddings[position] = embeddings[position] + visual[used]
            used += 1
    return embeddings


# 07_tokenizer

def best_pair(words):
    count = Counter()
    for word, times in words.items():
        for i in range(len(word) - 1):
            count[word[i:i + 1], word[i + 1:i + 2]] += times
    frequent = [pair for pair in count if count[pair] >= 2]
    return min(frequent, key=lambda pair: (-count[pair], pair), default=None)


def merge_pair(pieces, pair):
    merged, i = [], 0
    while i < len(pieces):
        if tuple(pieces[i:i + 2]) == pair:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(pieces[i])
            i += 1
    return merged


def encode(word, merges):
    pieces = [word[i:i + 1] for i in range(len(word))]
    rank = {pair: number for number, pair in enumerate(merges)}
    while True:
        known = [pair for pair in zip(pieces, pieces[1:]) if pair in rank]
        if not known:
            return pieces
        pieces = merge_pair(pieces, min(known, key=rank.get))


def decode(ids, pieces):
    return b"".join(pieces[token] for token in ids if token in pieces).decode("utf-8", "replace")


# 08_points

def to_percent(pixels, width, height):
    return [(x / width * 100, y / height * 100) for x, y in pixels]


def round_to_tenth(value):
    if not math.isfinite(value):
        raise ValueError("not finite")
    return round(value * 10) / 10


def write_points(points, label):
    if not points:
        return ""
    rounded = sorted((round_to_tenth(x), round_to_tenth(y)) for x, y in points)
    if len(rounded) == 1:
        x, y = rounded[0]
        return f'<point x="{x:.1f}" y="{y:.1f}" alt="{label}">{label}</point>'
    numbered = [f'x{n}="{x:.1f}" y{n}="{y:.1f}"' for n, (x, y) in enumerate(rounded, 1)]
    return f'<points {" ".join(numbered)} alt="{label}">{label}</points>'


def parse_points(text):
    number = r"[0-9]+(?:\.[0-9]+)?"
    found = re.findall(rf'x([0-9]*)="({number})" y\1="({number})"', text)
    points = [(float(x), float(y)) for _, x, y in found]
    return [(x, y) for x, y in points if x <= 100 and y <= 100]
