"""Auxiliary losses: exact labels for every patch and visual token, and the losses they give."""
import dataclasses

import pytest
import torch

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.training.auxiliary import AuxiliaryHeads, _leading_digits, match_boxes, fourier_features, to_crop_coordinates, resolve_referents, patch_boxes, word_stems
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.tokenizer import Tokenizer

TINY = MolmoConfig(ImageConfig(crop_size=16, patch_size=4, margins=(0, 0)),  # 4x4 patches, 2x2 visual tokens
                   VisionConfig(width=16, layers=2, heads=2, mlp=32),
                   ConnectorConfig(width=16, heads=2, mlp=24),
                   DecoderConfig(width=24, layers=1, heads=2, kv_heads=1, mlp=32, vocab=257, additional_vocab=4))
WORDS = Tokenizer([], vocab=257)
RED, BLUE, DISC, BOX = (ord(letter) for letter in "rbdx")  # the first tokens of the words
WHOLE = torch.tensor([[0.0, 0.0, 100.0, 100.0]])           # a crop that is exactly the image


def thing(x, y, width, height, color=RED, kind=DISC):
    return torch.tensor([[x, y, width, height, color, kind]], dtype=torch.float32)


# Where a patch lies

def test_the_patches_of_a_whole_image_share_out_its_percent_row_by_row():
    """2x2 patches: left, top, right, bottom."""
    assert patch_boxes(WHOLE, side=2)[0].tolist() == [[0, 0, 50, 50], [50, 0, 100, 50],
                                                      [0, 50, 50, 100], [50, 50, 100, 100]]


def test_a_crops_place_shifts_its_patches():
    """A crop over the right half, 50 wide and 100 high: its second patch begins at 75."""
    boxes = patch_boxes(torch.tensor([[50.0, 0.0, 50.0, 100.0]]), side=2)[0]
    assert boxes.tolist() == [[50, 0, 75, 50], [75, 0, 100, 50], [50, 50, 75, 100], [75, 50, 100, 100]]


def test_patches_of_padding_lie_outside_the_image():
    """A wide picture in a square overview: the crop begins 50 % above it and ends 50 % below it."""
    boxes = patch_boxes(torch.tensor([[0.0, -50.0, 100.0, 200.0]]), side=4)[0]
    assert boxes[:, 3].reshape(4, 4)[0].tolist() == [0] * 4       # the first ends where the picture begins
    assert boxes[:, 1].reshape(4, 4)[3].tolist() == [100] * 4     # the last begins where it ends


# Which thing covers it

def covers(box, things, least=0.5):
    return match_boxes(torch.tensor([box]).float(), things, least).item()


def test_a_box_belongs_to_the_thing_that_covers_the_larger_share_of_it():
    """Box 0-10 on the border of two things 40 wide, which meet at 6: shares 0.6 and 0.4."""
    left, right = thing(-14, 5, 40, 10), thing(26, 5, 40, 10)
    assert covers([0, 0, 10, 10], torch.cat([left, right]), least=0.3) == 0
    assert covers([0, 0, 10, 10], torch.cat([right, left]), least=0.3) == 1


def test_less_than_the_least_share_is_nothing():
    """A thing 100 wide whose edge reaches 4 into a box 10 wide: 0.4 of the box."""
    long = thing(-46, 5, 100, 10)
    assert covers([0, 0, 10, 10], long, least=0.5) == -1
    assert covers([0, 0, 10, 10], long, least=0.3) == 0


def test_a_thing_smaller_than_the_box_counts_by_its_own_size():
    """2x2 in a box of 10x10 is a fiftieth of the box, but all of the thing."""
    assert covers([0, 0, 10, 10], thing(5, 5, 2, 2), least=0.5) == 0


def test_rows_of_minus_one_and_no_rows_at_all_are_no_thing():
    assert covers([0, 0, 10, 10], -torch.ones(3, 6)) == -1
    assert covers([-2, -2, 0, 0], -torch.ones(3, 6)) == -1  # not even where -1 would lie
    assert covers([0, 0, 10, 10], torch.zeros(0, 6)) == -1


