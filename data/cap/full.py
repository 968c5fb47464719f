"""cap at level full: a dense caption of about 170 words and three spoken transcripts of one scene.

Each sentence follows the rule of easy_wording.py: the n-th object goes with the n-th region. Relations have
sentences of their own, which name no region.
"""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from data.scenes.easy_wording import DIRECTIONS, COUNT_WORDS, capitalise, offset_along, with_article
from data.scenes.full import FullScene, make_scene
from data.scenes.full_wording import (
    MIN_OFFSET,
    join_with_and,
    occluded_pairs,
    place_phrase,
    size_word,
    thing_text,
    unambiguous_things,
)
from data.scenes.objects import COLORS, KINDS
from minimolmo.flow import Annotation, Thing

NUM_TRANSCRIPTS = 3
CORRECTION_SHARE = 0.5   # share of transcripts with a corrected colour

BACKGROUND_PHRASES = {
    "field": ("a green field under a pale sky", "open grass below the sky", "a meadow on a clear day"),
    "sea": ("the sea below a light sky", "calm water and the sky over it", "open water seen from the shore"),
    "room": ("the inside of a room, with a wall and a floor", "a room with a bare wall", "an indoor scene"),
    "street": ("a street with pavement", "a quiet street in a town", "a road and the sky over it"),
    "night": ("a night scene with a dark sky", "darkness, as it is night", "a dark sky at night"),
    "plain": ("a plain, light background", "a background of one even color", "a bare background"),
    "noisy": ("a grainy background", "a speckled background, as in an old photo", "a noisy background")}
OPENINGS = ("The image shows {ground}.", "This picture shows {ground}.", "We are looking at {ground}.",
            "This is a picture of {ground}.", "Here we see {ground}.")
COUNT_SENTENCES = ("In all there {are} {n} in it.", "There {are} {n} to be seen.", "{n} can be made out.",
                   "We can count {n}.", "Altogether it shows {n}.")
SENTENCES = (
    "{a} is {at}.", "{at} is {a}.", "{at} there is {a}.", "There is {a} {at}.", "{a} can be seen {at}.",
    "{at} we find {a}.", "{a} appears {at}.", "We see {a} {at}.")
RELATION_SENTENCES = ("It is {way} the {other}.", "It is {turn} than the {other}.",
                      "It lies {way} the {other}.", "This one is {turn} than the {other}.")
COMPARATIVES = {
    "left of": "further left", "right of": "further right", "above": "higher up", "below": "lower down"
}
OCCLUSION_SENTENCES = ("The {front} hides part of the {back}.",
                       "The {back} is partly covered by the {front}.",
                       "Part of the {back} is hidden behind the {front}.")
SIGN_SENTENCES = ('Its letters read "{word}".', 'It has "{word}" written on it.', 'It says "{word}".')
SUMMARIES = ("By kind, that makes {counts}.", "To sum up, there {are} {counts}.",
             "Counted by kind, the picture has {counts}.")
SPOKEN_OPENINGS = (
    "okay so i'm looking at {ground}.", "alright, this is, um, {ground}.",
    "so the picture has {ground}, i'd say.", "let me see. it's {ground}.",
    "right, what we have here is {ground}.", "um, okay, {ground}, that's the first thing.")
SPOKEN_SENTENCES = (
    "{uh}there's {a} {at}.", "then {uh}{at} there's {a}.", "and {a}, that one is {at}.",
    "{at} i can see {a}.", "next is {a}, {uh}{at}.", "{uh}{at}, yeah, {a}.", "and we have {a} {at}.",
    "oh, and {a}, {uh}{at}.")
ASIDES = ("it's {size}.", "that one's {size}, actually.", "quite {size}, that one.")
SPOKEN_SIGN_SENTENCES = ("it says {word} on it.", "the sign reads {word}, i think.",
                         "you can read {word} on it.")
FILLERS = ("uh, ", "um, ", "you know, ", "like, ", "", "", "", "")
CORRECTIONS = ("no", "sorry", "i mean", "no wait")
ENDINGS = ("and that's about it.", "i think that's all i see.", "nothing else, really.", "so {n} in all.",
           "that makes {n}, if i counted right.")

