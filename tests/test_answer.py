"""Answering: the same prompt as in training, generation token by token, and the command's error messages."""
import runpy
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from minimolmo import answer
from minimolmo.answer import ask, build_prompt, generate, load, sample_tokens
from minimolmo.batch.collate import collate
from minimolmo.batch.loader import Preprocessor
from minimolmo.command import printable
from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    StageConfig,
    VisionConfig,
)
from minimolmo.flow import Annotation, Example, Sequence
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights.checkpoint import save_checkpoint

WORDS = Tokenizer([], vocab=257)  # single bytes and end-of-text
TINY = MolmoConfig(
    ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2, ground_crops=4),
    VisionConfig(width=16, layers=2, heads=2, mlp=16), ConnectorConfig(width=16, heads=2, mlp=16),
    DecoderConfig(width=32, layers=2, heads=4, kv_heads=2, mlp=32, vocab=257, tied=False))
TALL = np.random.default_rng(0).integers(0, 256, (48, 16, 3), np.uint8)
WIDE = np.full((20, 40, 3), 90, np.uint8)
QUESTIONS = ["Who?", "How many cats are there in all?", "Point to the red circle"]
IMAGES = [TALL, WIDE, np.full_like(TALL, 255)]


@pytest.fixture(scope="module")
def model() -> MiniMolmo:
    """Untrained, but loud: words and visual tokens are so large that it babbles on and on."""
    torch.manual_seed(0)
    model = MiniMolmo(TINY)
    with torch.no_grad():
        model.projector.down.weight *= 50
        for words in (model.decoder.embedding, model.decoder.head):
            words.weight *= 3
    return model.eval()


def prompts(model, view="ground") -> list[Sequence]:
    return [build_prompt(image, question, model, WORDS, view) for image, question in zip(IMAGES, QUESTIONS)]


@torch.no_grad()
def generate_plainly(model, sequence: Sequence, steps: int) -> list[int]:
    """Without a cache: read everything again for every word."""
    said = []
    for _ in range(steps):
        said.append(int(model(collate([sequence]))[0, -1].argmax()))
        grow = lambda values, value: np.append(values, value)
        sequence = replace(sequence, ids=grow(sequence.ids, said[-1]), targets=grow(sequence.targets, -1),
                           loss_weight=grow(sequence.loss_weight, np.float32(0)),
                           position=grow(sequence.position, sequence.position[-1] + 1),
                           segment_ids=grow(sequence.segment_ids, sequence.segment_ids[-1]))
    return said


def test_answers_with_the_cache_equal_those_without_token_by_token(model):
    for sequence in prompts(model):
        plain = generate_plainly(model, sequence, steps=20)
        assert len(set(plain)) > 3  # it does not just repeat one word
        assert generate(model, collate([sequence]), eos=-1, max_new_tokens=20) == [plain]


def test_a_question_has_the_same_answer_in_a_batch_as_alone(model):
    """Three prompts of different lengths, images of different shape: padded on the right, nobody notices."""
    sequences = prompts(model)
    assert len({len(s.ids) for s in sequences}) == 3
    assert len({len(s.crops.patch_coverage) for s in sequences}) == 2
    together = generate(model, collate(sequences), eos=-1, max_new_tokens=20)
    assert together == [generate_plainly(model, s, steps=20) for s in sequences]


def test_another_image_gets_another_answer(model):
    """The same question about tall noise and about white: what is seen reaches what is said."""
    batch = collate([build_prompt(image, "Who?", model, WORDS, "bird") for image in IMAGES])
    answers = generate(model, batch, eos=-1, max_new_tokens=20)
    assert answers[0] != answers[2]


def test_an_answer_stops_at_end_of_text_while_others_go_on(model):
    """Whatever token is called end-of-text: each answer is the long one up to its first."""
    batch = collate(prompts(model))
    unbroken = generate(model, batch, eos=-1, max_new_tokens=20)
    end = unbroken[0][7]
    stopped = generate(model, batch, eos=end, max_new_tokens=20)
    assert stopped == [ids[:ids.index(end)] if end in ids else ids for ids in unbroken]
    assert len(stopped[0]) <= 7
    assert {len(ids) for ids in stopped} != {len(stopped[0])}


def test_an_answer_has_at_most_max_new_tokens(model):
    answers = generate(model, collate(prompts(model)), eos=-1, max_new_tokens=5)
    assert [len(ids) for ids in answers] == [5, 5, 5]


def test_the_prompt_equals_that_of_training(model):
    """Training reads prompt and answer; asking reads the prompt and stands where the answer begins."""
    example = Example("", (Annotation("user_qa", question="Who?", answer="A cat."),))
    recipe = Preprocessor(TINY.image, WORDS, "finetune", max_crops=4, max_tokens=500)
    rng = np.random.default_rng(1)  # its first draw is 0.51: no style tag
    image = build_prompt(TALL, "Who?", model, WORDS, "ground").crops
    trained = answer.build_sequence(image, recipe.token_ids(example, rng), WORDS)
    asked = build_prompt(TALL, "Who?", model, WORDS, "ground")

    length = len(asked.ids)
    for field in ("ids", "position", "segment_ids"):
        assert getattr(trained, field)[:length].tolist() == getattr(asked, field).tolist()
    assert WORDS.decode(trained.ids[length:]) == " A cat."
    assert trained.loss_weight[length - 1] > 0 == trained.loss_weight[length - 2]  # here the answer begins


def test_temperature_0_takes_the_likeliest_token():
    assert sample_tokens(torch.tensor([[1.0, 3.0, 2.0]]), 0.0, None).tolist() == [1]


