"""The answers to lesson 10: the library's own functions, and slips that are easily made. Try first."""
from types import SimpleNamespace

import torch

from lessons.compare import compare
from minimolmo.batch.sequence import build_sequence
from minimolmo.model.attention import attention_mask

_IDS = SimpleNamespace(eos=0, im_start=1, im_end=2, im_patch=3, im_col=4)


def _sequence(num_image_tokens, annotations, **options):
    """One row of num_image_tokens - 4 visual tokens: BOS, start, end of row and end are the other four."""
    crops = SimpleNamespace(token_grids=((1, num_image_tokens - 4),))
    return build_sequence(crops, annotations, _IDS, **options)


# segment_mask

def segment_mask(segments):
    segments = torch.tensor([segments])
    return attention_mask(segments, segments)[0, 0]


def check_segment_mask(yours):
    cases = [[0], [0, 0], [0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, -1, -1],
             [0] * 4 + [1] * 3 + [2] * 5 + [3] * 2 + [-1] * 2,
             [0, 0, 1, -1, -1, 1, 1]]  # padding before new tokens, as in a batch that answers
    compare(yours, segment_mask, [dict(segments=segments) for segments in cases], draw=True,
            because="True where the key comes no later, and is of the image or of the query's segment.")


def _causal(segments):
    return torch.ones(len(segments), len(segments), dtype=torch.bool).tril()


def _same_or_image(segments):
    segments = torch.tensor(segments)
    return (segments[:, None] == segments[None]) | (segments == 0)


wrong_segment_mask = {
    "is causal only: a segment attends to the ones before it": _causal,
    "lets a token attend to later ones of its own segment": _same_or_image,
    "forgets the image": lambda segments: _causal(segments) & (
        torch.tensor(segments)[:, None] == torch.tensor(segments)[None]),
    "lets every token attend to padding before it": lambda segments: _causal(segments) & (
        _same_or_image(segments) | (torch.tensor(segments) < 0)),
    "compares segments without the image's 10,000": lambda segments: _causal(segments) & (
        torch.tensor(segments)[:, None] <= torch.tensor(segments)[None]),
}


# position_ids

def position_ids(num_image_tokens, lengths):
    s = _sequence(num_image_tokens, [[[9] * length] for length in lengths])
    return s.position.tolist(), s.segment_ids.tolist()


def check_position_ids(yours):
    compare(yours, position_ids, [dict(num_image_tokens=count, lengths=lengths) for count, lengths in
                                  [(5, [1]), (5, [3]), (5, [3, 2]), (6, [2, 2, 2]), (24, [12, 1, 30])]],
            because="Every annotation continues from the image's end, as if it were the only one.")


def _segment_ids(num_image_tokens, lengths):
    return position_ids(num_image_tokens, lengths)[1]


wrong_position_ids = {
    "lets positions run on from annotation to annotation": lambda num_image_tokens, lengths: (
        list(range(num_image_tokens + sum(lengths))), _segment_ids(num_image_tokens, lengths)),
    "starts each annotation at 0": lambda num_image_tokens, lengths: (
        list(range(num_image_tokens)) + [p for length in lengths for p in range(length)],
        _segment_ids(num_image_tokens, lengths)),
    "numbers the annotations from 0": lambda num_image_tokens, lengths: (
        position_ids(num_image_tokens, lengths)[0],
        [max(0, number - 1) for number in _segment_ids(num_image_tokens, lengths)]),
}


# loss_weights

def loss_weights(num_image_tokens, annotations, root):
    messages = [[[9] * question, [9] * answer] for question, answer in annotations]
    return _sequence(num_image_tokens, messages, root_weights=root).loss_weight.tolist()


def check_loss_weights(yours):
    cases = [(5, [(3, 2)], False), (5, [(1, 1), (2, 1)], False), (5, [(3, 2)], True), (5, [(1, 1)] * 4, True),
             (7, [(4, 2), (1, 5), (2, 2)], True)]
    compare(yours, loss_weights, [dict(num_image_tokens=count, annotations=annotations, root=root)
                                  for count, annotations, root in cases],
            because="A token takes the weight of its target, the next token: answers and end-of-text count.")


def _unshifted(num_image_tokens, annotations, weight):
    return [0.0] * num_image_tokens + [each for question, answer in annotations
                                       for each in [0.0] * question + [weight] * (answer + 1)]


wrong_loss_weights = {
    "forgets to shift: the weight stands on the answer, not where the answer is the target":
        lambda num_image_tokens, annotations, root: _unshifted(
            num_image_tokens, annotations, len(annotations) ** -0.5 if root else 1.0)[:-1],
    "divides by the number of annotations, not by its root": lambda num_image_tokens, annotations, root: (
        _unshifted(num_image_tokens, annotations, 1 / len(annotations) if root else 1.0)[1:]),
    "takes the root even if `root` is false": lambda num_image_tokens, annotations, root: loss_weights(
        num_image_tokens, annotations, True),
    "lets questions count too": lambda num_image_tokens, annotations, root: [
        (len(annotations) ** -0.5 if root else 1.0) if index >= num_image_tokens - 1 else 0.0
        for index in range(len(_unshifted(num_image_tokens, annotations, 1.0)) - 1)],
}


# find_leaks

def find_leaks(visible, segments):
    return [tuple(pair) for pair in torch.nonzero(visible & ~segment_mask(segments)).tolist()]


def check_find_leaks(yours):
    sequences = [[0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, -1]]
    cases = [dict(visible=mask(segments), segments=segments)
             for mask in (segment_mask, _causal, _same_or_image) for segments in sequences]
    too_strict = segment_mask([0, 1, 1])
    too_strict[2, 0] = False
    cases.append(dict(visible=too_strict, segments=[0, 1, 1]))
    compare(yours, find_leaks, cases, because="A leak is visible and must not be; the opposite is no leak.")


wrong_find_leaks = {
    "looks for leaks between segments only, and misses later tokens": lambda visible, segments: [
        (q, k) for q, k in find_leaks(visible, segments) if k <= q],
    "takes a missing pair for a leak": lambda visible, segments: [
        tuple(pair) for pair in torch.nonzero(visible != segment_mask(segments)).tolist()],
    "names the key before the query": lambda visible, segments: [
        (k, q) for q, k in find_leaks(visible, segments)],
}


# the three steps of make hint

HINTS = {
    "segment_mask": (
        "Write two tables of true and false: who comes no later, and who may be met at all.",
        'The second table is itself an "or" of two conditions, one on the key alone.',
        'torch.ones(T, T, dtype=torch.bool).tril() is "no later"; segments[:, None] == segments[None] '
        'is "the same segment".',
    ),
    "position_ids": (
        "Each annotation believes that it is alone with the image. Where does it begin?",
        "Two lists grow side by side: positions and segments.",
        "a range for each annotation, and all of them have the same beginning.",
    ),
    "loss_weights": (
        "First write a weight for every token, as if nothing were shifted.",
        "Each token is asked for the next one. So the weights move by one place, in one direction.",
        "the shift is weights[1:].",
    ),
    "find_leaks": (
        "You have a mask that is right already: the one that you wrote.",
        "A leak is true in one mask and false in the other. Which way round?",
        "use your `segment_mask`; torch.nonzero gives the indices of what is true, in this order.",
    ),
}
