"""cap_qa at level full: questions of seven types about a caption. Each answer occurs in it, word for word."""
from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

from data.ask_model_anything.question_template import QuestionTemplate
from data.cap.full import caption, size_and_name
from data.scenes.easy_wording import COUNT_WORDS, place_of, with_preposition
from data.scenes.full import FullScene, make_scene
from data.scenes.full_wording import size_word, thing_text
from data.scenes.objects import KINDS
from minimolmo.flow import Annotation, Thing

NUM_QUESTIONS = (8, 11)

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


def make_example(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about nine questions about its caption, which is a column of the row."""
    scene = make_scene(split, rng)
    text = caption(scene, rng)
    questions = [question for question in possible_questions(scene) if appears_in(question.answer, text)]
    selected = rng.sample(questions, min(rng.randint(*NUM_QUESTIONS), len(questions)))
    annotations = [replace(question.to_annotation(rng), style="cap_qa") for question in selected]
    return replace(scene, columns={"caption": text}), annotations


def appears_in(answer: str, text: str) -> bool:
    """Does the answer occur in the text as whole words, ignoring case?"""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE) is not None


def possible_questions(scene: FullScene) -> list[QuestionTemplate]:
    """All questions about a caption of this scene."""
    counts = {
        "name": Counter(map(thing_text, scene.things)), "kind": Counter(t.kind for t in scene.things),
        "place": Counter(map(place_of, scene.things))
    }
    questions = [QuestionTemplate(HOW_MANY, "", COUNT_WORDS[len(scene.things)])]
    questions += [
        QuestionTemplate(KIND_NUMBER, KINDS[kind].plural, COUNT_WORDS[count])
        for kind, count in counts["kind"].items()
        if count > 1
    ]
    for thing in scene.things:
        questions += _questions_about(scene, thing, counts)
    return questions


def _questions_about(scene: FullScene, thing: Thing, counts: dict[str, Counter]) -> list[QuestionTemplate]:
    questions = []
    if counts["place"][place_of(thing)] == 1:
        questions.append(
            QuestionTemplate(AT_PLACE, with_preposition(place_of(thing)), size_and_name(scene, thing)))
    if counts["kind"][thing.kind] == 1:
        questions.append(QuestionTemplate(COLOR, thing.kind, thing.color))
    if counts["name"][thing_text(thing)] == 1:
        questions.append(QuestionTemplate(PLACE, thing_text(thing), with_preposition(place_of(thing))))
        questions += [QuestionTemplate(READS, thing_text(thing), thing.word)] if thing.word else []
        questions += [QuestionTemplate(SIZE, thing_text(thing), size_word(scene, thing))] if size_word(
            scene, thing) else []
    return questions