def test_tokens_are_sampled_by_their_probability_at_the_temperature():
    """Logits ln 1 and ln 3: one to three. At temperature 0.5 they are squared: one to nine."""
    logits = torch.tensor([1.0, 3.0]).log().expand(10_000, 2)
    dice = torch.Generator().manual_seed(0)
    assert sample_tokens(logits, 1.0, dice).float().mean() == pytest.approx(3 / 4, abs=0.02)
    assert sample_tokens(logits, 0.5, dice).float().mean() == pytest.approx(9 / 10, abs=0.02)


def test_the_same_seed_gives_the_same_answers(model):
    def say(seed):
        return ask(model, WORDS, IMAGES, QUESTIONS, max_new_tokens=10, temperature=3.0,
                   generator=torch.Generator().manual_seed(seed))
    assert say(1) == say(1)
    assert say(1) != say(2)


def test_points_come_back_in_percent_of_the_image(model, monkeypatch):
    """The model writes percent of the original image, whatever its shape: nothing has to be undone."""
    said = ' <points x1="10.0" y1="90.0" x2="61.5" y2="40.4" alt="cats">cats</points>'
    monkeypatch.setattr(answer, "generate", lambda *_: [WORDS.encode(said)])
    reply, = ask(model, WORDS, [TALL], ["Point to the cats"])
    assert reply.text == said.strip()
    assert reply.points == [(10.0, 90.0), (61.5, 40.4)]


@pytest.fixture
def trained(model, tmp_path):
    """A folder with a checkpoint, as training leaves it, and a picture beside it."""
    config = RunConfig(model=TINY, finetune=StageConfig(steps=1, view="ground"))
    save_checkpoint(tmp_path / "run", 1, model.state_dict(), config, WORDS, None, {"step": 1})
    Image.fromarray(WIDE).save(tmp_path / "wide.png")
    return tmp_path


def command(monkeypatch, *arguments):
    """`python -m minimolmo.answer ...`: what it says at the end if something is wrong."""
    monkeypatch.setattr(sys, "argv", ["answer", *map(str, arguments)])
    try:
        runpy.run_path(answer.__file__, run_name="__main__")
    except SystemExit as end:
        return end.code


def test_the_command_line_prints_the_answer(model, trained, monkeypatch, capsys):
    """What `ask` returns, with the view of training; that it was cut is said, and control characters shown."""
    assert command(monkeypatch, trained / "wide.png", "Who?", f"--weights={trained / 'run'}",
                   "--max_new_tokens=20") is None
    reply, = ask(model, WORDS, [WIDE], ["Who?"], view="ground", max_new_tokens=20)
    assert reply.cut
    assert capsys.readouterr().out.strip() == f"{printable(reply.text)} (cut at 20 tokens)"


def test_a_question_longer_than_the_models_sequences_is_refused(trained, monkeypatch):
    stopped = command(monkeypatch, trained / "wide.png", "Who? " * 400, f"--weights={trained / 'run'}")
    assert "tokens, and the model was trained on at most" in stopped and "Try a shorter question" in stopped


def test_images_and_questions_that_are_no_pairs_are_refused(model):
    with pytest.raises(ValueError, match=r"1 images and 2 questions are not pairs.*Try one image for each"):
        ask(model, WORDS, [WIDE], ["Who?", "What?"])


def test_weights_in_training_say_how_far_they_are(trained):
    """The run's checkpoint is of step 1; its stages have more."""
    assert "in training: step 1 of" in answer.describe_weights(trained / "run")
    assert answer.describe_weights(answer.RELEASED) == str(answer.RELEASED)


def test_when_a_gpu_cannot_hold_the_question_a_smaller_view_is_proposed(trained, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    monkeypatch.setattr(answer, "generate", full)
    with pytest.raises(ValueError, match=r"memory is full: .* allocate 2.00 GiB.* Try --view=bird"):
        answer.main([str(trained / "wide.png"), "Who?", f"--weights={trained / 'run'}"])


def test_the_command_line_draws_the_points(trained, monkeypatch, capsys):
    said = '<point x="25.0" y="50.0" alt="cat">cat</point>'
    monkeypatch.setattr(answer, "generate", lambda *_: [WORDS.encode(said)])
    drawn = trained / "new" / "dot.png"
    answer.main([str(trained / "wide.png"), "Where?", f"--weights={trained / 'run'}", f"--out={drawn}"])
    assert capsys.readouterr().out.splitlines() == [said, f"drawn: {drawn}"]
    with Image.open(drawn) as picture:  # a dot in the middle of the left half, none in the right
        pixels = np.array(picture).astype(int)
    height, width = pixels.shape[:2]
    pink = (abs(pixels - [240, 48, 127]) < 12).all(axis=-1)
    assert pink[height // 2, width // 4]
    assert not pink[:, width // 2:].any()


def test_the_folder_of_a_single_checkpoint_can_be_loaded(model, trained):
    again, words, config = load(trained / "run" / "step-000001")
    assert words.vocab == 257 and config.model == TINY and not again.training
    answers = ask(again, words, IMAGES, QUESTIONS, max_new_tokens=5)
    assert answers == ask(model, WORDS, IMAGES, QUESTIONS, max_new_tokens=5)


def test_mistakes_on_the_command_line_are_explained_without_a_traceback(trained, monkeypatch):
    def said(picture, run="run"):
        return command(monkeypatch, trained / picture, "Who?", f"--weights={trained / run}")
    no_model = said("wide.png", run="nowhere")
    assert "nowhere holds no trained model, so there is nothing to ask. Train" in no_model
    assert "dog.png does not exist. Check the spelling" in said("dog.png")
    (trained / "dog.png").write_bytes(b"no picture")
    assert "dog.png is empty, or not an image" in said("dog.png")
