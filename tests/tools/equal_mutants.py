"""Mutants that give the same as the right answer on everything that a stub allows: no case can catch them.

Below, "lesson-exercise: the reason", then the changed line of each such mutant.
"""
from __future__ import annotations

TABLE = """
00_map-shapes: patch_size divides crop_size
    side = crop_size / patch_size
    side = -(-crop_size // patch_size)
    side = round(crop_size / patch_size)
01_data-region: a whole number already, or int cuts the fraction off
    column, row = (round(x * 3 // 100), int(y * 3 // 100))
    column, row = (int(x * 3 // 100), round(y * 3 // 100))
    column, row = (int(x * 3 / 100), int(y * 3 // 100))
    column, row = (int(x * 3 // 100), int(y * 3 / 100))
01_data-to_row: the order of the styles plays no part
    keep_points = style in ('point_count', 'pointing')
02_patches-to_patches: numpy takes every negative size for "the rest"
    patches.append(image[top:top + patch_size, left:left + patch_size].reshape(-2))
02_patches-to_patches: a list of rows is accepted for an array
    return patches
02_patches-sincos_position: width is a multiple of 4
    n = width / 4
    n = -(-width // 4)
    n = round(width / 4)
02_patches-embed_patches: dim=0 is the default
    return torch.cat([class_token[None], vectors]) + positions
03_attention-attention_weights: there is one axis only
    scores = keys @ query / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-0)
03_attention-split_heads: heads divides the width
    return x.reshape(batch, length, heads, -(-width // heads)).transpose(1, 2)
    return x.reshape(batch, length, heads, round(width / heads)).transpose(1, 2)
03_attention-attention: of four axes, 2 is -2
    scores = q @ k.transpose(2, -1) / math.sqrt(q.shape[-1])
04_vit-match_patches: what is negative is not above 0.0 either, where `best` begins
    overlap = wide * max(high, 0) / min(step * step, width * height)
    overlap = max(wide, 0) * high / min(step * step, width * height)
    overlap = max(wide, -1) * max(high, 0) / min(step * step, width * height)
    overlap = max(wide, 0) * max(high, -1) / min(step * step, width * height)
05_views-keep: first is 0 before
    first = left
05_views-stitch: crops are square
    side, lines = (crops.shape[2], [])
05_views-stitch: axis=0 is the default
    return np.concatenate(lines)
05_views-best_grid: 0 crops have no grid, and more rows than crops do not divide them
    for count in range(1 - 1, max_crops + 1):
    for count in range(0, max_crops + 1):
    for rows in range(1, count + 1 + 1):
    for rows in range(1, count + 2):
05_views-best_grid: a grid of fewer crops stands earlier in the list, so it wins the tie
    if True:
05_views-best_grid: two grids of equally many crops tie only if a grid of fewer ties with both
    grids.append((count // rows, rows))
05_views-best_grid: rows divides count
    grids.append((rows, count / rows))
    grids.append((rows, -(-count // rows)))
    grids.append((rows, round(count / rows)))
05_views-best_grid: if only the last grid is large enough, its scale is the largest of all, too
    enough = [grid for grid in list(grids)[:-1] if scale(grid) >= 1]
05_views-best_grid: large enough grids grow with rows and columns, so the first in order is the smallest
    return min(enough) if enough else max(grids, key=scale)
06_connector-splice: the stub does not say that its arguments must stay as they are
    embeddings, used = (embeddings, 0)
08_points-write_points: there is one point only
    x, y = rounded[-1]
09_decoder-rotate: d is even
    a, b = (x[:-(-d // 2)], x[d // 2:])
    a, b = (x[:round(d / 2)], x[d // 2:])
    a, b = (x[:d // 2], x[-(-d // 2):])
    a, b = (x[:d // 2], x[round(d / 2):])
09_decoder-kv_head_of: kv_heads divides heads
    shared = heads / kv_heads
    shared = -(-heads // kv_heads)
    shared = round(heads / kv_heads)
09_decoder-attend_with_cache: there is one axis only
    weights = (keys @ q / math.sqrt(len(q))).softmax(dim=-1)
10_booths-find_leaks: key 0 is the image's, which every query may attend to
    for key in list(range(len(segments)))[1:]:
11_mini_pixmo-left_of: points at min_offset or less were unclear, and have ended the loop
    if x <= anchor[0] - min_offset:
    if x < anchor[0] + min_offset:
    if x < anchor[0]:
11_mini_pixmo-left_of: the absolute value has no sign
    if abs(anchor[0] - x) <= min_offset:
12_captions-batch_loss: the last axis has one entry
    loss = -log_probability.gather(-1, targets.clamp(min=0)[..., None])[..., -1]
12_captions-learning_rate: at step `warmup` both lines give the peak
    if step <= warmup:
12_captions-learning_rate: a cosine is the same for an angle below 0
    progress = (warmup - step) / (steps - warmup)
    progress = (step - warmup) / (warmup - steps)
12_captions-clip_gradients: a norm of max_norm is multiplied by 1
    clipped.append(gradient * max_norm / norm if norm >= max_norm else gradient)
13_mixture-row_of: all epochs are equally long
    size = len(orders[1])
    size = len(orders[-1])
13_mixture-rows_per_dataset: an array is accepted for a list
    return rng.multinomial(rows, weights)
14_scores-count_hits: without targets the loop ends at once
    if not predicted:
14_scores-count_hits: as many pairs whichever side comes first, and a distance has no sign
    best = count_hits(target, others, radius)
    if abs(target[i] - first) <= radius:
    best = max(best, 1 + count_hits(target[:i] + target[i + 1:], others, radius))
14_scores-within_five_minutes: the ways there and back are 720 minutes together
    second, first = ([int(part) for part in text.split(':')] for text in (predicted, target))
    first, second = ([int(part) for part in text.split(':')] for text in (target, predicted))
    way = (second[1] - (first[0] * 60 + first[1] - second[0] * 60)) % 720
14_scores-facts_in: the stub says that every sentence ends with a dot
    for sentence in list(text.lower().split('.'))[:-1]:
15_ablations-stack: what -1 brings is multiplied by 0
    gathered = features[pool_idx] * (pool_idx >= 0)[..., None]
    gathered = features[pool_idx.clamp(min=-1)] * (pool_idx >= 0)[..., None]
16_fast-block_flops: heads divides the width
    kv_width = kv_heads * width / heads
    kv_width = -(-(kv_heads * width) // heads)
    kv_width = round(kv_heads * width / heads)
17_molmo-split_up_gate: the number of rows is even
    half = -(-len(ff_proj) // 2)
    half = round(len(ff_proj) / 2)
17_molmo-mixture_of_experts: there is one axis only
    weights = (router @ token).softmax(dim=-1)
17_molmo-mixture_of_experts: tensors are accepted as indices, and a list of rows for a tensor
    for e in weights.argsort(descending=True)[:top_k]:
    return rows
17_molmo-cache_bytes: heads divides the width
    return tokens * layers * kv_heads * (width / heads) * 2 * 2
    return tokens * layers * kv_heads * -(-width // heads) * 2 * 2
    return tokens * layers * kv_heads * round(width / heads) * 2 * 2
bootstrap-referent: there is one object only
    return fits[-1] if len(fits) == 1 else -1
traps-attention: of four axes, 2 is -2
    scores = q @ k.transpose(2, -1) / size ** 0.5
traps-rotary_angles: the division makes floats
    frequencies = theta ** (-torch.arange(0, head_size, 2) / head_size)
traps-patch_coverage: every entry is overwritten
    coverage = np.full((1 + len(crops), overview.shape[1]), 1.0)
    coverage = np.full((1 + len(crops), overview.shape[1]), -2.0)
traps-patch_coverage: there is one overview only
    coverage[0] = overview[-1]
17_molmo-block_parameters: heads divides the width
    kv_width = kv_heads * width / heads
    kv_width = -(-(kv_heads * width) // heads)
    kv_width = round(kv_heads * width / heads)
inside-cover: side divides the image's size
    size, covered = (-(-len(image) // side), image.copy())
    size, covered = (round(len(image) / side), image.copy())
inside-cover: the mean of two axes does not depend on their order
    covered[row * size:(row + 1) * size, column * size:(column + 1) * size] = image.mean(axis=(1, 0))
change-nearest_color: a difference without its sign has no direction
    distances = {name: sum((abs(b - a) for a, b in zip(color, other))) for name, other in colors.items()}
    distances = {name: sum((abs(a - b) for b, a in zip(color, other))) for name, other in colors.items()}
    distances = {name: sum((abs(a - b) for a, b in zip(other, color))) for name, other in colors.items()}
change-mean_pool: -1 is the last patch, and is multiplied by 0
    found = features[pool_idx] * (pool_idx >= 0)[..., None]
    found = features[pool_idx.clamp(min=-1)] * (pool_idx >= 0)[..., None]
worlds-time_of: the rest is 0 to 12, and both ends give 12
    hour = round((short_hand - minute / 2) / 30)
    hour = round((short_hand - minute / 2) / 30) % 13
worlds-bar_values: a sum of pixels is whole
    height = round(column.sum())
    height = column.sum()
worlds-bar_values: an empty column after a bar does not make it higher
    if before:
"""


def read_table(table: str) -> dict[str, dict[str, str]]:
    """For each exercise the changed lines of its equal mutants, each with its reason."""
    equal, exercise, reason = {}, "", ""
    for line in table.strip().splitlines():
        if line.startswith(" "):
            equal.setdefault(exercise, {})[line.strip()] = reason
        else:
            exercise, _, reason = line.partition(": ")
    return equal


EQUAL = read_table(TABLE)
