"""points at level full: one object, several, none, and referring expressions."""
from __future__ import annotations

import random

from data.scenes.full import FullScene, ObjectSpec, is_held_out, make_scene
from data.scenes.full_wording import (
    ReferringExpression,
    absent_specs,
    attribute_expressions,
    relation_expressions,
    spec_text,
    superlative_expressions,
)
from minimolmo.flow import Annotation

NUM_LABELS = (12, 18)  # labels for one image
MAX_POINTS = 16         # points in one answer
# Share of each type: a name for one object, for several, for none; a relation; a superlative.
TYPE_SHARES = {"one": 0.3, "several": 0.2, "none": 0.15, "relation": 0.2, "extreme": 0.15}


def make_example(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene with about fourteen phrases to point at."""
    scene = make_scene(split, rng)
    by_type = expressions_by_type(scene, split, rng)
    chosen: list[ReferringExpression] = []
    for _ in range(rng.randint(*NUM_LABELS)):
        available_types = [expression_type for expression_type in TYPE_SHARES if by_type[expression_type]]
        expression_type = rng.choices(
            available_types, [TYPE_SHARES[expression_type]
                              for expression_type in available_types])[0] if available_types else None
        if expression_type:
            chosen.append(by_type[expression_type].pop())
    return scene, [pointing_annotation(expression, rng) for expression in chosen]


def expressions_by_type(scene: FullScene, split: str,
                        rng: random.Random) -> dict[str, list[ReferringExpression]]:
    """All phrases for this scene by type, shuffled; in `novel` only those about held-out pairs."""
    expressions = [
        expression for expression in attribute_expressions(scene) if len(expression.things) <= MAX_POINTS
    ]
    by_type = {
        "one": [expression for expression in expressions if len(expression.things) == 1],
        "several": [expression for expression in expressions if len(expression.things) > 1], "none": [
            absent_expression(spec) for spec in absent_specs(scene, rng, allow_held_out=split == "novel")
        ], "relation": relation_expressions(scene), "extreme": superlative_expressions(scene)
    }
    for expression_type, candidates in by_type.items():
        if split == "novel" and expression_type != "none":
            candidates = [expression for expression in candidates if any(map(is_held_out, expression.things))]
        by_type[expression_type] = rng.sample(candidates, len(candidates))
    return by_type


def absent_expression(spec: ObjectSpec) -> ReferringExpression:
    """An expression that refers to no object here."""
    return ReferringExpression(spec_text(spec), spec_text(spec, plural=True), ())


def pointing_annotation(expression: ReferringExpression, rng: random.Random) -> Annotation:
    """Point at the expression's objects. The singular means one object; the plural means any number."""
    plural = len(expression.things) > 1 or rng.random() < 0.5
    label = expression.plural if plural else expression.singular
    points = tuple((thing.x, thing.y) for thing in expression.things)
    return Annotation("pointing", label=label, points=points)
