"""cap at level full: a dense caption of some 150 words, and three people talking about the same picture.

Each sentence obeys the rule of `facts.py`: the n-th thing goes with the n-th place. What stands beside what
is said in sentences that name no place.
"""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from data.scenes.easy_wording import NUMBERS, WAYS, ahead, sentence, with_article
from data.scenes.objects import COLORS, KINDS
from data.scenes.full_wording import CLEAR, alone, hidden_pairs, listed, name, size_word, where
from data.scenes.full import FullScene, make_scene
from minimolmo.flow import Annotation, Thing

TRANSCRIPTS = 3
SLIP = 0.5   # share of transcripts in which the speaker corrects a colour

GROUND = {
    "field": ("a green field under a pale sky", "open grass below the sky", "a meadow on a clear day"),
    "sea": ("the sea below a light sky", "calm water and the sky over it", "open water seen from the shore"),
    "room": ("the inside of a room, with a wall and a floor", "a room with a bare wall", "an indoor scene"),
    "street": ("a street with pavement", "a quiet street in a town", "a road and the sky over it"),
    "night": ("a night scene with a dark sky", "darkness, as it is night", "a dark sky at night"),
    "plain": ("a plain, light background", "a background of one even color", "a bare background"),
    "noisy": ("a grainy background", "a speckled background, as in an old photo", "a noisy background")}
OPENINGS = ("The image shows {ground}.", "This picture shows {ground}.", "We are looking at {ground}.",
            "This is a picture of {ground}.", "Here we see {ground}.")
TOTALS = ("In all there {are} {n} in it.", "There {are} {n} to be seen.", "{n} can be made out.",
          "We can count {n}.", "Altogether it shows {n}.")
SENTENCES = (
    "{a} is {at}.", "{at} is {a}.", "{at} there is {a}.", "There is {a} {at}.", "{a} can be seen {at}.",
    "{at} we find {a}.", "{a} appears {at}.", "We see {a} {at}.")
BESIDE = ("It is {way} the {other}.", "It is {turn} than the {other}.", "It lies {way} the {other}.",
          "This one is {turn} than the {other}.")
TURNS = {"left of": "further left", "right of": "further right", "above": "higher up",
         "below": "lower down"}
HIDING = ("The {front} hides part of the {back}.", "The {back} is partly covered by the {front}.",
          "Part of the {back} is hidden behind the {front}.")
SIGNS = ('Its letters read "{word}".', 'It has "{word}" written on it.', 'It says "{word}".')
SUMMARIES = ("By kind, that makes {counts}.", "To sum up, there {are} {counts}.",
             "Counted by kind, the picture has {counts}.")
STARTS = (
    "okay so i'm looking at {ground}.", "alright, this is, um, {ground}.",
    "so the picture has {ground}, i'd say.", "let me see. it's {ground}.",
    "right, what we have here is {ground}.", "um, okay, {ground}, that's the first thing.")
SPOKEN = (
    "{uh}there's {a} {at}.", "then {uh}{at} there's {a}.", "and {a}, that one is {at}.",
    "{at} i can see {a}.", "next is {a}, {uh}{at}.", "{uh}{at}, yeah, {a}.", "and we have {a} {at}.",
    "oh, and {a}, {uh}{at}.")
ASIDES = ("it's {size}.", "that one's {size}, actually.", "quite {size}, that one.")
SAID_SIGNS = ("it says {word} on it.", "the sign reads {word}, i think.", "you can read {word} on it.")
FILLERS = ("uh, ", "um, ", "you know, ", "like, ", "", "", "", "")
CORRECTIONS = ("no", "sorry", "i mean", "no wait")
ENDINGS = ("and that's about it.", "i think that's all i see.", "nothing else, really.", "so {n} in all.",
           "that makes {n}, if i counted right.")

