"""The auxiliary losses: object labels for every patch, visual token and referring word."""
import dataclasses
from typing import NamedTuple

import pytest
import torch

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training.auxiliary import (
    AuxiliaryHeads,
    fourier_features,
    tens_and_ones_digits,
    match_boxes,
    patch_boxes,
    resolve_referents,
    to_crop_coordinates,
    singular_token_ids,
)

TINY = MolmoConfig(ImageConfig(crop_size=16, patch_size=4, margins=(0, 0)),  # 4x4 patches, 2x2 visual tokens
                   VisionConfig(width=16, layers=2, heads=2, mlp=32),
                   ConnectorConfig(width=16, heads=2, mlp=24),
                   DecoderConfig(width=24, layers=1, heads=2, kv_heads=1, mlp=32, vocab=257,
                                 additional_vocab=4))
TOKENIZER = Tokenizer([], vocab=257)
RED, BLUE, DISC, BOX = (ord(letter) for letter in "rbdx")  # the first token of each word
WHOLE = torch.tensor([[0.0, 0.0, 100.0, 100.0]])           # a crop that is exactly the image


class Things(NamedTuple):
    """Labels of the objects in one image: boxes (M, 4) and the ids of colour and kind (M, 2)."""
    boxes: torch.Tensor
    ids: torch.Tensor

    def __add__(self, other):
        return Things(torch.cat([self.boxes, other.boxes]), torch.cat([self.ids, other.ids]))


def thing(x, y, width, height, color=RED, kind=DISC):
    return Things(torch.tensor([[x, y, width, height]], dtype=torch.float32), torch.tensor([[color, kind]]))


NO_THINGS = Things(torch.zeros(0, 4), torch.zeros(0, 2, dtype=torch.long))
NO_THINGS = Things(-torch.ones(2, 4), -torch.ones(2, 2, dtype=torch.long))


# Where a patch lies

def test_patch_boxes_divide_the_image_row_by_row():
    """2x2 patches: left, top, right, bottom."""
    assert patch_boxes(WHOLE, side=2)[0].tolist() == [[0, 0, 50, 50], [50, 0, 100, 50],
                                                      [0, 50, 50, 100], [50, 50, 100, 100]]


def test_a_crops_box_shifts_its_patches():
    """A crop over the right half, 50 wide and 100 high: its second patch begins at 75."""
    boxes = patch_boxes(torch.tensor([[50.0, 0.0, 50.0, 100.0]]), side=2)[0]
    assert boxes.tolist() == [[50, 0, 75, 50], [75, 0, 100, 50], [50, 50, 75, 100], [75, 50, 100, 100]]


def test_patches_of_padding_lie_outside_the_image():
    """A wide image in a square overview: the crop begins 50 % above the image and ends 50 % below it."""
    boxes = patch_boxes(torch.tensor([[0.0, -50.0, 100.0, 200.0]]), side=4)[0]
    assert boxes[:, 3].reshape(4, 4)[0].tolist() == [0] * 4       # the first ends where the picture begins
    assert boxes[:, 1].reshape(4, 4)[3].tolist() == [100] * 4     # the last begins where it ends


# Which object covers a box

def covers(box, things, least=0.5):
    return match_boxes(torch.tensor([box]).float(), things.boxes, least).item()


def test_a_box_is_matched_with_the_object_that_covers_the_largest_part_of_it():
    """A box 0-10 on the border of two objects 40 wide, which meet at 6: they cover 0.6 and 0.4 of it."""
    left, right = thing(-14, 5, 40, 10), thing(26, 5, 40, 10)
    assert covers([0, 0, 10, 10], left + right, least=0.3) == 0
    assert covers([0, 0, 10, 10], right + left, least=0.3) == 1


def test_an_object_that_covers_less_than_the_least_part_is_no_match():
    """An object 100 wide whose edge reaches 4 into a box 10 wide covers 0.4 of the box."""
    long = thing(-46, 5, 100, 10)
    assert covers([0, 0, 10, 10], long, least=0.5) == -1
    assert covers([0, 0, 10, 10], long, least=0.3) == 0


def test_an_object_smaller_than_the_box_is_compared_with_its_own_size():
    """2x2 in a box of 10x10 covers little of the box, but all of the object is in it."""
    assert covers([0, 0, 10, 10], thing(5, 5, 2, 2), least=0.5) == 0


