"""The log of a run: odd lines are named, cut-off ones dropped, and what is not ours is never overwritten."""
import json

import pytest

from minimolmo.training.log import open_log, plot_losses

LINES = [{"stage": "bootstrap", "step": 1, "loss": 3.0}, {"stage": "finetune", "step": 2, "loss": 2.5}]
TEXT = "".join(json.dumps(line) + "\n" for line in LINES)


@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize("line, fault", [
    ('{"a":1}', "names none of the stages bootstrap, pretrain, finetune"),
    ('{"stage": "finetune", "step":"x"}', "has no step that is a whole number"),
    ('{"stage": "finetune", "step":true}', "has no step that is a whole number"),
    ('{"stage": [], "step":1}', "names none of the stages"),
    ('{"stage": "captions", "step":1}', "names none of the stages"),
    *((line, "names none of the stages") for line in ("{bad}", "[]", "", "[" * 50_000, "\udcff\udc80")),
])
def test_a_line_that_is_not_ours_is_named_and_the_file_stays(tmp_path, step, line, fault):
    path, content = tmp_path / "log.jsonl", f"{TEXT}{line}\n".encode("utf-8", "surrogateescape")
    path.write_bytes(content)
    for read in (lambda: open_log(tmp_path, step), lambda: plot_losses(tmp_path)):
        with pytest.raises(ValueError, match=f"log.jsonl:3 {fault}.*Try moving the file away"):
            read()
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", ["my notes", "my notes\n", "{my notes", '{"mine": 1}'])
def test_notes_in_a_log_are_never_overwritten(tmp_path, content):
    (tmp_path / "log.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="log.jsonl:1 .*no line of a training log"):
        open_log(tmp_path, 0)
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == content


@pytest.mark.parametrize("cut", ["{", '{"stage": "fi', '{"stage": "finetune", "step": 3'])
@pytest.mark.parametrize("step, kept", [(2, 2), (1, 1), (0, 0)])
def test_a_line_that_kill_9_cut_off_is_dropped_and_so_are_later_steps(tmp_path, cut, step, kept):
    (tmp_path / "log.jsonl").write_text(TEXT + cut, encoding="utf-8")
    plot_losses(tmp_path)
    open_log(tmp_path, step).close()
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == "".join(TEXT.splitlines(True)[:kept])


def test_a_last_line_that_lacks_its_end_alone_is_kept(tmp_path):
    (tmp_path / "log.jsonl").write_text(TEXT.rstrip(), encoding="utf-8")
    open_log(tmp_path, 2).close()
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("values, name", [
    ('"loss": "low"', "loss"), ('"loss": NaN', "loss"), (f'"loss": {10 ** 400}', "loss"),
    ('"other": 1', "loss"), ('"loss": 1, "cross_entropy": []', "cross_entropy"),
    ('"loss": 1, "cross_entropy": true', "cross_entropy")])
def test_a_line_whose_loss_cannot_be_drawn_is_named_before_training_begins(tmp_path, values, name):
    content = f'{{"stage": "finetune", "step": 1, {values}}}'
    (tmp_path / "log.jsonl").write_text(content, encoding="utf-8")
    for read in (lambda: open_log(tmp_path, 1), lambda: plot_losses(tmp_path)):
        with pytest.raises(ValueError, match=f"log.jsonl:1 has no {name} that is a number"):
            read()
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == content


def test_a_loss_of_0_is_drawn(tmp_path):
    """A batch without labels has one."""
    text = TEXT + '{"stage": "finetune", "step": 3, "loss": 0.0}'
    (tmp_path / "log.jsonl").write_text(text, encoding="utf-8")
    plot_losses(tmp_path)
    assert (tmp_path / "loss.png").is_file()


def test_keys_of_earlier_versions_are_renamed(tmp_path):
    old = {"stage": "captions", "step": 7, "loss": 2.0, "total": 2.5}
    (tmp_path / "log.jsonl").write_text(json.dumps(old), encoding="utf-8")
    open_log(tmp_path, 7).close()
    assert json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8")) == {
        "stage": "pretrain", "step": 7, "cross_entropy": 2.0, "loss": 2.5}
