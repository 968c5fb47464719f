"""Every command, with every place where it cannot write or read: words, an exit status, nothing lost."""
import builtins
import contextlib
import errno
import importlib
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from test_architecture import ROOT, module_name
from test_guards import COMMANDS

import minimolmo.command
from data.generate import make_dataset_spec, write_dataset
from data.points.prepare import make_example
from minimolmo.answer import RELEASED
from minimolmo.command import run_command
from minimolmo.locks import locked

sys.path.insert(0, str(ROOT / "tests"))
PICTURE, WEIGHTS = str(ROOT / "data/pictures/scene.png"), f"--weights={RELEASED}"
PARTS = ROOT / "tests" / "golden" / "parts"
QUESTION = "Point to the shapes."
DRAW = ["--images=1", "--workers=1", "--folder={}"]
# Module: its arguments, {} for the folder that is bad. Those that write into fixed places have none.
PLACES = {
    "train": ["--out={}", "--data={}"],
    "data.clean": [],
    "data.prepare_all": DRAW,
    **{f"data.{name}.prepare": DRAW for name in ("ask_model_anything", "cap", "cap_qa", "clocks", "count",
                                                 "docs", "point_explanations", "points")},
    "data.pixmo.prepare": ["--rows=1", "--sets=cap", "--folder={}"],
    "data.preview.catalogue": [],
    "data.preview.contact_sheets": ["--own={drawn}", "--pictures=1", "--out={}"],
    "data.preview.easy_documents": [],
    "data.preview.easy_sheets": [],
    "data.preview.readme_tables": ["--folder={}"],
    "data.preview.system_diagram": [],
    "data.tokenizer.prepare": ["--folder={}"],
    "lessons.blank": ["05"],
    "lessons.check": ["05", "--start"],
    "lessons.course": [],
    "lessons.hint": ["05"],
    "lessons.notebooks": [],
    "lessons.run": ["99"],
    "lessons.train_mine": [],
    "minimolmo.answer": [PICTURE, QUESTION, WEIGHTS, "--out={}/dots.png"],
    "minimolmo.batch.dataset": ["{}"],
    "minimolmo.evaluate": ["--weights={}"],
    "minimolmo.page.demo": ["--weights={}", "--no-browser"],
    "minimolmo.page.mine": ["--folder={}", WEIGHTS, "--no-browser"],
    "minimolmo.viz.figures": [PICTURE, QUESTION, WEIGHTS, "--out={}"],
    "minimolmo.weights.adapters": [],  # writes as weights.official does
    "minimolmo.weights.official": [str(RELEASED), "{}"],
    "minimolmo.weights.parts": [f"--vision={PARTS}/clip", f"--decoder={PARTS}/llama", "--out={}"],
    "minimolmo.weights.release": ["{}"],
    "minimolmo.weights.single_gpu": [],
    "minimolmo.weights.sizes": [],
    "tests.tools.ablate": ["--minutes=0", "--out={}"],
    "tests.tools.answer_card": [],
    "tests.tools.bench": ["--steps=1", "--out={}"],
    "tests.tools.bench_pixmo": [],
    "tests.tools.digit_bitmaps": [],
    "tests.tools.drag_times": [],
    "tests.tools.expert_load": ["{}"],
    "tests.tools.faults": ["nothing"],
    "tests.tools.fit": [],
    "tests.tools.gpu": ["--minutes=0", "--out={}"],
    "tests.tools.hostile": [],
    "tests.tools.load_memory": [],
    "tests.tools.lora_step": [],
    "tests.tools.mutants": [],
    "tests.tools.tab_kills": [],
    "tests.tools.own_photos": [],
    "tests.tools.paper_shapes": [],
    "tests.tools.spec": [],
    "tests.tools.speedrun": ["nano", "--minutes=0", "--out={}"],
    "tests.tools.targets": ["--weights={}"],
    "tests.tools.suite": [],
    "tests.tools.text_only_baseline": ["--folder={}"],
    "tests.tools.toy_page": [],
}
WITH_PLACE = [name for name, arguments in PLACES.items() if any("{}" in argument for argument in arguments)]
READERS = {"data.preview.readme_tables", "minimolmo.evaluate", "minimolmo.page.demo",
           "minimolmo.batch.dataset", "minimolmo.weights.release",
           "tests.tools.targets", "tests.tools.expert_load", "tests.tools.text_only_baseline",
           "data.tokenizer.prepare"}  # they read there first, and find nothing
NEEDING_DATA = {"train", "data.pixmo.prepare"}
LOCKING = ["train", "data.prepare_all", "data.points.prepare", "data.pixmo.prepare"]


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A command changes the process: its signals and its last words. Here they are changed back."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *minimolmo.command.SIGNALS)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write_dataset(make_dataset_spec("points", images=1), make_example, tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(monkeypatch, drawn):
    """Run a command with a bad place; returns its exit status and its message."""
    def run(name: str, place) -> object:
        arguments = [argument.replace("{drawn}", str(drawn)).replace("{}", str(place))
                     for argument in PLACES[name]]
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(SystemExit) as end:
            run_command(importlib.import_module(name.removeprefix("tests.")).main)
        return end.value.code
    return run


def test_the_table_has_every_command():
    assert PLACES.keys() == {module_name(path) for path in COMMANDS}


