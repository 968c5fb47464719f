"""The page that asks a model: what it streams, what it shows of the inside, what it refuses."""
import json
import random
import struct
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tools.page_client import connect, get, head, read

from data.scenes.easy import make_scene
from data.scenes.levels import LEVELS
from minimolmo.answer import RELEASED, ask, build_prompt, generate_steps
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.image.reader import decode_image
from minimolmo.page import demo, events
from minimolmo.page.demo import Demo
from minimolmo.page.events import TokenEvents, answer_events, number_being_written, start_event
from minimolmo.page.pictures import Pictures, png
from minimolmo.page.server import start
from minimolmo.presets import DRAWN
from minimolmo.text.prompts import question_prompt
from minimolmo.viz.activations import record_activations
from minimolmo.viz.attribution import covered_crops, covered_losses, visual_attention

QUESTIONS = ["Point to the red circle.", "How many shapes can you find?", "What does the picture show?"]
POINT = QUESTIONS[0]


@pytest.fixture(scope="module")
def page():
    """The released nano behind its routes; one thread, as the command has it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Demo(RELEASED)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def running(page):
    server = start(page.routes(), {})
    yield server
    server.stop()


def drawn(seed: int) -> np.ndarray:
    """A scene of a red circle and a blue square."""
    return np.asarray(make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val",
                                 random.Random(seed)).draw())


PICTURES = [drawn(seed) for seed in range(4)]
SCENE = PICTURES[0]


def post(running, path: str, body, status: int = 200) -> bytes:
    """What a route answers. On a busy machine it may take long."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    with connect(running, seconds=60) as connection:
        connection.sendall(head(running, "POST", path, len(body)) + body)
        got, _, answer = read(connection)
    assert got == status, answer
    return answer


def call(running, path: str, body, status: int = 200) -> dict:
    """The JSON that a route answers."""
    return json.loads(post(running, path, body, status))


def streamed(running, **given) -> list[dict]:
    """The events of an answer."""
    return [json.loads(line) for line in post(running, "/api/ask", given).splitlines()]


@pytest.fixture(scope="module")
def sent(running) -> dict:
    """A scene that was sent to the server, and a question about it."""
    return {"picture": call(running, "/api/picture", png(SCENE))["id"], "question": POINT}


def call_get(running, path: str) -> dict:
    return json.loads(get(running, path)[2])


def tokens_of(stream: list[dict]) -> list[dict]:
    return [event for event in stream if event["e"] == "token"]


def answered(page, question: str = POINT):
    """The ids of nano's answer, and the sequence of picture, question and answer, as in training."""
    prompt = build_prompt(SCENE, question, page.model, page.tokenizer, "bird")
    ids = [event["id"] for event in tokens_of(answer_events(page.model, page.tokenizer, prompt))][:-1]
    asked = page.tokenizer.encode(question_prompt(question))
    return ids, build_sequence(prompt.crops, [[asked, ids]], page.tokenizer)


# The stream

@pytest.mark.parametrize("sampling", [{}, {"temperature": 1.5, "seed": 7}])
def test_what_is_streamed_is_what_ask_says(page, running, sampling):
    for number, picture in enumerate(PICTURES):
        question = QUESTIONS[number % 3]
        generator = torch.Generator().manual_seed(sampling.get("seed", 0))
        said, = ask(page.model, page.tokenizer, [picture], [question], generator=generator,
                    temperature=sampling.get("temperature", 0.0))
        name = call(running, "/api/picture", png(picture))["id"]
        first, *tokens, last = streamed(running, picture=name, question=question, **sampling)
        assert (first["e"], last["e"], {event["e"] for event in tokens}) == ("start", "done", {"token"})
        assert last["text"] == "".join(event["text"] for event in tokens).strip() == said.text
        assert last["points"] == [list(point) for point in said.points]
        assert last["end"] == "eos" and tokens[-1]["text"] == ""
        assert last["ms"]["all"] > last["ms"]["image"] > 0


def test_a_token_comes_with_its_probability_and_the_five_likeliest(page, running, sent):
    tokens = tokens_of(streamed(running, **sent))
    for event in tokens:
        assert event["top"][0] == [event["id"], event["text"] or "[end]", event["p"]]  # temperature 0
        shares = [p for _, _, p in event["top"]]
        assert len(shares) == 5 and shares == sorted(shares, reverse=True) and sum(shares) <= 1.0001


