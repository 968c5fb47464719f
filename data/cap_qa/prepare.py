"""cap_qa: questions that the caption alone answers. Every answer stands in the caption, word for word.

The caption is written first, as in `cap`; only then is asked, so nothing is asked that it does not say.

    python -m data.cap_qa.prepare
"""
from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

from data.ask_model_anything.question_template import Ask
from data.cap.full import caption, with_size
from data.scenes.easy_wording import NUMBERS, at, place_of
from data.scenes.objects import KINDS
from data.scenes.full_wording import name, size_word
from data.scenes.full import FullScene, make_scene
from data.scenes.full import FullLevel
from data.generate import command
from minimolmo.flow import Annotation, Thing

ASKED = (8, 11)

AT_PLACE = (
    "What does the picture show {}?", "In a full description, what is {}?",
    "Look {}: what is there?", "What would you find {}?", "Name the thing {}.", "{}, what is there?",
    "Which thing is {}?", "Someone describes the picture. What do they see {}?")
PLACE = (
    "Where is the {}?", "In which part of the picture is the {}?", "Where would a description put the {}?",
    "Find the {}: where is it?", "Where is the {} to be found?", "Where in the image can the {} be seen?",
    "Say where the {} is.", "Where should one look for the {}?")
COLOR = (
    "What color is the {}?", "Which color does the {} have?", "The {} is what color?",
    "Name the color of the {}.", "In a description, what color would the {} be?",
    "Tell me the color of the {}.", "What is the color of the {}?", "And the {}: what color?")
HOW_MANY = (
    "How many things are there?", "How many things are in the picture?", "What is the number of things?",
    "How many things does it show, in a word?", "How many things would a description mention?",
    "In a word, how many things?", "Count the things.", "How many things can be seen?")
KIND_NUMBER = (
    "How many {} are there?", "What is the number of {}?", "How many {} does the picture have?",
    "Count the {}.", "How many {} would a description mention?", "In a word, how many {}?",
    "The number of {}, please?", "How many {} can be seen?")
READS = (
    "What does the {} say?", "Read the {}.", "What is written on the {}?", "Which word does the {} carry?",
    "Which letters are on the {}?", "What word is on the {}?", "What can one read on the {}?",
    "Tell me the word on the {}.")
SIZE = (
    "How big is the {}?", "What size is the {}?", "Is the {} tiny, small or big?",
    "Tell me the size of the {}.", "How large does the {} look?", "The {} is what size?",
    "The {}: how big?", "What about the size of the {}?")


def compose(level: FullLevel, split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about nine questions about its caption, which the row holds too."""
    scene = make_scene(split, rng)
    text = caption(scene, rng)
    asks = [ask for ask in offer(scene) if said(ask.answer, text)]
    chosen = rng.sample(asks, min(rng.randint(*ASKED), len(asks)))
    annotations = [replace(ask.say(rng), style="cap_qa") for ask in chosen]
    return replace(scene, columns={"caption": text}), annotations


def said(answer: str, text: str) -> bool:
    """Whether the answer stands in the text, as whole words, in capitals or not."""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE) is not None


def offer(scene: FullScene) -> list[Ask]:
    """Everything that might be asked of a caption of this scene."""
    count = {"name": Counter(map(name, scene.things)), "kind": Counter(t.kind for t in scene.things),
             "place": Counter(map(place_of, scene.things))}
    asks = [Ask(HOW_MANY, "", NUMBERS[len(scene.things)])]
    asks += [Ask(KIND_NUMBER, KINDS[kind].plural, NUMBERS[n]) for kind, n in count["kind"].items() if n > 1]
    for thing in scene.things:
        asks += _about(scene, thing, count)
    return asks


def _about(scene: FullScene, thing: Thing, count: dict[str, Counter]) -> list[Ask]:
    asks = []
    if count["place"][place_of(thing)] == 1:
        asks.append(Ask(AT_PLACE, at(place_of(thing)), with_size(scene, thing)))
    if count["kind"][thing.kind] == 1:
        asks.append(Ask(COLOR, thing.kind, thing.color))
    if count["name"][name(thing)] == 1:
        asks.append(Ask(PLACE, name(thing), at(place_of(thing))))
        asks += [Ask(READS, name(thing), thing.word)] if thing.word else []
        asks += [Ask(SIZE, name(thing), size_word(scene, thing))] if size_word(scene, thing) else []
    return asks


if __name__ == "__main__":
    command({"cap_qa": compose})
