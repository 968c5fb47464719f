"""Data workers: as many as cores, shared memory and open files allow."""
import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from minimolmo import device
from minimolmo.batch import workers
from minimolmo.presets import preset

ROOT = Path(__file__).resolve().parent.parent


def test_all_cores_but_one_are_workers_if_shared_memory_allows(monkeypatch):
    """16 cores. A group of mini is 8 batches of 128 images of 13 crops, 1.13 GB; each worker holds two."""
    monkeypatch.setattr(workers, "cpu_cores", lambda: 16)
    monkeypatch.setattr(workers, "raise_file_limit", lambda: 10 ** 6)
    free, group = {}, 8 * 128 * 13 * 3 * 168 ** 2
    monkeypatch.setattr(workers.shutil, "disk_usage", lambda _path: free["disk"])
    counts = []
    for groups in (1000, 20, 1):
        free["disk"] = SimpleNamespace(free=groups * group)
        with pytest.warns(match="2.3 GB .* 1.1 are free.*--shm-size") if groups == 1 else nullcontext():
            counts.append(workers.count_workers(preset("mini"), "finetune", torch.device("cuda"), 1))
    assert counts == [15, 10, 0]
    assert workers.count_workers(preset("mini"), "finetune", torch.device("cpu"), 1) == 0


def test_the_number_of_workers_is_limited_by_the_open_files_allowed(monkeypatch):
    """8 x 4 micro-batches of 12 tensors are a group of 384 files, and each worker holds two groups."""
    monkeypatch.setattr(workers, "cpu_cores", lambda: 16)
    monkeypatch.setattr(workers.shutil, "disk_usage", lambda _path: SimpleNamespace(free=10 ** 15))
    config, counts = replace(preset("mini"), accumulate=4), []
    for files in (10 ** 6, 4096, 512):
        monkeypatch.setattr(workers, "raise_file_limit", lambda: files)
        with pytest.warns(match="768 open files, where 512 are allowed") if files == 512 else nullcontext():
            counts.append(workers.count_workers(config, "finetune", torch.device("cuda"), 1))
    assert counts == [15, 5, 0]


def test_in_a_container_only_its_own_cores_count(monkeypatch, tmp_path):
    """192 cores. The container may use 1.6 s of CPU time in each 0.1 s, which are 16 cores."""
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda _process: range(192), raising=False)
    quota = tmp_path / "cpu.max"
    assert device.cpu_cores(quota) == 192  # no such file: no container
    for content, cores in (("max 100000", 192), ("1600000 100000", 16), ("50000 100000", 1)):
        quota.write_text(content, encoding="utf-8")
        assert device.cpu_cores(quota) == cores


MANY_FILES = """
import resource, sys, torch
from dataclasses import replace
from pathlib import Path
from minimolmo.batch.dataset import Dataset
from minimolmo.batch.loader import Loader, Preprocessor
from minimolmo.batch import workers
from minimolmo.config import ImageConfig
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
config = replace(preset("nano"), accumulate=8)
assert workers.count_workers(config, "finetune", torch.device("cuda"), 1)
preprocessor = Preprocessor(ImageConfig(), Tokenizer([], vocab=300), "finetune", 0, 200)
loader = Loader([Dataset(Path(sys.argv[1]), "train")], [1.0], preprocessor, 8, 1, accumulate=8)
print(sum(len(step) for step in loader.batches(0, 16, workers=1)))
"""


@pytest.mark.skipif(workers.resource is None, reason="Windows shares memory without open files")
def test_the_limit_of_open_files_is_raised_before_workers_share_tensors(tmp_path):
    """16 steps of 8 micro-batches of 12 tensors: 768 files a group, where the shell allows 256."""
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    annotations = [{"style": "user_qa", "question": "What?", "answer": "A cat."}]
    row = json.dumps({"image": "a.png", "annotations": annotations})
    (tmp_path / "train.jsonl").write_text(row, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", MANY_FILES, str(tmp_path)], cwd=ROOT, capture_output=True,
                          text=True, timeout=120)
    assert done.stdout.split() == ["128"], done.stderr