def test_all_probabilities_of_a_step_sum_to_one_and_digits_are_a_part_of_them(page):
    logits = torch.randn(page.tokenizer.vocab, generator=torch.Generator().manual_seed(0))
    ours = TokenEvents(page.tokenizer)
    for piece in (' x="', "6"):
        for number in page.tokenizer.encode(piece):
            ours.next(number, logits)
    event = ours.next(ord("1"), logits)
    shares = logits.softmax(dim=0)
    assert (event["axis"], event["written"], event["text"]) == ("x", "6", "1")
    assert event["p"] == pytest.approx(float(shares[ord("1")]), abs=1e-5)
    assert event["digits"] == pytest.approx(shares[ord("0"):ord("9") + 1].tolist(), abs=1e-5)
    assert float(shares.sum()) == pytest.approx(1, abs=1e-5)


def test_the_number_of_a_point_is_told_while_it_is_written(running, sent):
    """The digits of an axis, in order, spell the number that the answer has there."""
    *tokens, done = streamed(running, **sent)[1:]
    spelled = {"x": "", "y": ""}
    for event in tokens:
        if event["axis"] and event["text"] != '"':
            assert event["written"] == spelled[event["axis"]] and len(event["digits"]) == 10
            spelled[event["axis"]] += event["text"]
    assert [[float(spelled["x"]), float(spelled["y"])]] == done["points"]


@pytest.mark.parametrize("text, axis", [
    ('<point x="', ("x", "")), ('<points x1="1.0" y1="2', ("y", "2")), ('x12="61.', ("x", "61.")),
    ('<point x="1.5"', (None, "")), ('max="1', (None, "")), ('alt="6', (None, "")), ("x=1", (None, ""))])
def test_a_number_of_a_point_is_told_from_other_numbers(text, axis):
    assert number_being_written(text) == axis


def test_letters_of_several_tokens_come_whole(page):
    """Bytes of one letter may be several tokens: none of them shows half a letter."""
    text, ours = "a 猫 sat", TokenEvents(page.tokenizer)
    logits = torch.zeros(page.tokenizer.vocab)
    pieces = [ours.next(number, logits)["text"] for number in page.tokenizer.encode(text)]
    assert "".join(pieces) == text and "\ufffd" not in "".join(pieces) and "" in pieces


# A forced token

def test_the_logits_after_a_forced_prefix_are_those_of_teacher_forcing(page):
    ids, sequence = answered(page)
    forced = ids[:6] + [ord("9")] + ids[7:]  # another digit than the likeliest
    prompt = build_prompt(SCENE, POINT, page.model, page.tokenizer, "bird")
    steps = list(generate_steps(page.model, collate([prompt]), len(forced), prefix=tuple(forced)))
    asked = page.tokenizer.encode(question_prompt(POINT))
    whole = build_sequence(prompt.crops, [[asked, forced]], page.tokenizer)
    with torch.inference_mode():
        expected = page.model(collate([whole]))[0, whole.loss_weight > 0][:len(forced)]
    assert [int(tokens) for tokens, _ in steps] == forced != ids
    torch.testing.assert_close(torch.cat([logits for _, logits in steps]), expected, atol=1e-4, rtol=1e-4)


def test_an_answer_goes_on_from_a_forced_token(running, sent):
    free = streamed(running, **sent)
    ids = [event["id"] for event in tokens_of(free)]
    digit = next(i for i, event in enumerate(tokens_of(free)) if event["axis"])
    other = ord("9") if ids[digit] != ord("9") else ord("1")
    forced = streamed(running, **sent, prefix=ids[:digit] + [other])
    assert [event["id"] for event in tokens_of(forced)][:digit + 1] == ids[:digit] + [other]
    assert forced[-1]["points"] != free[-1]["points"] and forced[-1]["end"] == "eos"
    assert streamed(running, **sent, prefix=ids[:-1])[-1]["text"] == free[-1]["text"]


# Ending

