"""What the page that asks a model can ask for: answers, and what is inside the model.

    POST /api/picture    a file's bytes -> {"id","width","height"}
    GET  /eye/ID         what the ViT receives, as a PNG; ?view=ground&crop=1 for one of the crops
    GET  /api/model      {"name","parameters","size","sets","view","views","styles","words","mine",...}
    POST /api/ask        {Q, "temperature","seed","prefix":[ids]} -> a stream of events: see events.py
    POST /api/compare    {Q, "another":ID,"swapped":ID} -> {"answers":[{"which","text","points","cut"}]}
    POST /api/attention  {Q, "ids","layer"} -> {"layers","attention":[[weight of V visual tokens] of A ids]}
    POST /api/occlusion  {Q, "ids"} -> {"side":8,"losses":[A],"covered":[[A] of 64 cells, row by row]}
    POST /api/sweep?question=Q&view=V   raw pictures, 64 x 64 x 3 bytes each -> {"answers":[...],"ms"}

Q is "picture":ID, "question" and, if it is not that of training, "view". "ids" are those of the token events.
"""
from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from minimolmo.answer import (
    MAX_NEW_TOKENS,
    answer_prompts,
    build_prompt,
    check_length,
    describe_weights,
    load,
    words_known,
    words_never_seen,
)
from minimolmo.batch.sequence import build_sequence
from minimolmo.bounds import check_choice
from minimolmo.config import VIEWS
from minimolmo.device import autocast, explain_out_of_memory
from minimolmo.flow import Answer, Sequence
from minimolmo.image.tiler import from_patches, tile_image
from minimolmo.page.events import answer_events, start_event
from minimolmo.page.pictures import Pictures, png
from minimolmo.page.server import Field, ModelLock, Reply, Request, Route, request_json
from minimolmo.text.prompts import question_prompt
from minimolmo.viz.attribution import covered_losses, visual_attention

FOLDER = Path(__file__).parent
FILES = {"/": FOLDER / "demo.html", "/mine": FOLDER / "mine.html",
         **{f"/{file.name}": file for file in FOLDER.iterdir() if file.suffix in (".css", ".js", ".svg")}}
MAX_FILE = 32_000_000     # bytes of a picture
MAX_QUESTION = 500        # characters
RAW_SIDE = 64             # pixels of a raw picture
RAW_BYTES = RAW_SIDE * RAW_SIDE * 3
MAX_RAW = 256             # raw pictures at once
SWEEP_TOKENS = 160        # of an answer about a raw picture: nine points
COVERED_SIDE = 8          # a picture is covered in 8 x 8 cells
SMALL = 10_000_000        # parameters; below, two threads wait for each other longer than they compute

PICTURE = {"picture": Field(str, 16, 16), "question": Field(str, MAX_QUESTION),
           "view": Field(str, 10, default=None)}
SAMPLING = {"temperature": Field(float, 10, default=0.0), "seed": Field(int, 2 ** 53, default=0),
            "prefix": Field(list, MAX_NEW_TOKENS - 1, of=int, default=())}
OTHERS = {"another": Field(str, 16, 16, default=None), "swapped": Field(str, 16, 16, default=None)}
IDS = {"ids": Field(list, MAX_NEW_TOKENS, 1, of=int)}

STYLES = {  # the annotation styles of each drawn set
    "points": ["pointing"], "count": ["count", "point_count"], "ask_model_anything": ["user_qa"],
    "cap": ["long_caption"], "cap_qa": ["cap_qa"], "point_explanations": ["point_explanations"],
    "docs": ["charts", "tables", "diagrams", "other"], "clocks": ["clocks"]}


