"""From the journal to a dataset: writes train.jsonl and val.jsonl, checks them, names the command to train.

A file that somebody else wrote or edited is never replaced.
"""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

from minimolmo.batch.dataset import check_split, read_annotation
from minimolmo.command import ROOT
from minimolmo.config import RunConfig
from minimolmo.disk import sha256_of, write_atomically
from minimolmo.page.entries import words_without_points
from minimolmo.page.journal import Journal
from minimolmo.text.prompts import answer_text
from minimolmo.text.tokenizer import Tokenizer

SPLITS = ("train", "val")
DATA = ROOT / "data"
RELEASED = DATA / "released" / "minimolmo-nano"
STEPS = 300  # of a training: minutes on two cores
MOST_NAMED = 3  # unfinished explanations that a line names
USUAL_TOKENS, MANY_TOKENS = RunConfig.max_tokens, 1_024  # of a sequence: in nano's training, and if need be
IMAGE_TOKENS, PROMPT_TOKENS = 30, 20  # about: of nano's overview; of a question's template and its end


def write_splits(journal: Journal) -> None:
    """Write the photos that have annotations, in the order of adding, if that changes anything.

    Raises ValueError if a file is not as this page has written it.
    """
    with journal.lock:
        contents = {f"{split}.jsonl": split_content(journal, split) for split in SPLITS}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        present = {name: _digest(journal.folder / name) for name in contents}
        for name, digest in present.items():
            if digest and digest != digests[name] and (name, digest) not in journal.written:
                raise ValueError(f"{journal.folder / name} was written or edited by somebody else, so "
                                 f"replacing it would lose that work. Move it away, or try another --folder.")
        changed = [name for name in contents if digests[name] != (present[name] or _digest_of_nothing())]
        if changed:
            journal.note_written(digests)
        for name in changed:
            write_atomically(journal.folder / name, [contents[name]])


def split_content(journal: Journal, split: str) -> bytes:
    """The rows of one split as JSON lines: photos without annotations are left out."""
    rows = [{"image": f"images/{name}.jpg", "annotations": photo.annotations}
            for name, photo in journal.photos.items() if photo.split == split]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows if row["annotations"]]
    return "".join(lines).encode()


def _digest(path: Path) -> str:
    """The sha256 of a file; "" if there is none."""
    return sha256_of(path) if path.exists() else ""


def _digest_of_nothing() -> str:
    return hashlib.sha256(b"").hexdigest()


def write_and_check(journal: Journal) -> tuple[bool, list[str]]:
    """Write the files. Whether they can be trained on, and lines: counts, what is missing or left out."""
    write_splits(journal)
    lines = [check_file(journal, split) for split in SPLITS]
    return all(good for good, _ in lines), [*(line for _, line in lines), *unfinished_lines(journal)]


def check_file(journal: Journal, split: str) -> tuple[bool, str]:
    """Whether a split can be used, and its counts or what is wrong. The split val may not be empty here."""
    photos = [photo for photo in journal.photos.values() if photo.split == split]
    if not any(photo.annotations for photo in photos):
        return False, (f"{split}.jsonl has no photo with an annotation yet, so there is nothing to "
                       f"{'train' if split == 'train' else 'score'}. Try {next_step(split, bool(photos))}.")
    try:
        return True, check_split(journal.folder, split)
    except ValueError as error:
        return False, str(error)


def next_step(split: str, has_photo: bool) -> str:
    """What to do about a split without annotations. The first photo is of train, the second of val."""
    if has_photo:
        return f"saying something about the {'first' if split == 'train' else 'second'} photo"
    return "adding a photo" if split == "train" else "adding a second photo: it is held out, to measure"


def unfinished_lines(journal: Journal) -> list[str]:
    """A line about explanations that are left out, because words in braces have no point; [] if none is."""
    found = [f'photo {number}, "{entry["question"]}" ({", ".join(f"{{{word}}}" for word in words)})'
             for number, photo in enumerate(journal.photos.values(), start=1)
             for _, entry in photo.entries.values() if entry and (words := words_without_points(entry))]
    more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    those = "1 explanation is" if len(found) == 1 else f"{len(found)} explanations are"
    return [f"{those} not counted and left out, because words in braces have no point yet: "
            f"{'; '.join([*found[:MOST_NAMED], *more])}. Try pointing at them under Explain."][:len(found)]


def train_command(journal: Journal, run: Path) -> list[str]:
    """The words of the command that trains the released nano on a folder, without the interpreter.

    Longer sequences are allowed than in nano's own training if some photo needs them: the rest would be cut.
    """
    folder = journal.folder
    data = [] if folder.parent.resolve() == DATA else [f"--data={folder.parent}"]
    tokens = tokens_needed(journal)
    longer = [f"--max_tokens={tokens}"] if tokens > USUAL_TOKENS else []
    resume = ["--resume"] if any(run.glob("step-*")) else []
    return ["train.py", f"--from={shown(RELEASED)}", f"--mix.{folder.name}=1", *data,
            f"--finetune.steps={STEPS}", *longer, f"--out={run}", *resume]


def tokens_needed(journal: Journal) -> int:
    """The length of sequences to train with: nano's own, or more if some photo has more to say."""
    return MANY_TOKENS if longest_sequence(journal) > USUAL_TOKENS else USUAL_TOKENS


def longest_sequence(journal: Journal) -> int:
    """The tokens of the photo with the most to say, question and image included, about."""
    tokenizer = Tokenizer.load(RELEASED / "tokenizer.json")
    rows = [[read_annotation(row) for row in photo.annotations] for photo in journal.photos.values()]
    return max((IMAGE_TOKENS + sum(len(tokenizer.encode(answer_text(each) + each.question)) + PROMPT_TOKENS
                                   for each in row) for row in rows), default=0)


def shown(path: Path) -> Path:
    """A path relative to the current folder, if it lies there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