# The order in which a speaker names the objects; captions use the first.
READING_ORDERS: tuple[Callable[[Thing], object], ...] = (
    lambda thing: (thing.y // 34, thing.x),    # top to bottom
    lambda thing: (-thing.y // 34, thing.x),   # bottom to top
    lambda thing: thing.x,                     # left to right
    lambda thing: -thing.x,                    # right to left
    lambda thing: -thing.width * thing.height,  # largest first
)


def make_example(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene with its caption and transcripts."""
    scene = make_scene(split, rng)
    orders_and_openings = zip(rng.sample(READING_ORDERS, NUM_TRANSCRIPTS),
                              rng.sample(SPOKEN_OPENINGS, NUM_TRANSCRIPTS))
    transcripts = [transcript(scene, order, opening, rng) for order, opening in orders_and_openings]
    caption_text = caption(scene, rng)
    columns = {"caption": caption_text, "transcripts": transcripts}
    return replace(scene, columns=columns), [Annotation("long_caption", answer=caption_text),
                                             *(Annotation("transcript", answer=text) for text in transcripts)]


def caption(scene: FullScene, rng: random.Random) -> str:
    """A written caption: background, number of objects, and each object with region and details."""
    things = sorted(scene.things, key=READING_ORDERS[0])
    background = rng.choice(BACKGROUND_PHRASES[scene.background])
    parts = [
        rng.choice(OPENINGS).format(ground=background),
        count_sentence(rng.choice(COUNT_SENTENCES), scene)
    ]
    for thing in things:
        parts.append(_place_sentence(rng.choice(SENTENCES), thing, size_and_name(scene, thing)))
        parts += _details(scene, thing, rng)
    parts += [rng.choice(OCCLUSION_SENTENCES).format(front=thing_text(front), back=thing_text(back))
              for front, back in occluded_pairs(scene)]
    parts += [_summary(scene, rng)] if len(things) > 3 else []
    return " ".join(capitalise(part) for part in parts)


def _details(scene: FullScene, thing: Thing, rng: random.Random) -> list[str]:
    """Sentences about a sign's word, and about the relation to the nearest unambiguous object."""
    sentences = [rng.choice(SIGN_SENTENCES).format(word=thing.word)] if thing.word else []
    others = [other for other in unambiguous_things(scene) if other != thing]
    if others:
        nearest = min(others, key=lambda other: abs(other.x - thing.x) + abs(other.y - thing.y))
        relation = max(DIRECTIONS, key=lambda relation: offset_along(thing, nearest, DIRECTIONS[relation]))
        if offset_along(thing, nearest, DIRECTIONS[relation]) > MIN_OFFSET:
            sentences.append(
                rng.choice(RELATION_SENTENCES).format(way=relation, turn=COMPARATIVES[relation],
                                                      other=thing_text(nearest)))
    return sentences


def size_and_name(scene: FullScene, thing: Thing) -> str:
    """The object as a caption names it: "a tiny dotted blue cup"."""
    return with_article(" ".join(part for part in (size_word(scene, thing), thing_text(thing)) if part))


def _summary(scene: FullScene, rng: random.Random) -> str:
    kinds = Counter(thing.kind for thing in scene.things).most_common()
    counts = [f"{COUNT_WORDS[n]} {KINDS[kind].plural if n > 1 else kind}" for kind, n in kinds]
    return rng.choice(SUMMARIES).format(counts=join_with_and(counts), are="are" if kinds[0][1] > 1 else "is")


def transcript(scene: FullScene, order: Callable, opening: str, rng: random.Random) -> str:
    """A spoken description: the same facts in another order, with fillers and sometimes a correction."""
    things = sorted(scene.things, key=order)
    corrected = rng.choice(things) if rng.random() < CORRECTION_SHARE else None
    parts = [opening.format(ground=rng.choice(BACKGROUND_PHRASES[scene.background]))]
    for thing in things:
        name_in_words = _corrected_name(thing, rng) if thing is corrected else with_article(thing_text(thing))
        parts.append(
            _place_sentence(rng.choice(SPOKEN_SENTENCES), thing, name_in_words, uh=rng.choice(FILLERS)))
        size = size_word(scene, thing)
        parts += [rng.choice(ASIDES).format(size=size)] if size and rng.random() < 0.7 else []
        parts += [rng.choice(SPOKEN_SIGN_SENTENCES).format(word=thing.word.lower())] if thing.word else []
    return " ".join([*parts, count_sentence(rng.choice(ENDINGS), scene)])


def count_sentence(template: str, scene: FullScene) -> str:
    """A sentence that tells the number of objects."""
    n = len(scene.things)
    return template.format(n=f"{COUNT_WORDS[n]} thing{'s' * (n > 1)}", are="are" if n > 1 else "is")


def _place_sentence(template: str, thing: Thing, name_in_words: str, uh: str = "") -> str:
    return template.format(a=name_in_words, at=place_phrase(thing), uh=uh)


def _corrected_name(thing: Thing, rng: random.Random) -> str:
    """A wrong colour and its correction: "a blue thing, no, a red boat"."""
    wrong_color = rng.choice([color for color in COLORS if color != thing.color])
    wrong = with_article(wrong_color + " thing")
    return f"{wrong}, {rng.choice(CORRECTIONS)}, {with_article(thing_text(thing))}"
