"""What all commands have in common: errors in words, signals, exit status, output for any terminal.

    if __name__ == "__main__":
        run_command(main)

A command fails with status 1 and one message, and with 2 if its options are wrong. Ctrl-C and signals end it
with 128 + the signal's number. Our packages and scripts import this module before anything slow, so that
this holds while they import.
"""
from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import sys
import threading
import time
import traceback
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
# Windows has no HUP; there closing the window sends BREAK.
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
VENV = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")  # from make setup
SHOW = "SHOW_COMMAND"  # set by the Makefile: a command shows itself before it runs
STOPPED = "stopped: files are whole or as they were before"

# What the system says of a file or a disk: why it cannot work, and what to try.
OS_PROBLEMS = {
    errno.ENOENT: ("does not exist", "Check the spelling, or make the folder first."),
    errno.ENOTDIR: ("is a file, where a folder is needed", "Try another place, or move the file away."),
    errno.EEXIST: ("is a file, where a folder is needed", "Try another place, or move the file away."),
    errno.EISDIR: ("is a folder, where a file is needed", "Try the path of a file."),
    errno.ENOTEMPTY: ("is a folder with other files in it", "Try another place, or move them away."),
    errno.EACCES: ("may not be read or written by you", "Change its permissions, or try another place."),
    errno.EPERM: ("may not be changed by you", "Change its permissions, or try another place."),
    errno.EROFS: ("is on a disk that can only be read", "Try another place."),
    errno.EBUSY: ("is in use by the system or another program", "Close that program, or try another place."),
    errno.ENOSPC: ("cannot be written: the disk is full", "Make room, then run the same command again."),
    errno.EDQUOT: ("cannot be written: your quota of the disk is used up",
                   "Make room, then run the same command again."),
    errno.EFBIG: ("would be larger than this disk or your limits allow", "Try another place."),
    errno.ENAMETOOLONG: ("has a name that is too long", "Try a shorter one."),
    errno.ELOOP: ("is a link that leads back to itself", "Try another place."),
    errno.EMFILE: ("cannot be opened: too many files are open", "Try ulimit -n 4096, then again."),
    errno.EIO: ("cannot be read or written: the disk reports an error",
                "Check the disk, or try another one."),
    errno.EAGAIN: ("cannot be used: the system allows no more processes or threads",
                   "Try fewer --workers, or close other programs."),
    errno.ENOMEM: ("cannot be used: the machine's memory is full", "Close other programs, then try again."),
}


MEMORY_FULL = ("the machine's memory is full, so the command cannot go on. Try fewer or smaller images, a "
               "smaller batch, or a smaller model.")
TORCH_PROBLEMS = {  # what stands in a RuntimeError of torch: what it means
    "DefaultCPUAllocator": MEMORY_FULL,
    "DataLoader worker": ("a data worker was killed, perhaps because the machine's memory is full, so the "
                          "command cannot go on. Close other programs, or try a smaller batch."),
}


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command, as Ctrl-C does. Its number is the first argument."""


# Starting and ending

def start_command() -> None:
    """Prepare the process of a command. The end of this module calls it if the process runs one.

    Until `run_command` starts, Ctrl-C, TERM and HUP end the process at once: half-imported modules cannot be
    taken down in order. Characters that the terminal cannot show are replaced.
    """
    global main_process
    main_process = os.getpid()
    _handle_signals(_end_at_once, {signal.SIG_DFL, signal.default_int_handler})
    sys.excepthook = _excepthook
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def run_command(main: Callable[[list[str]], int | None]) -> None:
    """Run a command's main function on the command line's arguments, and turn its errors into words.

    Its result, if any, is the exit status.
    """
    start_command()
    _handle_signals(_interrupt, {_end_at_once})
    try:
        status = main(sys.argv[1:])
        if sys.stdout:
            sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        status = end_interrupted(interrupt)
    except BrokenPipeError:  # whoever read the output has enough, as head does
        status = 1
    except (ValueError, FloatingPointError, MemoryError, RecursionError, OSError) as error:
        status = printable(error_message(error))
    except RuntimeError as error:
        status = next((words for mark, words in TORCH_PROBLEMS.items() if mark in str(error)), "")
        if not status:
            raise
    finally:
        _handle_signals(_end_at_once, {_interrupt, signal.default_int_handler})
        _drop_broken_output()
    if status:  # not for 0: a notebook or a test that runs a command goes on
        sys.exit(status)


def end_interrupted(interrupt: KeyboardInterrupt) -> int:
    """Print that a command was stopped; returns its exit status."""
    number = interrupt.args[0] if isinstance(interrupt, Interrupted) else signal.SIGINT
    message = next((each for each in interrupt.args if isinstance(each, str)), STOPPED)
    print(f"\n{message}", file=sys.stderr)
    return 128 + number


def _handle_signals(handler: Callable, present: set) -> None:
    """Set this handler for signals whose handler is in `present`. Signals that nohup ignores stay ignored."""
    for number in (signal.SIGINT, *SIGNALS):
        if signal.getsignal(number) in present:
            plain = number == signal.SIGINT and handler is _interrupt
            signal.signal(number, signal.default_int_handler if plain else handler)


def _interrupt(number: int, _frame) -> None:
    if os.getpid() != main_process:  # a forked worker: its parent says what there is to say
        os._exit(128 + number)
    raise Interrupted(number)


def _end_at_once(number: int, _frame) -> None:
    if os.getpid() == main_process:
        os.write(2, f"\n{STOPPED}\n".encode())  # print may be interrupted in the middle of a print
    os._exit(128 + number)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python calls this for an error before `run_command` starts, while modules are imported."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(end_interrupted(error))
    if issubclass(kind, ModuleNotFoundError) and error.name in ("numpy", "torch", "PIL", "tqdm", "pytest"):
        say(missing_package(error.name), sys.stderr)
    else:
        traceback.print_exception(kind, error, trace)


def _drop_broken_output() -> None:
    """Send output nowhere if it cannot be written, so that Python does not complain again as it ends."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# Worker processes

