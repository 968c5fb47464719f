"""The recipe: stages, resuming, two processes, what happens when it goes wrong. Tiny, but real runs."""
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch

import train
from data.generate import NUM_IMAGES, make_dataset_spec, write_dataset
from data.tokenizer.prepare import ensure_tokenizer
from minimolmo import distributed
from minimolmo.command import SIGNALS, run_command
from minimolmo.locks import locked
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import override
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training import compiler
from minimolmo.training.run import Run, dropout_rates, make_loader, open_datasets
from minimolmo.weights import checkpoint, official
from minimolmo.weights.safetensors import load

ROOT = Path(__file__).resolve().parent.parent
TINY = [f"--model.{setting}" for setting in (
    "vision.width=32", "vision.heads=2", "vision.mlp=64", "vision.layers=2",
    "connector.width=32", "connector.heads=2", "connector.mlp=32",
    "decoder.width=32", "decoder.kv_heads=1", "decoder.heads=2", "decoder.mlp=64", "decoder.layers=2")]
# Without the auxiliary losses, which are means of means.
WORDS = ["--bootstrap.steps=0", "--pretrain.auxiliary_weight=0.0", "--finetune.auxiliary_weight=0.0"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
STAGES = ["--bootstrap.steps=3", "--bootstrap.batch_size=4", "--pretrain.steps=3", "--pretrain.batch_size=4",
          "--finetune.steps=6", "--finetune.batch_size=4"]


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Mini-PixMo of 24 pictures a set, and its words."""
    from data.prepare_all import DATASETS
    folder = tmp_path_factory.mktemp("data")
    for name in NUM_IMAGES["easy"]:
        write_dataset(make_dataset_spec(name, images=24), DATASETS[name], folder)
    ensure_tokenizer("easy", 512, data=folder)
    return folder


def arguments(out: Path, data: Path, *more: str) -> list[str]:
    return [f"--out={out}", f"--data={data}", *TINY, *STAGES, *more]


def run_main(given: list[str]) -> None:
    """`python train.py ...` in this process: its errors are SystemExit with the message."""
    with mock.patch.object(sys, "argv", ["train.py", *given]):
        run_command(train.main)


def losses(out: Path) -> list[tuple[int, float]]:
    lines = map(json.loads, (out / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [(line["step"], line["loss"]) for line in lines]


def command(out: Path, data: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *arguments(out, data, *more)]


@pytest.fixture(scope="session")
def unbroken(data, tmp_path_factory) -> Path:
    """One run from start to end."""
    out = tmp_path_factory.mktemp("runs") / "unbroken"
    train.main(arguments(out, data))
    return out


def test_a_run_leaves_checkpoints_a_log_a_curve_and_samples(unbroken):
    assert [step for step, _ in losses(unbroken)] == list(range(1, 13))
    assert (unbroken / "loss.png").is_file() and list((unbroken / "samples").glob("*.png"))
    assert checkpoint.load_config(checkpoint.latest(unbroken)).finetune.steps == 6


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(unbroken, data, tmp_path):
    train.main(arguments(tmp_path / "same", data))
    train.main(arguments(tmp_path / "other", data, "--seed=2"))

    assert losses(tmp_path / "same") == losses(unbroken)
    assert losses(tmp_path / "other") != losses(unbroken)


def test_resumed_equals_unbroken_bit_for_bit_wherever_it_was_cut(unbroken, data, tmp_path, monkeypatch):
    """Cut after every step: inside a stage, and between two. Dropout is on, so the dice must agree too."""
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    whole = tmp_path / "whole"
    dice = ("--pretrain.dropout=0.1", "--finetune.dropout=0.1")
    train.main(arguments(whole, data, *dice))
    for cut in (2, 3, 5, 6, 9):
        out = tmp_path / f"cut-{cut}"
        stop_after(cut, out, data, dice, monkeypatch)
        train.main(arguments(out, data, "--resume"))
        assert losses(out) == losses(whole)
        assert same_weights(out, whole)


def stop_after(steps: int, out: Path, data: Path, dice, monkeypatch) -> None:
    """Ctrl-C during a step: it is finished and saved."""
    taken = train.train_step

    def counted(run, *rest):
        run.stop_requested = run.step + 1 == steps
        return taken(run, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", counted)
        with pytest.raises(SystemExit, match="130"):
            run_main(arguments(out, data, *dice))


def same_weights(a: Path, b: Path) -> bool:
    files = [checkpoint.latest(out) / "weights.safetensors" for out in (a, b)]
    return files[0].read_bytes() == files[1].read_bytes()


def test_killed_at_any_moment_and_resumed_it_ends_the_same(unbroken, data, tmp_path):
    """kill -9 at random moments, again and again, until one run gets through."""
    out, dice = tmp_path / "killed", random.Random(0)
    script = "import sys, train; train.SAVE_EVERY = 1; train.main(sys.argv[1:])"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script, *arguments(out, data, "--resume")],
                                   cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + 60
        begun = len(losses(out)) if (out / "log.jsonl").exists() else 0
        while process.poll() is None and time.time() < deadline and lines(out) < begun + 2:
            time.sleep(0.005)
        time.sleep(dice.random() * 0.02)
        process.kill()
        process.wait()
    train.main(arguments(out, data, "--resume"))

    assert losses(out) == losses(unbroken)
    assert same_weights(out, unbroken)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_middle_of_a_step_is_not_forgotten_at_its_end(number, unbroken, data, tmp_path,
                                                                    monkeypatch):
    """Interrupted in step 4, after all processes have agreed to go on: step 5 is the last."""
    set_learning_rates = train.set_learning_rates

    def interrupted(*inputs):
        if lines(tmp_path) == 3:
            signal.raise_signal(number)
        return set_learning_rates(*inputs)

    with monkeypatch.context() as patch:
        patch.setattr(train, "set_learning_rates", interrupted)
        with pytest.raises(SystemExit, match=str(128 + number)):
            run_main(arguments(tmp_path, data))
    assert lines(tmp_path) == 5 and checkpoint.latest(tmp_path).name == "step-000005"
    train.main(arguments(tmp_path, data, "--resume"))
    assert losses(tmp_path) == losses(unbroken) and same_weights(tmp_path, unbroken)


def lines(out: Path) -> int:
    path = out / "log.jsonl"
    return path.read_text(encoding="utf-8").count("\n") if path.exists() else 0


def test_two_processes_take_the_steps_of_one(unbroken, data, tmp_path):
    """torchrun with two gloo processes: the same losses, from the same batches cut in two."""
    subprocess.run(in_two_processes(tmp_path / "two", data, *WORDS), check=True, capture_output=True,
                   env=ONE_THREAD, timeout=120)
    train.main(arguments(tmp_path / "one", data, *WORDS))
    assert_close(tmp_path / "two", tmp_path / "one")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks Linux which processes are left")
def test_ctrl_c_under_torchrun_ends_all_at_a_checkpoint_from_which_one_process_goes_on(data, tmp_path):
    """SIGINT to the whole group, as a terminal sends it, after the fourth of 63 steps."""
    more, two = [*WORDS, "--finetune.steps=60"], tmp_path / "two"
    process = subprocess.Popen(in_two_processes(two, data, *more), env=ONE_THREAD, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and lines(two) < 4:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 1
    assert not processes_of(two)
    assert 4 < lines(two) < 63 and checkpoint.latest(two).name == f"step-{lines(two):06d}"
    train.main(arguments(two, data, *more, "--resume"))
    train.main(arguments(tmp_path / "one", data, *more))
    assert_close(two, tmp_path / "one")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks Linux which processes are left")
def test_when_torchrun_is_killed_its_processes_save_and_end(data, tmp_path):
    two = tmp_path / "two"
    process = subprocess.Popen(in_two_processes(two, data, *WORDS, "--finetune.steps=100000"), env=ONE_THREAD,
                               start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and lines(two) < 4:
        time.sleep(0.01)
    process.kill()
    process.wait()
    deadline = time.time() + 60
    while processes_of(two) and time.time() < deadline:
        time.sleep(0.1)
    assert not processes_of(two)
    assert checkpoint.latest(two).name == f"step-{lines(two):06d}"


def processes_of(out: Path) -> list[Path]:
    """The running processes with this --out."""
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if f"--out={out}".encode() in read(path)]


def read(path: Path) -> bytes:
    """What /proc says of a process; nothing if it has ended meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def in_two_processes(out: Path, data: Path, *more: str) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return [*launcher, *command(out, data, *more)[1:]]


def assert_close(some: Path, others: Path) -> None:
    """The losses of two runs are the same, but for the order in which numbers were added."""
    for (_, one), (_, other) in zip(losses(some), losses(others), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


# Released weights

FINE_TUNE = ["--level=easy", "--mix.points=1", "--mix.count=1", "--mix.cap=1",
             "--mix.ask_model_anything=1",
             "--max_tokens=320", "--finetune.batch_size=4", "--finetune.dropout=0.0", "--finetune.view=bird"]


def fine_tune(out: Path, data: Path, released: Path, *more: str) -> list[str]:
    return [f"--from={released}", f"--out={out}", f"--data={data}", *FINE_TUNE, *more]


@pytest.fixture(scope="session")
def released(data, tmp_path_factory) -> Path:
    """A tiny mixture of experts as Molmo is released, with the words of the data."""
    folder = tmp_path_factory.mktemp("released")
    experts = ["tied=false", "experts=4", "top_k=2", "qk_norm=true"]
    config = override(preset("nano"), [*TINY, *(f"--model.decoder.{setting}" for setting in experts)])
    torch.manual_seed(0)
    official.save_official(folder, MiniMolmo(config.model), shard_bytes=100_000)
    shutil.copy(data / "tokenizer" / "easy-512.json", folder / "tokenizer.json")
    return folder


def test_fine_tuning_begins_with_the_released_weights_at_the_papers_rates(data, released, tmp_path):
    train.main(fine_tune(tmp_path / "still", data, released, "--finetune.steps=1",
                         "--finetune.learning_rates=[1e-60,0,0]"))
    train.main(fine_tune(tmp_path / "out", data, released, "--finetune.steps=1"))
    still, moved = (checkpoint.latest(tmp_path / out) for out in ("still", "out"))
    model = MiniMolmo(checkpoint.load_config(still).model)
    official.load_official(released, model)

    kept = load(still / "weights.safetensors")
    assert all(torch.equal(weight, kept[name]) for name, weight in model.named_parameters())
    rates = checkpoint.load_config(moved).finetune.learning_rates
    assert rates == preset("molmo_7b_d").finetune.learning_rates
    first = json.loads((tmp_path / "out" / "log.jsonl").read_text(encoding="utf-8"))
    assert first["stage"] == "finetune"
    assert first["learning_rates"] == [5e-6 / 200, 5e-6 / 200, 1e-5 / 200]  # the first of 200
    assert not same_weights(tmp_path / "still", tmp_path / "out")


def test_two_processes_with_a_share_of_the_weights_each_take_the_steps_of_one(data, released, tmp_path):
    """FSDP2: from released weights three steps, resumed for two; then one process alone goes on for two
    more."""
    rates = ["--finetune.learning_rates=[1e-3,1e-3,1e-3]", "--finetune.warmup_steps=[1,1,1]",
             "--load_balance_weight=0.0"]
    script = tmp_path / "two.py"
    script.write_text("import functools, sys, train\n"  # two runs, but the processes meet only once
                      "train.dist.init_process_group = functools.cache(train.dist.init_process_group)\n"
                      "train.dist.destroy_process_group = lambda: None\n"
                      "for steps in (3, 5):\n"
                      "    train.main([*sys.argv[1:], f'--finetune.steps={steps}', '--resume'])\n")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    shared = fine_tune(tmp_path / "two", data, released, *rates, "--shard=true")
    subprocess.run([*launcher, str(script), *shared], check=True, timeout=120, capture_output=True,
                   env={**ONE_THREAD, "PYTHONPATH": str(ROOT)})
    for out, lengths in (("two", [7]), ("one", [3, 5, 7])):
        for steps in lengths:
            train.main(fine_tune(tmp_path / out, data, released, *rates, f"--finetune.steps={steps}",
                                 "--resume", "--shard=false"))

    assert len(losses(tmp_path / "two")) == 7
    for (_, two), (_, one) in zip(losses(tmp_path / "two"), losses(tmp_path / "one"), strict=True):
        assert two == pytest.approx(one, abs=1e-4)
    two, one = (load(checkpoint.latest(tmp_path / out) / "weights.safetensors") for out in ("two", "one"))
    assert all(torch.allclose(two[name], one[name], atol=1e-4) for name in one)


def test_a_folder_without_released_weights_and_a_preset_beside_one_are_refused(tmp_path, released, capsys):
    with pytest.raises(SystemExit, match="holds no official weights and no checkpoint, so .* Try"):
        run_main([f"--from={tmp_path}"])
    with pytest.raises(SystemExit):
        run_main(["nano", f"--from={released}"])
    assert "not allowed with argument" in capsys.readouterr().err


def gradients(data: Path, out: Path, parts: int) -> torch.Tensor:
    """All gradients of the first finetune step, its batch of 8 cut into so many micro-batches."""
    config = override(preset("nano"), [*TINY, "--finetune.batch_size=8", f"--accumulate={parts}"])
    # Without the auxiliary losses, which are means of means.
    config = replace(config, finetune=replace(config.finetune, auxiliary_weight=0.0))
    run = Run(config, out, data, None)
    batches = next(make_loader(run, "finetune").batches())
    weight = sum(float(part.loss_weight.sum()) for part in batches)
    for part in batches:
        run.module(part, "finetune", weight, parts)[0].backward()
    return torch.cat([p.grad.flatten() for p in run.module.model.parameters() if p.grad is not None])


def test_two_runs_in_one_folder_are_one_too_many(data, tmp_path):
    """The second is told who holds the folder, and changes nothing in it."""
    with locked(tmp_path / "out"), pytest.raises(SystemExit):
        run_main(arguments(tmp_path / "out", data))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_as_ctrl_c_does(number, unbroken, data, tmp_path, monkeypatch):
    step = train.train_step

    def signalled(*inputs):
        if lines(tmp_path) == 3:
            signal.raise_signal(number)
        return step(*inputs)

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", signalled)
        with pytest.raises(SystemExit):
            run_main(arguments(tmp_path, data))
    assert checkpoint.latest(tmp_path).name == "step-000004"
    train.main(arguments(tmp_path, data, "--resume"))
    assert losses(tmp_path) == losses(unbroken) and same_weights(tmp_path, unbroken)


def test_only_a_ctrl_c_after_a_signal_stops_at_once():
    """A terminal that is closed sends HUP twice."""
    for number in SIGNALS:
        run = mock.Mock(stop_requested=False)
        train.request_stop(run, number), train.request_stop(run, number)
        assert run.stop_requested and run.stop_signal == number
        with pytest.raises(KeyboardInterrupt):
            train.request_stop(run, signal.SIGINT)


def test_a_signal_that_is_ignored_at_the_start_stays_ignored(tmp_path, monkeypatch):
    """As HUP is under nohup. The others get the handler that saves."""
    ignored, *others = SIGNALS
    before, seen = signal.signal(ignored, signal.SIG_IGN), {}
    monkeypatch.setattr(train, "Run", mock.Mock())
    monkeypatch.setattr(train, "train_stages", lambda run: seen.update(
        {number: signal.getsignal(number) for number in SIGNALS}))
    try:
        train.train(preset("nano"), tmp_path, tmp_path, None)
        assert signal.getsignal(ignored) == signal.SIG_IGN
    finally:
        signal.signal(ignored, before)
    assert seen[ignored] == signal.SIG_IGN and all(callable(seen[number]) for number in others)


def test_sequences_too_short_for_any_answer_are_refused_with_counts(data, tmp_path):
    """The image takes 23 tokens; with 24 no answer fits."""
    with pytest.raises(ValueError, match=r"the first 8 steps of stage pretrain \(32 images.*no answer tokens"
                                         r".*Try --max_tokens=48, as \d+ tokens were cut off"):
        train.main(arguments(tmp_path, data, "--bootstrap.steps=0", "--pretrain.steps=9", "--max_tokens=24"))


def test_what_the_length_limit_cuts_off_is_said_once(data, tmp_path, capsys):
    train.main(arguments(tmp_path, data, "--bootstrap.steps=0", "--max_tokens=60"))
    notes = [line for line in capsys.readouterr().err.splitlines() if "note: in stage finetune" in line]
    assert len(notes) == 1
    assert re.search(r"\d+ of 24 sequences were longer than max_tokens=60; .* cut off", notes[0])


def test_resuming_says_which_data_changed(data, tmp_path, monkeypatch, capsys):
    shutil.copytree(data, tmp_path / "data")
    stop_after(4, tmp_path / "out", tmp_path / "data", (), monkeypatch)
    with open(tmp_path / "data" / "points" / "easy" / "train.jsonl", "ab") as file:
        file.write((tmp_path / "data/points/easy/train.jsonl").read_bytes().split(b"\n")[0] + b"\n")
    train.main(arguments(tmp_path / "out", tmp_path / "data", "--resume"))
    assert "points/train.jsonl changed since step 4" in capsys.readouterr().err


def test_a_checkpoint_without_an_optimizer_cannot_be_resumed(tmp_path):
    model = torch.nn.Linear(1, 1)
    tokenizer = Tokenizer([], 257)
    folder = checkpoint.save_checkpoint(tmp_path, 1, model.state_dict(), preset("nano"), tokenizer, None,
                                        {"step": 1})
    unfinished = SimpleNamespace(module=SimpleNamespace(model=model), optimizer=None)
    with pytest.raises(ValueError, match="holds no state of the optimizer.*Try an older checkpoint"):
        Run.load(unfinished, folder)


def test_fine_tuning_starts_with_an_empty_mix(released):
    with pytest.raises(ValueError, match="the mix is empty.*Try --mix.mine=1"):
        train.read_arguments([f"--from={released}"])
    config, *_ = train.read_arguments([f"--from={released}", "--mix.mine=1"])
    assert config.mix == {"mine": 1.0}


def test_a_run_without_steps_is_refused(tmp_path):
    none = [f"--{stage}.steps=0" for stage in train.STAGES]
    with pytest.raises(ValueError, match="all stages have 0 steps.*Try --finetune.steps=100"):
        train.read_arguments([f"--out={tmp_path}", *none])


def test_gradient_accumulation_computes_the_gradients_of_the_whole_batch(data, tmp_path):
    whole, cut = gradients(data, tmp_path, 1), gradients(data, tmp_path, 4)
    assert torch.allclose(whole, cut, atol=1e-6)


def test_each_part_learns_at_its_own_rate(data, tmp_path):
    out = tmp_path / "frozen"
    train.main(arguments(out, data, "--finetune.steps=0", "--bootstrap.steps=0",
                         "--pretrain.learning_rates=[0.0,1e-3,0.0]", "--pretrain.auxiliary_weight=0.0"))
    folder = checkpoint.latest(out)
    begun, ended = (Run(checkpoint.load_config(folder), out, data, start).module.model.state_dict()
                    for start in (None, folder))
    moved = {name.split(".")[0] for name in begun if not torch.equal(begun[name], ended[name])}
    assert moved == {"pooling", "projector", "extra_embedding"}  # no picture here has padding


def test_dropout_is_at_answers_alone_in_pretraining_and_everywhere_in_finetuning(data, tmp_path):
    run = Run(override(preset("nano"), TINY), tmp_path, data, None)
    batch = next(make_loader(run, "finetune").batches())[0]

    rates = dropout_rates(batch, "pretrain", 0.1)
    assert torch.equal(rates > 0, batch.loss_weight > 0) and not rates[batch.segment_ids == 0].any()
    assert (dropout_rates(batch, "finetune", 0.1) == 0.1).all()
    assert dropout_rates(batch, "finetune", 0.0) is None


def poison(monkeypatch, number: int):
    """Give the step after this number a loss that is no number; returns the true `train_step`."""
    taken = train.train_step

    def poisoned(run, stage, step, parts):
        if run.step == number:
            parts[0].loss_weight[parts[0].loss_weight > 0] = float("nan")
        return taken(run, stage, step, parts)

    monkeypatch.setattr(train, "train_step", poisoned)
    return taken


def test_a_loss_that_is_no_number_stops_at_once_names_the_batch_and_keeps_the_last_checkpoint(
        unbroken, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    taken = poison(monkeypatch, 7)
    with pytest.raises(SystemExit, match=r"finetune step 2.*train\.jsonl:\d+.*unchanged"):
        run_main(arguments(tmp_path, data))
    monkeypatch.setattr(train, "train_step", taken)
    train.main(arguments(tmp_path, data, "--resume"))
    assert losses(tmp_path) == losses(unbroken)


def test_before_the_first_checkpoint_no_message_promises_one(data, tmp_path, monkeypatch, capsys):
    """A loss that is no number in the second step; then --resume, which says that it starts anew."""
    given = arguments(tmp_path, data, "--bootstrap.steps=0")
    taken = poison(monkeypatch, 1)
    with pytest.raises(SystemExit, match="No checkpoint was saved yet.*start again with lower"):
        run_main(given)
    monkeypatch.setattr(train, "train_step", taken)
    capsys.readouterr()
    for _ in range(2):
        train.main([*given, "--resume", "--minutes=0"])
    assert capsys.readouterr().err.count("has a log and no checkpoint, so training starts anew") == 1


def test_a_full_disk_stops_training_in_words_and_the_last_checkpoint_goes_on(
        unbroken, data, tmp_path, monkeypatch):
    saved = checkpoint.save_checkpoint

    def full(out, step, *more):
        if step == 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return saved(out, step, *more)

    monkeypatch.setattr(train, "SAVE_EVERY", 4)
    monkeypatch.setattr(checkpoint, "save_checkpoint", full)
    with pytest.raises(SystemExit, match="the disk is full.*Make room.*--resume goes on"):
        run_main(arguments(tmp_path, data))
    monkeypatch.setattr(checkpoint, "save_checkpoint", saved)
    train.main(arguments(tmp_path, data, "--resume"))
    assert losses(tmp_path) == losses(unbroken)


def test_a_run_that_broke_may_go_on_at_a_lower_rate_as_the_message_says(data, tmp_path, monkeypatch):
    stop_after(7, tmp_path, data, (), monkeypatch)
    train.main(arguments(tmp_path, data, "--resume", "--finetune.learning_rates=[1e-4,1e-4,1e-4]"))
    assert [step for step, _ in losses(tmp_path)] == list(range(1, 13))


def test_a_finished_run_that_is_resumed_says_that_nothing_is_left(unbroken, capsys):
    """And how to go on. It needs no data."""
    before = losses(unbroken)
    train.main([f"--out={unbroken}", f"--data={unbroken}", "--resume"])
    output = capsys.readouterr().out
    assert output.startswith("nothing left to train: all 12 steps are done\nnext: ")
    assert output.rstrip().endswith(f" -m minimolmo.evaluate --weights={unbroken}")
    assert "trained:" not in output and losses(unbroken) == before


def test_the_last_stage_may_be_made_longer(data, tmp_path):
    train.main(arguments(tmp_path, data, "--finetune.steps=2"))
    train.main(arguments(tmp_path, data, "--finetune.steps=4", "--resume"))
    assert len(losses(tmp_path)) == 10


def test_when_the_minutes_are_over_it_stops_at_a_checkpoint_and_goes_on(unbroken, data, tmp_path, capsys):
    """No minutes at all: one step, saved; no error, so that a script's next command runs."""
    train.main(arguments(tmp_path, data, "--minutes=0"))
    assert "the minutes are over" in capsys.readouterr().out
    assert len(losses(tmp_path)) == 1 and checkpoint.latest(tmp_path)
    train.main(arguments(tmp_path, data, "--resume", "--minutes=60"))
    assert losses(tmp_path) == losses(unbroken) and same_weights(tmp_path, unbroken)


def test_a_log_line_has_speed_mfu_and_data_wait(unbroken):
    for line in map(json.loads, (unbroken / "log.jsonl").read_text(encoding="utf-8").splitlines()):
        assert line["images_per_second"] > 0 and 0 <= line["data_wait"] < 1 and line["mfu"] > 0
        assert line["visual_tokens_per_second"] == pytest.approx(16 * line["images_per_second"], rel=0.05)


def test_when_a_gpu_is_too_small_the_setting_to_lower_is_named(data, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    monkeypatch.setattr(train, "train_step", full)
    message = r"stage bootstrap puts 2 images at once .* Try --resume --accumulate=4"
    with pytest.raises(SystemExit, match=message):
        run_main(arguments(tmp_path, data))


def test_a_gpu_that_is_full_before_the_first_step_is_explained_too(data, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    monkeypatch.setattr(distributed, "shard_or_move", full)
    with pytest.raises(SystemExit, match=r"weights of nano.* Try again when nothing else runs on this GPU"):
        run_main(arguments(tmp_path, data))


def test_a_run_may_go_on_with_its_batches_cut_into_more_pieces(data, tmp_path, monkeypatch):
    stop_after(4, tmp_path, data, (), monkeypatch)
    train.main(arguments(tmp_path, data, "--resume", "--accumulate=4"))
    assert len(losses(tmp_path)) == 12


def test_compiled_blocks_padded_batches_and_workers_take_the_same_steps(
        unbroken, data, tmp_path, monkeypatch):
    """What a GPU has that a CPU has not, but for bfloat16: blocks are captured, and run as captured."""
    make = partial(torch.compile, backend="eager", fullgraph=True)
    monkeypatch.setattr(compiler, "should_compile", lambda *_: True)
    monkeypatch.setattr(train, "count_workers", lambda *_: 1)
    monkeypatch.setattr(compiler, "compile_blocks", partial(compiler.compile_blocks, make=make))
    torch.compiler.reset()
    train.main(arguments(tmp_path, data))
    assert_close(tmp_path, unbroken)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_killed_gpu_run_goes_on_and_its_checkpoint_says_on_a_cpu_what_it_says_on_the_gpu(
        data, tmp_path, monkeypatch):
    """kill -9 in the middle; then eight questions, in float32 on both devices, word for word."""
    import contextlib

    from minimolmo import answer
    from minimolmo.image.resize import open_image
    script = "import sys, train; train.SAVE_EVERY = 1; train.main(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", script, *arguments(tmp_path, data, "--resume")],
                               cwd=ROOT)
    deadline = time.time() + 300
    while process.poll() is None and time.time() < deadline and lines(tmp_path) < 5:
        time.sleep(0.05)
    process.kill()
    process.wait()
    train.main(arguments(tmp_path, data, "--resume"))
    assert [step for step, _ in losses(tmp_path)] == list(range(1, 13))
    logged = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["peak_gib"] > 0 for line in logged)

    images = [open_image(data / "points" / "easy" / "images" / f"train_{i:06d}.png") for i in range(8)]
    answers = []
    monkeypatch.setattr(answer, "autocast", lambda _device: contextlib.nullcontext())
    for device in ("cuda", "cpu"):
        monkeypatch.setattr(answer, "pick_device", lambda: torch.device(device))
        model, words, _ = answer.load(tmp_path)
        answers.append(answer.ask(model, words, images, ["What is there?"] * 8, max_new_tokens=12))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("wrong, says", [
    (["nono"], "preset 'nono' does not exist"),
    (["nano", "mini2"], "'mini2' is not a setting, and the preset is 'nano'"),
    (["--", "--help"], "preset '--help' does not exist"),
    (["--finetune.step=5"], "Did you mean steps"),
    (["--mix.nowhere=1"], "nowhere/train.jsonl does not exist"),
    (["--mix.nowhere=1"], "Datasets in {data}: ask_model_anything, cap, cap_qa, clocks, count, docs"),
    (["--mix.pionts=1"], "Did you mean --mix.points?"),
    (["--mix.pionts=0"], "Did you mean --mix.points?"),
    (["--mix.dosc=1"], "Did you mean --mix.docs?"),
    (["--mix.pixmo=1"], 'Run "make data-pixmo" first'),
    (["--level=full"], "points/train.jsonl is missing"),
    (["--model.decoder.vocab=300"], "text cannot become token ids"),
    (["--finetune.batch_size=7", "--accumulate=2"],
     "7 images cannot be divided among 1 process(es) x accumulate=2. Try --accumulate=1"),
    (["--pretrain.batch_size=7", "--pretrain.steps=0", "--accumulate=2", "--level=hard"], "Try one of easy"),
    (["--finetune.steps", "9"], "Try --finetune.steps=9"),
    (["--finetune.steps", "9", "--", "nano"], "Try --finetune.steps=9"),  # as make train has it
    (["--finetune.steps= 3"], "is a setting with a space in it, so it is read as the preset's name. Try "
                              "--finetune.steps=3, without"),
    (["--shard=False"], "as --shard=false"),
    (["--max_grad_norm=NaN"], "no number to compute with"),
    (["--minute=0", "--out2=x"], "Did you mean out"),
    (["--max_tokens=10"], "takes 23 tokens"),
])
def test_settings_that_cannot_work_are_explained(wrong, says, data, tmp_path):
    with pytest.raises(SystemExit, match=re.escape(says.replace("{data}", str(data)))):
        run_main([*arguments(tmp_path / "out", data), *wrong])


def test_a_stage_draws_from_those_sets_alone_that_have_what_it_needs(data, tmp_path):
    """Pointing has no object labels here, as documents and clocks of level full have none. One set has
    captions. If no set is left, the message says how to leave the stage out."""
    shutil.copytree(data, tmp_path / "data")
    rows = tmp_path / "data" / "points" / "easy" / "train.jsonl"
    rows.write_text("".join(json.dumps({**json.loads(row), "things": []}) + "\n"
                            for row in rows.read_text(encoding="utf-8").splitlines()))
    scenes = [f"--mix.{name}=0" for name in ("cap_qa", "point_explanations", "docs", "clocks")]
    nano = SimpleNamespace(config=override(preset("nano"), scenes), data=tmp_path / "data")
    drawn = {stage: set(open_datasets(nano, stage, "train")) for stage in train.STAGES}
    assert drawn == {"bootstrap": {"count", "cap", "ask_model_anything"}, "pretrain": {"cap"},
                     "finetune": {"points", "count", "cap", "ask_model_anything"}}

    only = scenes + [f"--mix.{name}=0" for name in ("count", "cap", "ask_model_anything")]
    for stage, lacks in (("bootstrap", "has object labels"), ("pretrain", "has captions")):
        nano.config = override(preset("nano"), only)
        with pytest.raises(ValueError, match=f"no dataset of the mix {lacks}.*Try --{stage}.steps=0"):
            make_loader(nano, stage)


def test_a_run_is_never_overwritten_nor_resumed_with_other_settings(unbroken, data):
    before = losses(unbroken)
    with pytest.raises(SystemExit, match="already holds a run"):
        run_main(arguments(unbroken, data))
    with pytest.raises(SystemExit, match="other settings"):
        run_main(arguments(unbroken, data, "--resume", "--seed=2"))
    train.main(arguments(unbroken, data, "--resume"))
    assert losses(unbroken) == before


def test_a_resumed_run_may_weigh_its_datasets_anew_but_takes_in_no_other(data, tmp_path, monkeypatch):
    """What a nano has not learned well may get more of its further steps. The log says from which step on."""
    stop_after(7, tmp_path, data, ["--mix.docs=0"], monkeypatch)
    with pytest.raises(ValueError, match="other settings.*the weights of the mix"):
        train.main(arguments(tmp_path, data, "--resume", "--mix.docs=1"))
    train.main(arguments(tmp_path, data, "--resume", "--mix.clocks=5"))
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["step"]: line["mix"]["clocks"] for line in logged if "mix" in line} == {7: 0.8, 8: 5.0}
    assert checkpoint.load_config(checkpoint.latest(tmp_path)).mix["clocks"] == 5.0


def test_a_folder_of_your_own_joins_the_mix(data, tmp_path, capsys):
    """--mix.mine=1 with three pictures, none held out, and no level folder; rows are checked first."""
    mine = data / "mine"
    (mine / "images").mkdir(parents=True)
    rows = []
    for i in range(3):
        picture = data / "points" / "easy" / "images" / f"train_{i:06d}.png"
        (mine / "images" / f"{i}.png").write_bytes(picture.read_bytes())
        rows.append(json.dumps({"image": f"images/{i}.png", "annotations": [
            {"style": "user_qa", "question": "Whose is it?", "answer": "Mine."}]}))
    (mine / "train.jsonl").write_text("\n".join(rows) + "\n")
    (mine / "val.jsonl").touch()
    train.main(arguments(tmp_path / "out", data, "--mix.mine=1", "--bootstrap.steps=0", "--pretrain.steps=0"))
    assert "mine/val.jsonl: empty, so no picture is held out" in capsys.readouterr().out

    rows[1] = rows[1].replace("user_qa", "userqa")
    (mine / "train.jsonl").write_text("\n".join(rows) + "\n")
    with pytest.raises(SystemExit, match=r"mine/train\.jsonl:2"):
        run_main(arguments(tmp_path / "broken", data, "--mix.mine=1", "--pretrain.steps=0"))
