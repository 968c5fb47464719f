"""All tests in two processes: tests/tools/suite.py, with small tests in place of ours."""
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from test_architecture import ROOT
from tools import suite


def test_each_file_is_taken_once_and_the_longest_ones_first(tmp_path):
    items = [SimpleNamespace(path=ROOT / f"{name}.py") for name in ("test_a", "test_b", "test_train")]
    one, two = suite.Share(tmp_path), suite.Share(tmp_path)
    one.pytest_collection_modifyitems(items)
    assert [item.path.stem for item in items] == ["test_train", "test_a", "test_b"]
    assert [one.pytest_runtest_protocol(items[0]) for _ in range(2)] == [None, None]
    assert [two.pytest_runtest_protocol(item) for item in items] == [True, None, None]
    assert [one.pytest_runtest_protocol(item) for item in items] == [None, True, True]


def test_the_longest_files_exist():
    assert not set(suite.LONGEST) - {path.stem for path in (ROOT / "tests").glob("test_*.py")}


@pytest.mark.parametrize("outputs, line", [
    (["2 passed in 3.10s", "1 failed, 2 passed, 1 warning in 61.00s (0:01:01)"], "1 failed, 4 passed"),
    (["1 passed, 1 skipped, 1 error in 1s", "1 error in 2s"], "1 passed, 1 skipped, 2 errors"),
    (["no tests ran in 0.01s", "Fatal Python error\nin 7 threads"], "no tests ran")])
def test_the_last_lines_become_one(outputs, line):
    assert suite.total(outputs, 9.7) == f"{line} in 10 s"


@pytest.mark.parametrize("letters, rest", [
    ("..s.\n.F\n", "=== FAILURES ===\nE  assert x\n"), ("..s..F", ""), (".\n", "1 passed in 1s"), ("", ""),
    ("", "no tests ran in 0.01s")])
def test_the_letters_of_the_progress_are_told_from_the_rest(letters, rest):
    assert suite.split(letters + rest) == (letters.replace("\n", ""), rest)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the suite on these tests; returns its exit status."""
    def run(**sources: str) -> int:
        monkeypatch.setattr(suite, "ROOT", tmp_path)
        (tmp_path / "tests").mkdir()
        for name, source in sources.items():
            (tmp_path / "tests" / f"test_{name}.py").write_text(source, encoding="utf-8")
        return suite.main([])
    return run


GOOD, BAD, NONE = "def test_a():\n    assert 1\n", "def test_b():\n    assert 'this' == 'that'\n", "a = 1\n"


def test_failures_are_printed_in_full_with_one_line_of_numbers(run, capfd):
    assert run(good=GOOD, bad=BAD) == 1
    printed = capfd.readouterr().out
    assert "assert 'this' == 'that'" in printed and sorted(printed.splitlines()[0]) == [".", "F"]
    assert printed.splitlines()[-1].startswith("1 failed, 1 passed in ")


@pytest.mark.parametrize("second, status", [(GOOD, 0), (NONE, 5)])
def test_the_status_is_pytests(run, second, status):
    assert run(none=NONE, second=second) == status


def test_ctrl_c_ends_both_processes(tmp_path):
    (tmp_path / "tests").mkdir()
    source = ("import os, time\ndef test_a():\n"
              f"    open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w')\n    time.sleep(60)\n")
    for name in "ab":
        (tmp_path / "tests" / f"test_{name}.py").write_text(source, encoding="utf-8")
    code = (f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\nfrom tools import suite\n"
            f"suite.ROOT = suite.Path({str(tmp_path)!r})\nsuite.run_command(suite.main)\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with process:
        while not (started := [path.name for path in tmp_path.iterdir() if path.name.isdecimal()])[1:]:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
    for number in started:
        with pytest.raises(ProcessLookupError):
            os.kill(int(number), 0)
