"""The speedrun: parts run in order, each once, and their seconds are kept over a stop."""
import errno
import json
import os
import subprocess
from types import SimpleNamespace

import pytest
from tools import speedrun

from minimolmo.presets import preset


@pytest.fixture
def commands(monkeypatch):
    """The commands that the speedrun would run. Training is complete after the second one."""
    commands_run = []

    def run(command, cwd):
        commands_run.append(command[1:])
        return SimpleNamespace(returncode=0)

    def is_trained(config, run):
        return sum(command[0] == "train.py" for command in commands_run) > 1

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(speedrun, "is_trained", is_trained)
    return commands_run


def test_on_a_full_disk_the_clock_stays_as_it_was(commands, tmp_path, monkeypatch):
    arguments = ["mini", f"--out={tmp_path}", "--minutes=9"]
    speedrun.main(arguments)
    before = (tmp_path / "clock.json").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError) as error:
        speedrun.main(arguments)
    assert error.value.filename == str(tmp_path / "clock.json")
    assert [path.name for path in tmp_path.iterdir()] == ["clock.json"]
    assert (tmp_path / "clock.json").read_bytes() == before


def test_after_a_stop_the_same_command_continues_and_repeats_no_finished_part(commands, tmp_path, capsys):
    arguments = ["mini", f"--out={tmp_path}", "--minutes=9"]
    speedrun.main(arguments)
    assert [command[0] for command in commands] == ["-m", "-m", "train.py"]
    assert "not at the end yet" in capsys.readouterr().out
    speedrun.main(arguments)
    assert [command[0] for command in commands[3:]] == ["train.py", "tests/tools/targets.py"]
    assert json.loads((tmp_path / "clock.json").read_text(encoding="utf-8"))["done"] == list(speedrun.PARTS)
    speedrun.main(arguments)
    assert len(commands) == 5


def test_evaluation_does_not_start_when_there_is_no_time_to_finish_it(commands, tmp_path):
    speedrun.main(["mini", f"--out={tmp_path}", "--minutes=2.9"])
    speedrun.main(["mini", f"--out={tmp_path}", "--minutes=2.9"])
    assert speedrun.Clock(tmp_path).done == ["data", "tokenizer", "training"]


def test_all_parts_use_one_folder_and_the_presets_level_and_vocabulary(tmp_path):
    parts = speedrun.commands(preset("mini"), ["--finetune.steps=9"], tmp_path, 8.5)
    assert {"--level=full", f"--folder={tmp_path / 'data'}"} <= set(parts["data"])
    assert "--vocab=2048" in parts["tokenizer"]
    assert {"--minutes=8.50", "--resume", "--finetune.steps=9", f"--data={tmp_path / 'data'}"} <= set(
        parts["training"])


def test_seconds_are_summed_over_several_starts(tmp_path):
    for _ in range(2):
        clock = speedrun.Clock(tmp_path)
        clock.seconds["training"] += 30.0
        clock.write()
    assert speedrun.Clock(tmp_path).seconds["training"] == 60 and not speedrun.Clock(tmp_path).done


def test_a_part_that_fails_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda command, cwd: SimpleNamespace(returncode=1))
    with pytest.raises(ValueError, match=r"data failed.*: .*python\S* -m data.prepare_all"):
        speedrun.main([f"--out={tmp_path}"])
