"""Prompts: turns an annotation's facts into a user message and the assistant's answer.

    stage pretrain   " long_caption 83:"                   " A red circle stands on ..."
    stage finetune   " User: Count the cats. Assistant:"   " Counting the <points ...>cats</points> shows ..."

Rows of a dataset hold facts. The wording is sampled here, anew each time, with the caller's random generator.
A *style tag* before the question tells the model which kind of answer is wanted. Most questions of the styles
that people use have no tag, so that people need not know the tags. Every message begins with a space.

Source: Molmo paper, Section 4, and the official formatter. The templates are ours.
"""
from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from minimolmo.flow import Annotation
from minimolmo.text.points import points_to_text

UNTAGGED_PROBABILITY = 0.9  # that a question of these styles has no tag; other styles: see RunConfig.untagged
OFTEN_UNTAGGED = ("point_count", "pointing", "user_qa", "long_caption", "count")
ONLY_TAG_TELLS = ("cap_qa", "point_explanations")  # many of their questions are also questions of user_qa

HINT_PROBABILITY = 0.9      # that a prompt of stage pretrain holds a length hint
HINT_UNIT = 15              # characters per step of the hint
HINT_NOISE = 25             # characters, standard deviation: the hint is only approximate

CAPTION_STYLES = ("long_caption", "transcript")
NO_POINTS_ANSWER = "There are none."

# Short, because tokens of a question take as much training time as tokens of an answer. A label of pointing
# may be singular or plural ("red circle", "shapes"), so no template says "each {label}" or "is {label}".
TEMPLATES = {
    "pointing": (
        "Point to the {label}.",
        "Mark where you see the {label}.",
        "Where do you see the {label}?",
        "Point at the {label}.",
        "Put a dot on the {label}.",
        "Point out the {label}.",
        "Give me the location of the {label}.",
        "Tap on the {label} here.",
        "in which spots do you see the {label}",
        "{label}: where?",
        "Mark the {label}, or say that nothing fits.",
    ),
    "point_count": (
        "What is the number of {label}?",
        "How many {label} can you find?",
        "Point at and count the {label}.",
        "{label}: how many in all?",
        "Count off the {label}.",
        "Add up all the {label}.",
        "Number of {label}, with points?",
        "how many {label} do you see",
        "Count the {label}, or say there are none.",
    ),
    "count": (
        "Just a number: how many {label}?",
        "Without pointing, count the {label}.",
        "No points. How many {label}?",
        "Only the total number of {label}, please.",
        "Do not point. How many {label}?",
        "A plain number, please: how many {label}?",
        "Skip the points, count the {label}.",
        "how many {label}, number only",
        "{label}: the total, without points?",
    ),
    "long_caption": (
        "Tell me everything you see.",
        "What does the picture show?",
        "Walk me through this image.",
        "Put the whole picture into words.",
        "Go over the image in detail.",
        "Say all there is to see.",
        "I cannot see it. What is there?",
        "what is in here",
    ),
}

# The further words of level easy: of its labels, of its free questions (data/ask_model_anything), and of
# earlier templates, with which the released nano was trained.
EASY_WORDS = frozenset("""
    blue circle circles cross crosses green orange purple red shape shapes square squares triangle triangles
    yellow above an be below bottom center color drawn form have kind left name part place right seen thing
    top yes each every often one per places""".split())

# What the other datasets' questions have beside these, with the words of their style tags.
DATASET_WORDS = {name: frozenset(words.split()) for name, words in {
    "cap_qa": "cap word",
    "point_explanations": "bigger compare explanations larger size things",
    "docs": """
        charts diagrams other tables after arms arrow arrows away bar bars before belongs box boxes by came
        comes cost date day degrees digit directly domino dots far farther first follows for from got half
        has header height km large larger largest last lead length longer longest make more much nearer next
        percent pie plus price read rows shortest side signs slice smallest steps sum table tag tall taller
        tallest th than them thermometer together tomorrow two warm warmer was way yesterday""",
    "clocks": "clocks after alone before clock figures half hour hours minute minutes past read time",
}.items()}


