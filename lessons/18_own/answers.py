"""The answers to lesson 18: the library's own functions, and plausible mistakes. Try first."""
import torch

from lessons.compare import compare
from minimolmo.batch.augment import Variation
from minimolmo.model.lora import AdaptedLinear
from minimolmo.weights.counts import TRAINING_BYTES


def _linear(rows, columns):
    return torch.nn.Linear(columns, rows, bias=False)


# merge_adapter

def merge_adapter(weight, down, up):
    layer = AdaptedLinear(_linear(*weight.shape), torch.float32, len(down))
    layer.weight.data, layer.lora_down.data, layer.lora_up.data = weight, down, up
    return layer.merged_weight()


def _make_case(rows, columns, rank):
    generator = torch.Generator().manual_seed(rows + columns + rank)
    shapes = dict(weight=(rows, columns), down=(rank, columns), up=(rows, rank))
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def check_merge_adapter(yours):
    small = dict(weight=torch.tensor([[1.0, 2.0], [3.0, 4.0]]), down=torch.tensor([[1.0, 1.0]]),
                 up=torch.tensor([[1.0], [-1.0]]))
    compare(yours, merge_adapter, [small, _make_case(3, 3, 2), _make_case(4, 2, 1), _make_case(5, 7, 3)],
            because="weight x + 2 up (down x) = (weight + 2 up down) x.")


wrong_merge_adapter = {
    "forgets the 2": lambda weight, down, up: weight + up @ down,
    "leaves out the frozen matrix": lambda weight, down, up: 2 * up @ down,
    "doubles the frozen matrix, too": lambda weight, down, up: 2 * (weight + up @ down),
    "subtracts the change": lambda weight, down, up: weight - 2 * up @ down,
}


# training_bytes

def training_bytes(rows, columns, rank):
    if rank is None:
        return TRAINING_BYTES * _linear(rows, columns).weight.numel()
    layer = AdaptedLinear(_linear(rows, columns), torch.bfloat16, rank)
    return sum(weight.numel() * (TRAINING_BYTES if weight.requires_grad else weight.element_size())
               for weight in layer.parameters())


def check_training_bytes(yours):
    shapes = [(2, 1), (10, 4), (4, 10), (60, 180)]
    compare(yours, training_bytes, [dict(rows=rows, columns=columns, rank=rank) for rows, columns in shapes
                                    for rank in (None, 0, 1, 8)],
            because="16 bytes for each trained number, 2 for each frozen one.")


wrong_training_bytes = {
    "forgets the moments": lambda rows, columns, rank: (
        8 * rows * columns if rank is None else 2 * rows * columns + 8 * rank * (rows + columns)),
    "trains the frozen matrix, too": lambda rows, columns, rank: (
        16 * (rows * columns + (rank or 0) * (rows + columns))),
    "keeps the frozen matrix in float32": lambda rows, columns, rank: (
        16 * rows * columns if rank is None else 4 * rows * columns + 16 * rank * (rows + columns)),
    "takes rank 0 for a matrix that is trained whole": lambda rows, columns, rank: (
        training_bytes(rows, columns, rank or None)),
}


# points_in_window

def points_in_window(points, left, top, right, bottom):
    return list(Variation(left, top, right, bottom, (1.0, 1.0, 1.0)).vary_points(tuple(points)))


def check_points_in_window(yours):
    names = "left", "top", "right", "bottom"
    cases = [([(45.0, 30.0)], (20, 0, 70, 100)), ([(45.0, 30.0)], (0, 20, 100, 70)), ([], (10, 10, 60, 60)),
             ([(10.0, 20.0), (60.0, 90.0)], (10, 20, 60, 90)), ([(33.3, 66.6)], (0, 0, 100, 100)),
             ([(50.0, 50.0), (25.0, 75.0)], (12.5, 5, 95, 87.5)),
             ([(10.0, 50.0), (90.0, 50.0)], (20, 0, 70, 100))]
    cases = [dict(points=points, **dict(zip(names, edges))) for points, edges in cases]
    compare(yours, points_in_window, cases,
            because="The distance from the window's left edge, in percent of the window's width; y likewise.")


def _shifted(points, left, top, right, bottom):
    return [(x - left, y - top) for x, y in points]


def _scaled(points, left, top, right, bottom):
    return [(100 * x / (right - left), 100 * y / (bottom - top)) for x, y in points]


wrong_points_in_window = {
    "only subtracts the corner": _shifted,
    "only stretches": _scaled,
    "exchanges x and y": lambda points, left, top, right, bottom: [
        (y, x) for x, y in points_in_window(points, left, top, right, bottom)],
    "leaves the points where they are": lambda points, left, top, right, bottom: points,
    "drops the points outside the window": lambda points, left, top, right, bottom: points_in_window(
        [(x, y) for x, y in points if left <= x <= right and top <= y <= bottom], left, top, right, bottom),
}


# the three steps of make hint

HINTS = {
    "merge_adapter": (
        "Write the rule with brackets around the two thin matrices, not around down x.",
        "up (out, rank) times down (rank, in) has the shape of weight.",
        "the matrix product is @, and the 2 belongs to the change alone.",
    ),
    "training_bytes": (
        "Count trained numbers and frozen numbers apart. Each is zero in one of the two cases.",
        "The thin matrices have rank * columns and rows * rank numbers.",
        "rank 0 is not rank None: the matrix is frozen, and nothing is beside it. Ask `rank is None`.",
    ),
    "points_in_window": (
        "Draw the window on paper. Where is its left edge, and how wide is it?",
        "First the distance from the left edge, then that distance in percent of the width.",
        "for x: 100 * (x - left) / (right - left). For y take top and bottom.",
    ),
}
