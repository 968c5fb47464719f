"""What every command has in common: words for errors, signals, exit status, output for any terminal."""
import argparse
import errno
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from test_architecture import ROOT
from test_guards import COMMANDS

from minimolmo import command
from minimolmo.command import Interrupted, os_error_message, printable, python_command, run_command, say
from minimolmo.disk import write_atomically
from minimolmo.locks import locked
from minimolmo.options import Parser, count_argument, number_argument, path_argument

SLOW = ("numpy", "torch", "PIL", "tqdm")


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A command changes the process: its signals and its last words. Here they are changed back."""
    monkeypatch.setattr(sys, "argv", ["command"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *command.SIGNALS)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def end_of(main) -> object:
    """The exit status of a command, or its last message."""
    with pytest.raises(SystemExit) as end:
        run_command(main)
    return end.value.code


def raises(error):
    def main(arguments):
        raise error
    return main


@pytest.mark.parametrize("error, words", [
    (ValueError("9 is odd. Try 8."), "9 is odd. Try 8."),
    (OSError(errno.ENOSPC, "No space left", "out/x"), "out/x cannot .*: the disk is full.* Make room"),
    (OSError(errno.EROFS, "Read-only", "out/x"), "out/x is on a disk that can only be read.* Try another"),
    (OSError("image file is truncated"), "image file is truncated.* Try again"),
    (MemoryError(), "memory is full.* Try fewer"),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory"),
     "memory is full.* Try fewer"),
    (RecursionError("too deep"), "nested too deeply.* Try another copy"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "not UTF-8.* Save it as UTF-8"),
    (ValueError("row \x1b[31m red"), r"row \\x1b\[31m red"),
])
def test_an_error_ends_in_words(error, words):
    assert re.search(words, end_of(raises(error)))


def test_torch_says_so_in_these_words():
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        torch.empty(2 ** 60, dtype=torch.uint8)


def test_a_mistake_of_ours_keeps_its_traceback():
    """Words would hide it."""
    with pytest.raises(ZeroDivisionError):
        run_command(raises(ZeroDivisionError()))


@pytest.mark.parametrize("interrupt, status", [(KeyboardInterrupt(), 130),
                                               (Interrupted(signal.SIGTERM), 143)])
def test_ctrl_c_and_signals_end_with_128_and_their_number(interrupt, status, capsys):
    assert end_of(raises(interrupt)) == status
    assert "stopped" in capsys.readouterr().err


def test_a_result_is_the_exit_status_and_none_is_success():
    assert end_of(lambda arguments: 3) == 3
    assert run_command(lambda arguments: None) is None


def test_every_word_about_a_file_names_it_and_says_what_to_try():
    for number in command.OS_PROBLEMS:
        message = os_error_message(OSError(number, os.strerror(number), "out/x"))
        assert message.startswith("out/x ") and ", so the command cannot go on. " in message


def test_printable_keeps_letters_of_all_languages():
    assert printable("né 点 \N{GRINNING FACE}\n\t") == "né 点 \N{GRINNING FACE}\n\t"
    words = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0646\u0645 \U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert printable(words) == words
    assert printable("a\u200cb\u200dc") == "a\u200cb\u200dc", "Persian words and emoji of families need these"
    assert printable("\x1b]0;title\x07 \u202e \ud800 \x9b") == r"\x1b]0;title\x07 \u202e \ud800 \x9b"


def test_say_prints_what_others_named_spelled_out(capsys):
    say("drawn: x\x1b[31m.png\nnext")
    say("note: \x9b", file=sys.stderr)
    assert capsys.readouterr() == ("drawn: x\\x1b[31m.png\nnext\n", "note: \\x9b\n")


# Options

@pytest.mark.parametrize("kind, text, words", [
    (count_argument(), "0", "0 is too small. Try 1 or more"),
    (count_argument(), "-3", "-3 is too small"),
    (count_argument(), "1.5", "'1.5' is not a whole number"),
    (count_argument(), "nan", "'nan' is not a whole number"),
    (count_argument(), 5000 * "9", "is not a whole number"),
    (count_argument(1, 8), "9", "9 is too large. Try 8 or less"),
    (count_argument(), "2000000000000", "2000000000000 is too large. Try 1000000000000 or less"),
    (number_argument(), "nan", "'nan' is not a number"),
    (number_argument(), "-inf", "'-inf' is not a number"),
    (number_argument(), "-0.5", "-0.5 is too small. Try 0 or more"),
    (path_argument, "", "names no path. Try one, as photo.jpg or out/try"),
    (path_argument, "~nobody-of-this-name/x", "there is no home folder"),
])
def test_values_that_no_command_can_use_are_refused_in_words(kind, text, words):
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        kind(text)


def test_a_path_may_begin_at_the_home_folder(monkeypatch, tmp_path):
    """A shell leaves the ~ in --out=~/run as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert path_argument("~/run") == tmp_path / "run"