def explains(message, place) -> bool:
    """Whether a message names the place and says what to try."""
    remedies = ("Try", "Run", "Train", "another")
    return str(place) in message and any(word in message for word in remedies)


@pytest.mark.parametrize("name", WITH_PLACE)
def test_a_file_where_a_folder_is_needed_is_explained(name, run, tmp_path):
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    message = run(name, tmp_path / "file")
    assert explains(message, tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept" and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", WITH_PLACE)
def test_a_folder_below_a_file_is_explained(name, run, tmp_path):
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    message = run(name, tmp_path / "file" / "below")
    assert explains(message, tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


@contextlib.contextmanager
def failing(monkeypatch, folder, number: int, from_write: int):
    """A disk on which the n-th write below a folder, and all later ones, fail."""
    done = 0

    def guarded(really, path, *given, **options):
        nonlocal done
        writes = really is not opener or set("wax+") & set(options.get("mode", given[0] if given else "r"))
        if writes and isinstance(path, (str, os.PathLike)) and str(path).startswith(str(folder)):
            done += 1
            if done >= from_write:
                raise OSError(number, os.strerror(number), str(path))
        return really(path, *given, **options)

    opener, make, replace = builtins.open, os.mkdir, os.replace
    with monkeypatch.context() as patch:
        for module, really in ((builtins, opener), (os, make), (os, replace)):
            patch.setattr(module, really.__name__, partial(guarded, really))
        yield


@pytest.mark.parametrize("number, from_write, words", [(errno.EROFS, 1, "can only be read"),
                                                       (errno.ENOSPC, 3, "the disk is full")])
@pytest.mark.parametrize("name", [name for name in WITH_PLACE if name not in READERS])
def test_a_disk_that_is_read_only_or_full_is_explained(name, number, from_write, words, run, monkeypatch,
                                                       tmp_path):
    """Full at the third write: the folder and its lock are there, and a file is not.

    The speedrun has no minutes, so it only makes the folder: test_speedrun fills the disk later.
    """
    folder = tmp_path / "new"
    if number == errno.ENOSPC and name in NEEDING_DATA:
        pytest.skip("test_train and test_pixmo have the data that this needs")
    with failing(monkeypatch, folder, number, 1 if name == "tests.tools.speedrun" else from_write):
        message = run(name, folder)
    assert str(folder) in message and words in message
    assert not [path for path in folder.rglob("*") if path.suffix in (".tmp", ".part")]


@pytest.mark.parametrize("name", LOCKING)
def test_a_folder_in_use_is_explained(name, run, tmp_path):
    held = tmp_path if name in ("train", "data.pixmo.prepare") else tmp_path / "points"
    with locked(held):
        assert "in use by process" in run(name, tmp_path)


@pytest.mark.parametrize("name", ["lessons.check", "lessons.blank"])
def test_a_learners_folder_in_use_is_explained(name, run, monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    if name == "lessons.check":
        module = importlib.import_module(name)
        monkeypatch.setattr(module.copy_stubs, "__defaults__", (tmp_path / "mine",))
    else:
        module = importlib.import_module(name)
        monkeypatch.setattr(module.blank_lesson, "__defaults__", (tmp_path,))
    with locked(tmp_path / "mine"):
        assert "in use by process" in run(name, "")
    assert os.listdir(tmp_path / "mine") == [".lock"]


# Signals while working

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_drawing_leaves_no_half_of_a_set_and_no_worker(number, tmp_path):
    command = [sys.executable, "-m", "data.prepare_all", "--images=20000", "--workers=2", "--sets=points",
               f"--folder={tmp_path}"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, encoding="utf-8",
                               start_new_session=True)
    wait_until(lambda: any((tmp_path / "points").glob("easy.part/images/*0.png")))
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert second.returncode == 1 and f"in use by process {running.pid}" in second.stderr
    running.send_signal(number)
    _, output = running.communicate(timeout=30)
    assert running.returncode == 128 + number
    assert output.rstrip().endswith(minimolmo.command.STOPPED) and "Traceback" not in output
    assert os.listdir(tmp_path / "points") == [".lock"]
    wait_until(lambda: not is_alive(running.pid))


def wait_until(true, seconds: float = 30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(group: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


# Text in the system's encoding

FOREIGN = """
import sys
from minimolmo import answer
from minimolmo.command import start_command
from lessons import check, run
start_command()
assert sys.stdout.encoding == "cp1252", sys.stdout.encoding
answer.ask = lambda *_: [answer.Answer("caf\\ufffd \\u20ac \\u4e2d \\x1b[31m", [], False)]
answer.main([sys.argv[1], "Who?", sys.argv[2]])
check.main(["00"])
check.main(["08"])
run.main(["08"])
sys.stdout.reconfigure(encoding="gbk")
check.main(["08"])
"""


def test_answers_and_lessons_run_in_any_encoding():
    """LC_ALL=C reads files as ASCII unless told otherwise; the terminal is a Windows one."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "LC_ALL": "C",
                   "PYTHONCOERCECLOCALE": "0"}
    end = subprocess.run([sys.executable, "-c", FOREIGN, PICTURE, WEIGHTS], cwd=ROOT, capture_output=True,
                         env=environment)
    assert end.returncode == 0, end.stderr.decode("cp1252")
    output = end.stdout.decode("cp1252", "replace")
    assert output.startswith("caf? \u20ac ? \\x1b[31m") and "08_points" in output
