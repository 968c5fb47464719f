"""The limits of the page's server: how much, how slowly and how many; and the JSON that it takes."""
import json
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest
from tools.page_client import connect, get, head, post, read, send
from tools.toy_page import ended, served, toy_files

from minimolmo.page.server import Limits, ModelLock, Refusal


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return toy_files(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def running(files):
    with served(files) as running:
        yield running


def wait_until(condition, seconds=2):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("length, more, status", [
    (None, "", 411), ("abc", "", 400), ("-1", "", 400), ("1e3", "", 400), ("", "", 400), ("64001", "", 413),
    ("9" * 15, "", 413), ("9" * 16, "", 400), ("2", "\r\nContent-Length: 3", 411), ("2, 2", "", 400),
    ("\u00b2", "", 400), ("2", "\r\nTransfer-Encoding: chunked", 411)])
def test_a_body_says_once_how_long_it_is_and_is_within_the_limit(running, length, more, status):
    length = None if length is None else length + more
    assert post(running, "/api/count", b"{}", length=length)[0] == status


def test_a_body_that_is_too_large_is_answered_in_words_while_it_is_still_being_sent(files):
    with served(files, drain=5) as running, connect(running) as connection:
        connection.sendall(head(running, "POST", "/api/count", length=16_000_000) + bytes(16_000_000))
        status, _, body = read(connection)
    assert status == 413 and "64,000" in json.loads(body)["why"]


def test_a_body_that_is_cut_short_is_refused(running):
    with connect(running) as connection:
        connection.sendall(head(running, "POST", "/api/count", length=20) + b"{}")
        connection.shutdown(socket.SHUT_WR)
        status, _, body = read(connection)
    assert status == 400 and "2 of 20" in json.loads(body)["why"]


@pytest.mark.parametrize("sent", [0, 9, 30, 1000], ids=["nothing", "first line", "headers", "body"])
def test_a_sender_that_pauses_is_sent_away(files, sent):
    with served(files, read=0.1) as running, connect(running) as connection:
        connection.sendall(head(running, "POST", "/api/count", length=1000)[:sent])
        assert read(connection)[0] == 408


@pytest.mark.parametrize("sent", [9, 30, 1000], ids=["first line", "headers", "body"])
def test_a_sender_that_drips_is_sent_away(files, sent):
    """No single read is slow."""
    with served(files, arrival=0.2, drain=0.1) as running, connect(running) as connection:
        connection.sendall(head(running, "POST", "/api/count", length=1000)[:sent])
        end = time.monotonic() + 2
        with suppress(ConnectionError):
            while time.monotonic() < end:
                connection.sendall(b"1")
                time.sleep(0.02)
        assert time.monotonic() < end


@pytest.mark.parametrize("data", [b"A" * 1000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200, b"\r\n" * 1000])
def test_an_endless_sender_is_sent_away(files, data):
    with served(files, drain=0.1) as running, connect(running) as connection:
        end = time.monotonic() + 2
        with suppress(ConnectionError):
            while time.monotonic() < end:
                connection.sendall(data)
        assert time.monotonic() < end


def test_headers_have_a_limit_together(running):
    assert get(running, **{f"X-{number}": "a" * 4000 for number in range(7)})[0] == 200
    assert get(running, **{f"X-{number}": "a" * 4000 for number in range(11)})[0] == 431


@pytest.mark.parametrize("data", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"POST /\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\r\n", b"GET / / HTTP/1.1\r\n\r\n", b"\xff\xfe \r\n\r\n", b"GET /\r\n\r\n"])
def test_what_is_no_request_is_answered_in_words(running, data):
    status, _, body = send(running, data)
    assert status in (400, 403, 505) and json.loads(body)["try"]


def test_of_64_connections_at_once_16_are_served_and_the_rest_are_told_to_wait(running):
    assert wait_until(lambda: not running.server.open)
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(running)) for _ in range(64)]
        assert all(read(connection)[0] == 503 for connection in connections[16:])
        assert wait_until(lambda: len(running.server.open) == 16)
    assert wait_until(lambda: not running.server.open)
    assert get(running)[0] == 200


