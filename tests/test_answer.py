"""Answering: the same prompt as in training, generation token by token, and the command's error messages."""
import runpy
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from minimolmo import answer, disk
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

TOKENIZER = Tokenizer([], vocab=257)  # single bytes and end of text
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
    """An untrained model with large weights, so that its answers have many different tokens."""
    torch.manual_seed(0)
    model = MiniMolmo(TINY)
    with torch.no_grad():
        model.projector.down.weight *= 50
        for layer in (model.decoder.embedding, model.decoder.head):
            layer.weight *= 3
    return model.eval()


def prompts(model, view="ground") -> list[Sequence]:
    return [build_prompt(image, question, model, TOKENIZER, view)
            for image, question in zip(IMAGES, QUESTIONS)]


@torch.no_grad()
def generate_without_cache(model, sequence: Sequence, steps: int) -> list[int]:
    """Greedy decoding that runs the whole sequence again for every token."""
    tokens = []
    for _ in range(steps):
        tokens.append(int(model(collate([sequence]))[0, -1].argmax()))
        sequence = replace(sequence, ids=np.append(sequence.ids, tokens[-1]),
                           targets=np.append(sequence.targets, -1),
                           loss_weight=np.append(sequence.loss_weight, np.float32(0)),
                           position=np.append(sequence.position, sequence.position[-1] + 1),
                           segment_ids=np.append(sequence.segment_ids, sequence.segment_ids[-1]))
    return tokens


def test_answers_with_the_cache_equal_those_without_token_by_token(model):
    for sequence in prompts(model):
        expected = generate_without_cache(model, sequence, steps=20)
        assert len(set(expected)) > 3  # not one token repeated
        assert generate(model, collate([sequence]), eos=-1, max_new_tokens=20) == [expected]


def test_a_question_has_the_same_answer_in_a_batch_as_alone(model):
    """Three prompts of different lengths, with images of different shapes, padded on the right."""
    sequences = prompts(model)
    assert len({len(s.ids) for s in sequences}) == 3
    assert len({len(s.crops.patch_coverage) for s in sequences}) == 2
    together = generate(model, collate(sequences), eos=-1, max_new_tokens=20)
    assert together == [generate_without_cache(model, s, steps=20) for s in sequences]


def test_another_image_gets_another_answer(model):
    """The same question about an image of noise and about a white one."""
    batch = collate([build_prompt(image, "Who?", model, TOKENIZER, "bird") for image in IMAGES])
    answers = generate(model, batch, eos=-1, max_new_tokens=20)
    assert answers[0] != answers[2]


def test_an_answer_stops_at_end_of_text_while_others_go_on(model):
    """Some token is taken as end of text: each answer is the long one up to that token."""
    batch = collate(prompts(model))
    unstopped = generate(model, batch, eos=-1, max_new_tokens=20)
    eos = unstopped[0][7]
    stopped = generate(model, batch, eos=eos, max_new_tokens=20)
    assert stopped == [ids[:ids.index(eos)] if eos in ids else ids for ids in unstopped]
    assert len(stopped[0]) <= 7
    assert {len(ids) for ids in stopped} != {len(stopped[0])}


def test_an_answer_has_at_most_max_new_tokens(model):
    answers = generate(model, collate(prompts(model)), eos=-1, max_new_tokens=5)
    assert [len(ids) for ids in answers] == [5, 5, 5]


def test_every_pass_of_the_decoder_gives_a_token(model, monkeypatch):
    """The pass over the prompt gives the first token, so five tokens take five passes."""
    passes, run = [], model.decoder.forward
    monkeypatch.setattr(model.decoder, "forward", lambda *given, **named: (
        passes.append(1), run(*given, **named))[1])
    generate(model, collate(prompts(model)), eos=-1, max_new_tokens=5)
    assert len(passes) == 5


def test_the_prompt_equals_that_of_training(model):
    """The sequence of training is the prompt followed by the answer."""
    example = Example("", (Annotation("user_qa", question="Who?", answer="A cat."),))
    preprocessor = Preprocessor(TINY.image, TOKENIZER, "finetune", max_crops=4, max_tokens=500)
    rng = np.random.default_rng(1)  # its first draw is 0.51: no style tag
    prompt = build_prompt(TALL, "Who?", model, TOKENIZER, "ground")
    training = answer.build_sequence(prompt.crops, preprocessor.token_ids(example, rng), TOKENIZER)

    length = len(prompt.ids)
    for field in ("ids", "position", "segment_ids"):
        assert getattr(training, field)[:length].tolist() == getattr(prompt, field).tolist()
    assert TOKENIZER.decode(training.ids[length:]) == " A cat."
    assert training.loss_weight[length - 1] > 0 == training.loss_weight[length - 2]  # the answer begins here