def test_padding_and_images_without_objects_match_no_box():
    assert covers([0, 0, 10, 10], NO_THINGS) == -1
    assert covers([-2, -2, 0, 0], NO_THINGS) == -1  # not even around -1
    assert covers([0, 0, 10, 10], NO_THINGS) == -1


def test_an_object_that_only_touches_a_box_does_not_cover_it():
    assert covers([0, 0, 10, 10], thing(15, 5, 10, 10), least=0.01) == -1


# The digits of a position

@pytest.mark.parametrize("percent, digits", [(61.5, [6, 1]), (4.0, [0, 4]), (0.0, [0, 0]), (29.96, [3, 0]),
                                             (29.94, [2, 9]), (99.9, [9, 9]), (100.0, [9, 9])])
def test_the_leading_digits_are_those_that_the_text_has(percent, digits):
    """29.96 is written as 30.0. 100.0, which needs three digits, is 99."""
    assert tens_and_ones_digits(torch.tensor([[percent, 50.0]])).tolist() == [digits + [5, 0]]


# The losses

def test_fourier_features_are_sines_and_cosines_at_four_periods():
    """25 % is 0.25, 0.5, 1 and 2.5 of the four periods. Sines come first; x and y alternate."""
    features = fourier_features(torch.tensor([[25.0, 0.0]]))[0]
    angles = torch.tensor([0.25, 0, 0.5, 0, 1.0, 0, 2.5, 0]) * 2 * torch.pi
    assert torch.allclose(features, torch.cat([angles.sin(), angles.cos()]), atol=1e-5)


def test_fourier_features_hardly_change_where_digits_jump():
    """From 19.9 to 20.1 both digits change; no feature changes by more than 0.13."""
    before, after = fourier_features(torch.tensor([[19.9, 50.0], [20.1, 50.0]]))
    assert (before - after).abs().max() < 0.13
    assert tens_and_ones_digits(torch.tensor([[19.9, 50.0]])).tolist() == [[1, 9, 5, 0]]


def test_images_without_object_labels_add_no_loss():
    """A labelled image has the same loss alone and beside an unlabelled one."""
    model, heads = make_heads()
    alone = loss(model, heads, batch(LEFT))
    with_unlabelled = loss(model, heads, batch(LEFT, NO_THINGS))
    assert with_unlabelled.item() == pytest.approx(alone.item(), rel=1e-4)


# Which object a word refers to

def referents(text, *things):
    """For each letter of the text the index of the object it refers to; "-" for none or several."""
    ids = torch.cat([each.ids for each in things])
    index = resolve_referents(torch.tensor([TOKENIZER.encode(text)]), ids[None])[0]
    return "".join("-" if number < 0 else str(int(number)) for number in index)


RED_DISC = thing(50, 50, 10, 10, RED, DISC)
RED_BOX, BLUE_BOX = thing(50, 50, 10, 10, RED, BOX), thing(50, 50, 10, 10, BLUE, BOX)


def test_a_colour_or_a_kind_refers_to_an_object_that_is_the_only_one_of_it():
    assert referents("d, b", RED_DISC, BLUE_BOX) == "0--1"
    assert referents("x, r", RED_DISC, RED_BOX) == "1---"     # two are red


def test_a_kind_after_a_colour_refers_to_the_object_that_is_both():
    assert referents("rx bx", RED_DISC, RED_BOX, BLUE_BOX) == "-1-22"


def test_a_pair_that_is_not_there_refers_to_nothing_though_each_half_is():
    """No blue disc: the disc is not its referent, although it is the only one."""
    assert referents("bd", RED_DISC, BLUE_BOX) == "1-"


def test_two_equal_objects_have_no_single_referent():
    assert referents("rd", RED_DISC, RED_DISC) == "--"


def test_padding_and_images_without_objects_have_no_referents():
    assert referents("rdx", NO_THINGS) == "---"
    assert referents("rdx", NO_THINGS) == "---"


def test_plurals_and_words_without_their_space_have_the_same_stem():
    texts = [" disc disc discs discs box boxes boxes disc box"] * 9 + ["disc"] * 9
    tokenizer = Tokenizer.train(texts, vocab=300)
    stems = singular_token_ids(tokenizer, size=310)

    def stem(text):
        return tokenizer.decode([int(stems[tokenizer.encode(text)[0]])])

    assert stem(" discs") == stem("disc") == stem(" disc") == " disc" and stem(" boxes") == " box"
    assert stem("7") == "7" and stems[300:].tolist() == list(range(300, 310))
    tokenizer.eos = 0  # as SmolLM2's: the end of a text need not be the last id
    assert torch.equal(singular_token_ids(tokenizer, size=310), stems)


