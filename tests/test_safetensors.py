"""The safetensors format: files are read and written byte for byte, and corrupt files are refused."""
import json
import os
import tracemalloc
from pathlib import Path

import pytest
import torch

from minimolmo.weights.safetensors import DTYPES, MAX_HEADER_BYTES, TensorFile, load, read_header, save

TWO_FLOATS = b"\x00\x00\x80\x3f\x00\x00\x00\xc0"  # 1.0 and -2.0: sign, exponent, fraction; lowest byte first


def write_by_hand(path, header, values: bytes) -> Path:
    """A file made byte by byte, as another program might write it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)
    return path


def header_entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_a_file_written_by_hand_is_read(tmp_path):
    path = write_by_hand(tmp_path / "a", {"x": header_entry(), "__metadata__": {"from": "hand"}}, TWO_FLOATS)

    assert load(path)["x"].tolist() == [1.0, -2.0]
    assert read_header(path)[1] == {"from": "hand"}


def test_what_we_write_is_the_format_byte_for_byte(tmp_path):
    """The header is padded with spaces to a multiple of 8; wide numbers come before narrow ones, so that each
    begins at a multiple of its own size; names are sorted."""
    no, ok = torch.tensor([False, True])
    save(tmp_path / "a", {"x": torch.tensor([1.0, -2.0]), "ok": ok, "no": no})

    header = (b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
              b'"no":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]},'
              b'"ok":{"dtype":"BOOL","shape":[],"data_offsets":[9,10]}}')
    assert len(header) == 163  # so five spaces make it 168 = 21 x 8
    expected = bytes([168]) + bytes(7) + header + b"     " + TWO_FLOATS + b"\0\x01"
    assert (tmp_path / "a").read_bytes() == expected


def test_every_dtype_comes_back_bit_for_bit(tmp_path):
    tensors = {name: torch.tensor([[0, 1], [1, 3]]).to(dtype) for name, dtype in DTYPES.items()}
    tensors["not finite"] = torch.tensor([float("nan"), float("inf"), -0.0])
    save(tmp_path / "a", tensors)

    loaded = load(tmp_path / "a")
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype and loaded[name].shape == tensor.shape
        assert torch.equal(loaded[name].view(torch.uint8), tensor.view(torch.uint8))


def test_scalars_and_empty_tensors_keep_their_shape(tmp_path):
    save(tmp_path / "a", {"scalar": torch.tensor(7), "empty": torch.zeros(3, 0), "last": torch.zeros(0)})
    assert {name: tuple(tensor.shape) for name, tensor in load(tmp_path / "a").items()} == {
        "scalar": (), "empty": (3, 0), "last": (0,)}


def test_a_file_may_hold_no_tensor_at_all(tmp_path):
    save(tmp_path / "a", {}, {"why": "nothing trained yet"})
    assert load(tmp_path / "a") == {}
    assert read_header(tmp_path / "a")[1] == {"why": "nothing trained yet"}


def test_views_are_saved_with_their_values_in_order(tmp_path):
    """A transposed tensor, and every second number: the memory of a view is in another order, or longer."""
    save(tmp_path / "a", {"columns": torch.arange(6).reshape(2, 3).T, "even": torch.arange(6)[::2]})
    assert load(tmp_path / "a")["columns"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert load(tmp_path / "a")["even"].tolist() == [0, 2, 4]


def test_two_names_of_one_tensor_are_both_written(tmp_path):
    tied = torch.ones(2)
    save(tmp_path / "a", {"head": tied, "embedding": tied})
    assert len(load(tmp_path / "a")) == 2


def test_a_loaded_tensor_is_a_copy_that_may_be_changed(tmp_path):
    path = write_by_hand(tmp_path / "a", {"x": header_entry()}, TWO_FLOATS)
    load(path)["x"].zero_()
    assert load(path)["x"].tolist() == [1.0, -2.0]


def test_one_tensor_can_be_read_without_the_others(tmp_path):
    save(tmp_path / "a", {"x": torch.arange(3), "y": torch.zeros(2, 2)})
    file = TensorFile(tmp_path / "a")

    assert list(file) == ["x", "y"] and file.entries["y"].shape == (2, 2)  # read from the header alone
    assert file["x"].tolist() == [0, 1, 2]


def test_tensors_may_start_at_odd_bytes(tmp_path):
    """Three bytes first, so the floats begin at byte 3: the format allows it, although reading is slower."""
    header = {"a": header_entry("U8", (3,), (0, 3)), "x": header_entry(offsets=(3, 11))}
    assert load(write_by_hand(tmp_path / "a", header, b"abc" + TWO_FLOATS))["x"].tolist() == [1.0, -2.0]


def test_an_unsupported_dtype_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="'x' is torch.complex64, .* Try converting"):
        save(tmp_path / "a", {"x": torch.zeros(1, dtype=torch.complex64)})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file_unchanged(tmp_path, monkeypatch):
    save(tmp_path / "a", {"x": torch.tensor([1, 2])})
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))

    with pytest.raises(OSError, match="disk full"):
        save(tmp_path / "a", {"x": torch.tensor([3, 4])})
    assert load(tmp_path / "a")["x"].tolist() == [1, 2]


@pytest.mark.parametrize("header, fault", [
    (b"{not json", "is not JSON"),
    (b"\xff\xfe", "is not JSON"),
    (b"[" * 100_000, "is not JSON"),
    (b"[1]", "it is a list"),
    ({"__metadata__": [1]}, "its metadata is not a JSON object"),
    (b'{"x": 1, "x": 2}', "occurs twice"),
    ({"x": 1}, "dtype None"),
    ({"x": header_entry(dtype="F99")}, "dtype 'F99', which is none of F32"),
    ({"x": header_entry(dtype=["F32"])}, "which is none of"),
    ({"x": header_entry(shape=[3])}, "needs 3 x 4 bytes, but its offsets .0, 8. hold 8"),
    ({"x": header_entry(shape=[-2])}, "not lists of sizes"),
    ({"x": header_entry("U8", [2 ** 47] * 65, (0, 8))}, "not lists of sizes"),
    ({"x": header_entry(shape=[2.0])}, "not lists of sizes"),
    ({"x": header_entry(shape=[0, 2 ** 70], offsets=(0, 0))}, "not lists of sizes"),
    ({"x": header_entry("U8", [0, 2 ** 47, 2 ** 47], (0, 0))}, "the file at"),
    ({"x": header_entry(offsets=(-8, 0))}, "not lists of sizes"),
    ({"x": header_entry(offsets=(0, 8, 8))}, "not lists of sizes"),
    ({"x": header_entry(offsets=(8, 0))}, "hold -8"),
    ({"x": header_entry(offsets=(8, 16))}, "leave a gap"),
    ({"x": header_entry(), "y": header_entry(offsets=(4, 12))}, "overlap"),
    ({"x": header_entry(), "y": header_entry()}, "overlap"),
    ({"x": header_entry(), "y": header_entry(offsets=(8, 16))}, "'y' ends at byte .*, but the file at"),
    ({"x": header_entry("U8", (4,), (0, 4))}, "'x' ends at byte .*, but the file at"),
    ({}, "the header ends at byte 10, but the file at 18"),
])
def test_a_file_that_contradicts_itself_is_refused(tmp_path, header, fault):
    with pytest.raises(ValueError, match=f"(?s)is not a valid .*: .*{fault}.* Try "):
        load(write_by_hand(tmp_path / "a", header, TWO_FLOATS))


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    content = write_by_hand(tmp_path / "a", {"x": header_entry()}, TWO_FLOATS).read_bytes()
    for length in range(len(content)):
        (tmp_path / "a").write_bytes(content[:length])
        with pytest.raises(ValueError, match="not a valid safetensors file"):
            load(tmp_path / "a")


def test_a_git_lfs_pointer_file_is_recognised(tmp_path):
    """Without git lfs, "git clone" writes a pointer file, some hundred bytes of text."""
    (tmp_path / "a").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 48776\n",
                                encoding="utf-8")
    with pytest.raises(ValueError, match="a Git LFS pointer, .* Try \"git lfs pull\""):
        load(tmp_path / "a")


def test_a_header_longer_than_the_file_is_never_read(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff" * 7 + b"\x7f" + b"{}")
    with pytest.raises(ValueError, match="its 10 bytes cannot hold a header of 9223372036854775807 bytes"):
        load(tmp_path / "a")


@pytest.mark.parametrize("length", [MAX_HEADER_BYTES + 1, 100_000_000, 2 ** 63, 2 ** 64 - 1])
def test_an_endless_header_is_never_read(tmp_path, length):
    """The file is 200 MB of zeros and claims a long header: it is refused in a few kilobytes of memory."""
    with open(tmp_path / "a", "wb") as file:
        file.write(length.to_bytes(8, "little"))
        file.truncate(200_000_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"cannot hold a header of {length} bytes"):
        load(tmp_path / "a")
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_the_memory_of_a_parsed_header_is_bounded(tmp_path):
    """A megabyte of "[]," becomes 16 million bytes of lists in memory."""
    text = b"[" + b"[]," * 333_333 + b"0]"
    tracemalloc.start()
    with pytest.raises(ValueError, match="JSON object: it is a list"):
        load(write_by_hand(tmp_path / "a", text, b""))
    assert tracemalloc.get_traced_memory()[1] < 40 * len(text)
    tracemalloc.stop()


# Reading into allocated memory

def test_values_are_read_into_another_dtype_from_any_index_on(tmp_path):
    save(tmp_path / "a", {"x": torch.arange(6.0).reshape(2, 3)})
    out = torch.zeros(3, dtype=torch.bfloat16)
    TensorFile(tmp_path / "a").read_into("x", out, first=2)
    assert out.tolist() == [2, 3, 4]


def test_chunks_end_where_the_next_begin(tmp_path, monkeypatch):
    """Eight bytes at a time, into another dtype; and into the same one at once."""
    monkeypatch.setattr("minimolmo.weights.safetensors.CHUNK_BYTES", 8)
    save(tmp_path / "a", {"x": torch.arange(1001.0), "y": torch.arange(3)})
    file = TensorFile(tmp_path / "a")
    for out in (torch.zeros(1001, dtype=torch.float64), torch.zeros(1001), torch.zeros(2002)[::2]):
        file.read_into("x", out)
        assert torch.equal(out.float(), torch.arange(1001.0)) and file["y"].tolist() == [0, 1, 2]


def test_a_file_that_is_cut_short_while_it_is_read_is_refused_in_words(tmp_path):
    """The header was whole when the file was opened, and reading it did not end the process."""
    save(tmp_path / "a", {"x": torch.zeros(50_000), "y": torch.arange(3)})
    file = TensorFile(tmp_path / "a")
    os.truncate(tmp_path / "a", 100_000)
    assert file["y"].tolist() == [0, 1, 2]
    for read in (lambda: file["x"], lambda: file.read_into("x", torch.zeros(50_000)),
                 lambda: file.read_into("x", torch.zeros(50_000, dtype=torch.bfloat16))):
        with pytest.raises(ValueError, match="it ends .* bytes before a tensor does, .*Try copying"):
            read()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")