def init_worker(_number: int = 0) -> None:
    """Initializer of worker processes: their parent handles the signals, and they end when it ends."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the pool ends its workers with TERM
    end_with_parent()


def end_with_parent() -> None:
    """End this process, within a second, when the one that started it is gone, however it ended."""
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()


def _watch_parent(parent: int) -> None:
    if os.name == "nt":  # a process keeps the number of a parent that is gone
        import multiprocessing
        if started_by := multiprocessing.parent_process():
            started_by.join()
            os._exit(1)
        return
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


# Commands to print

def python_command(*words: str | Path, interpreter: str | Path | None = None) -> str:
    """A command of Python as a shell takes it, with an interpreter that works: the running one by default.

    It is given relative to the current folder if it lies there, and as "python" if that starts the same one.

    >>> python_command("-m", "minimolmo.answer", "photo.jpg", "Who is it?").partition(" ")[2]
    "-m minimolmo.answer photo.jpg 'Who is it?'"
    """
    path = Path(interpreter or sys.executable or "python")
    place = Path(os.path.realpath(path.parent)) / path.name  # .venv/bin/python is a link: it stays one
    if place.is_relative_to(Path.cwd()):
        path = place.relative_to(Path.cwd())
    elif shutil.which("python") == str(path):
        path = "python"
    start = str(path) if os.name == "nt" else shlex.quote(str(path))
    return " ".join([start, shlex.join(map(str, words))])


def missing_package(name: str) -> str:
    """The message for a package that the interpreter lacks: the command that works, if there is a .venv."""
    problem = f"{name} is not installed for {sys.executable}, so the command cannot run."
    if VENV.exists() and not VENV.parent.samefile(Path(sys.executable).parent):
        return f"{problem} Try {python_command(*sys.orig_argv[1:], interpreter=VENV)}"
    install = python_command("-m", "pip", "install", "-r", "requirements.txt")
    return f"{problem} Try make setup, or {install}"


def show_command() -> None:
    """Print the running command on stderr if the Makefile asks for it; not those that it starts."""
    if os.environ.pop(SHOW, ""):
        say(python_command(*sys.orig_argv[1:]), sys.stderr)


# Words

def error_message(error: Exception) -> str:
    """The message that tells a person what went wrong and what to try."""
    if isinstance(error, OSError):
        return os_error_message(error)
    if isinstance(error, MemoryError):
        return MEMORY_FULL
    if isinstance(error, RecursionError):
        return (f"something is nested too deeply to be read ({error}), so the command cannot go on. Try "
                f"another copy of the file.")
    if isinstance(error, UnicodeDecodeError):
        return (f"a file's text is not UTF-8 ({error}), so the command cannot go on. Save it as UTF-8, or "
                f"try another copy.")
    return f"{error}".lstrip("\n")


def os_error_message(error: OSError) -> str:
    """An OSError in three parts: what was given, why it cannot work, what to try."""
    if error.errno is None:
        return f"{error or type(error).__name__}: so the command cannot go on. Try again, or another file."
    path = error.filename if error.filename2 is None else error.filename2
    why, remedy = OS_PROBLEMS.get(error.errno, (f"cannot be used: {error.strerror or error}",
                                                "Try again, or try another place."))
    return f"{'a file' if path is None else path} {why}, so the command cannot go on. {remedy}"


def printable(text: str) -> str:
    r"""Text with control and escape characters spelled out, so that it cannot steer a terminal.

    What joins or parts letters (U+200C, U+200D) stays: Persian words and emoji of families need it.

    >>> printable("a\x1b[31m b\tc")
    'a\\x1b[31m b\tc'
    """
    return "".join(c if c in "\n\t\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
                   else c.encode("unicode_escape").decode("ascii") for c in text)


def say(text: str, file: TextIO | None = None) -> None:
    """Print text with names that a person or a file gave: `printable`."""
    print(printable(text), file=file)


def _runs_a_command() -> bool:
    """Whether this process was started for one of our modules (python -m) or scripts."""
    words, script = sys.orig_argv, getattr(sys.modules["__main__"], "__file__", None)
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    if module.partition(".")[0] in ("minimolmo", "data", "lessons"):
        return True
    return bool(script) and (Path(script).resolve() == ROOT / "train.py"
                             or Path(script).resolve().parent == ROOT / "tests" / "tools")


main_process = os.getpid()
if _runs_a_command():
    start_command()
    show_command()