# The losses

def batch(*things_of_each, max_crops=0, answers=()):
    """A batch of grey images of 16x16 pixels, objects drawn as red or blue boxes, all with these answers."""
    sequences = []
    for things in things_of_each:
        image = torch.full((16, 16, 3), 128, dtype=torch.uint8)
        for (x, y, width, height), (color, _) in zip(things.boxes.tolist(), things.ids.tolist()):
            rows = slice(round((y - height / 2) * 0.16), round((y + height / 2) * 0.16))
            cols = slice(round((x - width / 2) * 0.16), round((x + width / 2) * 0.16))
            image[rows, cols] = torch.tensor([255, 0, 0] if color == RED else [0, 0, 255], dtype=torch.uint8)
        crops = tile_image(image.numpy(), TINY.image, max_crops)
        messages = [[TOKENIZER.encode("?"), TOKENIZER.encode(text)] for text in answers]
        sequences.append(build_sequence(crops, messages, TOKENIZER, thing_boxes=things.boxes.numpy(),
                                        thing_ids=things.ids.numpy()))
    return collate(sequences)


def make_heads(seed=0):
    torch.manual_seed(seed)
    model = MiniMolmo(TINY)
    return model, AuxiliaryHeads(model, TOKENIZER)


def loss(model, heads, inputs, with_text=False):
    features, visual = model.encode_images(inputs)
    hidden = model.decode(inputs, visual, keep=heads.keep).kept if with_text else {}
    return heads(model, inputs, features, visual, hidden)


LEFT, RIGHT = thing(25, 25, 50, 50, RED, DISC), thing(75, 75, 50, 50, BLUE, BOX)  # quarters of the image


def targets_of(model, heads, inputs, with_text=False):
    """The targets and weights of each cross-entropy, the patches' first."""
    recorded = []
    heads.vocab_loss = lambda model, states, targets, weight: recorded.append((targets, weight)) or 0
    loss(model, heads, inputs, with_text)
    return recorded


def test_every_patch_has_colour_and_kind_or_end_of_text_as_targets():
    """4x4 patches, a red disc on the upper left quarter; nothing is end of text."""
    (targets, weight), _ = targets_of(*make_heads(), batch(LEFT))
    n, r = TOKENIZER.eos, RED
    assert targets[0, :, 0].reshape(4, 4).tolist() == [[r, r, n, n], [r, r, n, n], [n, n, n, n], [n, n, n, n]]
    assert set(targets[0, :, 1].tolist()) == {DISC, n}
    covered = targets[..., 0] == r
    assert weight[..., 0][covered].sum().item() == pytest.approx(weight[..., 0][~covered].sum().item())


def test_a_visual_token_on_an_object_has_its_name_and_position_as_targets():
    """Token 0 lies on the red disc, 3 on the blue box: colour, kind, the digits of x and of y."""
    _, (targets, _) = targets_of(*make_heads(), batch(LEFT + RIGHT))
    assert targets.tolist() == [[RED, DISC, *TOKENIZER.encode("25251")],
                                [BLUE, BOX, *TOKENIZER.encode("75751")]]


def test_in_a_batch_every_crop_has_the_targets_of_its_own_image():
    """Image 0 is empty, image 1 has the blue box: its token 3 has targets, and again in its high-res crop."""
    inputs = batch(NO_THINGS, RIGHT, max_crops=1)
    (patch_targets, _), (targets, _) = targets_of(*make_heads(), inputs)
    assert inputs.crop_owner.tolist() == [0, 0, 1, 1]
    assert (patch_targets[..., 0] == BLUE).sum(dim=1).tolist() == [0, 0, 4, 4]  # patches of each crop
    assert targets.tolist() == [[BLUE, BOX, *TOKENIZER.encode("75751")]] * 2


RIGHT_HALF = torch.tensor([[50.0, 0, 50, 100]])  # the box of a crop over the right half of the image


def test_positions_are_relative_to_each_crop():
    """In a crop over the right half of an image, 75 % is the middle and 25 % is half a crop to its left. The
    overview of an image twice as wide as high begins half an image above it."""
    things = (RIGHT + LEFT).boxes[None, :, :2]
    assert to_crop_coordinates(things, WHOLE).tolist() == [[[75, 75], [25, 25]]]
    assert to_crop_coordinates(things, RIGHT_HALF).tolist() == [[[50, 75], [-50, 25]]]
    wide = torch.tensor([[0.0, -50, 100, 200]])
    assert to_crop_coordinates(things, wide).tolist() == [[[75, 62.5], [25, 37.5]]]


