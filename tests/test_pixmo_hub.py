"""Pages of rows: what the Hub documents, what it does on a bad day, and who gets to see the token."""
from dataclasses import replace
from types import SimpleNamespace

import loopback
import pytest
from loopback import REVISION, Loopback, cut_short, hub_error, status

from data.pixmo import fetch as fetching
from data.pixmo.hub import HUB, LIMITS, PAGE_ROWS, Hub
from data.pixmo.records import FetchError

FAST = replace(LIMITS, max_tries=4, backoff=0.01, loopback=True)
HASTY = replace(FAST, read=0.4, total=0.8)


@pytest.fixture
def web():
    with Loopback() as server:
        server.rows["allenai/pixmo-ask-model-anything", "default"] = [{"answer": str(n)} for n in range(250)]
        yield server


def read(web, offset: int = 0, length: int = PAGE_ROWS, limits=FAST, **how):
    """A page of the rows above."""
    return Hub(web.url, limits=limits, pause=0, **how).read("ask_model_anything", "default", offset, length)


def test_a_page_has_its_rows_their_numbers_the_total_and_the_revision(web):
    page = read(web, offset=200)
    assert (page.revision, page.total, len(page.rows)) == (REVISION, 250, 50)
    assert page.rows[0] == (200, {"answer": "200"})
    assert read(web, offset=300).rows == []


def test_the_interface_gives_no_more_than_100_rows_at_once(web):
    assert PAGE_ROWS == 100
    with pytest.raises(FetchError, match="'length' must not be greater than 100"):
        read(web, length=101)
    assert web.asked("/rows") == 1  # our own mistake: asking again would not help


def test_a_bad_day_of_the_hub_is_waited_out(web):
    whole = b'{"rows": [], "num_rows_total": 250}'
    for fault in (hub_error(500, "ResponseNotReady", "The server is busier than usual"), status(502),
                  status(429, b'{"error":"too many requests"}'), status(200, whole[:20]), cut_short(whole),
                  status(200, b"<html>Welcome</html>"), status(200, b'{"rows": 5, "num_rows_total": 1}'),
                  status(200, b"[" * 100_000), loopback.reset):
        web.script("/rows", fault)
        assert len(read(web).rows) == 100
    for fault in (loopback.stall, loopback.drip_headers):
        web.script("/rows", fault)
        assert len(read(web, limits=HASTY).rows) == 100


def test_the_hub_may_say_how_long_to_wait(web, monkeypatch):
    waits = []
    monkeypatch.setattr(fetching, "time", SimpleNamespace(sleep=waits.append))
    web.script("/rows", status(429, Retry_After="9"))
    assert len(read(web).rows) == 100 and waits == [9.0]
    web.script("/rows", status(503, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT"))
    with pytest.raises(FetchError, match="status 503"):
        read(web)
    assert waits == [9.0]  # not weeks


def test_a_hub_that_is_down_is_given_up_after_some_tries_and_then_left_alone(web):
    hub = Hub(web.url, limits=FAST, pause=0)
    web.script("/rows", *[status(503)] * 4)
    for _ in range(3):
        with pytest.raises(FetchError, match="hub: status 503"):
            hub.read("ask_model_anything", "default", 0)
    assert web.asked("/rows") == 4


def test_a_page_too_big_to_be_given_is_asked_for_in_halves(web):
    too_big = hub_error(500, "TooBigContentError", "Scan size limit exceeded")
    web.script("/rows", too_big, too_big)  # 100 rows, then 50; then 25, 25 and 50 are given
    page = read(web)
    assert [index for index, row in page.rows if row] == list(range(100)) and page.total == 250
    assert web.asked("/rows") == 5


def test_rows_that_cannot_be_given_whole_are_marked_and_no_other(web):
    web.script("/rows", hub_error(500, "TransformRowsProcessingError", "Server error"))
    assert read(web, length=3).rows == [(0, None), (1, None), (2, None)]
    cut = b'{"rows":[{"row":{"a":1},"truncated_cells":[]},{"row":{"a":"x"},"truncated_cells":["a"]}],' \
          b'"num_rows_total":2}'
    web.script("/rows", status(200, cut))
    assert read(web).rows == [(0, {"a": 1}), (1, None)]


def test_a_set_that_is_gone_is_named_in_the_hubs_own_words(web):
    with pytest.raises(FetchError, match="hub: status 404: Not found."):
        Hub(web.url, limits=FAST, pause=0).read("points", "default", 0)
    web.script("/rows", status(401, b"\x1b[31m\xff<h1>no</h1>" + b"x" * 5000))
    with pytest.raises(FetchError) as caught:
        read(web)
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 400


def test_between_two_requests_there_is_a_pause(web, monkeypatch):
    from data.pixmo import hub as module
    waits = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=waits.append, monotonic=lambda: 100.0))
    hub = Hub(web.url, limits=FAST, pause=1.0)
    for _ in range(3):
        hub.read("ask_model_anything", "default", 0)
    assert waits == [0.0, 1.0, 1.0]


def test_the_token_goes_to_the_hub_and_a_hub_that_redirects_gets_no_second_look(web):
    read(web, token="hf_secret")
    assert web.seen[-1][1]["Authorization"] == "Bearer hf_secret"
    web.script("/rows", loopback.redirect(web.url + "/elsewhere"))
    with pytest.raises(FetchError) as caught:
        read(web, token="hf_secret")
    assert web.asked("/elsewhere") == 0 and "secret" not in str(caught.value)


def test_a_token_is_never_sent_in_the_clear_nor_shown_when_it_is_broken():
    with pytest.raises(ValueError, match="not https"):
        Hub("http://example.org", token="hf_secret")
    for broken in ("hf_se cret", "hf_secret\nX: 1", "hf_geheimß"):
        with pytest.raises(ValueError, match="HF_TOKEN holds") as caught:
            Hub(HUB, token=broken)
        assert broken not in str(caught.value)
