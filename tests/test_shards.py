"""Weights in several files: the index and the files must agree, and no name leads out of the folder."""
import json
import weakref

import pytest
import torch

from minimolmo.weights.safetensors import TensorFile, save
from minimolmo.weights.shards import OFFICIAL_STEM, TensorFolder, index_name, save_folder

INDEX = index_name(OFFICIAL_STEM)

THREE = {"a": torch.arange(4.0), "b": torch.arange(4, dtype=torch.bfloat16), "c": torch.ones(2, 2)}


def test_tensors_are_split_into_files_of_a_given_size(tmp_path):
    """16, 8 and 16 bytes into files of at most 24: the first two together, the third alone."""
    save_folder(tmp_path, THREE, 24, {"format": "pt"})
    index = json.loads((tmp_path / INDEX).read_text(encoding="utf-8"))

    assert index == {"metadata": {"total_size": 40}, "weight_map": {
        "a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors",
        "c": "model-00002-of-00002.safetensors"}}
    assert TensorFile(tmp_path / "model-00002-of-00002.safetensors").metadata == {"format": "pt"}


def test_a_tensor_larger_than_a_shard_gets_a_file_of_its_own(tmp_path):
    save_folder(tmp_path, THREE, 1, {})
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_a_folder_is_read_as_if_it_were_one_file(tmp_path):
    save_folder(tmp_path, THREE, 24, {})
    folder, out = TensorFolder(tmp_path), torch.zeros(2)
    folder.read_into("c", out, first=2)

    assert set(folder) == set(THREE) and len(folder) == 3 and out.tolist() == [1, 1]
    assert all(torch.equal(folder[name], tensor) for name, tensor in THREE.items())
    assert folder.entries["b"].dtype == torch.bfloat16


def test_a_small_model_needs_no_index(tmp_path):
    save(tmp_path / "model.safetensors", THREE)
    assert set(TensorFolder(tmp_path)) == set(THREE)


def test_computed_tensors_are_in_memory_one_at_a_time_while_they_are_written(tmp_path):
    """As with a mapping that concatenates two matrices at each look-up."""
    references, num_alive = [], []

    class Computed(dict):
        def __getitem__(self, name):
            tensor = torch.ones(8)
            references.append(weakref.ref(tensor))
            num_alive.append(sum(reference() is not None for reference in references))
            return tensor

    save_folder(tmp_path, Computed(dict.fromkeys("abcdef")), 64, {})
    assert max(num_alive) <= 2  # the one being written, and the next


@pytest.mark.parametrize("spoil, fault", [
    (lambda index: index["weight_map"].update(d="model-00001-of-00002.safetensors"), "disagree on .* d"),
    (lambda index: index["weight_map"].pop("a"), "disagree on which file holds a"),
    (lambda index: index["weight_map"].update(a="model-00002-of-00002.safetensors"), "disagree on .* a"),
    (lambda index: index["weight_map"].update(a="../secret.safetensors"), "no weights file beside it"),
    (lambda index: index["weight_map"].update(a="/etc/passwd"), "no weights file beside it"),
    (lambda index: index["weight_map"].update(a=7), "no \"weight_map\""),
    (lambda index: index.pop("weight_map"), "no \"weight_map\""),
])
def test_an_index_that_is_wrong_about_the_files_is_refused(tmp_path, spoil, fault):
    save_folder(tmp_path, THREE, 24, {})
    index = json.loads((tmp_path / INDEX).read_text(encoding="utf-8"))
    spoil(index)
    (tmp_path / INDEX).write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ValueError, match=f"not a valid index: .*{fault}.* Try copying"):
        TensorFolder(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    save_folder(tmp_path, THREE, 24, {})
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match=r"lacks 1 of 2 weights files \(model-00002-of-00002.safetensors\), "
                                         "so the copy or download is not complete. Try it again"):
        TensorFolder(tmp_path)


def test_an_interrupted_second_save_never_mixes_two_models(tmp_path):
    """The first file is new and the second one still old, so the folder must not load."""
    class Interrupted(dict):
        reads = 0

        def __getitem__(self, name):
            self.reads += name == "c"
            if self.reads == 3:  # for its size, for the header, and then for its values
                raise KeyboardInterrupt
            return super().__getitem__(name)

    save_folder(tmp_path, THREE, 24, {})
    with pytest.raises(KeyboardInterrupt):
        save_folder(tmp_path, Interrupted({name: -tensor for name, tensor in THREE.items()}), 24, {})
    assert TensorFile(tmp_path / "model-00001-of-00002.safetensors")["a"].tolist() == [0, -1, -2, -3]
    with pytest.raises(ValueError, match="model.safetensors"):
        TensorFolder(tmp_path)


def test_an_index_that_is_not_json_or_too_long_is_refused(tmp_path):
    (tmp_path / INDEX).write_bytes(b"{")
    with pytest.raises(ValueError, match="is not JSON"):
        TensorFolder(tmp_path)
    with open(tmp_path / INDEX, "wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(ValueError, match="more than 10000000 bytes"):
        TensorFolder(tmp_path)


def test_a_tensor_that_two_files_hold_is_refused(tmp_path):
    save_folder(tmp_path, THREE, 24, {})
    save(tmp_path / "model-00002-of-00002.safetensors", {"a": THREE["a"], "c": THREE["c"]})
    with pytest.raises(ValueError, match="not a valid index"):
        TensorFolder(tmp_path)