def batch_with_right_half(things, answers=()):
    """The overview of an image, and a crop whose box is the right half."""
    inputs = batch(things, max_crops=1, answers=answers)
    return dataclasses.replace(inputs, crop_boxes=torch.cat([WHOLE, RIGHT_HALF]))


def test_a_patchs_centre_target_is_relative_to_its_crop(monkeypatch):
    """An object that covers the crop has its centre at 75 % of the image, 50 % of the crop. One whose centre,
    at 40 %, is outside the crop covers half of it: only 12 patches of the overview have this target."""
    model, heads = make_heads()
    recorded = []
    monkeypatch.setattr("minimolmo.training.auxiliary.fourier_features",
                        lambda xy: recorded.append(xy) or fourier_features(xy))
    loss(model, heads, batch_with_right_half(thing(75, 50, 50, 100)))
    overview, crop = recorded[0].split([8, 16])
    assert overview.tolist() == [[75, 50]] * 8
    assert crop.tolist() == [[50, 50]] * 16
    loss(model, heads, batch_with_right_half(thing(40, 50, 60, 100)))
    assert recorded[1].tolist() == [[40, 50]] * 12


def test_a_centre_outside_a_crop_is_no_target_there():
    """A box around 48 % of the width: its centre is in the left crop, 0 to 50 %, and only its edge in the
    right one. It covers two windows of each crop and of the overview."""
    inputs = batch(thing(48, 50, 40, 40, BLUE, BOX), max_crops=1)
    crops, left_half = [0, 1, 1], torch.tensor([[0.0, 0, 50, 100]])
    inputs = dataclasses.replace(
        inputs, patches=inputs.patches[crops], patch_coverage=inputs.patch_coverage[crops],
        crop_owner=inputs.crop_owner[[0, 0, 0]], crop_boxes=torch.cat([WHOLE, left_half, RIGHT_HALF]),
        pool_idx=torch.cat([inputs.pool_idx, inputs.pool_idx[-4:] + 16]))
    _, (targets, weight) = targets_of(*make_heads(), inputs)
    assert (targets[:, :2] == torch.tensor([BLUE, BOX])).all() and (weight[:, :2] == 1).all()
    assert weight[:, 2:6].all(dim=1).tolist() == [True, True, True, True, False, False]
    assert targets[:2, 2:6].tolist() == [TOKENIZER.encode("4850")] * 2
    assert targets[2:4, 2:6].tolist() == [TOKENIZER.encode("9650")] * 2  # 48 of 50 is 96 %


def test_visual_tokens_of_high_res_crops_have_their_objects_position_in_the_image_as_target():
    """In the crop the blue box covers the lower windows, visual tokens 6 and 7 of 8. Tokens of the overview,
    whose crop is the whole image, do not have this target, so in bird view no token has it."""
    model, heads = make_heads()
    recorded = []

    def record(_, hidden, box):
        recorded.append((hidden[:, 0].tolist(), box[:, :2].tolist()))
        return 0

    heads.position_loss = record

    inputs = batch_with_right_half(thing(75, 75, 50, 50, BLUE, BOX), answers=["?"])
    hidden = torch.zeros(*inputs.ids.shape, 24)
    hidden[inputs.ids == TOKENIZER.im_patch] = torch.arange(8.0)[:, None].expand(8, 24)
    features, visual = model.encode_images(inputs)
    heads(model, inputs, features, visual, {block: hidden for block in heads.keep})
    assert recorded[1] == ([6, 7], [[75, 75]] * 2)

    loss(model, heads, batch(RIGHT, answers=["?"]), with_text=True)
    assert recorded[3] == ([], [])


def test_word_losses_read_the_second_to_last_block_and_visual_tokens_the_one_before():
    """Of three blocks, the loss of visual tokens trains the first, and that of words the first two."""
    config = dataclasses.replace(TINY, decoder=dataclasses.replace(TINY.decoder, layers=3))
    trained = {}
    for attribute in ("visual_block", "text_block"):
        torch.manual_seed(0)
        model = MiniMolmo(config)
        heads = AuxiliaryHeads(model, TOKENIZER)
        inputs = batch_with_right_half(RIGHT, answers=["b"])
        hidden = model.decode(inputs, model.encode_images(inputs)[1], keep=heads.keep).kept
        hidden[getattr(heads, attribute)].sum().backward()
        trained[attribute] = [block.mlp.up.weight.grad is not None for block in model.decoder.blocks]
    assert trained == {"visual_block": [True, False, False], "text_block": [True, True, False]}


