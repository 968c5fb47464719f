"""The benchmarks run at tiny size, and the table, file and chart hold every row."""
import json
from dataclasses import replace

import numpy as np
import pytest
from test_compiler import TINY
from tools import bench

from minimolmo.overrides import override
from minimolmo.presets import preset


@pytest.fixture
def config():
    tiny = replace(preset("nano"), model=TINY)
    return override(tiny, ["--finetune.view=ground", "--finetune.batch_size=2"])


def test_every_kind_of_measurement_runs(config, monkeypatch, tmp_path, capsys):
    """At tiny size, one run of each. Packing alone is left out, because it needs datasets."""
    monkeypatch.setattr(bench, "DECODERS", {"width 32": TINY.decoder})
    monkeypatch.setattr(bench, "measure_seconds", lambda run, *_: (run(), 0.5)[1])
    monkeypatch.setattr(bench, "preset", lambda name: config)
    monkeypatch.setattr(bench.torch, "__version__", "2")
    bench.main(["nano", f"--out={tmp_path}", "--decoders"])
    printed = capsys.readouterr().out
    rows = json.loads((tmp_path / "bench-nano.json").read_text(encoding="utf-8"))["rows"]
    assert {row["group"] for row in rows} == {
        "training step", "MFU", "where the time goes", "attention, segment mask", "crops budget", "decoding",
        "KV cache gains", "tiler, 640x480", "encoding English"}
    decoding = {row["what"]: row["value"] for row in rows if row["group"] == "decoding"}
    assert decoding["width 32, batch 1"] == 2 and decoding["width 32, batch 32"] == 64  # half a second a step
    for row in rows:
        assert f"| {row['group']}: {row['what']} | {row['value']:g} {row['unit']} |" in printed
    assert (tmp_path / "bench-nano.png").is_file()
    percents = [row["value"] for row in rows if row["group"] == "where the time goes"]
    assert sum(percents) == pytest.approx(100, 0.01)


def test_the_result_is_the_median_without_the_first_run(monkeypatch):
    """The first run compiles and warms up: its 100 seconds do not count."""
    clock, durations = [0.0], iter([100.0, 3.0, 1.0, 2.0])
    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])

    def run():
        clock[0] += next(durations)
    assert bench.measure_seconds(run, min_seconds=5.5) == 2.0


def test_bars_are_as_long_as_their_values():
    from tools.charts import COLORS, LEFT, LINE, WIDTH, draw_bars
    rows = [("a", 2.0, "2"), ("b", 1.0, "1"), ("", 0, ""), ("c", -1.0, ""), ("d", 1.0, "")]
    pixels = np.array(draw_bars(rows, ""))
    lengths = [int((pixels[2 * LINE + LINE // 2 + LINE * n] == COLORS[color]).all(axis=-1).sum())
               for n, color in ((0, 0), (1, 0), (3, 1), (4, 1))]
    assert lengths == pytest.approx([WIDTH, WIDTH / 2, WIDTH / 2, WIDTH / 2], abs=2)
    below_zero = (pixels[2 * LINE + LINE // 2 + LINE * 3] == COLORS[1]).all(axis=-1)
    assert np.flatnonzero(below_zero)[-1] <= LEFT + WIDTH / 2 + 1


def test_the_larger_decoders_are_measured_only_when_asked_for(monkeypatch, tmp_path):
    """Random ones of width 512 and 2048, with half as many key heads as query heads, as in RUNS.md."""
    shapes = [(c.width, c.layers, c.heads, c.kv_heads, c.mlp, c.vocab) for c in bench.DECODERS.values()]
    assert shapes == [(512, 8, 8, 4, 1408, 8192), (2048, 3, 16, 8, 5504, 32768)]
    asked = []
    monkeypatch.setattr(bench, "bench_decoder", lambda name, model: asked.append((name, model.decoder)) or [])
    monkeypatch.setattr(bench, "list_jobs", lambda *_: [lambda: [bench.row("decoding", "nano", 1, "")]])
    bench.main(["nano", f"--out={tmp_path}"])
    assert asked == []
    bench.main(["nano", f"--out={tmp_path}", "--decoders"])
    assert asked == list(bench.DECODERS.items())