def test_touching_is_not_covering():
    assert covers([0, 0, 10, 10], thing(15, 5, 10, 10), least=0.01) == -1


# The digits of a place

@pytest.mark.parametrize("percent, digits", [(61.5, [6, 1]), (4.0, [0, 4]), (0.0, [0, 0]), (29.96, [3, 0]),
                                             (29.94, [2, 9]), (99.9, [9, 9]), (100.0, [9, 9])])
def test_the_leading_digits_are_those_the_text_prints(percent, digits):
    """29.96 is printed as 30.0. (100.0, which would need three, stays at 99.)"""
    assert _leading_digits(torch.tensor([[percent, 50.0]])).tolist() == [digits + [5, 0]]


# The losses

def test_a_place_is_told_by_hands_of_which_the_slow_one_turns_once_across_the_picture():
    """At 25 % the slow hand has done a quarter turn, the second a half, the third a whole, the fast one two
    and a half; sines first, x and y in turn."""
    told = fourier_features(torch.tensor([[25.0, 0.0]]))[0]
    turns = torch.tensor([0.25, 0, 0.5, 0, 1.0, 0, 2.5, 0]) * 2 * torch.pi
    assert torch.allclose(told, torch.cat([turns.sin(), turns.cos()]), atol=1e-5)


def test_hands_hardly_move_where_digits_jump():
    """From 19.9 to 20.1 both digits change; no hand moves by more than a fiftieth of a turn."""
    before, after = fourier_features(torch.tensor([[19.9, 50.0], [20.1, 50.0]]))
    assert (before - after).abs().max() < 0.13
    assert _leading_digits(torch.tensor([[19.9, 50.0]])).tolist() == [[1, 9, 5, 0]]


def test_a_picture_whose_things_nobody_knows_says_nothing_about_its_patches():
    """Beside a learner's own photo the labelled picture is asked just as when it is alone."""
    model, growth = grown()
    alone = loss(model, growth, batch(LEFT))
    with_a_photo = loss(model, growth, batch(LEFT, torch.zeros(0, 6)))
    assert with_a_photo.item() == pytest.approx(alone.item(), rel=1e-4)


# Which thing a word means

def means(text, *things):
    """For each letter of the text the number of the thing it means, as a string; "-" for none or several."""
    which = resolve_referents(torch.tensor([WORDS.encode(text)]), torch.cat(things)[None])[0]
    return "".join("-" if number < 0 else str(int(number)) for number in which)


RED_DISC = thing(50, 50, 10, 10, RED, DISC)
RED_BOX, BLUE_BOX = thing(50, 50, 10, 10, RED, BOX), thing(50, 50, 10, 10, BLUE, BOX)


def test_a_colour_or_a_kind_means_a_thing_that_is_the_only_one_of_it():
    assert means("d, b", RED_DISC, BLUE_BOX) == "0--1"
    assert means("x, r", RED_DISC, RED_BOX) == "1---"     # two are red


def test_a_kind_after_a_colour_means_the_thing_that_is_both():
    assert means("rx bx", RED_DISC, RED_BOX, BLUE_BOX) == "-1-22"


def test_a_pair_that_is_not_there_means_nothing_though_each_half_is():
    """No blue disc: the disc is not resolve_referents, although it is the only one."""
    assert means("bd", RED_DISC, BLUE_BOX) == "1-"


def test_two_equal_things_are_not_told_apart():
    assert means("rd", RED_DISC, RED_DISC) == "--"


def test_padding_and_pictures_without_things_mean_nothing():
    assert means("rdx", -torch.ones(2, 6)) == "---"
    assert means("rdx", torch.zeros(0, 6)) == "---"


def test_plurals_and_words_without_their_space_are_forms_of_the_word():
    words = Tokenizer.train([" disc disc discs discs box boxes boxes disc box"] * 9 + ["disc"] * 9, vocab=300)
    forms = word_stems(words, size=310)
    of = lambda text: words.decode([int(forms[words.encode(text)[0]])])
    assert (of(" discs"), of("disc"), of(" disc"), of(" boxes")) == (" disc", " disc", " disc", " box")
    assert of("7") == "7" and forms[300:].tolist() == list(range(300, 310))


