"""make clean removes what our commands wrote, and nothing else; make passes values letter by letter."""
import json
import os
import shlex
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
    assert clean.clean(tmp_path, runs=True) == [] and not (tmp_path / "out").exists()


def write_run(run):
    """A run with one checkpoint of ours."""
    for name in ("weights.safetensors", "config.json"):
        write(run / "step-000400" / name)
    write_manifest(run / "step-000400", "checkpoint", out=str(run.resolve()), name="step-000400")
    for name in ("latest", "log.jsonl", "report.json", "samples/step-000400.png", ".lock"):
        write(run / name)
    return run


def clean_main(*arguments):
    return lambda capsys: (clean.main([*arguments]), capsys.readouterr().out.splitlines())[1]


def test_runs_stay_whole_and_are_named_unless_they_are_asked_for(tmp_path, monkeypatch, capsys):
    """A run may be hours of work. Those of smoke and tiny are seconds. What ablate runs counts as well."""
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    runs = [write_run(tmp_path / "out" / name) for name in ("ablate/pooling-s1", "nano")]
    write(tmp_path / "out/ablate/ablate.json")
    write_run(tmp_path / "out" / "smoke")
    write(tmp_path / "out" / "look" / "points.png")
    stays = {name for name in files_of(tmp_path) if "smoke" not in name and "look" not in name}
    lines = clean_main()(capsys)
    assert files_of(tmp_path) == stays and len(stays) == 17
    assert lines[1:] == [f"kept: {run}, a training run: make clean ARGS=--runs removes it"
                         for run in (runs[0].parent, runs[1])]
    clean_main("--runs")(capsys)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_named_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    clean.main([str(write_run(tmp_path / "out" / "nano"))])
    assert not (tmp_path / "out" / "nano").exists()


def test_clean_says_how_much_it_removed_and_what_is_yours(tmp_path, monkeypatch, capsys):
    """One drawn image in three splits, their rows and a manifest are seven files."""
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    draw(tmp_path / "data")
    write(tmp_path / "data" / "__pycache__" / "x.pyc")
    write(tmp_path / "out" / "answer.png", 1_500_000 * "x")
    for name in ("data/mine/train.jsonl", "data/pixmo/train.jsonl", "mine/05_views.py",
                 "data/cap/prepare.py"):
        write(tmp_path / name)
    data, out, caches, *kept = clean_main()(capsys)
    assert data.startswith("removed: drawn data, 7 files, ") and data.endswith(" kB")
    assert (out, caches) == ("removed: out/, 1 file, 1.5 MB", "removed: caches, 1 file, 0 kB")
    assert kept == [f"kept: {tmp_path / 'mine'}, your exercises",
                    f"kept: {tmp_path / 'data/mine'}, your own data",
                    f"kept: {tmp_path / 'data/pixmo'}, downloaded"]
    assert clean_main()(capsys) == ["nothing to remove", *kept]


@pytest.mark.parametrize("name", ["notes.txt", "config.json"])
def test_a_note_in_a_checkpoint_or_an_edit_keeps_the_checkpoint(tmp_path, name):
    run = tmp_path / "out" / "nano"
    step = run / "step-000400"
    for name in ("weights.safetensors", "config.json"):
        write(step / name)
    write_manifest(step, "checkpoint", out=str(run.resolve()), name="step-000400")
    write(step / name, "mine, by hand")
    assert clean.clean(tmp_path, runs=True) == [run]
    assert (step / name).exists() and (step / "weights.safetensors").exists()


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
    left = clean.clean(tmp_path, runs=True)
    assert left == [out / "kept", out / "look", out / "nano" / "notes.txt", out / "thesis"]
    assert (tmp_path / "outside" / "report.png").exists() and not (out / "nano" / "log.jsonl").exists()


