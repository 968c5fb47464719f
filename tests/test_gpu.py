"""`make gpu`, without a GPU: parts run in order, within their minutes; failures, stops, resumed calls."""
import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tools import gpu, lora_step

from minimolmo.presets import preset

ROOT = Path(__file__).resolve().parent.parent
SLOW = "import time; print('begun', flush=True); time.sleep(60)"


def part(name, program="", **settings):
    return gpu.Part(name, ("-c", f"{program or 'pass'}"), **{"minutes": 1, "least": 0, **settings})


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run parts in place of the real ones, for some minutes; returns their states."""
    monkeypatch.setattr(gpu, "GRACE", 0.5)
    monkeypatch.setattr(gpu, "FINISH", 0.0)

    def run(*parts, minutes=9.0):
        monkeypatch.setattr(gpu, "parts", lambda work: list(parts))
        gpu.main([f"--out={tmp_path}", f"--minutes={minutes}"])
        return {each.name: gpu.Journal(tmp_path / "work").state(each.name) for each in parts}
    return run


def test_a_failed_part_is_noted_the_next_runs_and_a_second_call_runs_only_what_is_left(run, tmp_path, capsys):
    first = part("first", "print('machine: H200')", found=r"machine: (.*)")
    bad = part("bad", "raise SystemExit('no memory')")
    count = part("count", "print('x' * 7, file=open('{}', 'a'))".format(tmp_path / "count"))
    needs = part("needs", after="bad")
    expected = {"first": "done", "bad": "failed", "count": "done", "needs": ""}
    assert run(first, bad, count, needs) == expected == run(first, bad, count, needs)
    assert (tmp_path / "count").read_text(encoding="utf-8") == "xxxxxxx\n"  # once
    printed = capsys.readouterr().out
    assert "| first | done |" in printed and "| H200 |" in printed and "no memory" in printed
    assert "| needs | not begun |" in printed and "the same command goes on" in printed
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8").startswith("| part | state |")
    assert run(first, part("bad"), count, needs) == dict.fromkeys(expected, "done")


def test_a_part_is_stopped_at_its_own_limit_with_the_processes_it_started(run, tmp_path):
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLOW!r}])"
    start = time.monotonic()
    assert run(part("slow", child, minutes=0.04), part("next")) == {"slow": "stopped", "next": "done"}
    assert time.monotonic() - start < 30
    seconds = json.loads((tmp_path / "work" / "gpu.json").read_text(encoding="utf-8"))["slow"]["seconds"]
    assert seconds >= 2.4


def test_without_time_for_its_least_minutes_a_part_does_not_begin(run):
    assert run(part("long", least=2), part("short"), minutes=1) == {"long": "", "short": "done"}


def test_a_part_that_says_so_goes_on_in_the_next_call(run):
    more = part("more", "print('not at the end yet')", unfinished="not at the end yet")
    assert run(more) == {"more": "stopped"}
    assert run(replace(more, command=("-c", "print('end')"))) == {"more": "done"}


def test_without_a_gpu_nothing_else_begins(run):
    assert run(part("machine", "1 / 0"), part("tests")) == {"machine": "failed", "tests": ""}


def test_ctrl_c_stops_the_part_and_prints_the_table(tmp_path):
    program = (f"from tools import gpu; gpu.parts = lambda work: [gpu.Part('slow', ('-c', {SLOW!r}), 1)]; "
               f"from minimolmo.command import run_command; run_command(gpu.main)")
    process = subprocess.Popen([sys.executable, "-c", program, f"--out={tmp_path}"], text=True, cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={
                                   "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    log = tmp_path / "slow.log"
    for _ in range(600):
        if log.is_file() and "begun" in log.read_text(encoding="utf-8"):
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert "| slow | stopped |" in printed and process.returncode == 128 + signal.SIGINT


def test_small_files_of_a_part_are_copied_beside_the_logs(run, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "clock.json").write_text("{}", encoding="utf-8")
    run(part("speed", keep=("clock.json", "missing.png")))
    assert (tmp_path / "clock.json").is_file() and not (tmp_path / "missing.png").exists()


def test_results_are_the_last_line_of_each_kind():
    bars = ("stage loss 3.100, 900 images/s\nstage loss 1.200, 950 images/s\n"
            "| MFU: 1B, eager | 31 % | 4 images |")
    speed, *_ = [each for each in gpu.parts(Path("w")) if each.name == "nano, training"]
    bench, *_ = [each for each in gpu.parts(Path("w")) if each.name == "bench"]
    assert gpu.read_results(speed, bars) == ["loss 1.200, 950 images/s"]
    assert gpu.read_results(bench, bars) == ["MFU: 1B, eager | 31 %"]


def test_the_parts_fit_fifteen_minutes_but_for_the_end_of_the_speed_run_and_their_files_are_there():
    parts = gpu.parts(Path("work"))
    assert sum(each.minutes for each in parts[:-1]) < 19  # limits; what is expected is about two thirds
    names = [each.name for each in parts]
    assert all(not each.after or names.index(each.after) < n for n, each in enumerate(parts))
    for each in parts:
        assert re.compile(each.found)
        first = each.command[0]
        assert first in ("-c", "-m") or (ROOT / first).is_file()
        if first == "-m" and each.command[1] != "pytest":
            assert (ROOT / f"{each.command[1].replace('.', '/')}.py").is_file()


def test_a_step_with_adapters_runs_at_tiny_size(monkeypatch, capsys):
    tiny = replace(preset("nano"), bootstrap=replace(preset("nano").bootstrap, steps=0), max_tokens=64)
    monkeypatch.setattr(lora_step, "preset", lambda name: tiny)
    monkeypatch.setattr(lora_step, "training_need", lambda *_, **__: SimpleNamespace(peak=10 ** 9))
    lora_step.main(["nano", "--rank=2", "--steps=2"])
    assert re.search(r"lora: [\d.]+ s a step of 1 image, 1 crops, \d+ tokens; peak", capsys.readouterr().out)