# The losses

def batch(*things_of_each, max_crops=0, said=()):
    """16x16 pixels for each: grey, and every thing a square of full red or blue. `said` is said of all."""
    sequences = []
    for things in things_of_each:
        image = torch.full((16, 16, 3), 128, dtype=torch.uint8)
        for x, y, width, height, color, _ in things.tolist():
            rows = slice(round((y - height / 2) * 0.16), round((y + height / 2) * 0.16))
            cols = slice(round((x - width / 2) * 0.16), round((x + width / 2) * 0.16))
            image[rows, cols] = torch.tensor([255, 0, 0] if color == RED else [0, 0, 255], dtype=torch.uint8)
        crops = tile_image(image.numpy(), TINY.image, max_crops)
        spoken = [[WORDS.encode("?"), WORDS.encode(text)] for text in said]
        sequences.append(build_sequence(crops, spoken, WORDS, things=things.numpy()))
    return collate(sequences)


def grown(seed=0):
    torch.manual_seed(seed)
    model = MiniMolmo(TINY)
    return model, AuxiliaryHeads(model, WORDS)


def loss(model, growth, seen, listen=False):
    features, visual = model.encode_images(seen)
    if listen:
        model.decode(seen, visual)
    return growth(model, seen, features, visual)


LEFT, RIGHT = thing(25, 25, 50, 50, RED, DISC), thing(75, 75, 50, 50, BLUE, BOX)  # a quarter of it each


def asked_of(model, growth, seen, listen=False):
    """What the losses ask for, patches first: the words and weights that reach the cross-entropy."""
    asked = []
    growth.say = lambda model, said, targets, weight: asked.append((targets, weight)) or 0
    loss(model, growth, seen, listen)
    return asked


def test_every_patch_is_asked_for_colour_and_kind_or_for_nothing():
    """4x4 patches, a red disc on the upper left quarter; nothing is end of text."""
    (targets, weight), _ = asked_of(*grown(), batch(LEFT))
    n, r = WORDS.eos, RED
    assert targets[0, :, 0].reshape(4, 4).tolist() == [[r, r, n, n], [r, r, n, n], [n, n, n, n], [n, n, n, n]]
    assert set(targets[0, :, 1].tolist()) == {DISC, n}
    covered = targets[..., 0] == r
    assert weight[..., 0][covered].sum().item() == pytest.approx(weight[..., 0][~covered].sum().item())


def test_a_visual_token_on_a_thing_is_asked_for_its_name_and_place():
    """Token 0 lies on the red disc, 3 on the blue box: colour, kind, the digits of x and of y."""
    _, (targets, _) = asked_of(*grown(), batch(torch.cat([LEFT, RIGHT])))
    assert targets.tolist() == [[RED, DISC, *WORDS.encode("25251")], [BLUE, BOX, *WORDS.encode("75751")]]


def test_in_a_batch_every_crop_is_asked_about_its_own_image():
    """Image 0 holds nothing, image 1 the blue box: its token 3 is asked, and again in its high-res crop."""
    seen = batch(torch.zeros(0, 6), RIGHT, max_crops=1)
    (patch_targets, _), (targets, _) = asked_of(*grown(), seen)
    assert seen.crop_owner.tolist() == [0, 0, 1, 1]
    assert (patch_targets[..., 0] == BLUE).sum(dim=1).tolist() == [0, 0, 4, 4]  # patches of each crop
    assert targets.tolist() == [[BLUE, BOX, *WORDS.encode("75751")]] * 2


RIGHT_HALF = torch.tensor([[50.0, 0, 50, 100]])  # a crop over it


def test_each_crop_is_asked_for_places_in_itself():
    """A crop over the picture's right half: 75 % of the picture is its middle, 25 % lies half a crop to its
    left. An overview of a picture twice as wide as high begins half a picture above it."""
    things = torch.cat([RIGHT, LEFT])[None]
    assert to_crop_coordinates(things, WHOLE).tolist() == [[[75, 75], [25, 25]]]
    assert to_crop_coordinates(things, RIGHT_HALF).tolist() == [[[50, 75], [-50, 25]]]
    assert to_crop_coordinates(things, torch.tensor([[0.0, -50, 100, 200]])).tolist() == [[[75, 62.5], [25, 37.5]]]


