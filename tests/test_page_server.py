"""The page's server, over sockets: who may ask it, what an error becomes, how it starts and ends."""
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from test_architecture import ROOT, imports
from tools.page_client import Target, connect, get, head, post, send
from tools.toy_page import ROUTES, SECRET, ended, served, toy_files

from minimolmo.page import server as server_module
from minimolmo.page.server import start


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return toy_files(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def running(files):
    with served(files) as running:
        yield running


# Who may ask

def test_a_page_is_sent_with_headers_that_let_in_nothing_from_elsewhere(running):
    status, headers, body = get(running)
    assert (status, body) == (200, b"<title>the page</title>")
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert [headers[name] for name in ("x-content-type-options", "referrer-policy", "cache-control")] == [
        "nosniff", "no-referrer", "no-store"]
    assert "unsafe" not in str(headers) and "access-control-allow-origin" not in headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert get(running, "/page.js")[1]["content-type"] == "text/javascript; charset=utf-8"


def test_the_key_of_the_address_becomes_a_cookie_and_leaves_the_address(running):
    """Also after a click on another site's page, as in a terminal in the browser."""
    path = running.address.removeprefix(running.url) + "&q=%22%3E"
    status, headers, body = get(running, path, Cookie=None, Origin=None, Sec_Fetch_Site="cross-site")
    assert status == 200 and b'content="0; url=/?q=%22%3E"' in body
    assert headers["set-cookie"].endswith("; httponly; samesite=strict; path=/")
    assert running.key.lower() in headers["set-cookie"]


def test_the_key_that_the_opened_browser_gets_works_once(running):
    once = running.server.keys.once
    assert [get(running, f"/?key={once}", Cookie=None)[0] for _ in range(2)] == [200, 403]


@pytest.mark.parametrize("cookie", [None, "", "minimolmo-1=", "=", "minimolmo-{port}=x", "a={key}", "\xff=1"])
def test_without_the_cookie_nothing_is_sent(running, cookie):
    cookie = cookie and cookie.format(port=running.port, key=running.key)
    status, _, body = get(running, Cookie=cookie)
    assert status == 403 and json.loads(body)["e"] == "error" and running.key.encode() not in body
    assert get(running, "/?key=wrong", Cookie=cookie)[0] == 403


@pytest.mark.parametrize("host", [
    None, "", "evil.com", "127.0.0.1.evil.com", "127.0.0.1@evil.com", "localhost.evil:80", "127.0.0.1:",
    "127.0.0.1:80\r\nHost: evil.com", "[::2]:80", "0.0.0.0"])
def test_a_foreign_host_is_refused(running, host):
    """A name that leads to 127.0.0.1 would make another page's requests look like our own."""
    cookies = "; ".join(f"{name}={running.key}" for name in ("minimolmo-80", f"minimolmo-{running.port}"))
    assert get(running, Host=host, Origin=None, Cookie=cookies)[0] == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:65535", "[::1]:80"])
def test_this_machine_has_three_names_and_any_port(running, host):
    """ssh -L 9000:127.0.0.1:8000 changes the port."""
    port = host.rpartition("]")[2].partition(":")[2] or 80
    assert get(running, Host=host, Origin=None, Cookie=f"a=b; minimolmo-{port}={running.key}")[0] == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.com"}, {"Origin": "null"}, {"Origin": "https://{host}"},
    {"Origin": "http://127.0.0.1:1"}, {"Origin": "http://{host}\r\nOrigin: null"},
    {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}])
def test_a_request_from_another_page_is_refused(running, headers):
    headers = {name: value.format(host=f"127.0.0.1:{running.port}") for name, value in headers.items()}
    assert get(running, **headers)[0] == 403
    assert post(running, "/api/count", b'{"count": 1}', **headers)[0] == 403


@pytest.mark.parametrize("value", [None, "", "0", "1, 1"])
def test_a_post_needs_a_header_that_no_form_can_send(running, value):
    assert post(running, "/api/count", b'{"count": 1}', X_Minimolmo=value)[0] == 403


@pytest.mark.parametrize("path", [
    "/secret", "/../secret", "/%2e%2e/secret", "/page.js/../secret", "//secret", "/./page.js", "/page.js/",
    "/page.js%00.html", "/\\..\\secret", "http://127.0.0.1/page.js", "page.js", "/etc/passwd", "*",
    "/PAGE.JS", "/;/"])
def test_only_files_of_the_table_are_sent(running, path):
    status, _, body = get(running, path)
    assert status in (400, 404) and SECRET.encode() not in body and json.loads(body)["why"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "POST", "get", "TRACE"])
def test_other_methods_are_refused_by_name(running, method):
    status, headers, body = send(running, head(running, method, length=0))
    assert (status, headers["allow"]) == (405, "get") and (method != "HEAD" or not body)


