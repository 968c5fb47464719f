"""make clean removes what our commands wrote, and nothing else; make passes values letter by letter."""
import json
import os
import subprocess
import sys

import pytest
from test_architecture import ROOT

from data import clean
from data.generate import make_dataset_spec, write_dataset
from data.points.prepare import make_example
from minimolmo.disk import locked, write_manifest


def write(path, text="mine"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def draw(data):
    return write_dataset(make_dataset_spec("points", images=1), make_example, data)


def test_your_own_data_stays_whatever_its_folder_is_called(tmp_path):
    """Rows in data/mine/full, notes beside a drawn set, and a set with a manifest of somebody else."""
    yours = [write(tmp_path / "data" / name) for name in ("mine/full/train.jsonl", "points/notes.txt",
                                                          "cap/easy/manifest.json", "tokenizer/own.json")]
    drawn = draw(tmp_path / "data")
    old = json.loads((drawn / "manifest.json").read_text(encoding="utf-8"))
    del old["writer"], old["kind"]  # as earlier versions wrote it
    write(tmp_path / "data" / "count" / "small" / "manifest.json", json.dumps(old))
    write(tmp_path / "data" / "tokenizer" / "easy-512.json", '{"kind": "minimolmo tokenizer 1"}')
    left = clean.clean(tmp_path)
    assert files_of(tmp_path) - {"data/points/.lock"} == {str(path.relative_to(tmp_path)) for path in yours}
    assert left == [tmp_path / "data" / "cap" / "easy", tmp_path / "data" / "mine" / "full"]


def test_of_a_run_the_files_that_training_writes_go_and_yours_stay(tmp_path):
    run = tmp_path / "out" / "nano"
    for name in ("weights.safetensors", "config.json", "state.json"):
        write(run / "step-000400" / name)
    write_manifest(run / "step-000400", "checkpoint")
    for name in ("latest", "log.jsonl", "loss.png", "samples/step-000400.png", "report.json", ".lock"):
        write(run / name)
    draw(tmp_path / "out" / "smoke" / "data")
    write(tmp_path / "out" / "look" / "points.png")
    assert clean.clean(tmp_path) == [] and not (tmp_path / "out").exists()


def test_what_is_not_ours_in_out_stays_and_is_named(tmp_path, capsys):
    """Notes in a run, a checkpoint that was copied there, a folder of somebody, a link."""
    out = tmp_path / "out"
    for name in ("notes.txt", "log.jsonl", ".lock"):
        write(out / "nano" / name)
    write(out / "kept" / "step-000400" / "weights.safetensors")
    write_manifest(out / "kept" / "step-000400", "checkpoint", out="/elsewhere")
    write(out / "thesis" / "report.json")
    write(tmp_path / "outside" / "report.png")
    (out / "look").symlink_to(tmp_path / "outside")
    left = clean.clean(tmp_path)
    assert left == [out / "kept", out / "look", out / "nano" / "notes.txt", out / "thesis"]
    assert (tmp_path / "outside" / "report.png").exists() and not (out / "nano" / "log.jsonl").exists()


def test_a_run_in_progress_is_left_alone(tmp_path, capsys):
    write(tmp_path / "out" / "nano" / "log.jsonl")
    with locked(tmp_path / "out" / "nano"):
        assert clean.clean(tmp_path) == [tmp_path / "out" / "nano"]
    assert "in use by process" in capsys.readouterr().out
    assert clean.clean(tmp_path) == []


def test_one_folder_may_be_named_if_it_is_in_out(tmp_path):
    with pytest.raises(ValueError, match="is not in .*out, so it may not be ours, and stays"):
        clean.main([str(tmp_path)])


def test_caches_go_but_not_those_of_other_programs(tmp_path):
    for folder in ("minimolmo/__pycache__", ".venv/__pycache__", "mine/__pycache__", ".pytest_cache"):
        write(tmp_path / folder / "x.pyc")
    clean.clean(tmp_path)
    assert files_of(tmp_path) == {".venv/__pycache__/x.pyc", "mine/__pycache__/x.pyc"}


# make

@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """A stand-in for Python that prints its arguments as JSON."""
    path = tmp_path_factory.mktemp("bin") / "echo"
    write(path, f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    path.chmod(0o755)
    return path


def make(echo, target, *values, **environment) -> list[list[str]]:
    """The arguments of the commands that a target runs."""
    end = subprocess.run(["make", "-s", target, f"PYTHON={echo}", *values], cwd=ROOT, capture_output=True,
                         text=True, encoding="utf-8", env={**os.environ, **environment})
    assert end.returncode == 0, end.stderr
    return [json.loads(line) for line in end.stdout.splitlines()]


@pytest.mark.parametrize("text", [
    "costs $5 or `touch {pwned}`?", "$(touch {pwned}) $HOME ${{HOME}}", "$(shell touch {pwned})",
    "'; touch {pwned} #", '"; touch {pwned}; "', "two\ntouch {pwned}\n", "a  b \\ % # * ?", "", "-5?",
    "--help", "Wie viele Äpfel? 几个苹果?"])
def test_make_passes_a_question_letter_by_letter_and_runs_nothing(text, echo, tmp_path):
    text = text.format(pwned=tmp_path / "pwned")
    for target in ("ask", "inside"):
        (*_, image, question), = make(echo, target, f"Q={text}", f"IMAGE={text}.png")
        assert (image, question) == (f"{text}.png", text)
    assert not (tmp_path / "pwned").exists()


def test_make_passes_folders_with_spaces_and_numbers_with_tricks(echo, tmp_path):
    trick = f"1; touch {tmp_path}/pwned"
    train, = make(echo, "train", "OUT=out/my run", f"SEED={trick}", "ARGS=--pretrain.steps=1 --shard=true")
    assert "--out=out/my run" in train and f"--seed={trick}" in train
    assert train[-2:] == ["--pretrain.steps=1", "--shard=true"]
    assert make(echo, "eval", "OUT=out/my run") == [["-m", "minimolmo.evaluate", "--weights=out/my run"]]
    release, = make(echo, "release", "OUT=out/my run")
    assert release == ["-m", "minimolmo.weights.release", "--", "out/my run"]
    assert make(echo, "lesson", f"N={trick}")[0][-1] == trick
    draw, tokenizer = make(echo, "data", "LEVEL=full", "IMAGES=`9`")
    assert draw[2:] == ["--level=full", "--seed=1", "--images=`9`"]
    assert tokenizer[2:] == ["--level=full", "--vocab=2048"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("target", ["lesson", "lessons-write", "start", "check", "blank", "marks", "release",
                                    "bench"])
def test_a_value_that_looks_like_an_option_is_none(echo, target):
    words, = make(echo, target, "N=-h", "OUT=-h", "PRESET=-h")
    assert words[-2:] == ["--", "-h"]


def test_makes_defaults_follow_from_each_other(echo):
    mini, = make(echo, "train", "PRESET=mini")
    assert mini == ["train.py", "mini", "--out=out/mini", "--level=full", "--seed=1", "--resume"]