def test_temperature_0_takes_the_likeliest_token():
    assert sample_tokens(torch.tensor([[1.0, 3.0, 2.0]]), 0.0, None).tolist() == [1]


def test_tokens_are_sampled_by_their_probability_at_the_temperature():
    """Logits ln 1 and ln 3: probabilities 1 to 3. At temperature 0.5 they are squared: 1 to 9."""
    logits = torch.tensor([1.0, 3.0]).log().expand(10_000, 2)
    generator = torch.Generator().manual_seed(0)
    assert sample_tokens(logits, 1.0, generator).float().mean() == pytest.approx(3 / 4, abs=0.02)
    assert sample_tokens(logits, 0.5, generator).float().mean() == pytest.approx(9 / 10, abs=0.02)


@pytest.mark.parametrize("temperature", [1e-300, 5e-324, 1e-38])
def test_near_temperature_0_the_likeliest_token_is_taken(temperature):
    logits = torch.tensor([[-90.0, 80.0, 79.0]])
    assert sample_tokens(logits, temperature, torch.Generator().manual_seed(0)).tolist() == [1]


def test_the_same_seed_gives_the_same_answers(model):
    def answers(seed):
        return ask(model, TOKENIZER, IMAGES, QUESTIONS, max_new_tokens=10, temperature=3.0,
                   generator=torch.Generator().manual_seed(seed))
    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_points_come_back_in_percent_of_the_image(model, monkeypatch):
    """The model generates percent of the original image, whatever its shape."""
    generated = ' <points x1="10.0" y1="90.0" x2="61.5" y2="40.4" alt="cats">cats</points>'
    monkeypatch.setattr(answer, "generate", lambda *_: [TOKENIZER.encode(generated)])
    reply, = ask(model, TOKENIZER, [TALL], ["Point to the cats"])
    assert reply.text == generated.strip()
    assert reply.points == [(10.0, 90.0), (61.5, 40.4)]


@pytest.fixture
def trained(model, tmp_path):
    """A folder with a checkpoint, as training writes it, and an image."""
    config = RunConfig(model=TINY, finetune=StageConfig(steps=1, view="ground"))
    save_checkpoint(tmp_path / "run", 1, model.state_dict(), config, TOKENIZER, None, {"step": 1})
    Image.fromarray(WIDE).save(tmp_path / "wide.png")
    return tmp_path


def command(monkeypatch, *arguments):
    """`python -m minimolmo.answer ...`: its error message, or None."""
    monkeypatch.setattr(sys, "argv", ["answer", *map(str, arguments)])
    try:
        runpy.run_path(answer.__file__, run_name="__main__")
    except SystemExit as end:
        return end.code


def test_the_command_line_prints_the_answer(model, trained, monkeypatch, capsys):
    """What `ask` returns, in the view of training; that it was cut is said, and control characters shown."""
    assert command(monkeypatch, trained / "wide.png", "Who?", f"--weights={trained / 'run'}",
                   "--max_new_tokens=20") is None
    reply, = ask(model, TOKENIZER, [WIDE], ["Who?"], view="ground", max_new_tokens=20)
    assert reply.cut
    assert capsys.readouterr().out.strip() == f"{printable(reply.text)} (cut at 20 tokens)"


@pytest.mark.parametrize("question, change, noted", [
    ("Describe the image, quickly.", {}, "no question of nano's training has 'describe', 'quickly', so "),
    ("Wo ist der Äpfel?", {}, "'wo', 'ist', 'der', 'äpfel'"),
    ("What's there?", {}, "has \"what's\", so"),
    ("What does the picture show?", {}, ""),
    ("user_qa: Where is the RED circle? 3", {}, ""),
    ("clocks: What time is it?", {}, ""),
    ("What time is it?", {"mix": {"points": 1.0, "cap": 1.0}}, "has 'time', so"),  # as the released nano's
    ("Describe it.", {"mix": {"points": 1.0, "mine": 1.0}}, ""),  # your own words may be among them
    ("Describe it.", {"level": "full"}, ""),
    ("Describe it.", {"name": "molmo_7b_d"}, "")])
