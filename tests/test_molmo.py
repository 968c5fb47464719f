"""The whole model: which outputs depend on which inputs, the KV cache, and the loss."""
import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from minimolmo.answer import generate
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.flow import IMAGE_SEGMENT, PAD_SEGMENT
from minimolmo.image.tiler import tile_image
from minimolmo.model.attention import KVCache, attention_mask
from minimolmo.model.molmo import IM_PATCH, MiniMolmo
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer

TINY = MolmoConfig(ImageConfig(crop_size=8, patch_size=2, margins=(0, 0)),  # 4x4 patches, 2x2 visual tokens
                   VisionConfig(width=8, layers=2, heads=2, mlp=16),
                   ConnectorConfig(width=8, heads=2, mlp=12),
                   DecoderConfig(width=16, layers=2, heads=4, kv_heads=2, mlp=24, vocab=257,
                                 additional_vocab=4))
TOKENIZER = Tokenizer([], vocab=257)  # every byte is a token
CAT, DOG, SKY = ("where?", "a cat on the left"), ("what?", "a dog"), ("which colour?", "blue")
SAME = dict(atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def model():
    """A model with every parameter random, biases too, so that no zero hides an error."""
    torch.manual_seed(0)
    model = MiniMolmo(TINY)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return model.eval()


def picture(seed=0, height=8, width=8):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def sequence(*annotations, image=picture(), max_crops=0, **options):
    """A sequence of an image and (question, answer) pairs; a pair (question,) is a prompt without answer."""
    messages = [[TOKENIZER.encode(text) for text in annotation] for annotation in annotations]
    return build_sequence(tile_image(image, TINY.image, max_crops), messages, TOKENIZER, **options)


def batch(*annotations, **options):
    return collate([sequence(*annotations, **options)])


def loss(model, batch, **options):
    return model.loss(batch, hidden_of(model, batch), **options)[0]


def hidden_of(model, batch):
    return model.decode(batch, model.encode_images(batch)[1]).last


# Padding is marked

def test_patches_all_padding_and_partly_padding_are_marked_and_whole_ones_are_not(model):
    """The official code writes -1 for the last crop, which counts as partly padding."""
    patches, whole = 255 * torch.rand(1, 16, 12), torch.ones(1, 16)
    coverage = whole.clone()
    coverage[0, :4] = torch.tensor([0.0, 0.5, 1.0, -1.0])
    added = model.encode_crops(patches, coverage) - model.encode_crops(patches, whole)

    empty, partly = model.padding[0], model.padding[1]
    torch.testing.assert_close(added[0, :4], torch.stack([empty, partly, 0 * empty, partly]), **SAME)
    assert not added[0, 4:].any()


# Splice: visual tokens into the text

def test_the_kth_im_patch_token_receives_the_kth_visual_token_added_to_its_embedding(model):
    """Two sequences of 4 and 8 visual tokens: the first sequence takes the first 4."""
    two = collate([sequence(CAT), sequence(DOG, max_crops=1)])
    visual = torch.arange(1.0, 13)[:, None].expand(12, 16)  # visual token k is made of k + 1 alone
    x = model.embed(two.ids)
    added = model.splice(x, two.ids, visual) - x

    patches = two.ids == TOKENIZER.im_patch
    torch.testing.assert_close(added[0][patches[0]], visual[:4], **SAME)
    torch.testing.assert_close(added[1][patches[1]], visual[4:], **SAME)
    assert not added[~patches].any()  # text, column tokens and padding are unchanged


def test_the_image_tokens_are_numbered_behind_the_vocabulary_and_have_embeddings_of_their_own(model):
    assert TOKENIZER.im_patch == TINY.decoder.vocab + IM_PATCH
    text, patch = model.embed(torch.tensor([[7, TOKENIZER.im_patch]]))[0]
    assert torch.equal(text, model.decoder.embedding.weight[7])
    assert torch.equal(patch, model.extra_embedding.weight[IM_PATCH])


def test_unused_rows_of_the_embedding_go_to_the_image_tokens_first():
    """OLMo's embedding has more rows than its vocabulary: the four image tokens use them first."""
    padded = MiniMolmo(dataclasses.replace(TINY, decoder=dataclasses.replace(TINY.decoder, vocab_padding=3)))
    x = padded.embed(torch.tensor([[256, 257, 258, 259, 260]]))[0]
    assert torch.equal(x[:4], padded.decoder.embedding.weight[256:])
    assert torch.equal(x[4], padded.extra_embedding.weight[0])
    assert padded.decoder.logits(x).shape == (5, 260)


# The attention mask

def draw(visible):
    """The rows of a mask as text: x where it is true."""
    return ["".join(".x"[int(cell)] for cell in row) for row in visible]


def test_every_segment_attends_to_the_image_and_to_itself_alone():
    """Two tokens each of the image, segment 1 and segment 2, one of padding. Each row attends to the columns
    marked x."""
    segments = torch.tensor([[IMAGE_SEGMENT, IMAGE_SEGMENT, 1, 1, 2, 2, PAD_SEGMENT]])
    assert draw(attention_mask(segments, segments)[0, 0]) == ["x......",  # the image, causally
                                                              "xx.....",
                                                              "xxx....",  # segment 1: the image and itself
                                                              "xxxx...",
                                                              "xx..x..",  # segment 2: nothing of segment 1
                                                              "xx..xx.",
                                                              "xx....x"]  # only padding attends to padding


def test_with_a_cache_the_queries_are_the_last_of_the_keys():
    """One new token of segment 1, after image, segment 1 and padding."""
    keys = torch.tensor([[IMAGE_SEGMENT, IMAGE_SEGMENT, 1, PAD_SEGMENT, 1]])
    assert draw(attention_mask(keys[:, -1:], keys)[0, 0]) == ["xxx.x"]
    assert torch.equal(attention_mask(keys[:, 2:], keys), attention_mask(keys, keys)[:, :, 2:])


# Independence

def test_a_token_does_not_change_earlier_logits(model):
    before, after = batch(CAT), batch(CAT)
    after.ids[0, -1] = ord("!")
    assert torch.equal(model(before)[0, :-1], model(after)[0, :-1])


def test_no_token_changes_another_segment_nor_the_image(model):
    """The first annotation changes, length kept: the image and the second annotation stay the same."""
    before, after = batch(CAT, DOG), batch(("whose", "the cow  on a hill"), DOG)
    first = before.segment_ids[0] == 1
    assert (before.ids != after.ids)[0, first].any()

    torch.testing.assert_close(model(before)[0, ~first], model(after)[0, ~first], **SAME)
    assert not torch.allclose(model(before)[0, first], model(after)[0, first], atol=1e-2)


def test_the_content_of_padding_changes_nothing(model):
    before, after = collate([sequence(CAT), sequence(DOG)]), collate([sequence(CAT), sequence(DOG)])
    padded = after.segment_ids == PAD_SEGMENT
    after.ids[padded], after.position[padded] = ord("!"), 999

    assert padded.sum() > 0
    assert torch.equal(model(before)[~padded], model(after)[~padded])


def test_one_sequence_of_a_batch_does_not_change_the_other(model):
    before = collate([sequence(CAT), sequence(DOG, image=picture(1))])
    after = collate([sequence(CAT), sequence(SKY, image=picture(2))])
    length = len(sequence(CAT).ids)
    torch.testing.assert_close(model(before)[0, :length], model(after)[0, :length], **SAME)


def test_another_image_changes_every_text_token(model):
    before, after = batch(CAT, DOG), batch(CAT, DOG, image=picture(1))
    is_text = before.segment_ids[0] > IMAGE_SEGMENT
    assert ((model(before) - model(after))[0, is_text].abs().amax(dim=-1) > 1e-3).all()


def test_every_crop_changes_the_logits_of_the_first_text_token(model):
    """An image of 8x16 pixels has the overview and two crops; the logits have a gradient for each."""
    inputs = batch(CAT, image=picture(0, 8, 16), max_crops=2)
    inputs.patches.requires_grad_()
    first = inputs.segment_ids[0].tolist().index(1)
    gradient, = torch.autograd.grad(model(inputs)[0, first].square().sum(), inputs.patches)

    assert len(inputs.patches) == 3
    assert (gradient.abs().sum(dim=(1, 2)) > 0).all()


def test_a_batch_equals_its_sequences_one_by_one(model):
    """Different images, numbers of crops and lengths of text."""
    sequences = [sequence(CAT), sequence(DOG, SKY, image=picture(1, 8, 16), max_crops=2), sequence(SKY)]
    together = model(collate(sequences))
    for row, alone in zip(together, sequences):
        torch.testing.assert_close(row[:len(alone.ids)], model(collate([alone]))[0], **SAME)


# Packing

def test_annotations_packed_into_one_sequence_give_the_logits_of_separate_ones(model):
    packed = batch(CAT, DOG, SKY)
    logits = model(packed)[0]
    for number, annotation in enumerate((CAT, DOG, SKY), start=1):
        alone = batch(annotation)
        expected = model(alone)[0, alone.segment_ids[0] == 1]
        torch.testing.assert_close(logits[packed.segment_ids[0] == number][:len(expected)], expected, **SAME)


def test_the_order_of_the_segments_does_not_matter(model):
    one, other = batch(CAT, DOG), batch(DOG, CAT)
    length = (one.segment_ids[0] == 1).sum() - 1  # the last EOS is read only where another annotation follows
    torch.testing.assert_close(model(one)[0, one.segment_ids[0] == 1][:length],
                               model(other)[0, other.segment_ids[0] == 2][:length], **SAME)


@pytest.mark.parametrize("root_weights", [False, True])
def test_packed_annotations_have_the_loss_and_gradients_of_separate_ones(model, root_weights):
    """Loss sums and gradients are equal; root weights make each of the three count sqrt(1/3)."""
    weight = 3 ** -0.5 if root_weights else 1.0
    packed = loss(model, batch(CAT, DOG, SKY, root_weights=root_weights), z_loss=0.1)
    separate = sum(loss(model, batch(annotation), z_loss=0.1) for annotation in (CAT, DOG, SKY)) * weight
    assert packed.item() == pytest.approx(separate.item(), rel=1e-5)

    for one, other in zip(*(torch.autograd.grad(x, list(model.parameters())) for x in (packed, separate))):
        torch.testing.assert_close(one, other, atol=1e-4 * float(other.abs().max() + 1), rtol=1e-3)


# Cache

def test_prefill_and_single_steps_equal_one_pass(model):
    """Prefill up to the question's end, then token by token from the cache."""
    whole = batch(CAT)
    expected = hidden_of(model, whole)
    question = batch(CAT[:1])
    cache = KVCache(TINY.decoder.layers, max_tokens=whole.ids.shape[1])
    hidden = [model.decode(question, model.encode_images(question)[1], cache=cache).last]
    for t in range(question.ids.shape[1], whole.ids.shape[1]):
        visible = attention_mask(whole.segment_ids[:, t:t + 1], whole.segment_ids[:, :t + 1])
        hidden.append(model.decoder(model.embed(whole.ids[:, t:t + 1]), whole.position[:, t:t + 1], visible,
                                    cache=cache).last)
    torch.testing.assert_close(torch.cat(hidden, dim=1), expected, **SAME)


def greedy_without_a_cache(model, question, image, steps):
    """Run the whole sequence again for each token."""
    answer = []
    for _ in range(steps):
        prompt = batch((question,), image=image)
        ids = torch.tensor([answer], dtype=torch.long)
        added = dict(ids=ids, segment_ids=torch.ones_like(ids),
                     position=prompt.ids.shape[1] + torch.arange(len(answer))[None])
        fields = {name: torch.cat([getattr(prompt, name), new], dim=1) for name, new in added.items()}
        answer.append(int(model(dataclasses.replace(prompt, **fields))[0, -1].argmax()))
    return answer


def test_a_batch_with_a_cache_generates_what_each_sequence_generates_alone_without(model):
    questions, images = ["where?", "what is this?", "hm"], [picture(seed) for seed in range(3)]
    together = collate([sequence((q,), image=image) for q, image in zip(questions, images)])
    answers = generate(model, together, eos=-1, max_new_tokens=8)
    assert answers == [greedy_without_a_cache(model, q, image, 8) for q, image in zip(questions, images)]


# Loss

def test_the_loss_is_each_answer_tokens_cross_entropy_times_its_weight(model):
    """By hand from the logits: only "a dog" and its end of text count, 6 tokens, here weighing 1 ... 6."""
    inputs = batch(DOG)
    answer = inputs.loss_weight[0].nonzero().flatten()
    assert TOKENIZER.decode(inputs.targets[0, answer]) == "a dog"
    assert inputs.targets[0, answer[-1]] == TOKENIZER.eos
    inputs.loss_weight[0, answer] = torch.arange(1.0, 7)

    by_token = [-model(inputs)[0, t].log_softmax(dim=-1)[inputs.targets[0, t]].item() for t in answer]
    expected = sum(weight * each for weight, each in enumerate(by_token, start=1))
    total, cross_entropy = model.loss(inputs, hidden_of(model, inputs))
    assert total.item() == cross_entropy.item() == pytest.approx(expected, rel=1e-5)


def test_z_loss_adds_the_squared_logsumexp_of_the_logits(model):
    inputs = batch(DOG, CAT, root_weights=True)
    squared = model(inputs).exp().sum(dim=-1).log() ** 2
    expected = (squared * inputs.loss_weight).sum().item()

    total, cross_entropy = model.loss(inputs, hidden_of(model, inputs), z_loss=0.5)
    assert (total - cross_entropy).item() == pytest.approx(0.5 * expected, rel=1e-4)
    assert not cross_entropy.requires_grad  # only for the log


def test_micro_batches_add_up_to_one_mean_over_all_answer_tokens_never_a_mean_of_means(model):
    """A long answer alone, two short ones together: each sum is divided by the weight of all three."""
    parts = [collate([sequence(CAT)]), collate([sequence(DOG), sequence(SKY)])]
    whole = collate([sequence(CAT), sequence(DOG), sequence(SKY)])
    weights = [float(part.loss_weight.sum()) for part in parts]
    losses = [loss(model, part).item() for part in parts]
    mean = loss(model, whole).item() / float(whole.loss_weight.sum())

    assert sum(losses) / sum(weights) == pytest.approx(mean, rel=1e-5)
    assert np.mean([l / w for l, w in zip(losses, weights)]) != pytest.approx(mean, rel=1e-3)


def test_a_question_without_an_answer_has_no_loss(model):
    assert loss(model, batch(("where?",)), z_loss=0.1).item() == 0


# Before training

WIDE = MolmoConfig(vision=VisionConfig(width=256, layers=6, heads=8, mlp=1024),
                   connector=ConnectorConfig(width=256, heads=8, mlp=512),
                   decoder=DecoderConfig(width=256, layers=6, heads=8, kv_heads=2, mlp=683, vocab=2000))


@pytest.fixture(scope="module", params=["nano", "wide"])
def untrained(request):
    """An initialised model, a batch of random images and tokens, its image features and visual tokens."""
    config = preset("nano").model if request.param == "nano" else WIDE
    vocab, rng = config.decoder.vocab, np.random.default_rng(0)
    crops = [tile_image(picture(seed, 64, 64), config.image, 0) for seed in range(8)]
    sequences = [build_sequence(each, [rng.integers(0, vocab, (2, 50)).tolist()], Tokenizer([], vocab))
                 for each in crops]
    torch.manual_seed(0)
    with torch.no_grad():
        model, batch = MiniMolmo(config), collate(sequences)
        features, visual = model.encode_images(batch)
    return SimpleNamespace(model=model, batch=batch, features=features, visual=visual, vocab=vocab)


@torch.no_grad()
def test_the_first_loss_is_the_logarithm_of_the_vocabulary(untrained):
    """An untrained model gives every token the same probability."""
    model, batch = untrained.model, untrained.batch
    _, cross_entropy = model.loss(batch, hidden_of(model, batch))
    mean = cross_entropy.item() / batch.loss_weight.sum().item()
    assert mean == pytest.approx(math.log(untrained.vocab), abs=0.05)


def test_initial_visual_tokens_are_neither_dead_nor_exploding(untrained):
    size = untrained.visual.square().mean().sqrt().item()
    assert 0.1 < size < 1.0


def test_different_patches_have_different_features_from_the_start(untrained):
    """Otherwise pooling and decoder could not tell positions apart."""
    spread = untrained.features.std(dim=1).mean()
    assert spread > 0.3


# Parts

@pytest.mark.parametrize("tied", [True, False])
def test_every_parameter_belongs_to_one_part(tied):
    model = MiniMolmo(dataclasses.replace(TINY, decoder=dataclasses.replace(TINY.decoder, tied=tied)))
    ids = [id(parameter) for part in model.parameter_groups().values() for parameter in part]
    assert len(ids) == len(set(ids))                               # none in two parts
    assert set(ids) == {id(parameter) for parameter in model.parameters()}  # and every parameter in one


def test_the_image_tokens_embeddings_learn_with_the_connector(model):
    def holds(name, parameter):
        return any(parameter is other for other in model.parameter_groups()[name])
    assert holds("connector", model.extra_embedding.weight) and holds("connector", model.padding)
    assert holds("decoder", model.decoder.embedding.weight)
    assert holds("vit", model.vit.embed.positions)