def test_a_stopped_answer_computes_no_further_token(page):
    prompt = build_prompt(SCENE, POINT, page.model, page.tokenizer, "bird")
    answers = iter([False, False, False, True])
    *tokens, done = answer_events(page.model, page.tokenizer, prompt, lambda: next(answers))
    assert len(tokens) == 3 and done["end"] == "stopped"
    *tokens, done = answer_events(page.model, page.tokenizer, prompt, max_new_tokens=5)
    assert len(tokens) == 5 and done["end"] == "limit"


def test_a_closed_connection_stops_the_answer_and_frees_the_model(page, running, sent, monkeypatch):
    """An answer without end, of which the browser reads the beginning."""
    steps = []

    def endless(*_, **__):
        while True:
            steps.append(len(steps))
            yield torch.tensor([65]), torch.zeros(1, page.tokenizer.vocab)
    monkeypatch.setattr(events, "generate_steps", endless)
    body = json.dumps(sent).encode()
    with connect(running, seconds=60) as connection:
        connection.sendall(head(running, "POST", "/api/ask", len(body)) + body)
        received = b""
        while b'"token"' not in received:
            received += connection.recv(1000)
    with page.lock:  # the answer has it until it ends
        count = len(steps)
    time.sleep(0.05)
    assert 0 < count == len(steps)


# What is shown of the inside

def test_boxes_of_visual_tokens_cover_the_picture_once(page):
    """The overview's boxes, and those of the crops: each kind has the picture's whole area."""
    for height, width in ((64, 64), (100, 300), (301, 97)):
        picture = np.full((height, width, 3), 90, np.uint8)
        prompt = build_prompt(picture, POINT, page.model, page.tokenizer, "close_up")
        first = start_event(prompt, "close_up", [])
        boxes = np.array(first["boxes"])
        areas = boxes[:, 2] * boxes[:, 3]
        assert len(boxes) == first["visual"] > 16 and len(first["crops"]) > 1
        assert areas[:16].sum() == pytest.approx(10_000, rel=0.01) == areas[16:].sum()
        assert boxes.min() >= 0 and (boxes[:, :2] + boxes[:, 2:]).max() <= 100.02


def test_attention_is_the_part_of_the_whole_that_answers_and_image_share(page):
    ids, sequence = answered(page)
    text = page.tokenizer.decode(ids)[1:]
    recorded = record_activations(page.model, page.tokenizer, SCENE, [(POINT, text)])
    ours, rows = visual_attention(page.model, sequence), sequence.loss_weight > 0
    assert ours.shape == (3, len(ids) + 1, 16)
    for layer, whole in enumerate(recorded.attention):
        expected = whole.mean(dim=0)[torch.from_numpy(rows)][:, recorded.visual_positions()]
        torch.testing.assert_close(ours[layer], expected, atol=1e-5, rtol=1e-4)


def test_each_token_of_an_answer_has_a_row_of_attention(running, sent):
    ids = [event["id"] for event in tokens_of(streamed(running, **sent))]
    layers = [call(running, "/api/attention", {**sent, "ids": ids, "layer": layer}) for layer in range(3)]
    mean = call(running, "/api/attention", {**sent, "ids": ids})
    rows = np.array(mean["attention"])
    assert rows.shape == (len(ids), 16) and mean["layers"] == 3
    assert (rows.sum(axis=1) <= 1).all() and (rows > 0).any()
    np.testing.assert_allclose(rows, np.mean([layer["attention"] for layer in layers], axis=0), atol=1e-4)


def test_losses_of_covered_pictures_are_those_of_a_plain_loop_over_patches(page, running, sent):
    """Nano's picture has 8 x 8 patches: a cell is one of them."""
    ids, sequence = answered(page)
    losses = covered_losses(page.model, sequence, 8)
    color, covered = SCENE.reshape(-1, 3).mean(axis=0), []
    for patch in range(64):
        patches = sequence.crops.patches.copy()
        patches[0, patch] = np.tile(color, 64)
        covered.append(replace(sequence, crops=replace(sequence.crops, patches=patches)))
    batch = collate(covered)
    with torch.inference_mode():
        logits = page.model(batch)[batch.loss_weight > 0]
    expected = F.cross_entropy(logits, batch.targets[batch.loss_weight > 0], reduction="none").view(64, -1)
    assert losses.shape == (65, len(ids) + 1) and (losses[1:] - losses[0]).max() > 1
    torch.testing.assert_close(losses[1:], expected, atol=1e-3, rtol=1e-3)
    reply = call(running, "/api/occlusion", {**sent, "ids": [*ids, page.tokenizer.eos]})
    np.testing.assert_allclose([reply["losses"], *reply["covered"]], losses, atol=1e-3)


