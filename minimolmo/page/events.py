"""One answer as a stream of events: each token, what it could have been, and the number that it belongs to.

    {"e":"start","view":"bird","crops":[[l,t,w,h]],"boxes":[[l,t,w,h] x V],"length":40,"unknown":[]}
    {"e":"token","id":341,"text":"6","p":.93,"top":[[id,text,p] x5],"axis":"x","written":"","digits":[p x10]}
    {"e":"done","text":"...","points":[[61.5,40.4]],"end":"eos|limit|stopped","ms":{"image":6,"all":19}}

"axis", "written" and "digits" tell what stood there before this token: the number of a point that was being
written, its digits so far, and how likely each next digit was. Outside of numbers "axis" is null.
"""
from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from minimolmo.answer import generate_steps
from minimolmo.batch.collate import collate
from minimolmo.device import autocast
from minimolmo.flow import Sequence
from minimolmo.image.tiler import token_boxes
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.points import parse_points
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.viz.activations import token_name

NUMBER = re.compile(r'(?<!\w)([xy])[0-9]*=" *([0-9]*\.?[0-9]*)$')  # at the end of what is written so far
LONGEST_NUMBER = 40  # characters that are searched for it
NUM_LIKELIEST = 5


def number_being_written(text: str) -> tuple[str | None, str]:
    """The axis of the point's number that a text breaks off in, and the number so far.

    >>> number_being_written('<point x="61.5" y="4'), number_being_written('<point x="61.5"')
    (('y', '4'), (None, ''))
    """
    found = NUMBER.search(text[-LONGEST_NUMBER:])
    return (found[1], found[2]) if found else (None, "")


def answer_events(model: MiniMolmo, tokenizer: Tokenizer, prompt: Sequence,
                  stopped: Callable[[], bool] = lambda: False, **sampling) -> Iterator[dict]:
    """All events of one answer, each as soon as it is known.

    stopped   asked before each token; the answer ends there if it is true
    sampling  max_new_tokens, temperature, generator and prefix, as `generate_steps` has them
    """
    begun, device, end, image = time.perf_counter(), next(model.parameters()).device, "limit", 0.0
    with autocast(device):
        tokens = TokenEvents(tokenizer)
        for ids, logits in generate_steps(model, collate([prompt]).to(device), **sampling):
            if stopped():
                end = "stopped"
                break
            event = tokens.next(int(ids[0]), logits[0])
            image = image or time.perf_counter() - begun
            yield event
            if event["id"] == tokenizer.eos:
                end = "eos"
                break
    text = tokenizer.decode(tokens.ids).strip()
    milliseconds = {"image": image, "all": time.perf_counter() - begun}
    yield {"e": "done", "text": text, "points": parse_points(text), "end": end,
           "ms": {name: round(seconds * 1000, 1) for name, seconds in milliseconds.items()}}


def start_event(prompt: Sequence, view: str, unknown: list[str]) -> dict:
    """What is known before the first token: the crops, the visual tokens' boxes, words never seen."""
    boxes = _within_image(token_boxes(prompt.crops))
    return {"e": "start", "view": view, "crops": _within_image(prompt.crops.crop_boxes), "boxes": boxes,
            "visual": len(boxes), "length": len(prompt.ids), "unknown": unknown}


def _within_image(boxes: np.ndarray) -> list[list[float]]:
    """Boxes (left, top, width, height) in percent, without what lies outside the image."""
    first = boxes[:, :2].clip(0, 100)
    size = (boxes[:, :2] + boxes[:, 2:]).clip(0, 100) - first
    return np.concatenate([first, size], axis=1).round(2).tolist()


class TokenEvents:
    """The token events of one answer, in order. Their texts, joined, are the answer's text.

    A letter of several bytes may take several tokens: its text comes with the last of them.
    """

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer, self.ids, self.text = tokenizer, [], ""
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def next(self, number: int, logits: Tensor) -> dict:
        """The event of the next token, from its id and its logits (N,)."""
        chances = logits.float().softmax(dim=-1).cpu()
        axis, written = number_being_written(self.text)
        event = {"e": "token", "id": number, "text": self._decode(number), "p": _short(chances[number]),
                 "top": self._likeliest(chances), "axis": axis, "written": written, "digits": None}
        if axis:
            event["digits"] = [_short(chance) for chance in self._digits(chances)]
        return event

    def _decode(self, number: int) -> str:
        self.ids.append(number)
        text = self.decoder.decode(self.tokenizer.bytes_of.get(number, b""))
        self.text += text
        return text

    def _likeliest(self, chances: Tensor) -> list[list]:
        """The five likeliest tokens: [id, text, probability]."""
        best = chances.topk(NUM_LIKELIEST)
        return [[number, token_name(number, self.tokenizer), _short(chance)]
                for chance, number in zip(best.values, best.indices.tolist())]

    def _digits(self, chances: Tensor) -> Tensor:
        """The probability that the next character is 0, 1, ... 9: (10,). Some tokens hold several digits."""
        ids, digits = digit_tokens(self.tokenizer)
        return torch.zeros(10).index_add_(0, digits, chances[ids])


@lru_cache(maxsize=1)
def digit_tokens(tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    """The ids of the tokens that begin with a digit, and these digits: two of (number of such tokens,)."""
    pieces = [(number, piece[:1]) for number, piece in tokenizer.bytes_of.items() if piece[:1].isdigit()]
    return torch.tensor([number for number, _ in pieces]), torch.tensor([int(digit) for _, digit in pieces])


def _short(chance: Tensor) -> float:
    return round(float(chance), 5)