def test_a_route_gets_its_parts_and_its_query(running):
    assert json.loads(post(running, "/api/echo/0af1?n=2&q=a%20b", b"123")[2]) == {
        "parts": ["0af1"], "query": {"n": "2", "q": "a b"}, "bytes": 3}
    assert post(running, "/api/echo/0AF1")[0] == 404
    assert get(running, "/api/echo/0af1")[1]["allow"] == "post"


# Errors

@pytest.mark.parametrize("name, status, words", [
    ("value", 400, "9 is odd"), ("own", 409, "It is old"), ("full", 507, "disk is full"),
    ("memory", 500, "memory is"), ("ours", 500, "ZeroDivisionError"), ("nan", 500, "TypeError")])
@pytest.mark.parametrize("kind", ["fail", "whole"])
def test_an_error_of_a_route_has_a_status_and_words(running, capfd, name, status, words, kind):
    """One that is not the asker's fault is printed in one line."""
    found, _, body = get(running, f"/api/{kind}/{name}")
    event = json.loads(body)
    assert found == status and event["e"] == "error" and words in f"{event['given']}{event['why']}"
    printed = capfd.readouterr().err
    assert printed.count("\n") == (status == 500) and "Traceback" not in printed and "\x1b" not in printed
    assert get(running)[0] == 200


def test_an_error_in_the_middle_of_a_stream_is_its_last_line(running, capfd):
    status, _, body = get(running, "/api/fail/late")
    assert status == 200 and [json.loads(line)["e"] for line in body.splitlines()] == ["token", "error"]
    assert re.fullmatch(r"GET /api/fail/late HTTP/1.1: KeyError: .*\.py:\d+\)\n", capfd.readouterr().err)


def test_a_person_who_opens_a_wrong_address_reads_text(running):
    status, headers, body = get(running, Cookie=None, Accept="text/html,*/*")
    assert (status, headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert body.endswith(b"Open the address that the terminal shows, with its key.")


# Streams

def ask_for_ten_seconds(running, connection):
    connection.sendall(head(running, "POST", "/api/count", length=15) + b'{"count": 1000}')
    ended.clear()
    return connection.recv(4096)


def test_an_event_is_sent_as_soon_as_it_is_made_and_a_closed_connection_stops_the_next(running):
    with connect(running) as connection:
        seen, began = ask_for_ten_seconds(running, connection), time.monotonic()
        while b'"number": 3' not in seen:
            seen += connection.recv(4096)
        assert time.monotonic() < began + 2
    assert ended.wait(1), "the browser has closed, and the work goes on"


def test_a_server_that_stops_ends_its_answers(files):
    with served(files) as running, connect(running) as connection:
        ask_for_ten_seconds(running, connection)
        running.stop()
        assert ended.is_set()


def test_a_server_that_stops_does_not_wait_for_browsers_that_send_nothing(files):
    """They keep connections ready for later. And no thread is left: one that computes would abort Python."""
    before = threading.active_count()
    with served(files) as running, connect(running), connect(running) as connection:
        connection.sendall(b"GET / HT")
        while len(running.server.open) < 2:
            time.sleep(0.005)
        began = time.monotonic()
        running.stop()
        assert time.monotonic() < began + 2 and threading.active_count() == before


# Starting and ending

def test_the_server_listens_on_this_machine_only_and_asks_nobody_for_its_name(files, monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", lambda *_: pytest.fail("this can take 35 s"))
    with served(files) as running:
        assert running.server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_in_use_is_left_for_one_of_the_next_ten(files, running, monkeypatch):
    second = start(ROUTES, files, running.port)
    second.stop()
    assert running.port < second.port <= running.port + 10 and get(running)[0] == 200
    monkeypatch.setattr(server_module, "ports_to_try", lambda port: [port])
    with pytest.raises(ValueError, match=f"Port {running.port} and the ten after it are in use.*Close other"):
        start(ROUTES, files, running.port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_server_in_the_middle_of_an_answer(number):
    command = [sys.executable, str(ROOT / "tests/tools/toy_page.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        port, key = re.search(rb"http://127.0.0.1:(\d+)/\?key=(\S+)", process.stdout.readline()).groups()
        running = Target(int(port), key.decode())
        with connect(running) as connection:
            ask_for_ten_seconds(running, connection)
            process.send_signal(number)
            assert process.wait(5) == 128 + number
        assert process.stderr.read().decode().strip() == "stopped: files are whole or as they were before"


def test_the_server_knows_no_model():
    for name in ("server", "handler", "guards", "messages"):
        used = imports(ROOT / f"minimolmo/page/{name}.py")
        outside = {each.split(".")[0] for each in used} - set(sys.stdlib_module_names) - {"minimolmo"}
        packages = {each.split(".")[1] for each in used if each.startswith("minimolmo.")}
        assert not outside and packages <= {"page", "command", "bounds"}