def beside_its_right_half(things, said=()):
    """The overview of a picture, and a crop that claims to be its right half."""
    seen = batch(things, max_crops=1, said=said)
    return dataclasses.replace(seen, crop_boxes=torch.cat([WHOLE, RIGHT_HALF]))


def test_the_hands_of_a_patch_tell_the_place_in_its_crop(monkeypatch):
    """A thing that covers the crop, centre at 75 % of the picture: 50 % of the crop, for all 16 patches. One
    whose centre is at 40 % covers half of the crop, which does not show where it is: 12 of the overview."""
    model, growth = grown()
    asked = []
    monkeypatch.setattr("minimolmo.training.auxiliary.hands", lambda xy: asked.append(xy) or fourier_features(xy))
    loss(model, growth, beside_its_right_half(thing(75, 50, 50, 100)))
    overview, crop = asked[0].split([8, 16])
    assert overview.tolist() == [[75, 50]] * 8
    assert crop.tolist() == [[50, 50]] * 16
    loss(model, growth, beside_its_right_half(thing(40, 50, 60, 100)))
    assert asked[1].tolist() == [[40, 50]] * 12


def test_a_place_outside_a_crop_is_not_asked_of_it():
    """A box around 48 % of the width: the left crop, 0 to 50 %, shows its centre, the right one an edge of
    it. It covers two windows of each, and of the overview."""
    seen = batch(thing(48, 50, 40, 40, BLUE, BOX), max_crops=1)
    twice, left_half = [0, 1, 1], torch.tensor([[0.0, 0, 50, 100]])
    seen = dataclasses.replace(seen, patches=seen.patches[twice], patch_coverage=seen.patch_coverage[twice],
                               crop_owner=seen.crop_owner[[0, 0, 0]], crop_boxes=torch.cat([WHOLE, left_half, RIGHT_HALF]),
                               pool_idx=torch.cat([seen.pool_idx, seen.pool_idx[-4:] + 16]))
    _, (targets, weight) = asked_of(*grown(), seen)
    assert (targets[:, :2] == torch.tensor([BLUE, BOX])).all() and (weight[:, :2] == 1).all()
    assert weight[:, 2:6].all(dim=1).tolist() == [True, True, True, True, False, False]
    assert targets[:2, 2:6].tolist() == [WORDS.encode("4850")] * 2
    assert targets[2:4, 2:6].tolist() == [WORDS.encode("9650")] * 2  # 48 of 50 is 96 %


def test_a_seat_is_asked_where_its_thing_is_in_the_picture_if_its_crop_is_not_the_picture():
    """The right half shows the blue box in its lower windows, tokens 6 and 7 of the sequence's 8. In the
    overview token 3 shows it too, but knows already; in bird view there is no seat."""
    model, growth = grown()
    asked = []

    def noted(_, heard, thing):
        asked.append((heard[:, 0].tolist(), thing[:, :2].tolist()))
        return 0

    growth.place_loss = noted

    seen = beside_its_right_half(thing(75, 75, 50, 50, BLUE, BOX), said=["?"])
    planted = torch.zeros(*seen.ids.shape, 24)
    planted[seen.ids == WORDS.im_patch] = torch.arange(8.0)[:, None].expand(8, 24)
    features, visual = model.encode_images(seen)
    growth.heard = {"words": planted, "seats": planted}
    growth(model, seen, features, visual)
    assert asked[1] == ([6, 7], [[75, 75]] * 2)

    loss(model, growth, batch(RIGHT, said=["?"]), listen=True)
    assert asked[3] == ([], [])


def test_words_are_heard_one_block_before_the_last_and_seats_one_earlier():
    """Of three blocks: the seat's loss teaches the first alone, a word's the first two."""
    config = dataclasses.replace(TINY, decoder=dataclasses.replace(TINY.decoder, layers=3))
    taught = {}
    for who in ("seats", "words"):
        torch.manual_seed(0)
        model = MiniMolmo(config)
        growth = AuxiliaryHeads(model, WORDS)
        seen = beside_its_right_half(RIGHT, said=["b"])
        model.decode(seen, model.encode_images(seen)[1])
        growth.heard[who].sum().backward()
        taught[who] = [block.mlp.up.weight.grad is not None for block in model.decoder.blocks]
    assert taught == {"seats": [True, False, False], "words": [True, True, False]}