def test_a_copy_of_a_checkpoint_beside_it_stays(tmp_path):
    """As cp -r step-000001 step-000001-best made it."""
    run, names = tmp_path / "out" / "nano", ("step-000001", "step-000001-best", "step-000002")
    for name in names:
        write(run / name / "weights.safetensors")
        write_manifest(run / name, "checkpoint", out=str(run.resolve()), name="step-000001")
    assert clean.clean(tmp_path, runs=True) == [run / "step-000001-best", run / "step-000002"]
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
    assert train[-4:] == ["--pretrain.steps=1", "--shard=true", "--", "nano"]
    assert make(echo, "eval", "OUT=out/my run") == [["-m", "minimolmo.evaluate", "--weights=out/my run"]]
    release, = make(echo, "release", "OUT=out/my run")
    assert release == ["-m", "minimolmo.weights.release", "--", "out/my run"]
    assert make(echo, "lesson", f"N={trick}")[0][-1] == trick
    draw, tokenizer = make(echo, "data", "LEVEL=full", "IMAGES=`9`")
    assert draw[2:] == ["--level=full", "--seed=1", "--images=`9`"]
    assert tokenizer[2:] == ["--level=full", "--vocab=2048"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("target", ["lesson", "lessons-write", "start", "check", "blank", "marks", "release",
                                    "bench", "train"])
def test_a_value_that_looks_like_an_option_is_none(echo, target):
    words, = make(echo, target, "N=-h", "OUT=-h", "PRESET=-h")
    assert words[-2:] == ["--", "-h"]


def test_makes_defaults_follow_from_each_other(echo):
    mini, = make(echo, "train", "PRESET=mini")
    assert mini == ["train.py", "--out=out/mini", "--level=full", "--seed=1", "--resume", "--", "mini"]


@pytest.mark.parametrize("target", ["ask", "inside"])
def test_make_asks_the_run_in_out_if_out_is_given(target, echo):
    """On make's command line; ARGS=--weights=FOLDER, which comes later, wins. As with make train, an OUT that
    happens to be in the environment counts for nothing."""
    assert not [word for word in make(echo, target)[0] if "--weights" in word]
    assert "--weights=out/my $run" in make(echo, target, "OUT=out/my $run")[0]
    assert "--weights=out/x" not in make(echo, target, OUT="out/x")[0]
    both, = make(echo, target, "OUT=out/x", "ARGS=--weights=out/y")
    assert both[2:4] == ["--weights=out/x", "--weights=out/y"]


def make_ask(*flags: str, **values: str) -> subprocess.CompletedProcess:
    """make ask with a question that is refused before anything slow begins."""
    given = [f"{name}={value}" for name, value in {"Q": "", **values}.items()]
    return subprocess.run(["make", *flags, "ask", f"PYTHON={sys.executable}", *given], cwd=ROOT,
                          capture_output=True, text=True, encoding="utf-8")


@pytest.mark.parametrize("name", ["it's my $HOME of `date`.png", "--help"])
def test_a_command_that_make_runs_is_printed_as_a_shell_takes_it(name):
    """With the values, not with "$IMAGE", and quoted: pasted into a shell it runs the same."""
    end = make_ask(IMAGE=name)
    line, = [line for line in end.stderr.splitlines() if "minimolmo.answer" in line]
    assert shlex.split(line)[1:] == ["-m", "minimolmo.answer", "--", name, ""]
    assert "the question is empty" in end.stderr and "SHOW_COMMAND" not in end.stdout + end.stderr
    assert "minimolmo.answer" not in make_ask("-s", IMAGE=name).stderr


def test_a_printed_command_cannot_steer_the_terminal():
    assert "\x1b" not in make_ask(IMAGE="\x1b[31m.png").stderr


def test_no_line_that_make_prints_shows_a_name_in_place_of_its_value():
    """Lines with "$$NAME" are silent: RUN, or @."""
    recipes = [line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
               if line.startswith("\t") and "$$" in line and "awk" not in line]
    assert recipes and all(line.startswith(("\t$(RUN)", "\t@")) for line in recipes)
