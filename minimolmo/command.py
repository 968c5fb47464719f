"""What all commands have in common: errors in words, signals, exit status, and output for any terminal.

    if __name__ == "__main__":
        run_command(main)

A command fails with status 1 and one message; Ctrl-C and signals end it with 128 + the signal's number.
"""
from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable
from types import TracebackType

# Windows has no HUP.
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

# What the system says of a file or a disk: why it cannot work, and what to try.
OS_PROBLEMS = {
    errno.ENOENT: ("does not exist", "Check the spelling, or make the folder first."),
    errno.ENOTDIR: ("is a file, where a folder is needed", "Try another place, or move the file away."),
    errno.EEXIST: ("is a file, where a folder is needed", "Try another place, or move the file away."),
    errno.EISDIR: ("is a folder, where a file is needed", "Try the path of a file."),
    errno.EACCES: ("may not be read or written by you", "Change its permissions, or try another place."),
    errno.EPERM: ("may not be changed by you", "Change its permissions, or try another place."),
    errno.EROFS: ("is on a disk that can only be read", "Try another place."),
    errno.ENOSPC: ("cannot be written: the disk is full", "Make room, then run the same command again."),
    errno.EDQUOT: ("cannot be written: your quota of the disk is used up",
                   "Make room, then run the same command again."),
    errno.ENAMETOOLONG: ("has a name that is too long", "Try a shorter one."),
    errno.EMFILE: ("cannot be opened: too many files are open", "Try ulimit -n 4096, then again."),
    errno.EIO: ("cannot be read or written: the disk reports an error",
                "Check the disk, or try another one."),
}


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command, as Ctrl-C does. Its number is the first argument."""


def start_command() -> None:
    """Prepare the process of a command: call it before the slow imports.

    From here on Ctrl-C, TERM and HUP end it in words. Characters that the terminal cannot show are replaced.
    """
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores HUP, and keeps doing so
            signal.signal(number, _interrupt)
    sys.excepthook = _excepthook
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def run_command(main: Callable[[list[str]], None]) -> None:
    """Run a command's main function on the command line's arguments, and turn its errors into words."""
    start_command()
    try:
        main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        sys.exit(end_interrupted(interrupt))
    except BrokenPipeError:  # whoever read the output has enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, FloatingPointError) as error:
        sys.exit(printable(f"\n{error}".lstrip("\n")))
    except MemoryError:
        sys.exit("the machine's memory is full, so the command cannot go on. Try fewer or smaller images, a "
                 "smaller batch, or a smaller model.")
    except OSError as error:
        sys.exit(printable(os_error_message(error)))


def end_interrupted(interrupt: KeyboardInterrupt) -> int:
    """Print that a command was stopped; returns its exit status."""
    number = interrupt.args[0] if isinstance(interrupt, Interrupted) else signal.SIGINT
    message = next((each for each in interrupt.args if isinstance(each, str)), "stopped; no file was left half")
    print(f"\n{message}", file=sys.stderr)
    return 128 + number


def os_error_message(error: OSError) -> str:
    """An OSError in three parts: what was given, why it cannot work, what to try."""
    path = error.filename2 or error.filename
    why, remedy = OS_PROBLEMS.get(error.errno, (f"cannot be used: {error.strerror or error}",
                                                "Try again, or try another place."))
    return f"{'a file' if path is None else path} {why}, so the command cannot go on. {remedy}"


def printable(text: str) -> str:
    r"""Text with control and escape characters spelled out, so that it cannot steer a terminal.

    >>> printable("a\x1b[31m b\tc")
    'a\\x1b[31m b\tc'
    """
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
                   else c.encode("unicode_escape").decode("ascii") for c in text)


def _interrupt(number: int, _frame) -> None:
    raise Interrupted(number)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C before `run_command` is reached, while modules are imported, ends in words as well."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(end_interrupted(error))  # half-imported modules cannot be taken down in order
    traceback.print_exception(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # Python imports this to run one of our modules: the slow imports follow
    start_command()
