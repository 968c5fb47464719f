"""The official code's own numbers: its weights in our modules say what it says, and every name finds its place."""
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from minimolmo import safetensors
from minimolmo.answer import generate
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.official import load_weights, official_names
from minimolmo.official_config import config_from

GOLDEN = Path(__file__).parent / "golden"
LIKE = ["qwen2_like", "olmo_like", "olmoe_like"]


def write_released(folder: Path, tensors: dict, prefix: str = "model.") -> Path:
    """Weights in a folder, as Molmo is released."""
    safetensors.save(folder / "model.safetensors", {prefix + name: value for name, value in tensors.items()})
    return folder


def weights(file) -> dict:
    """The official state dict in a golden file."""
    return {name[3:]: torch.from_numpy(file[name]) for name in file.files if name.startswith("sd/")}


@pytest.fixture(scope="module", params=LIKE)
def official(request, tmp_path_factory):
    """A tiny Molmo with random weights, what the official code was given and what it said."""
    file = np.load(GOLDEN / f"logits_{request.param}.npz")
    told, size = json.loads(bytes(file["config_json"])), int(file["n_valid_tokens"])
    config = config_from(told)
    model = MiniMolmo(config)
    load_weights(write_released(tmp_path_factory.mktemp("released"), weights(file)), model)

    height, width = told["image_hw"]  # the same picture and question through our own tiler and sequence
    y, x, c = np.ogrid[:height, :width, :3]
    image = ((7 * y + 13 * x + 29 * c + (y * x) // 50) % 256).astype(np.uint8)
    words = SimpleNamespace(eos=told["eos"], **told["special_token_ids"])
    crops = tile_image(image, config.image, told["max_crops"])
    seen = collate([build_sequence(crops, [[list(told["messages"][0].encode())]], words)])
    return SimpleNamespace(file=file, model=model.eval(), seen=seen, size=size, name=request.param)


# The same numbers

def test_tiler_and_sequence_hand_the_model_what_the_official_code_hands_its_own(official):
    """The official batch has one crop of padding more; ours has none. Masks stand one crop too early in both."""
    file, seen = official.file, official.seen
    real = len(seen.patches)
    torch.testing.assert_close(seen.patches, torch.from_numpy(file["in/images"][0, :real]), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.real, torch.from_numpy(file["in/image_masks"][0, :real]), atol=1e-6, rtol=0)
    assert seen.ids[0].tolist() == file["in/input_ids"][0, :official.size].tolist()
    assert seen.position[0].tolist() == file["in/position_ids"][0, :official.size].tolist()


@torch.no_grad()
def test_the_two_tapped_layers_equal_the_official_ones(official):
    expected = torch.from_numpy(official.file["out/vit_tapped"])[:len(official.seen.patches), 1:]
    torch.testing.assert_close(official.model.vit(official.seen.patches), expected, atol=1e-4, rtol=1e-5)


@torch.no_grad()
def test_gathering_windows_gives_the_visual_tokens_that_official_molmo_scatters(official):
    """Theirs go to the places in image_input_idx or are dropped; ours stand in reading order already."""
    place = official.file["in/image_input_idx"].reshape(-1)
    features = official.file["out/image_features"].reshape(len(place), -1)
    order = np.argsort(place, kind="stable")
    expected = torch.from_numpy(features[order[place[order] >= 0]])

    torch.testing.assert_close(official.model.look(official.seen)[1], expected, atol=1e-3, rtol=1e-5)


@torch.no_grad()
def test_the_same_weights_give_the_official_logits(official):
    expected = torch.from_numpy(official.file["out/logits"][0, :official.size])
    torch.testing.assert_close(official.model(official.seen)[0], expected, atol=1e-4, rtol=0)


def test_the_same_weights_say_the_official_words(official):
    """24 words with the KV cache, where the official code's have been recorded: else its likeliest next one."""
    told = {case["file"]: case for case in json.loads((GOLDEN / "generate.json").read_text())["cases"]}
    expected = told.get(f"logits_{official.name}.npz", {}).get("greedy_24")
    if expected is None:
        expected = [int(official.file["out/logits"][0, official.size - 1].argmax())]
    assert generate(official.model, official.seen, eos=256, max_new=len(expected)) == [expected]