def test_large_bodies_are_in_memory_a_few_at_a_time(files):
    with served(files, read=0.3, large_bodies=1) as running, connect(running) as connection:
        connection.sendall(head(running, "POST", "/api/echo/0000", length=2_000_000))
        assert wait_until(lambda: not running.server.large_bodies._value)
        assert post(running, "/api/echo/0000", bytes(900_000))[0] == 200
        connection.close()
        assert post(running, "/api/echo/0000", bytes(1_500_000))[0] == 200  # it waits a little
        with connect(running) as other:
            other.sendall(head(running, "POST", "/api/echo/0000", length=2_000_000) + bytes(9))
            assert wait_until(lambda: not running.server.large_bodies._value)
            running.server.limits = Limits(read=0.05)
            assert post(running, "/api/echo/0000", bytes(1_500_000))[0] == 503


def test_a_browser_that_does_not_read_is_sent_away(files):
    with served(files, read=0.2) as running, connect(running) as connection:
        ended.clear()
        connection.sendall(head(running, "POST", "/api/flood", length=0))
        assert ended.wait(2)


def test_an_answer_has_a_time_limit(files):
    with served(files, answer=0.1) as running:
        began, lines = time.monotonic(), post(running, "/api/count", b'{"count": 1000}')[2].splitlines()
        assert json.loads(lines[-1])["given"] == "The answer took too long."
        assert time.monotonic() < began + 5  # of ten seconds


def test_four_wait_for_the_model_and_the_fifth_is_told_to_come_again():
    lock, inside = ModelLock(), []

    def use():
        with lock:
            inside.append(1)

    with lock:
        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert wait_until(lambda: not lock._places._value)
        with pytest.raises(Refusal, match="other questions") as refusal, lock:
            pass
        assert refusal.value.status == 429 and not inside
    for thread in threads:
        thread.join(2)
    assert len(inside) == 4
    with lock:  # all places are free again
        pass


def test_nobody_waits_for_the_model_for_ever():
    lock = ModelLock(seconds=0.01)
    with lock, pytest.raises(Refusal, match="other questions"), lock:
        pass
    with lock:
        pass


@pytest.mark.parametrize("body, why", [
    (b"", "not JSON"), (b"{", "not JSON"), (b"\xff", "not JSON"), (b"[" * 60_000, "not JSON"),
    (b"[1]", "not an object"), (b'{"count": NaN}', "not JSON"), (b'{"count": 1e999}', "not JSON"),
    (b'{"count": "1"}', "no int"), (b'{"count": ' + b"9" * 5000 + b"}", "not JSON"),
    (b'{"count": true}', "no int"), (b'{"count": 1.0}', "no int"), (b'{"count": 1001}', "0 to 1,000"),
    (b'{"count": -1}', "0 to 1,000"), (b'{"count": null}', "no int"), (b"{}", "'count' is missing"),
    (b'{"count": 1, "x": 2}', "'x' is no field"), (b'{"count": 1, "text": "12345678901"}', "0 to 10"),
    (b'{"count": 1, "text": "\\ud800"}', "not JSON"), (b'{"count": 1, "prefix": [1, "2"]}', "no list"),
    (b'{"count": 1, "prefix": [1, 2, 3, 4]}', "0 to 3"), (b'{"count": 1, "heat": 2.5}', "0 to 2"),
    (b'{"count": 1, "heat": "warm"}', "no float"), (b'{"count": 1, "on": 1}', "no bool."),
    (b'{"count": 1, "deep": []}', "no dict")])
def test_a_body_that_is_not_as_the_route_wants_it_is_refused_in_words(running, body, why):
    status, _, answer = post(running, "/api/count", body)
    assert status == 400 and why in json.loads(answer)["why"]


def test_a_body_that_is_as_the_route_wants_it_is_taken(running):
    body = {"count": 2, "text": "\u00e9 \0", "prefix": [1, 2], "heat": None, "deep": {"a": 1}, "on": True}
    status, headers, answer = post(running, "/api/count", json.dumps(body).encode())
    assert status == 200 and headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["number"] for line in answer.splitlines()] == [0, 1]
