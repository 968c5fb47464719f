"""Wordings of all question types for documents, eight or more each, with named slots.

Types are grouped in families as in PixMo-Docs: retrieve, compare, compute, extremum, trend, count, and text.
"""
from __future__ import annotations

import random
from typing import NamedTuple

from data.scenes.easy_wording import capitalise
from minimolmo.flow import Annotation

NUM_QUESTIONS = 6, 9    # questions for one image

QUESTION_FAMILIES = {
    "retrieve": ("retrieve", "field"),
    "compare": ("compare", "choice", "check"),
    "compute": ("sum", "difference", "average", "minutes"),
    "extremum": ("extremum", "peak"),
    "trend": ("trend",),
    "count": ("count", "how_many"),
    "text": ("text", "color", "lookup"),
    "order": ("order", "branch", "family", "next_after"),
}

WORDINGS: dict[str, tuple[str, ...]] = {
    "retrieve": ("What is the {it}?", "What was the {it}?", "Give the {it}.", "Read off the {it}.", "{it}?",
                 "How large is the {it}?", "Look up the {it}.", "Tell me the {it}.", "State the {it}."),
    "field": ("What is the {it}?", "Which {it} is given?", "Give the {it}.", "Read out the {it}.", "{it}?",
              "What does the page say about the {it}?", "Look up the {it}.", "Tell me the {it}.",
              "Find the {it}."),
    "compare": ("Is the {a} {more} than the {b}?", "Yes or no: is the {a} {more} than the {b}?",
                "Is the {a} {more} than that {b_short}?", "Would you say the {a} is {more} than the {b}?",
                "The {a} is {more} than the {b}: right?", "Compare: is the {a} {more} than the {b}?",
                "Does the page show the {a} to be {more} than the {b}?", "Was the {a} {more} than the {b}?"),
    "choice": ("Which {axis} has the {more} {noun}: {a} or {b}?", "{a} or {b}: which has the {more} {noun}?",
               "Which is {more} in {noun}, {a} or {b}?", "Between {a} and {b}, which has the {more} {noun}?",
               "For which {axis} is the {noun} {more}, {a} or {b}?", "{noun}: is {a} {more}, or {b}?",
               "Compare {a} and {b}: which {axis} has the {more} {noun}?",
               "Pick the {axis} with the {more} {noun}: {a} or {b}."),
    "check": ("Is it true that {claim}?", "Yes or no: {claim}?", "{claim}: true, yes or no?",
              "Check this: {claim}?", "Does the page say that {claim}?",
              "Would it be right to say that {claim}?", "Can one see that {claim}?",
              "Do you agree that {claim}?"),
    "sum": ("What is the sum of the {noun} {a} and {b}?", "Add the {noun} {a} and {b}.",
            "What is the {noun} {a} and {b} together?", "How much is the {noun} {a} and {b} combined?",
            "Total {noun} {a} and {b}?", "Sum up the {noun} {a} and {b}.",
            "Taken together, what is the {noun} {a} and {b}?", "{noun} {a} plus {b}?"),
    "difference": ("By how much does the {noun} {a} differ from that {b}?",
                   "What is the gap in {noun} between {x} and {y}?",
                   "How far apart are {x} and {y} in {noun}?", "Difference in {noun} between {x} and {y}?",
                   "What is the difference between {x} and {y} in {noun}?",
                   "Subtract the smaller from the larger {noun}: {x} and {y}.",
                   "{noun}: how far apart are {x} and {y}?",
                   "{x} against {y}: what is the difference in {noun}?"),
    "average": ("What is the average {noun} {a} and {b}?", "What is the mean {noun} {a} and {b}?",
                "Average the {noun} {a} and {b}.", "Mean of the {noun} {a} and {b}?",
                "Find the average {noun} {a} and {b}.", "Halfway between the {noun} {a} and {b} is what?",
                "Work out the mean {noun} {a} and {b}.", "{noun} {a} and {b}: average?"),
    "minutes": ("How many minutes does the {it} take?", "How long is the {it} in minutes?",
                "Minutes for the {it}?", "How many minutes is the {it}?",
                "Work out the minutes of the {it}.", "How much time does the {it} need, in minutes?",
                "{it}: how many minutes?", "What does the {it} take in minutes?"),
    "extremum": ("Which {axis} has the {most} {noun}?", "{axis} of the {most} {noun}?",
                 "{most} {noun}: which {axis}?", "Name the {axis} with the {most} {noun}.",
                 "What {axis} shows the {most} {noun}?", "For which {axis} is the {noun} {most}?",
                 "Find the {axis} of the {most} {noun}.", "The {most} {noun} belongs to which {axis}?"),
    "peak": ("What is the {most} {noun}?", "How large is the {most} {noun}?", "Give the {most} {noun}.",
             "What value does the {most} {noun} have?", "Read off the {most} {noun}.",
             "State the {most} {noun}.", "The {most} {noun} is what?",
             "What is the {most} value of the {noun}?"),
    "trend": ("Does the {noun} rise or fall from {a} to {b}?",
              "From {a} to {b}, does the {noun} rise or fall?", "Rise or fall: the {noun} from {a} to {b}?",
              "What does the {noun} do from {a} to {b}, rise or fall?",
              "Between {a} and {b}, is it a rise or a fall in {noun}?",
              "Did the {noun} rise or fall, {a} to {b}?", "{noun}, {a} to {b}: rise or fall?",
              "Comparing {a} with {b}, did the {noun} rise or fall?"),
    "count": ("How many {axes} have a {noun} {than} {limit}?",
              "Count the {axes} with a {noun} {than} {limit}.",
              "In how many {axes} is the {noun} {than} {limit}?", "{noun} {than} {limit}: how many {axes}?",
              "What number of {axes} show a {noun} {than} {limit}?",
              "How often is the {noun} {than} {limit}?",
              "Number of {axes} where the {noun} is {than} {limit}?",
              "For how many {axes} is the {noun} {than} {limit}?"),
    "how_many": ("How many {things} are there?", "Count the {things}.", "How many {things} can you count?",
                 "What is the number of {things}?", "Number of {things}?", "How many {things} do you see?",
                 "How many {things} does the page show?", "Tell me how many {things} there are."),
    "text": ("What is the {it}?", "Read the {it}.", "What does the {it} say?", "Which words are the {it}?",
             "Give the {it}.", "Copy the {it}.", "Write down the {it}.", "Quote the {it}."),
    "color": ("What color is {it}?", "Which color does {it} have?", "In what color is {it} drawn?",
              "Name the color of {it}.", "What is the color of {it}?", "{it} has which color?",
              "Tell me the color of {it}.", "Which color stands for {it}?"),
    "lookup": ("Which {axis} has the {noun} {value}?", "{noun} {value}: which {axis} is it?",
               "For which {axis} is the {noun} {value}?", "Find the {axis} whose {noun} is {value}.",
               "Name the {axis} with {noun} {value}.", "The {noun} {value} belongs to which {axis}?",
               "What {axis} goes with the {noun} {value}?", "Whose {noun} is {value}? Name the {axis}."),
    "order": ('What comes right {side} "{it}"?', 'Which {thing} is right {side} "{it}"?',
              'Name the {thing} right {side} "{it}".', 'What is the {thing} directly {side} "{it}"?',
              '"{it}": what comes directly {side} it?', 'Which {thing} comes immediately {side} "{it}"?',
              'Look right {side} "{it}": what is there?', 'One {thing} {side} "{it}" is what?'),
    "branch": ('What happens if "{it}" is answered {way}?', 'Where does {way} lead from "{it}"?',
               '"{it}" - {way}. What is next?', 'If the answer to "{it}" is {way}, what follows?',
               'Follow {way} at "{it}": which box?', 'Which box does the {way} arrow of "{it}" point to?',
               'After {way} at "{it}", what is done?', 'Take {way} at "{it}". Where do you land?'),
    "family": ("Which box leads to {it}?", "Which box does {it} branch off from?",
               "What does {it} belong to?",
               "Name the parent of {it}.", "Which box does {it} hang from?", "{it} is part of what?",
               "What is the parent of {it}?", "Find the parent of {it}."),
    "next_after": ("When does the next one leave {place} after {time}?",
                   "First departure from {place} after {time}?",
                   "After {time}, what is the first time at {place}?",
                   "I reach {place} at {time}. When can I leave?",
                   "When is the first departure at {place} after {time}?",
                   "It is {time} in {place}. When is the next one?",
                   "Next departure from {place} after {time}?",
                   "What time does one leave {place} first, after {time}?"),
}


class DocsQuestion(NamedTuple):
    """A question as its type, the values of its slots, and the answer."""
    question_type: str
    slots: dict[str, str]
    answer: str

    def to_annotation(self, style: str, rng: random.Random) -> Annotation:
        """The question in a random wording, with a capital first letter."""
        question = rng.choice(WORDINGS[self.question_type]).format(**self.slots)
        return Annotation(style, question=capitalise(question), answer=self.answer)


def choose_questions(questions: list[DocsQuestion], preferred_types: tuple[str, ...],
                     rng: random.Random) -> list[DocsQuestion]:
    """Six to nine questions: one of each type in turn, the persona's preferred types first."""
    by_type: dict[str, list[DocsQuestion]] = {}
    for question in rng.sample(questions, len(questions)):
        by_type.setdefault(question.question_type, []).append(question)
    types = sorted(by_type, key=lambda question_type: question_type not in preferred_types)
    num_wanted, chosen = rng.randint(*NUM_QUESTIONS), []
    while len(chosen) < num_wanted and any(by_type.values()):
        for question_type in types:
            if by_type[question_type]:
                chosen.append(by_type[question_type].pop())
    return chosen[:num_wanted]