def test_an_unknown_option_gets_a_suggestion(capsys):
    parser = Parser()
    parser.add_argument("--weights")
    for argument, words in [("--wieghts=x", "Did you mean --weights?"), ("photo.jpg", "argument too many")]:
        with pytest.raises(SystemExit, match="2"):
            parser.parse_args([argument])
        assert words in capsys.readouterr().err


# Processes

@pytest.fixture(scope="module")
def signalling_packages(tmp_path_factory):
    """A folder with packages that send the process a signal when they are imported."""
    folder = tmp_path_factory.mktemp("packages")
    for name in SLOW:
        (folder / f"{name}.py").write_text("import os\nos.kill(os.getpid(), int(os.environ['SIGNAL']))\n",
                                           encoding="utf-8")
    return folder


@pytest.mark.parametrize("path", [path for path in COMMANDS if path.name != "suite.py"],  # pytest reads its
                         ids=lambda path: str(path.relative_to(ROOT)))                   # options
def test_ctrl_c_and_term_while_importing_end_in_words(path, signalling_packages):
    """Those without slow imports get as far as to refuse the option."""
    script = path.parent == ROOT or path.parent.name == "tools"
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for number in (signal.SIGINT, signal.SIGTERM):
        environment = {**os.environ, "PYTHONPATH": str(signalling_packages), "SIGNAL": str(int(number))}
        end = subprocess.run([sys.executable, *([str(path)] if script else ["-m", name]), "--nope"], cwd=ROOT,
                             capture_output=True, text=True, encoding="utf-8", env=environment)
        assert "Traceback" not in end.stderr
        if end.returncode == 2:
            assert "--nope is not an option" in end.stderr or "required" in end.stderr
        else:
            assert end.returncode == 128 + number and end.stderr.count("stopped") == 1


def spec(**streams) -> subprocess.CompletedProcess:
    """A command that prints much and imports little."""
    return subprocess.run([sys.executable, "tests/tools/spec.py"], cwd=ROOT, stderr=subprocess.PIPE,
                          text=True, encoding="utf-8", **streams)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_output_to_a_full_disk_ends_in_words():
    with open("/dev/full", "w", encoding="utf-8") as full:
        end = spec(stdout=full)
    assert end.returncode == 1 and end.stderr.startswith("a file cannot be written: the disk is full")
    assert "Traceback" not in end.stderr and "Exception ignored" not in end.stderr


def test_a_reader_that_has_enough_is_no_error():
    """As head does."""
    reader, writer = os.pipe()
    os.close(reader)
    end = spec(stdout=writer)
    os.close(writer)
    assert end.returncode == 1 and end.stderr == ""


def test_a_package_that_is_not_installed_is_named():
    end = subprocess.run([sys.executable, "-S", "-m", "minimolmo.batch.dataset", "x"], cwd=ROOT,
                         capture_output=True, text=True, encoding="utf-8")
    assert end.returncode == 1 and "is not installed" in end.stderr and "Try make setup" in end.stderr
    assert "Traceback" not in end.stderr