def test_a_cell_is_covered_in_every_crop_that_shows_it(page):
    """A picture of 96 x 96 pixels fills a grid of 2 x 2 crops exactly, so it can be covered beforehand."""
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    crops = build_prompt(picture, POINT, page.model, page.tokenizer, "ground").crops
    covered = list(covered_crops(crops, page.config.model.image, 8))
    picture[36:48, 48:60] = picture.reshape(-1, 3).mean(axis=0).round()  # cell 3, 4: in all four crops
    expected = build_prompt(picture, POINT, page.model, page.tokenizer, "ground").crops
    assert crops.grid == (2, 2) and len(covered) == 65
    np.testing.assert_allclose(covered[1 + 3 * 8 + 4].patches[1:], expected.patches[1:], atol=3)
    assert (covered[1].patches != expected.patches)[1:].any()


def test_covering_stops_when_the_connection_is_closed(page, monkeypatch):
    monkeypatch.setattr("minimolmo.viz.attribution.CROPS_AT_ONCE", 10)
    answers = iter([False, False, True])
    assert len(covered_losses(page.model, answered(page)[1], 8, lambda: next(answers))) == 20


def test_the_eye_shows_what_the_vit_receives(page, running):
    """A wide picture of 64 x 32 pixels: black bars above and below."""
    name = call(running, "/api/picture", png(SCENE[:32]))["id"]
    status, headers, body = get(running, f"/eye/{name}")
    pixels = np.asarray(decode_image(body).rgb)
    assert (status, headers["content-type"], pixels.shape) == (200, "image/png", (64, 64, 3))
    assert (pixels[16:48] == SCENE[:32]).all() and not pixels[:16].any() and not pixels[48:].any()
    assert get(running, f"/eye/{name}?view=ground&crop=1")[0] == 200
    assert "this view has 1" in call_get(running, f"/eye/{name}?crop=1")["why"]


# Several pictures

def test_several_pictures_are_compared_as_each_is_answered(page, running, sent):
    other = call(running, "/api/picture", png(PICTURES[1]))["id"]
    reply = call(running, "/api/compare", {**sent, "another": other, "swapped": other})["answers"]
    assert [each["which"] for each in reply] == ["right", "blank", "another", "swapped"]
    images = [SCENE, np.full_like(SCENE, 255), PICTURES[1], PICTURES[1]]
    for each, image in zip(reply, images):
        assert each["text"] == ask(page.model, page.tokenizer, [image], [POINT])[0].text
    assert reply[0]["points"] != reply[1]["points"]
    assert len(call(running, "/api/compare", sent)["answers"]) == 2


def test_raw_pictures_are_answered_as_files_are(page, running):
    expected = ask(page.model, page.tokenizer, PICTURES, [POINT] * 4)
    raw = b"".join(picture.tobytes() for picture in PICTURES)
    reply = call(running, "/api/sweep?question=Point+to+the+red+circle.", raw)
    assert [each["text"] for each in reply["answers"]] == [each.text for each in expected]
    assert [each["points"] for each in reply["answers"]] == [[[*p] for p in each.points] for each in expected]


def test_the_page_says_what_the_model_knows(running, sent):
    reply = call_get(running, "/api/model")
    assert (reply["name"], reply["size"], reply["view"], reply["layers"]) == ("nano", 64, "bird", 3)
    assert reply["sets"] == [*DRAWN]
    assert {"red", "circle", "how", "clock"} <= {*reply["words"]} and "dog" not in reply["words"]
    assert reply["styles"]["count"] == ["count", "point_count"]
    assert streamed(running, **{**sent, "question": "Point to the RED dog."})[0]["unknown"] == ["dog"]


# Refusals

def bomb() -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
            + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))


@pytest.mark.parametrize("data, words", [
    (b"", "empty, or not an image of a known format"), (b"no picture", "not an image of a known format"),
    (png(SCENE)[:-40], "damaged, cut short"), (bomb(), "more than 50,000,000 pixels")])