class Demo:
    """A model and the pictures that it was shown. Its methods answer the page's requests."""

    def __init__(self, weights: Path, mine: bool = False):
        """`mine`: whether the page of own photos is served, too. A small model gets one thread."""
        self.model, self.tokenizer, self.config = load(weights)
        self.weights, self.mine = describe_weights(weights), mine
        self.device = next(self.model.parameters()).device
        self.parameters = sum(parameter.numel() for parameter in self.model.parameters())
        self.pictures, self.lock = Pictures(), ModelLock()
        if self.parameters < SMALL:
            torch.set_num_threads(1)

    def routes(self) -> list[Route]:
        """What this page asks for."""
        return [Route("POST", "/api/picture", self.picture, MAX_FILE),
                Route("GET", "/eye/([0-9a-f]{16})", self.eye),
                Route("GET", "/api/model", self.describe),
                Route("POST", "/api/ask", self.ask),
                Route("POST", "/api/compare", self.compare),
                Route("POST", "/api/attention", self.attention),
                Route("POST", "/api/occlusion", self.occlusion),
                Route("POST", "/api/sweep", self.sweep, MAX_RAW * RAW_BYTES)]

    def picture(self, request: Request) -> Reply:
        """Decode a picture and keep it."""
        picture = self.pictures.add(request.body)
        return Reply({"id": picture.id, "width": picture.width, "height": picture.height})

    def eye(self, request: Request) -> Reply:
        """What the ViT receives: the overview, or with ?view=ground&crop=2 a crop."""
        view, number = self._view(request.query.get("view")), request.query.get("crop", "0")
        image = self.config.model.image
        crops = tile_image(self.pictures[request.parts[0]].pixels, image, image.max_crops(view))
        if not (number.isdecimal() and len(number) < 4 and int(number) < len(crops.patches)):
            raise ValueError(f"crop={number[:10]!r} does not exist: this view has {len(crops.patches)}, "
                             f"counted from 0. Try crop=0, the overview.")
        pixels = from_patches(crops.patches[int(number)][None], image)[0]
        return Reply(png(pixels.round().astype(np.uint8)), "image/png")

    def describe(self, _: Request) -> Reply:
        """What the page says about the model."""
        config, image = self.config, self.config.model.image
        knows = words_known(config)
        return Reply({
            "name": config.name, "weights": self.weights, "size": image.crop_size,
            "parameters": self.parameters,
            "patch": image.patch_size, "layers": config.model.decoder.layers, "view": config.finetune.view,
            "views": {view: image.max_crops(view) for view in VIEWS}, "sets": list(config.mix),
            "styles": {name: STYLES[name] for name in config.mix if name in STYLES},
            "words": sorted(knows) if knows else None, "mine": self.mine})

    def ask(self, request: Request) -> Iterator[dict]:
        """Stream the answer's events."""
        given = request_json(request, PICTURE | SAMPLING)
        view = self._view(given["view"])
        prompt = self._prompt(self.pictures[given["picture"]].pixels, given["question"], view)
        self._check_ids(given["prefix"])
        return self._stream(prompt, view, given, request)

    def _stream(self, prompt: Sequence, view: str, given: dict, request: Request) -> Iterator[dict]:
        generator = torch.Generator(self.device).manual_seed(given["seed"])
        with self.lock, explain_out_of_memory():
            yield start_event(prompt, view, words_never_seen(given["question"], self.config))
            yield from answer_events(self.model, self.tokenizer, prompt, request.closed,
                                     temperature=given["temperature"], generator=generator,
                                     prefix=tuple(given["prefix"]))

    def compare(self, request: Request) -> Reply:
        """Answers about the picture, a blank one, another, and one with two things swapped: one batch."""
        given = request_json(request, PICTURE | OTHERS)
        picture, view = self.pictures[given["picture"]], self._view(given["view"])
        images = {"right": picture.pixels, "blank": picture.blank()}
        images |= {which: self.pictures[given[which]].pixels for which in OTHERS if given[which]}
        prompts = [self._prompt(pixels, given["question"], view) for pixels in images.values()]
        with self.lock, explain_out_of_memory():
            answers = answer_prompts(self.model, self.tokenizer, prompts)
        return Reply({"answers": [{"which": which, **as_dict(answer)}
                                  for which, answer in zip(images, answers)]})

    def attention(self, request: Request) -> Reply:
        """Attention of each answer token to each visual token: of one layer, or the mean of all."""
        given = request_json(request, PICTURE | IDS | {"layer": Field(int, 1000, default=None)})
        sequence, layers = self._answered(given), self.config.model.decoder.layers
        if given["layer"] is not None and given["layer"] >= layers:
            raise ValueError(f"layer={given['layer']} does not exist: the model has {layers}, counted from "
                             f"0. Try layer={layers - 1}, the last one.")
        with self.lock, explain_out_of_memory(), autocast(self.device):
            weights = visual_attention(self.model, sequence)
        rows = weights.mean(dim=0) if given["layer"] is None else weights[given["layer"]]
        return Reply({"layers": layers, "attention": rounded(rows[:len(given["ids"])])})

    def occlusion(self, request: Request) -> Reply:
        """The loss of each answer token, as the picture is and with each of its cells covered."""
        given = request_json(request, PICTURE | IDS)
        sequence = self._answered(given)
        with self.lock, explain_out_of_memory(), autocast(self.device):
            losses = covered_losses(self.model, sequence, COVERED_SIDE, request.closed)
        rows = rounded(losses[:, :len(given["ids"])])
        return Reply({"side": COVERED_SIDE, "losses": rows[0] if rows else [], "covered": rows[1:]})

    def sweep(self, request: Request) -> Reply:
        """Answers about raw pictures, in one batch."""
        if not request.body or len(request.body) % RAW_BYTES:
            raise ValueError(f"{len(request.body)} bytes are no raw pictures, which have {RAW_BYTES:,} each. "
                             f"Try {RAW_SIDE} x {RAW_SIDE} pixels of three bytes, red, green and blue.")
        begun, question = time.perf_counter(), request.query.get("question", "")
        view = self._view(request.query.get("view"))
        images = np.frombuffer(request.body, np.uint8).reshape(-1, RAW_SIDE, RAW_SIDE, 3)
        prompts = [self._prompt(image, question, view) for image in images]
        with self.lock, explain_out_of_memory():
            answers = answer_prompts(self.model, self.tokenizer, prompts, SWEEP_TOKENS)
        return Reply({"answers": [as_dict(answer) for answer in answers],
                      "ms": round((time.perf_counter() - begun) * 1000, 1)})

    # What the requests have in common

    def _view(self, view: str | None) -> str:
        """A view's name; by default the one of training. Raises ValueError for others."""
        if view is not None:
            check_choice("view", view, VIEWS)
        return view or self.config.finetune.view

    def _prompt(self, pixels: np.ndarray, question: str, view: str) -> Sequence:
        """The prompt as `make ask` builds and checks it. ValueError for an empty or a long question."""
        if not question.strip():
            raise ValueError("the question is empty, so there is nothing to answer. Try \"Point to the "
                             "shapes.\"")
        if len(question) > MAX_QUESTION:
            raise ValueError(f"the question has {len(question):,} characters, and {MAX_QUESTION} are the "
                             f"limit. Try a shorter one.")
        prompt = build_prompt(pixels, question, self.model, self.tokenizer, view)
        check_length(prompt, self.config)
        return prompt

    def _answered(self, given: dict) -> Sequence:
        """The picture and the question with the answer that was given, as in training."""
        ids = given["ids"][:-1] if given["ids"][-1] == self.tokenizer.eos else given["ids"]
        self._check_ids(ids)
        prompt = self._prompt(self.pictures[given["picture"]].pixels, given["question"],
                              self._view(given["view"]))
        question = self.tokenizer.encode(question_prompt(given["question"]))
        return build_sequence(prompt.crops, [[question, ids]], self.tokenizer)

    def _check_ids(self, ids: Iterable[int]) -> None:
        """Raise ValueError for ids that no answer can hold before its end."""
        wrong = [number for number in ids if not 0 <= number < self.tokenizer.vocab
                 or number == self.tokenizer.eos]
        if wrong:
            raise ValueError(f"the token {wrong[0]} cannot stand in an answer: ids are 0 to "
                             f"{self.tokenizer.vocab - 1}, without end-of-text. Try ids of the token events.")


def as_dict(answer: Answer) -> dict:
    """An answer as JSON has it."""
    return {"text": answer.text, "points": answer.points, "cut": answer.cut}


def rounded(values: Tensor) -> list:
    """A tensor as nested lists of numbers with four decimals."""
    return np.round(values.double().numpy(), 4).tolist()
