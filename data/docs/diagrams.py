"""Diagrams: flow charts with a decision, cycles, and trees of what belongs to what."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS
from data.docs.processes import CYCLES, HIERARCHIES, PROCESSES
from data.docs.topics import Persona
from data.docs.wordings import Ask

Arrow = tuple[str, str, str]   # from, to, what stands at it


@dataclass(frozen=True)
class Flow:
    """Steps, one after the other, or in a circle. After step `fork` a question is asked; "no" leads back."""
    title: str
    steps: tuple[str, ...]
    decision: str    # "" if nothing is asked
    otherwise: str
    fork: int
    circle: bool
    color: str
    theme: str
    room: float      # 1..1.4
    family = "diagrams"

    @property
    def data(self) -> tuple:
        """What it tells, whatever it looks like: this decides the split."""
        return self.title, self.steps, self.decision, self.fork

    @property
    def arrows(self) -> list[Arrow]:
        """Every arrow: the steps in turn, with the way round over the decision."""
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
    """A root, its branches, and the leaves of each; downwards or to the right."""
    root: str
    branches: tuple[tuple[str, tuple[str, ...]], ...]
    down: bool
    color: str
    theme: str
    room: float
    family = "diagrams"

    @property
    def data(self) -> tuple:
        """What it tells, whatever it looks like: this decides the split."""
        return self.root, self.branches


def make_diagram(persona: Persona, novel: bool, rng: random.Random) -> Flow | Tree:
    """A diagram by the persona, on a topic that is novel or not."""
    color, theme, room = rng.choice(list(COLORS)), rng.choice(persona.themes), round(rng.uniform(1, 1.4), 2)
    kind = rng.choice(("flow", "flow", "circle", "tree", "tree"))
    if kind == "tree":
        whole = rng.choice([one for one in HIERARCHIES if one.novel == novel])
        branches = rng.sample(whole.branches, rng.randint(2, len(whole.branches)))
        leaves = [(name, tuple(rng.sample(below, rng.randint(1, 3)))) for name, below in branches]
        down = sum(len(below) for _, below in leaves) <= 6 and rng.random() < 0.7
        return Tree(whole.root, tuple(leaves), down, color, theme, room)
    process = rng.choice([one for one in (PROCESSES if kind == "flow" else CYCLES) if one.novel == novel])
    some = sorted(rng.sample(range(len(process.steps)), rng.randint(4, 6)))
    steps = tuple(process.steps[step] for step in some)
    forked = bool(process.decision) and rng.random() < 0.7
    steps = steps[:5] if forked else steps
    fork = rng.randrange(len(steps) - 1) if forked else 0
    return Flow(process.title, steps, process.decision if forked else "", process.otherwise if forked else "",
                fork, kind == "circle", color, theme, room)


def ask(diagram: Flow | Tree, rng: random.Random) -> list[Ask]:
    """Every question that the diagram can answer."""
    return _ask_tree(diagram, rng) if isinstance(diagram, Tree) else _ask_flow(diagram, rng)


def _ask_flow(flow: Flow, rng: random.Random) -> list[Ask]:
    asks = [Ask("text", {"it": "title"}, flow.title), *_checks(flow, rng)]
    for here, there, way in flow.arrows:
        if way:
            asks.append(Ask("branch", {"it": here, "way": way}, there))
        else:
            asks.append(Ask("order", {"it": here, "side": "after", "thing": "step"}, there))
        if sum(end == there for _, end, _ in flow.arrows) == 1:
            asks.append(Ask("order", {"it": there, "side": "before", "thing": "step"}, here))
    if not flow.circle:
        asks += [Ask("field", {"it": "first step"}, flow.steps[0]),
                 Ask("field", {"it": "last step"}, flow.steps[-1])]
    asks.append(Ask("how_many", {"things": "arrows"}, str(len(flow.arrows))))
    return asks if flow.decision else [*asks, Ask("how_many", {"things": "steps"}, str(len(flow.steps)))]


def _checks(flow: Flow, rng: random.Random) -> list[Ask]:
    """Does an arrow lead from here to there? Yes and no by a coin, the wrong ones the other way round."""
    asks = []
    for here, there, _ in rng.sample(flow.arrows, 3):
        answer = "no" if rng.random() < 0.5 else "yes"
        a, b = (there, here) if answer == "no" else (here, there)
        asks.append(Ask("check", {"claim": f'an arrow goes from "{a}" to "{b}"'}, answer))
    return asks


def _ask_tree(tree: Tree, rng: random.Random) -> list[Ask]:
    asks = [Ask("text", {"it": "name in the first box"}, tree.root)]
    boxes = 1 + sum(1 + len(leaves) for _, leaves in tree.branches)
    asks += [Ask("how_many", {"things": "boxes"}, str(boxes)),
             Ask("how_many", {"things": f'boxes that branch off from "{tree.root}"'},
                 str(len(tree.branches)))]
    asks += _ask_most(tree)
    for name, leaves in tree.branches:
        asks.append(Ask("how_many", {"things": f'boxes that branch off from "{name}"'}, str(len(leaves))))
        asks += [Ask("family", {"it": f'"{leaf}"'}, name) for leaf in leaves]
        others = [leaf for other, below in tree.branches if other != name for leaf in below]
        answer = rng.choice(("yes", "no"))
        leaf = rng.choice(leaves if answer == "yes" else others)
        asks.append(Ask("check", {"claim": f'"{leaf}" belongs to "{name}"'}, answer))
    return asks


def _ask_most(tree: Tree) -> list[Ask]:
    """Which branch has the most boxes, if one has."""
    asks, counts = [], [len(leaves) for _, leaves in tree.branches]
    for most, best in (("highest", max(counts)), ("lowest", min(counts))):
        if counts.count(best) == 1:
            slots = {"axis": "branch", "most": most, "noun": "number of boxes of its own"}
            asks.append(Ask("extremum", slots, tree.branches[counts.index(best)][0]))
    return asks
