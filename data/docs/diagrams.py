"""Diagrams: flow charts with a decision, cycles, and trees."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS
from data.docs.processes import CYCLES, HIERARCHIES, PROCESSES
from data.docs.topics import Persona
from data.docs.wordings import DocsQuestion

Arrow = tuple[str, str, str]   # from, to, label


@dataclass(frozen=True)
class Flow:
    """Steps in a row or in a circle. After step `fork` comes a decision, whose "no" leads back."""
    title: str
    steps: tuple[str, ...]
    decision: str    # "" if there is none
    otherwise: str
    fork: int
    circle: bool
    color: str
    theme: str
    room: float      # 1..1.4
    family = "diagrams"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.title, self.steps, self.decision, self.fork

    @property
    def arrows(self) -> list[Arrow]:
        """All arrows: from step to step, with the detour of the decision."""
        arrows = [(a, b, "") for a, b in zip(self.steps, self.steps[1:])]
        if self.circle:
            arrows.append((self.steps[-1], self.steps[0], ""))
        if self.decision:
            here, there, _ = arrows[self.fork]
            arrows[self.fork:self.fork + 1] = [
                (here, self.decision, ""), (self.decision, there, "yes"),
                (self.decision, self.otherwise, "no"), (self.otherwise, here, "")]
        return arrows


@dataclass(frozen=True)
class Tree:
    """A root, its branches and their leaves, drawn downwards or to the right."""
    root: str
    branches: tuple[tuple[str, tuple[str, ...]], ...]
    down: bool
    color: str
    theme: str
    room: float
    family = "diagrams"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.root, self.branches


def make_diagram(persona: Persona, novel: bool, rng: random.Random) -> Flow | Tree:
    """A random diagram by the persona, on a held-out or a training topic."""
    color, theme, room = rng.choice(list(COLORS)), rng.choice(persona.themes), round(rng.uniform(1, 1.4), 2)
    diagram_type = rng.choice(("flow", "flow", "circle", "tree", "tree"))
    if diagram_type == "tree":
        hierarchy = rng.choice([candidate for candidate in HIERARCHIES if candidate.novel == novel])
        branches = rng.sample(hierarchy.branches, rng.randint(2, len(hierarchy.branches)))
        leaves = [(name, tuple(rng.sample(leaves_of_branch, rng.randint(1, 3))))
                  for name, leaves_of_branch in branches]
        down = sum(len(leaves_of_branch) for _, leaves_of_branch in leaves) <= 6 and rng.random() < 0.7
        return Tree(hierarchy.root, tuple(leaves), down, color, theme, room)
    process = rng.choice([
        candidate for candidate in (PROCESSES if diagram_type == "flow" else CYCLES)
        if candidate.novel == novel
    ])
    chosen_steps = sorted(rng.sample(range(len(process.steps)), rng.randint(4, 6)))
    steps = tuple(process.steps[step] for step in chosen_steps)
    has_decision = bool(process.decision) and rng.random() < 0.7
    steps = steps[:5] if has_decision else steps
    fork = rng.randrange(len(steps) - 1) if has_decision else 0
    return Flow(process.title, steps, process.decision if has_decision else "",
                process.otherwise if has_decision else "", fork, diagram_type == "circle", color, theme,
                room)


def diagram_questions(diagram: Flow | Tree, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the diagram can answer."""
    return _tree_questions(diagram, rng) if isinstance(diagram, Tree) else _flow_questions(diagram, rng)


def _flow_questions(flow: Flow, rng: random.Random) -> list[DocsQuestion]:
    questions = [DocsQuestion("text", {"it": "title"}, flow.title), *_arrow_checks(flow, rng)]
    for start, end, answer_label in flow.arrows:
        if answer_label:
            questions.append(DocsQuestion("branch", {"it": start, "way": answer_label}, end))
        else:
            questions.append(DocsQuestion("order", {"it": start, "side": "after", "thing": "step"}, end))
        if sum(target == end for _, target, _ in flow.arrows) == 1:
            questions.append(DocsQuestion("order", {"it": end, "side": "before", "thing": "step"}, start))
    if not flow.circle:
        questions += [
            DocsQuestion("field", {"it": "first step"}, flow.steps[0]),
            DocsQuestion("field", {"it": "last step"}, flow.steps[-1])
        ]
    questions.append(DocsQuestion("how_many", {"things": "arrows"}, str(len(flow.arrows))))
    return questions if flow.decision else [
        *questions, DocsQuestion("how_many", {"things": "steps"}, str(len(flow.steps)))
    ]


def _arrow_checks(flow: Flow, rng: random.Random) -> list[DocsQuestion]:
    """Does an arrow lead from one step to another? For "no", an existing arrow is reversed."""
    questions = []
    for start, end, _ in rng.sample(flow.arrows, 3):
        answer = "no" if rng.random() < 0.5 else "yes"
        a, b = (end, start) if answer == "no" else (start, end)
        questions.append(DocsQuestion("check", {"claim": f'an arrow goes from "{a}" to "{b}"'}, answer))
    return questions


def _tree_questions(tree: Tree, rng: random.Random) -> list[DocsQuestion]:
    questions = [DocsQuestion("text", {"it": "name in the first box"}, tree.root)]
    num_boxes = 1 + sum(1 + len(leaves) for _, leaves in tree.branches)
    questions += [
        DocsQuestion("how_many", {"things": "boxes"}, str(num_boxes)),
        DocsQuestion("how_many", {"things": f'boxes that branch off from "{tree.root}"'},
                     str(len(tree.branches)))
    ]
    questions += _extremum_questions(tree)
    for name, leaves in tree.branches:
        questions.append(
            DocsQuestion("how_many", {"things": f'boxes that branch off from "{name}"'}, str(len(leaves))))
        questions += [DocsQuestion("family", {"it": f'"{leaf}"'}, name) for leaf in leaves]
        others = [leaf for other, below in tree.branches if other != name for leaf in below]
        answer = rng.choice(("yes", "no"))
        leaf = rng.choice(leaves if answer == "yes" else others)
        questions.append(DocsQuestion("check", {"claim": f'"{leaf}" belongs to "{name}"'}, answer))
    return questions


def _extremum_questions(tree: Tree) -> list[DocsQuestion]:
    """Which branch has the most (or fewest) boxes? Only if there is no tie."""
    questions, counts = [], [len(leaves) for _, leaves in tree.branches]
    for superlative, best in (("highest", max(counts)), ("lowest", min(counts))):
        if counts.count(best) == 1:
            slots = {"axis": "branch", "most": superlative, "noun": "number of boxes of its own"}
            questions.append(DocsQuestion("extremum", slots, tree.branches[counts.index(best)][0]))
    return questions