def test_a_visual_token_learns_its_position_through_the_decoders_first_block():
    model, heads = make_heads()
    inputs = batch_with_right_half(RIGHT, answers=["?"])
    heads.referent_loss = lambda *_: 0
    loss(model, heads, inputs, with_text=True).backward()
    assert model.decoder.blocks[0].attention.qkv.weight.grad.any()


def test_a_word_has_the_position_of_its_referent_as_target():
    """Both images have the answers "r" and "bx": only the left one has "r"; "b" and "x" are the right one's
    box."""
    inputs = batch(LEFT, RIGHT, answers=["r", "bx"])
    (targets, _), _ = targets_of(*make_heads(), inputs, with_text=True)
    assert targets.tolist() == [TOKENIZER.encode("2525"), TOKENIZER.encode("7575"), TOKENIZER.encode("7575")]


def test_without_hidden_states_the_images_losses_count_and_with_them_those_of_the_decoder():
    """Stage bootstrap has four losses, the later stages have the two others."""
    model, heads = make_heads()
    called = []
    for name in ("patch_loss", "token_loss", "referent_loss", "position_loss"):
        setattr(heads, name, lambda *_, name=name: called.append(name) or 0)
    loss(model, heads, batch(LEFT, answers=["r"]))
    assert called == ["patch_loss", "token_loss"]
    loss(model, heads, batch(LEFT, answers=["r"]), with_text=True)
    assert called[2:] == ["referent_loss", "position_loss"]


def test_a_word_learns_its_referents_position_through_the_decoders_blocks():
    model, heads = make_heads()
    loss(model, heads, batch(LEFT, answers=["r"]), with_text=True).backward()
    assert model.decoder.blocks[0].attention.qkv.weight.grad.any()


@pytest.mark.parametrize("with_text", [False, True])
def test_the_auxiliary_loss_falls_when_trained(with_text):
    model, heads = make_heads()
    inputs = batch(LEFT, RIGHT, LEFT + RIGHT, answers=["r"])
    optimizer = torch.optim.Adam([*model.parameters(), *heads.parameters()], lr=5e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(loss(model, heads, inputs, with_text))
        losses[-1].backward()
        optimizer.step()
    assert losses[0] > (5 if with_text else 8)  # one or two losses of about ln 257 = 5.5
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("things", [NO_THINGS, NO_THINGS])
def test_without_object_labels_the_loss_is_zero(things):
    """Without objects, or with padding alone, loss and gradients are 0 and not NaN."""
    model, heads = make_heads()
    inputs = dataclasses.replace(batch(LEFT), thing_boxes=things.boxes[None], thing_ids=things.ids[None])
    value = loss(model, heads, inputs)
    value.backward()
    assert value.item() == 0
    for parameter in [*model.parameters(), *heads.parameters()]:
        assert parameter.grad is None or not parameter.grad.any()


def test_the_loss_of_an_object_that_fills_the_image_is_finite():
    model, heads = make_heads()
    value = loss(model, heads, batch(thing(50, 50, 100, 100)))
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(p.grad).all() for p in heads.parameters() if p.grad is not None)


def test_padding_rows_of_objects_change_nothing():
    """In a batch, an image with fewer objects than another gets rows of -1."""
    model, heads = make_heads()
    inputs = batch(LEFT)
    padded = dataclasses.replace(
        inputs, thing_boxes=torch.cat([inputs.thing_boxes, NO_THINGS.boxes[None]], dim=1),
        thing_ids=torch.cat([inputs.thing_ids, NO_THINGS.ids[None]], dim=1))
    assert loss(model, heads, inputs).item() == pytest.approx(loss(model, heads, padded).item())


def test_the_bootstrap_losses_train_the_vit_and_the_connector():
    """Without text the ViT learns from both losses, the projector from that of the visual tokens."""
    model, heads = make_heads()
    loss(model, heads, batch(LEFT, RIGHT)).backward()
    assert model.vit.blocks[0].mlp.up.weight.grad.any()
    assert model.projector.down.weight.grad.any()
    assert model.decoder.embedding.weight.grad.any()
    assert model.decoder.blocks[0].mlp.up.weight.grad is None