def test_a_seat_learns_its_place_through_the_decoders_first_block():
    model, growth = grown()
    seen = beside_its_right_half(RIGHT, said=["?"])
    growth.mention_loss = lambda *_: 0
    loss(model, growth, seen, listen=True).backward()
    assert model.decoder.blocks[0].attention.qkv.weight.grad.any()


def test_a_word_is_asked_where_the_thing_is_that_it_means():
    """Said of both pictures: "r", which only the left one has, and "bx", both of whose words mean the box."""
    _, _, (targets, _), _ = asked_of(*grown(), batch(LEFT, RIGHT, said=["r", "bx"]), listen=True)
    assert targets.tolist() == [WORDS.encode("2525"), WORDS.encode("7575"), WORDS.encode("7575")]


def test_what_the_decoder_says_when_it_is_not_training_is_not_asked():
    model, growth = grown()
    seen = batch(LEFT, said=["r"])
    with torch.no_grad():
        model.decode(seen, model.encode_images(seen)[1])
    assert not growth.heard


def test_what_was_heard_is_asked_once():
    """A loss without words after one with words asks the picture alone."""
    model, growth = grown()
    seen = batch(LEFT, said=["r"])
    apart = loss(model, growth, seen).item()
    assert loss(model, growth, seen, listen=True).item() > apart + 1
    assert loss(model, growth, seen).item() == apart


def test_a_word_learns_where_its_thing_is_through_the_decoders_blocks():
    model, growth = grown()
    loss(model, growth, batch(LEFT, said=["r"]), listen=True).backward()
    assert model.decoder.blocks[0].attention.qkv.weight.grad.any()


@pytest.mark.parametrize("listen", [False, True])
def test_the_growth_loss_falls_when_taught(listen):
    model, growth = grown()
    seen = batch(LEFT, RIGHT, torch.cat([LEFT, RIGHT]), said=["r"])
    optimizer = torch.optim.Adam([*model.parameters(), *growth.parameters()], lr=5e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(loss(model, growth, seen, listen))
        losses[-1].backward()
        optimizer.step()
    assert losses[0] > 8                # two or three losses, each about ln 257 = 5.5
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("nothing", [torch.zeros(0, 6), -torch.ones(2, 6)])
def test_where_nothing_is_known_nothing_is_asked(nothing):
    """No things, or rows of padding alone: a loss of 0 and gradients of 0, never NaN."""
    model, growth = grown()
    value = loss(model, growth, dataclasses.replace(batch(LEFT), things=nothing[None]))
    value.backward()
    assert value.item() == 0
    for parameter in [*model.parameters(), *growth.parameters()]:
        assert parameter.grad is None or not parameter.grad.any()


def test_a_thing_that_fills_the_picture_is_no_division_by_zero():
    model, growth = grown()
    value = loss(model, growth, batch(thing(50, 50, 100, 100)))
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(p.grad).all() for p in growth.parameters() if p.grad is not None)


def test_padding_rows_of_things_change_nothing():
    """In a batch an image with one thing gets a row of -1 beside one with two."""
    model, growth = grown()
    seen = batch(LEFT)
    padded = dataclasses.replace(seen, things=torch.cat([seen.things, -torch.ones(1, 3, 6)], dim=1))
    assert loss(model, growth, seen).item() == pytest.approx(loss(model, growth, padded).item())


def test_growing_teaches_the_eye_and_the_connector():
    """Before there are words: the ViT learns from both losses, the projector from the tokens'."""
    model, growth = grown()
    loss(model, growth, batch(LEFT, RIGHT)).backward()
    assert model.vit.blocks[0].mlp.up.weight.grad.any()
    assert model.projector.down.weight.grad.any()
    assert model.decoder.embedding.weight.grad.any()
    assert model.decoder.blocks[0].mlp.up.weight.grad is None