def to_messages(annotation: Annotation, stage: str, rng: np.random.Generator,
                untagged: float = 0.0) -> tuple[str, str]:
    """The pair of messages (user, assistant) for one annotation, without EOS.

    stage is "pretrain" (captions and transcripts only, no roles) or "finetune" (everything). The random
    choices are, in this order: tag (or hint) or not, then the hint's noise or the template. `untagged` is
    the probability that a style outside OFTEN_UNTAGGED has no tag. ValueError for another stage, for a style
    that the stage does not have, or for an annotation without a question.
    """
    answer = answer_text(annotation)
    if stage == "pretrain":
        if annotation.style not in CAPTION_STYLES:
            raise ValueError(f"style={annotation.style!r} is no caption, so stage pretrain has no prompt for "
                             f'it. Try stage="finetune", or a style of {", ".join(CAPTION_STYLES)}.')
        hinted = rng.random() < HINT_PROBABILITY
        length = length_hint(len(answer), rng.normal(0, HINT_NOISE)) if hinted else None
        return caption_prompt(length, annotation.style), " " + answer
    if stage == "finetune":
        probability = UNTAGGED_PROBABILITY if annotation.style in OFTEN_UNTAGGED else untagged
        tag = "" if probability and rng.random() < probability else f"{annotation.style}: "
        return question_prompt(tag + question_text(annotation, rng)), " " + answer
    raise ValueError(f'stage={stage!r} has no prompts. Try "pretrain" or "finetune".')


def question_prompt(question: str) -> str:
    """The user message that holds a question.

    >>> question_prompt("How many cats?")
    ' User: How many cats? Assistant:'
    """
    return f" User: {question} Assistant:"


def known_words(names: Iterable[str] = DATASET_WORDS) -> frozenset[str]:
    """The words of the questions of level easy, in lower case.

    names  the datasets that the model was trained on; points, count, ask_model_anything and cap always count
    """
    templates = " ".join([*OFTEN_UNTAGGED, *(text for group in TEMPLATES.values() for text in group)])
    return EASY_WORDS.union(_words(templates.replace("{label}", "")),
                            *(DATASET_WORDS.get(name, ()) for name in names))


def unknown_words(question: str, names: Iterable[str] = DATASET_WORDS) -> list[str]:
    """The words of a question that no question of level easy has, in lower case. `names` as in `known_words`.

    >>> unknown_words("Describe the red clock, please."), unknown_words("What time is it?", ["points", "cap"])
    (['describe'], ['time'])
    """
    known = known_words(names)
    return [word for word in dict.fromkeys(_words(question)) if word not in known]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", text.lower())


def caption_prompt(length: int | None = 65, style: str = "long_caption") -> str:
    """The user message of stage pretrain. `length` is a `length_hint`; None leaves the length open.

    >>> caption_prompt(), caption_prompt(None)
    (' long_caption 65:', ' long_caption :')
    """
    return f" {style} {'' if length is None else length}:"


def length_hint(characters: int, noise: float) -> int:
    """The length of an answer in steps of 15 characters, after adding `noise` characters. Can be negative.

    The noise is rounded toward zero, the quotient down, as in the official code.

    >>> length_hint(1000, noise=-32.5), length_hint(3, noise=-25.0)
    (64, -2)
    """
    return (characters + int(noise)) // HINT_UNIT


def question_text(annotation: Annotation, rng: np.random.Generator) -> str:
    """The annotation's own question, unchanged; else one of its style's templates, label in lower case."""
    if annotation.question:
        return annotation.question
    templates = TEMPLATES.get(annotation.style)
    if templates is None or not annotation.label and annotation.style != "long_caption":
        raise ValueError(f"{annotation.style!r} annotation with label={annotation.label!r} has no question, "
                         f"so there is nothing to ask. Try a question, or a label and a style of "
                         f"{', '.join(TEMPLATES)}.")
    return templates[rng.integers(len(templates))].format(label=annotation.label.lower())


def evaluation_question(annotation: Annotation, rng: np.random.Generator, untagged: float = 0.0) -> str:
    """The question as an evaluation asks it: with a style tag only where training always has one, or where
    other styles have the same questions, so that only the tag tells which answer is right.

    >>> clock = Annotation("clocks", question="What time is it?", answer="3:40")
    >>> evaluation_question(clock, np.random.default_rng(0))
    'clocks: What time is it?'
    >>> evaluation_question(clock, np.random.default_rng(0), untagged=0.5)
    'What time is it?'
    """
    style = annotation.style
    asked_without = style in OFTEN_UNTAGGED or untagged and style not in ONLY_TAG_TELLS
    tag = "" if asked_without else f"{style}: "
    return tag + question_text(annotation, rng)


def answer_text(annotation: Annotation) -> str:
    """The answer to train on: points where the style is about points, else the annotation's own answer."""
    if annotation.style not in ("pointing", "point_count"):
        return annotation.answer
    if not annotation.points:
        return NO_POINTS_ANSWER
    label = annotation.label.lower()
    tag = points_to_text(list(annotation.points), label, label)
    if annotation.style == "pointing":
        return tag
    return f"Counting the {tag} shows a total of {len(annotation.points)}."
