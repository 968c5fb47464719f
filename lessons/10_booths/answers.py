"""The answers to lesson 10: the library's own functions, and slips that are easily made. Try first."""
from types import SimpleNamespace

import torch

from lessons.compare import compare
from minimolmo.batch.sequence import build_sequence
from minimolmo.model.molmo import attention_mask

_IDS = SimpleNamespace(eos=0, im_start=1, im_end=2, im_patch=3, im_col=4)


def _sequence(trunk, annotations, **options):
    """One row of trunk - 4 visual tokens, as begin, start, end of row and end stand around them."""
    return build_sequence(SimpleNamespace(token_grids=((1, trunk - 4),)), annotations, _IDS, **options)


# may_see

def may_see(branch):
    branch = torch.tensor([branch])
    return attention_mask(branch, branch)[0, 0]


def check_may_see(yours):
    cases = [[0], [0, 0], [0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, -1, -1],
             [0] * 4 + [1] * 3 + [2] * 5 + [3] * 2 + [-1] * 2]
    compare(yours, may_see, [dict(branch=branch) for branch in cases], draw=True,
            because="True where the asked comes no later, and is of the painting or of the same booth.")


def _no_later(branch):
    return torch.ones(len(branch), len(branch), dtype=torch.bool).tril()


def _same(branch):
    branch = torch.tensor(branch)
    return (branch[:, None] == branch[None]) | (branch == 0)


wrong_may_see = {
    "has no walls: booths hear the ones before them": _no_later,
    "lets a token read ahead in its own booth": _same,
    "forgets the windows towards the painting": lambda branch: _no_later(branch) & (
        torch.tensor(branch)[:, None] == torch.tensor(branch)[None]),
    "compares segments without the painting's 10,000": lambda branch: _no_later(branch) & (
        torch.tensor(branch)[:, None] <= torch.tensor(branch)[None]),
}


# places

def places(trunk, lengths):
    s = _sequence(trunk, [[[9] * length] for length in lengths])
    return s.position.tolist(), s.segment_ids.tolist()


def check_places(yours):
    compare(yours, places, [dict(trunk=trunk, lengths=lengths) for trunk, lengths in
                            [(5, [1]), (5, [3]), (5, [3, 2]), (6, [2, 2, 2]), (24, [12, 1, 30])]],
            because="Every booth goes on from the painting's end, as if it were the only one.")


def _branches(trunk, lengths):
    return places(trunk, lengths)[1]


wrong_places = {
    "lets the clock run on from booth to booth": lambda trunk, lengths: (
        list(range(trunk + sum(lengths))), _branches(trunk, lengths)),
    "sets each booth's clock back to 0": lambda trunk, lengths: (
        list(range(trunk)) + [p for length in lengths for p in range(length)], _branches(trunk, lengths)),
    "numbers the booths from 0": lambda trunk, lengths: (
        places(trunk, lengths)[0], [max(0, number - 1) for number in _branches(trunk, lengths)]),
}


# loss_weights

def loss_weights(trunk, talks, root):
    annotations = [[[9] * question, [9] * answer] for question, answer in talks]
    return _sequence(trunk, annotations, root_weights=root).loss_weight.tolist()


def check_loss_weights(yours):
    compare(yours, loss_weights, [dict(trunk=trunk, talks=talks, root=root) for trunk, talks, root in
                                  [(5, [(3, 2)], False), (5, [(1, 1), (2, 1)], False), (5, [(3, 2)], True),
                                   (5, [(1, 1)] * 4, True), (7, [(4, 2), (1, 5), (2, 2)], True)]],
            because="A token takes the weight of the next one, that it is asked for: answers and ends.")


def _laid_down(trunk, talks, weight):
    return [0.0] * trunk + [each for question, answer in talks
                            for each in [0.0] * question + [weight] * (answer + 1)]


def _unshifted(trunk, talks, root):
    return _laid_down(trunk, talks, len(talks) ** -0.5 if root else 1.0)[:-1]


wrong_loss_weights = {
    "forgets to shift: the weight stands on the answer, not where it is asked for": _unshifted,
    "divides by the number of talks, not by its root": lambda trunk, talks, root: _laid_down(
        trunk, talks, 1 / len(talks) if root else 1.0)[1:],
    "takes the root even if it is not asked for": lambda trunk, talks, root: loss_weights(trunk, talks, True),
    "lets questions count too": lambda trunk, talks, root: [
        (len(talks) ** -0.5 if root else 1.0) if place >= trunk - 1 else 0.0
        for place in range(trunk + sum(question + answer + 1 for question, answer in talks) - 1)],
}


# leaks

def leaks(visible, branch):
    return [tuple(pair) for pair in torch.nonzero(visible & ~may_see(branch)).tolist()]


def check_leaks(yours):
    branches = [[0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, -1]]
    cases = [dict(visible=may_see(branch), branch=branch) for branch in branches]
    cases += [dict(visible=_no_later(branch), branch=branch) for branch in branches]
    cases += [dict(visible=_same(branch), branch=branch) for branch in branches]
    walled_up = may_see([0, 1, 1])
    walled_up[2, 0] = False
    cases.append(dict(visible=walled_up, branch=[0, 1, 1]))
    compare(yours, leaks, cases, because="A leak is seen and must not be seen; a closed window is none.")


wrong_leaks = {
    "looks for holes between booths only, and misses those who read ahead": lambda visible, branch: [
        (q, k) for q, k in leaks(visible, branch) if k <= q],
    "takes a closed window for a leak": lambda visible, branch: [
        tuple(pair) for pair in torch.nonzero(visible != may_see(branch)).tolist()],
    "names the asked before the asking": lambda visible, branch: [(k, q) for q, k in leaks(visible, branch)],
}
