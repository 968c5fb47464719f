"""What is said: an annotation's facts become a question and an answer.

    captions stage   " long_caption 83:"                   " A red circle stands on ..."
    mixture stage    " User: Count the cats. Assistant:"   " Counting the <points ...>cats</points> shows ..."

Rows of a dataset hold facts; the wording is drawn here, each time anew, from a generator the caller owns. A
*style tag* in front of the question tells the model which manner of answer is wanted; most questions of the
styles that people use go without, so that people need not know of tags. Every message begins with a space.

Source: Molmo paper, Section 4, and the official formatter. The templates are ours.
"""
from __future__ import annotations

import numpy as np

from minimolmo.flow import Annotation
from minimolmo.text.points import points_to_text

NO_TAG = 0.9        # how often a question of these styles goes without its tag; any other style always has it
OFTEN_UNTAGGED = ("point_count", "pointing", "user_qa", "long_caption", "count")

HINTED = 0.9        # how often the captions stage says how long the answer is
HINT_UNIT = 15      # characters per step of the hint
HINT_NOISE = 25     # characters, standard deviation: the hint is a wish, not a promise

CAPTION_STYLES = ("long_caption", "transcript")
NONE = "There are none."

# Short on purpose: a question's words cost as much time in training as an answer's.
TEMPLATES = {
    "pointing": (
        "Point to the {label}.",
        "Mark each {label}.",
        "Where do you see {label}?",
        "Point at the {label}.",
        "Put a dot on every {label}.",
        "One point per {label}, please.",
        "Give me the places of {label}.",
        "Tap on each {label} here.",
        "in which spots is {label}",
        "{label}: where?",
        "Mark {label}, or say there are none.",
    ),
    "point_count": (
        "What number of {label}?",
        "How many {label} can you find?",
        "Point at and count {label}.",
        "{label}: how many in all?",
        "Count off the {label}.",
        "Add up every {label}.",
        "Number of {label}, with points?",
        "how often do you see {label}",
        "Count {label}, or say there are none.",
    ),
    "count": (
        "Just a number: how many {label}?",
        "Without pointing, count the {label}.",
        "No points. How many {label}?",
        "Only the total of {label}, please.",
        "Do not point: {label}, how many?",
        "A plain number, please: {label}?",
        "Skip the points, count {label}.",
        "how many {label}, number only",
        "{label}: total without points?",
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


def to_messages(annotation: Annotation, stage: str, rng: np.random.Generator) -> tuple[str, str]:
    """(user, assistant), as the model reads and says them; EOS is not ours to add.

    stage is "pretrain" (captions and transcripts only, no roles) or "finetune" (everything). The draws are,
    in this order: tag or not, then the length's noise or the template. ValueError for another stage, a style
    without a place in it, or an annotation with nothing to ask.
    """
    answer = answer_text(annotation)
    if stage == "pretrain":
        if annotation.style not in CAPTION_STYLES:
            raise ValueError(f"style={annotation.style!r} is no caption, so the captions stage cannot ask "
                             f'for it. Try stage="finetune", or a style of {", ".join(CAPTION_STYLES)}.')
        hinted = rng.random() < HINTED
        length = length_hint(len(answer), rng.normal(0, HINT_NOISE)) if hinted else None
        return caption_prompt(length, annotation.style), " " + answer
    if stage == "finetune":
        untagged = annotation.style in OFTEN_UNTAGGED and rng.random() < NO_TAG
        tag = "" if untagged else f"{annotation.style}: "
        return question_prompt(tag + question_text(annotation, rng)), " " + answer
    raise ValueError(f'stage={stage!r} is not a stage of training. Try "pretrain" or "finetune".')


def question_prompt(question: str) -> str:
    """The user's message around a question.

    >>> question_prompt("How many cats?")
    ' User: How many cats? Assistant:'
    """
    return f" User: {question} Assistant:"


def caption_prompt(length: int | None = 65, style: str = "long_caption") -> str:
    """The captions stage's user message. `length` is a `length_hint`; None leaves it to the model.

    >>> caption_prompt(), caption_prompt(None)
    (' long_caption 65:', ' long_caption :')
    """
    return f" {style} {'' if length is None else length}:"


def length_hint(characters: int, noise: float) -> int:
    """How long an answer is, in steps of 15 characters, blurred by `noise` characters. It can be negative.

    The noise is cut toward zero, the quotient down, as in the official code.

    >>> length_hint(1000, noise=-32.5), length_hint(3, noise=-25.0)
    (64, -2)
    """
    return (characters + int(noise)) // HINT_UNIT


def question_text(annotation: Annotation, rng: np.random.Generator) -> str:
    """The annotation's own question as it stands, else one of its style's templates, label in lower case."""
    if annotation.question:
        return annotation.question
    templates = TEMPLATES.get(annotation.style)
    if templates is None or not annotation.label and annotation.style != "long_caption":
        raise ValueError(f"{annotation.style!r} annotation with label={annotation.label!r} and no question: "
                         f"there is nothing to ask. Try a question, or a label and a style of "
                         f"{', '.join(TEMPLATES)}.")
    return templates[rng.integers(len(templates))].format(label=annotation.label.lower())


def answer_text(annotation: Annotation) -> str:
    """What should be answered: points where the style is about points, else the annotation's own answer."""
    if annotation.style not in ("pointing", "point_count"):
        return annotation.answer
    if not annotation.points:
        return NONE
    label = annotation.label.lower()
    tag = points_to_text(list(annotation.points), label, label)
    if annotation.style == "pointing":
        return tag
    return f"Counting the {tag} shows a total of {len(annotation.points)}."