def test_a_file_that_is_no_picture_is_refused_in_words(running, data, words):
    reply = call(running, "/api/picture", data, status=400)
    assert words in reply["why"] and reply["try"] and reply["e"] == "error"


@pytest.mark.parametrize("path, change, words", [
    ("ask", {"picture": "0123456789abcdef"}, "is not here"),
    ("ask", {"picture": "7"}, "picture='7' is no str"),
    ("ask", {"question": ""}, "is empty"), ("ask", {"question": " \n"}, "is empty"),
    ("ask", {"question": "a" * 501}, "size of 0 to 500"), ("ask", {"question": 7}, "question='7' is no str"),
    ("ask", {"question": "1" * 480}, "trained on at most"), ("ask", {"view": "worm"}, "view='worm'"),
    ("ask", {"temperature": -1}, "temperature='-1' is no float"),
    ("ask", {"prefix": [512]}, "the token 512 cannot"),
    ("ask", {"prefix": [511]}, "the token 511 cannot"), ("ask", {"prefix": [-1]}, "the token -1 cannot"),
    ("ask", {"prefix": [1] * 448}, "size of 0 to 447"), ("ask", {"more": 1}, "'more' is no field"),
    ("compare", {"another": "0123456789abcdef"}, "is not here"), ("attention", {}, "'ids' is missing"),
    ("attention", {"ids": []}, "size of 1 to"), ("attention", {"ids": [65, 511, 65]}, "511 cannot"),
    ("attention", {"ids": [65], "layer": 3}, "layer=3 does not exist"), ("occlusion", {"ids": ["a"]}, "ids="),
])
def test_what_cannot_be_asked_is_refused_in_words(running, sent, path, change, words):
    reply = call(running, f"/api/{path}", {**sent, **change}, status=400)
    assert words in f"{reply['given']} {reply['why']}" and reply["try"]


@pytest.mark.parametrize("query, body, words", [
    ("question=Hi", b"12345", "5 bytes are no raw pictures"), ("question=Hi", b"", "0 bytes are no"),
    ("", SCENE.tobytes(), "is empty"), ("question=Hi&view=worm", SCENE.tobytes(), "view='worm'"),
    ("question=" + "a" * 501, SCENE.tobytes(), "501 characters")])
def test_raw_pictures_that_cannot_be_answered_are_refused_in_words(running, query, body, words):
    reply = call(running, f"/api/sweep?{query}", body, status=400)
    assert words in f"{reply['given']} {reply['why']}" and reply["try"]


def test_pictures_are_kept_up_to_a_number_and_a_size():
    """The one that was used longest ago is forgotten first; the newest always stays."""
    pictures = Pictures(max_pictures=2, max_pixels=10_000)
    names = [pictures.add(png(picture)).id for picture in PICTURES[:2]]
    assert (pictures[names[0]].pixels == PICTURES[0]).all()
    third = pictures.add(png(PICTURES[2])).id
    assert [*pictures.kept] == [names[0], third]
    with pytest.raises(ValueError, match=f"{names[1]} is not here, .* Try sending it again"):
        pictures[names[1]]
    large = pictures.add(png(np.zeros((200, 200, 3), np.uint8))).id
    assert [*pictures.kept] == [large]


def test_the_command_serves_the_page_with_the_weights_that_are_named(page, monkeypatch, capsys, tmp_path):
    served = []
    monkeypatch.setattr(demo, "OWN_PHOTOS", tmp_path / "mine")
    monkeypatch.setattr(demo, "serve", lambda *given, **more: served.append((given, more)))
    demo.main([f"--weights={RELEASED}", "--port=0", "--no-browser"])
    (routes, files, port, open_browser, opened), _ = served[0]
    patterns = [route.pattern for route in routes]
    assert {route.pattern for route in page.routes()} < {*patterns} and "/api/mine" in patterns
    assert (port, open_browser, opened) == (0, False, "/") and files["/"].name == "demo.html"
    assert f"asking {RELEASED}" in capsys.readouterr().err
    with pytest.raises(ValueError, match="holds no trained model"):
        demo.main(["--weights=nowhere"])
