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
from minimolmo.disk import write_manifest
from minimolmo.locks import locked


def write(path, text="mine"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("" if path.name == ".lock" else text, encoding="utf-8")
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
    del old["writer"], old["kind"], old["images_sha256"]  # as earlier versions wrote it
    write(tmp_path / "data" / "count" / "small" / "manifest.json", json.dumps(old))
    write(tmp_path / "data" / "tokenizer" / "easy-512.json", '{"kind": "minimolmo tokenizer 1"}')
    left = clean.clean(tmp_path)
    assert files_of(tmp_path) == {str(path.relative_to(tmp_path)) for path in yours}
    assert left == [tmp_path / "data" / "cap" / "easy", tmp_path / "data" / "mine" / "full"]


def test_of_a_run_the_files_that_training_writes_go_and_yours_stay(tmp_path):
    run = tmp_path / "out" / "nano"
    for name in ("weights.safetensors", "config.json", "state.json"):
        write(run / "step-000400" / name)
    write_manifest(run / "step-000400", "checkpoint", out=str(run.resolve()), name="step-000400")
    write(run / "step-000500.tmp" / "manifest.json.tmp")
    for name in ("latest", "log.jsonl", "loss.png", "samples/step-000400.png", "report.json",
                 "report.json.tmp", "report.json.123.tmp"):
        write(run / name)
    (run / ".lock").touch()
    draw(tmp_path / "out" / "smoke" / "data")
    write(tmp_path / "out" / "look" / "points.png")
    assert clean.clean(tmp_path) == [] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["notes.txt", "config.json"])
def test_a_note_in_a_checkpoint_or_an_edit_keeps_the_checkpoint(tmp_path, name):
    run = tmp_path / "out" / "nano"
    step = run / "step-000400"
    for name in ("weights.safetensors", "config.json"):
        write(step / name)
    write_manifest(step, "checkpoint", out=str(run.resolve()), name="step-000400")
    write(step / name, "mine, by hand")
    assert clean.clean(tmp_path) and (step / name).exists() and (step / "weights.safetensors").exists()


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


def test_a_copy_of_a_checkpoint_beside_it_stays(tmp_path):
    """As cp -r step-000001 step-000001-best made it."""
    run, names = tmp_path / "out" / "nano", ("step-000001", "step-000001-best", "step-000002")
    for name in names:
        write(run / name / "weights.safetensors")
        write_manifest(run / name, "checkpoint", out=str(run.resolve()), name="step-000001")
    assert clean.clean(tmp_path) == [run / "step-000001-best", run / "step-000002"]
    assert not (run / "step-000001").exists()


@pytest.mark.parametrize("name", ["notes.txt", "images/holiday.jpg"])
def test_a_drawn_set_with_a_file_of_yours_in_it_stays_and_is_named(tmp_path, name):
    for data in (tmp_path / "data", tmp_path / "out" / "smoke" / "data"):
        write(draw(data) / name)
    left = clean.clean(tmp_path)
    assert left == [tmp_path / "data/points/easy", tmp_path / "out/smoke/data/points/easy"]
    assert (left[0] / name).exists() and (left[0] / "manifest.json").exists()


def test_what_a_killed_run_of_an_earlier_version_left_goes(tmp_path):
    """It wrote its manifest last."""
    write(tmp_path / "data/points/easy.part/images/train_000001.png")
    write(tmp_path / "data/count/easy.part/images/holiday.jpg")
    assert clean.clean(tmp_path) == [tmp_path / "data/count/easy.part"]
    assert not (tmp_path / "data/points/easy.part").exists()


def test_a_named_folder_of_yours_in_out_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    write(tmp_path / "out" / "thesis" / "report.json")
    with pytest.raises(ValueError, match="no folder that this program wrote, so it stays. Try removing it"):
        clean.main([str(tmp_path / "out" / "thesis")])
    assert (tmp_path / "out" / "thesis" / "report.json").exists()


def test_temporary_files_of_others_stay(tmp_path):
    for name in ("log.jsonl", "log.jsonl.tmp", ".lock", "notes.tmp"):
        write(tmp_path / "out" / "nano" / name)
    assert clean.clean(tmp_path) == [tmp_path / "out" / "nano" / "notes.tmp"]


def test_out_may_be_a_link_to_a_bigger_disk(tmp_path, monkeypatch):
    """What it leads to is cleaned and stays, empty."""
    root, big = tmp_path / "root", tmp_path / "big"
    root.mkdir()
    (root / "out").symlink_to(big)
    monkeypatch.setattr(clean, "ROOT", root)
    monkeypatch.chdir(root)
    for act in (lambda: clean.main(["out/smoke"]), lambda: clean.clean(root)):
        write(big / "smoke" / "report.json")
        act()
        assert list(big.iterdir()) == [] and (root / "out").is_symlink()


def test_a_folder_is_locked_while_it_is_cleaned_and_its_lock_goes_with_it(tmp_path, monkeypatch):
    """Else a run that begins meanwhile would lose its lock, and its files."""
    write(tmp_path / "out" / "smoke" / "report.json")
    removed = []

    def removing(path):
        with pytest.raises(ValueError, match="is in use"):
            with locked(path.parent):
                pass
        removed.append(path.name)
        os.unlink(path)
    monkeypatch.setattr(type(tmp_path), "unlink", removing)
    clean.clean(tmp_path)
    assert removed == ["report.json", ".lock", ".lock"] and not (tmp_path / "out").exists()


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