def missing_torch(monkeypatch, capsys, folder, running) -> str:
    """What a command says in a repository in `folder` if `running` has no torch."""
    monkeypatch.setattr(command, "VENV", folder / ".venv" / "bin" / "python")
    monkeypatch.setattr(sys, "executable", str(running))
    monkeypatch.setattr(sys, "orig_argv", ["python", "train.py", "--out=my run"])
    monkeypatch.chdir(folder)
    command._excepthook(ModuleNotFoundError, ModuleNotFoundError("no torch", name="torch"), None)
    return capsys.readouterr().err


def test_if_there_is_a_venv_the_command_that_works_is_named(monkeypatch, capsys, tmp_path):
    """As after make setup, without . .venv/bin/activate; not if it is the one that lacks the package."""
    other, venv = tmp_path / "bin" / "python", tmp_path / ".venv" / "bin" / "python"
    assert "Try make setup, or bin/python -m pip" in missing_torch(monkeypatch, capsys, tmp_path, other)
    for path in (other, venv):
        path.parent.mkdir(parents=True)
        path.touch()
    said = missing_torch(monkeypatch, capsys, tmp_path, other)
    assert said.startswith(f"torch is not installed for {other}, so the command cannot run.")
    assert said.endswith("Try .venv/bin/python train.py '--out=my run'\n")
    assert "Try make setup" in missing_torch(monkeypatch, capsys, tmp_path, venv)


def test_a_printed_command_starts_the_running_interpreter(monkeypatch, tmp_path):
    """Relative below the current folder, as python if that is it, else whole. A venv's link stays one."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    assert python_command("-m", "x", "a b", "$c") == ".venv/bin/python -m x 'a b' '$c'"
    monkeypatch.chdir(tmp_path / ".venv")
    assert python_command("x") == "bin/python x"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", "/opt/some python/bin/python")
    assert python_command("x") == "'/opt/some python/bin/python' x"
    monkeypatch.setattr(sys, "executable", "/opt/bin/python")
    monkeypatch.setattr(command.shutil, "which", lambda name: "/opt/bin/python")
    assert python_command("x") == "python x"


def test_a_command_shows_itself_if_the_makefile_asks_but_not_those_that_it_starts():
    script = ("import os, subprocess, sys\nimport minimolmo.command\n"
              "minimolmo.command.show_command()\nassert 'SHOW_COMMAND' not in os.environ\n")
    end = subprocess.run([sys.executable, "-c", script, "it's", "\x1b[31m"], cwd=ROOT, capture_output=True,
                         text=True, encoding="utf-8", env={**os.environ, "SHOW_COMMAND": "1"})
    assert end.returncode == 0 and end.stderr.count(" -c ") == 1
    assert end.stderr.endswith(""" 'it'"'"'s' '\\x1b[31m'\n""")


def test_a_killed_data_worker_is_told_in_words(capsys):
    """These are PyTorch's own words."""
    def main(_):
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
    with pytest.raises(SystemExit) as end:
        run_command(main)
    assert re.search("a data worker was killed, perhaps .*, so .* Close other .*, or try", end.value.code)


def test_workers_end_with_the_process_that_started_them():
    """Even if it is killed: two processes, then neither."""
    script = ("import multiprocessing, os, time\nfrom minimolmo.command import init_worker\n"
              "if __name__ == '__main__':\n"
              "    pool = multiprocessing.get_context('fork').Pool(1, init_worker)\n"
              "    print(pool.apply(os.getpid), flush=True)\n    time.sleep(60)\n")
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                              encoding="utf-8")
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker is still there")


# Files

def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomically(tmp_path / "link", [b"new"])
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


def test_the_error_of_a_write_names_the_file_that_was_asked_for(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = tmp_path / "file" / "report.json"
    with pytest.raises(OSError) as error:
        write_atomically(path, [b""])
    assert os_error_message(error.value).startswith(f"{path} is a file, where a folder")


def test_a_folder_in_use_says_by_whom(tmp_path):
    in_use = pytest.raises(ValueError, match=f"in use by process {os.getpid()} on .* Wait until")
    with locked(tmp_path), in_use, locked(tmp_path):
        pass