def test_words_that_nano_has_never_seen_are_named_once_after_the_answer(question, change, noted, capsys):
    answer.note_unknown_words(question, replace(RunConfig(), **change))
    output = capsys.readouterr()
    assert noted in output.err and bool(noted) == bool(output.err) and not output.out
    assert output.err.count("note:") == bool(noted)


def test_the_command_line_names_unknown_words(trained, capsys):
    answer.main([str(trained / "wide.png"), "Whatever?", f"--weights={trained / 'run'}",
                 "--max_new_tokens=1"])
    assert capsys.readouterr().err.count("has 'whatever', so it may not understand") == 1


def test_a_question_longer_than_the_models_sequences_is_refused(trained, monkeypatch):
    stopped = command(monkeypatch, trained / "wide.png", "Who? " * 400, f"--weights={trained / 'run'}")
    assert "tokens, and the model was trained on at most" in stopped and "Try a shorter question" in stopped


def test_a_view_with_more_tokens_than_training_had_is_answered(trained, monkeypatch):
    """As Molmo's own 36 crops, 2,932 tokens, after training on 2,304: only the text is limited."""
    long = answer.build_prompt(TALL, "Who?", MiniMolmo(TINY), TOKENIZER, "ground")
    config = RunConfig(model=TINY, max_tokens=30)
    assert len(long.ids) > 30
    answer.check_length(long, config)
    with pytest.raises(ValueError, match="the question is .* and the model was trained on at most 30"):
        answer.check_length(build_prompt(TALL, "Who? " * 4, MiniMolmo(TINY), TOKENIZER, "bird"), config)


def test_one_question_hashes_each_file_once_and_never_the_optimizer(trained, monkeypatch, capsys):
    read, really = [], disk._read_sha256
    monkeypatch.setattr(disk, "SETTLED_NS", 0)
    monkeypatch.setattr(disk, "_digests", {})
    monkeypatch.setattr(disk, "_read_sha256", lambda path: (read.append(path.name), really(path))[1])
    answer.main([str(trained / "wide.png"), "Who?", f"--weights={trained / 'run'}", "--max_new_tokens=1"])
    assert sorted(read) == ["config.json", "state.json", "tokenizer.json", "weights.safetensors"]


def test_images_and_questions_that_are_no_pairs_are_refused(model):
    with pytest.raises(ValueError, match=r"1 images and 2 questions are not pairs.*Try one image for each"):
        ask(model, TOKENIZER, [WIDE], ["Who?", "What?"])


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
    generated = '<point x="25.0" y="50.0" alt="cat">cat</point>'
    monkeypatch.setattr(answer, "generate", lambda *_: [TOKENIZER.encode(generated)])
    path = trained / "new" / "dot.png"
    answer.main([str(trained / "wide.png"), "Where?", f"--weights={trained / 'run'}", f"--out={path}"])
    assert capsys.readouterr().out.splitlines() == [generated, f"drawn: {path}"]
    with Image.open(path) as picture:  # a dot in the middle of the left half, none in the right
        pixels = np.array(picture).astype(int)
    height, width = pixels.shape[:2]
    pink = (abs(pixels - [240, 48, 127]) < 12).all(axis=-1)
    assert pink[height // 2, width // 4]
    assert not pink[:, width // 2:].any()


def test_the_folder_of_a_single_checkpoint_can_be_loaded(model, trained):
    loaded, tokenizer, config = load(trained / "run" / "step-000001")
    assert tokenizer.vocab == 257 and config.model == TINY and not loaded.training
    answers = ask(loaded, tokenizer, IMAGES, QUESTIONS, max_new_tokens=5)
    assert answers == ask(model, TOKENIZER, IMAGES, QUESTIONS, max_new_tokens=5)


def test_mistakes_on_the_command_line_are_explained_without_a_traceback(trained, monkeypatch):
    def message(picture, run="run"):
        return command(monkeypatch, trained / picture, "Who?", f"--weights={trained / run}")
    no_model = message("wide.png", run="nowhere")
    assert "nowhere holds no trained model, so there is nothing to ask. Train" in no_model
    assert "dog.png does not exist. Check the spelling" in message("dog.png")
    (trained / "dog.png").write_bytes(b"no picture")
    assert "dog.png is empty, or not an image" in message("dog.png")


def test_more_new_tokens_than_memory_can_hold_are_refused(trained, capsys):
    with pytest.raises(SystemExit):
        answer.main([str(trained / "wide.png"), "Who?", "--max_new_tokens=1000000000"])
    assert "1000000000 is too large. Try 100000 or less" in capsys.readouterr().err