# How a speaker may walk through the picture; the caption reads it like a page.
WALKS: tuple[Callable[[Thing], object], ...] = (
    lambda thing: (thing.y // 34, thing.x),    # row by row
    lambda thing: (-thing.y // 34, thing.x),   # from the bottom up
    lambda thing: thing.x,                     # left to right
    lambda thing: -thing.x,                    # right to left
    lambda thing: -thing.width * thing.height,  # the largest first
)


def compose(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene, its caption and its transcripts."""
    scene = make_scene(split, rng)
    speakers = zip(rng.sample(WALKS, TRANSCRIPTS), rng.sample(STARTS, TRANSCRIPTS))
    spoken = [transcript(scene, walk, start, rng) for walk, start in speakers]
    written = caption(scene, rng)
    columns = {"caption": written, "transcripts": spoken}
    return replace(scene, columns=columns), [Annotation("long_caption", answer=written),
                                             *(Annotation("transcript", answer=text) for text in spoken)]


def caption(scene: FullScene, rng: random.Random) -> str:
    """Written: the ground, how many, every thing with its place and what is special about it."""
    things = sorted(scene.things, key=WALKS[0])
    ground = rng.choice(GROUND[scene.setting])
    parts = [rng.choice(OPENINGS).format(ground=ground), total(rng.choice(TOTALS), scene)]
    for thing in things:
        parts.append(_place(rng.choice(SENTENCES), thing, with_size(scene, thing)))
        parts += _details(scene, thing, rng)
    parts += [rng.choice(HIDING).format(front=name(front), back=name(back))
              for front, back in hidden_pairs(scene)]
    parts += [_summary(scene, rng)] if len(things) > 3 else []
    return " ".join(sentence(part) for part in parts)


def _details(scene: FullScene, thing: Thing, rng: random.Random) -> list[str]:
    """What a sign says; what it stands beside, of things that can be named without doubt."""
    said = [rng.choice(SIGNS).format(word=thing.word)] if thing.word else []
    known = [other for other in alone(scene) if other != thing]
    if known:
        other = min(known, key=lambda o: abs(o.x - thing.x) + abs(o.y - thing.y))
        way = max(WAYS, key=lambda words: ahead(thing, other, WAYS[words]))
        if ahead(thing, other, WAYS[way]) > CLEAR:
            said.append(rng.choice(BESIDE).format(way=way, turn=TURNS[way], other=name(other)))
    return said


def with_size(scene: FullScene, thing: Thing) -> str:
    """As a caption names it: "a tiny dotted blue cup"."""
    return with_article(" ".join(part for part in (size_word(scene, thing), name(thing)) if part))


def _summary(scene: FullScene, rng: random.Random) -> str:
    kinds = Counter(thing.kind for thing in scene.things).most_common()
    counts = [f"{NUMBERS[n]} {KINDS[kind].plural if n > 1 else kind}" for kind, n in kinds]
    return rng.choice(SUMMARIES).format(counts=listed(counts), are="are" if kinds[0][1] > 1 else "is")


def transcript(scene: FullScene, walk: Callable, start: str, rng: random.Random) -> str:
    """Spoken: the same facts on another walk, with fillers, asides and now and then a slip of the tongue."""
    things = sorted(scene.things, key=walk)
    slip = rng.choice(things) if rng.random() < SLIP else None
    parts = [start.format(ground=rng.choice(GROUND[scene.setting]))]
    for thing in things:
        words = _slip(thing, rng) if thing is slip else with_article(name(thing))
        parts.append(_place(rng.choice(SPOKEN), thing, words, uh=rng.choice(FILLERS)))
        size = size_word(scene, thing)
        parts += [rng.choice(ASIDES).format(size=size)] if size and rng.random() < 0.7 else []
        parts += [rng.choice(SAID_SIGNS).format(word=thing.word.lower())] if thing.word else []
    return " ".join([*parts, total(rng.choice(ENDINGS), scene)])


def total(template: str, scene: FullScene) -> str:
    """A sentence with the number of things in it."""
    n = len(scene.things)
    return template.format(n=f"{NUMBERS[n]} thing{'s' * (n > 1)}", are="are" if n > 1 else "is")


def _place(template: str, thing: Thing, words: str, uh: str = "") -> str:
    return template.format(a=words, at=where(thing), uh=uh)


def _slip(thing: Thing, rng: random.Random) -> str:
    """A wrong colour, taken back at once: "a blue thing, no, a red boat"."""
    wrong = rng.choice([color for color in COLORS if color != thing.color])
    return f"{with_article(wrong + ' thing')}, {rng.choice(CORRECTIONS)}, {with_article(name(thing))}"
