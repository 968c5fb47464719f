"""Download of one image: whatever the server does, an outcome comes back in bounded time."""
import gzip
import hashlib
import io
import ipaddress
import shutil
import socket
import ssl
import struct
import subprocess
import time
import zlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PIL import Image
from tools import fake_hub
from tools.fake_hub import FakeHub, cut_short, redirect, status

from data.pixmo import fetch as fetching
from data.pixmo import network
from data.pixmo.fetch import error_for_status, fetch_image
from data.pixmo.network import Limits, get, is_public, parse_url, parse_retry_after
from data.pixmo.picture import to_jpeg
from data.pixmo.records import LATER, NEVER, FetchError, Record

FAST = Limits(max_bytes=300_000, max_tries=2, backoff=0.01, loopback=True)
HASTY = replace(FAST, connect=1.0, read=0.3, total=0.6)  # for those that would never end


@pytest.fixture
def web():
    with FakeHub() as server:
        yield server


def picture(width: int = 120, height: int = 80, form: str = "JPEG", mode: str = "RGB", **more) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    file = io.BytesIO()
    image.convert(mode).save(file, form, **more)
    return file.getvalue()


def outcome_of(url: str, limits: Limits = FAST):
    """What becomes of a URL. Only what arrived has a JPEG."""
    outcome, jpeg = fetch_image(Record(url, (), image_url=url), 64, limits)
    assert bool(jpeg) == (not outcome.cause)
    return outcome


def fate(url: str, limits: Limits = FAST) -> tuple[str, str]:
    """Why it failed, and when it is worth another try."""
    outcome = outcome_of(url, limits)
    return outcome.cause, outcome.again


def test_a_picture_arrives_small_and_its_outcome_tells_what_it_was(web):
    web.images["/cat.jpg"] = body = picture()
    outcome, jpeg = fetch_image(Record(web.url + "/cat.jpg", (), image_url=web.url + "/cat.jpg"), 64, FAST)
    assert (outcome.width, outcome.height, outcome.turned) == (120, 80, False)
    assert outcome.sha256 == hashlib.sha256(body).hexdigest() and outcome.received == len(body)
    with Image.open(io.BytesIO(jpeg)) as small:
        assert (small.format, small.size, small.mode) == ("JPEG", (64, 43), "RGB")
    assert outcome.stored == len(jpeg)


def test_a_dead_link_is_final(web):
    for code, cause in [(404, "gone"), (410, "gone"), (401, "refused"), (403, "refused"), (451, "refused"),
                        (400, "refused"), (204, "refused")]:
        assert fate(web.add_faults(f"/{code}", status(code))) == (cause, NEVER)
        assert web.count_requests(f"/{code}") == 1


def test_a_bad_moment_is_tried_again_at_once_and_then_in_the_next_run(web):
    web.images["/cat.jpg"] = picture()
    for fault in (status(500), status(502), status(429), fake_hub.reset, cut_short(picture())):
        assert fate(web.add_faults("/cat.jpg", fault)) == ("", NEVER)
    for code in (500, 503, 429, 408):
        assert fate(web.add_faults("/busy", status(code), status(code))) == ("busy", LATER)
    assert fate(web.add_faults("/reset", fake_hub.reset, fake_hub.reset)) == ("connection", LATER)


def test_a_server_that_names_a_time_to_wait_is_obeyed(web, monkeypatch):
    waits = []
    monkeypatch.setattr(fetching, "time", SimpleNamespace(sleep=waits.append))
    web.images["/cat.jpg"] = picture()
    for code in (429, 503):
        assert fate(web.add_faults("/cat.jpg", status(code, Retry_After="7"))) == ("", NEVER)
    assert waits == [7.0, 7.0]


def test_a_server_that_asks_to_come_back_in_weeks_is_left_alone_until_the_next_run(web):
    far = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert fate(web.add_faults("/later", status(503, Retry_After=far))) == ("busy", LATER)
    assert web.count_requests("/later") == 1


def test_retry_after_is_seconds_or_a_date_or_nothing():
    assert parse_retry_after("30") == 30 and parse_retry_after("9" * 400) == float("inf")
    assert parse_retry_after("Fri, 01 Jan 2100 00:00:00 GMT") > 1e6
    assert parse_retry_after("Fri, 01 Jan 1999 00:00:00 GMT") == 0
    assert [parse_retry_after(text) for text in (None, "", "soon", "-5", "²")] == [None] * 5


@pytest.mark.parametrize("slowly", [fake_hub.stall, fake_hub.drip, fake_hub.drip_headers])
def test_a_server_that_stalls_or_drips_is_left_when_the_time_is_over(web, slowly):
    start = time.monotonic()
    assert fate(web.add_faults("/slow", slowly, slowly), HASTY) == ("timeout", LATER)
    assert time.monotonic() - start < 4 and web.count_requests("/slow") == HASTY.max_tries


def test_a_body_shorter_than_promised_may_be_whole_next_time(web):
    body = picture()
    assert fate(web.add_faults("/cut", *[cut_short(body)] * 2)) == ("cut_short", LATER)
    folded = {"Content_Encoding": "gzip"}
    half = status(200, gzip.compress(body)[:-9], **folded)
    assert fate(web.add_faults("/cut.gz", half, half)) == ("cut_short", LATER)


def test_half_a_jpeg_with_an_honest_length_is_no_picture(web):
    web.images = {"/half.jpg": picture(400, 300)[:-1500], "/none.jpg": b"",
                    "/page.jpg": b"<html>Sorry</html>"}
    for path in web.images:
        assert fate(web.url + path) == ("not_an_image", NEVER)


def test_a_body_longer_than_allowed_is_not_read_to_its_end(web):
    three_gb = status(200, b"\xff\xd8", Content_Length="3000000000")
    assert fate(web.add_faults("/declared", three_gb)) == ("too_big", NEVER)
    assert fate(web.add_faults("/endless", fake_hub.endless)) == ("too_big", NEVER)
    assert fate(web.add_faults("/bomb", fake_hub.gzip_bomb)) == ("too_big", NEVER)


def test_a_picture_folded_by_gzip_is_unfolded_and_a_strange_coding_is_refused(web):
    body = picture()
    folded = status(200, gzip.compress(body), Content_Encoding="gzip")
    assert fate(web.add_faults("/a", folded)) == ("", NEVER)
    assert fate(web.add_faults("/b", status(200, body, Content_Encoding="br"))) == ("broken_reply", NEVER)


@pytest.mark.parametrize("chunk_bytes", [1, 50, 65_536])
def test_a_body_in_several_members_of_gzip_is_unfolded_whole(web, monkeypatch, chunk_bytes):
    monkeypatch.setattr(network, "CHUNK_BYTES", chunk_bytes)
    body = picture()
    pieces = [gzip.compress(body[:99]), gzip.compress(b""), gzip.compress(body[99:])]
    for path, folded in [("/members", b"".join(pieces)), ("/rest", b"".join(pieces) + b"\0\0and more")]:
        outcome = outcome_of(web.add_faults(path, status(200, folded, Content_Encoding="gzip")))
        assert (outcome.cause, outcome.received) == ("", len(body))
    cut = status(200, b"".join(pieces)[:-9], Content_Encoding="gzip")
    assert fate(web.add_faults("/cut", cut, cut)) == ("cut_short", LATER)


def test_many_members_of_gzip_are_a_bomb_too(web):
    many = status(200, gzip.compress(b"\0" * 1000) * 900, Content_Encoding="gzip")
    assert fate(web.add_faults("/many", many)) == ("too_big", NEVER)
    empty = status(200, gzip.compress(b"") * 2000, Content_Encoding="gzip")
    assert fate(web.add_faults("/empty", empty, empty)) == ("broken_reply", LATER)


@pytest.mark.parametrize("code", [100, 101, 102, 103, 199])
def test_a_reply_that_is_not_final_is_passed_over(web, code):
    """102: the server works on it. 103: hints on what comes. The final reply follows at once."""
    def first(handler):
        interim = b"HTTP/1.1 %d Soon\r\nLink: </style.css>\r\n\r\n" % code
        handler.wfile.write(2 * interim)
        handler.send_reply(200, picture(), "image/jpeg")
    assert fate(web.add_faults("/cat.jpg", first)) == ("", NEVER)


def test_a_server_that_never_comes_to_the_point_is_left(web):
    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 50)
    assert fate(web.add_faults("/cat.jpg", endless, endless)) == ("broken_reply", LATER)


def test_what_nobody_foresaw_is_one_pictures_failure(web, monkeypatch):
    def nonsense(*_):
        raise KeyError("\ud800")
    monkeypatch.setattr(fetching, "get", nonsense)
    assert fate(web.url + "/cat.jpg") == ("unexpected", LATER)


def test_a_reply_that_is_not_http_is_tried_again(web):
    def mumble(handler):
        handler.wfile.write(b"hello\r\n\r\n")
    assert fate(web.add_faults("/mumble", mumble, mumble)) == ("broken_reply", LATER)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes with a size of its own in the header."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
            + chunk(b"IEND", b""))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_claims_too_many_pixels_or_too_few_is_refused_by_its_header(web):
    for side, cause in [(60_000, "too_many_pixels"), (10_000, "too_many_pixels"), (1, "too_small"),
                        (63, "too_small")]:
        web.images[f"/{side}.png"] = png_that_claims(side, side)
        assert fate(f"{web.url}/{side}.png") == (cause, NEVER)


def test_redirects_are_followed_a_few_times_and_each_is_checked(web):
    web.images["/cat.jpg"] = picture()
    assert fate(web.add_faults("/moved", redirect("/cat.jpg"))) == ("", NEVER)
    assert fate(web.add_faults("/loop", *[redirect("/loop")] * 9)) == ("redirects", NEVER)
    assert web.count_requests("/loop") == FAST.max_redirects + 1
    for place in ("file:///etc/hostname", "data:image/png;base64,AAAA", "ftp://example.org/a", "http://[::1"):
        assert fate(web.add_faults("/scheme", redirect(place))) == ("bad_url", NEVER)
    for place in ("http://10.0.0.1/", "http://192.168.0.7/a.jpg", "http://169.254.169.254/latest/meta-data"):
        assert fate(web.add_faults("/inside", redirect(place))) == ("private_address", NEVER)


def test_a_redirect_with_letters_beyond_ascii_means_utf_8(web):
    web.images["/%C3%BC.jpg"] = picture()
    assert fate(web.add_faults("/moved", redirect("/ü.jpg".encode().decode("latin-1")))) == ("", NEVER)


def test_without_the_tests_own_flag_loopback_is_private_too(web):
    web.images["/cat.jpg"] = picture()
    assert fate(web.url + "/cat.jpg", replace(FAST, loopback=False)) == ("private_address", NEVER)
    assert not web.requests


def test_addresses_inside_other_addresses_are_seen_through():
    for private in ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
                    "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",
                    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"):
        assert not is_public(private), private
    for public in ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"):
        assert is_public(public), public


RESERVED = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
::/128 ::1/128 64:ff9b:1::/48 100::/64 2001:2::/48 2001:10::/28 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7
fe80::/10 fec0::/10 ff00::/8""".split()


@pytest.mark.parametrize("network", RESERVED)
def test_every_reserved_network_is_private_from_its_first_address_to_its_last(network):
    """IANA's registries. 192.0.0.192 and 3fff::1 pass as public on Pythons before 3.12.4 and 3.14."""
    addresses = ipaddress.ip_network(network)
    assert not is_public(str(addresses[0])) and not is_public(str(addresses[-1]))
    assert not is_public(str(addresses[addresses.num_addresses // 2]))


def test_the_addresses_beside_reserved_networks_and_the_exceptions_are_public():
    for public in ("192.0.0.9", "192.0.0.10", "192.0.1.0", "100.63.255.255", "100.128.0.0", "172.32.0.0",
                   "198.20.0.0", "223.255.255.255", "192.88.99.1", "2001:200::", "2001:20::1", "2001:3::1",
                   "2001:4:112::1", "2001:1::1", "3ffe::1", "3fff:1000::", "2620:4f:8000::1"):
        assert is_public(public), public
    for private in ("192.0.0.8", "192.0.0.11", "192.0.0.170", "192.0.0.192", "2001:1::4", "3fff:fff::1"):
        assert not is_public(private), private


def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one_connected_to(web, monkeypatch):
    """DNS rebinding: a name that is public when it is checked and private when it is used."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    connected, lookups = [], []

    def look_up(host, port, **_):
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError("no network here")

    monkeypatch.setattr(network.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(network.socket, "create_connection", connect)
    assert fate("http://rebind.example/", replace(FAST, max_tries=1)) == ("connection", LATER)
    assert (lookups, connected) == (["rebind.example"], [("93.184.216.34", 80)])


def test_an_unknown_name_is_tried_again_as_a_laptop_without_a_network_knows_none(web, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")
    monkeypatch.setattr(network.socket, "getaddrinfo", unknown)
    assert fate("http://no-such-host.example/") == ("no_such_host", LATER)


def test_urls_are_cleaned_or_refused():
    assert parse_url(" https://EXAMPLE.org/a b/ü.jpg?q=é&r=%20 ").url == (
        "https://example.org/a%20b/%C3%BC.jpg?q=%C3%A9&r=%20")
    assert parse_url("http://bücher.example:8080").url == "http://xn--bcher-kva.example:8080/"
    assert parse_url("http://user:secret@example.org/").url == "http://example.org/"
    for url in ("", "cat.jpg", "//example.org/a", "file:///etc/passwd", "http://", "http://[::1",
                "http://a:b/", "http://" + "a" * 70 + ".org/", "http://a..b/", "http://a/\ud800.jpg",
                "http://a/?\udfff", "http://\ud83d.org/", "\ud800://a/"):
        with pytest.raises(FetchError, match="bad_url"):
            parse_url(url)
    assert "\r" not in parse_url("http://example.org/a\r\nX-Evil: 1").url


def test_a_host_that_does_not_want_its_pictures_learned_from_is_heeded(web):
    assert fate(web.add_faults("/no", status(200, picture(), X_Robots_Tag="noimageai, nofollow"))) == (
        "opted_out", NEVER)
    assert fate(web.add_faults("/yes", status(200, picture(), X_Robots_Tag="nofollow"))) == ("", NEVER)


def test_we_say_who_we_are_and_ask_for_plain_bytes(web):
    web.images["/cat.jpg"] = picture()
    outcome_of(web.url + "/cat.jpg")
    headers = web.requests[0][1]
    assert "minimolmo" in headers["User-Agent"] and headers["Accept-Encoding"] == "identity"


def test_a_header_for_one_server_is_not_carried_to_another(web):
    web.images["/b"] = picture()
    get(web.add_faults("/a", redirect(web.url + "/b")), FAST, {"Authorization": "Bearer secret"})
    assert [path for path, headers in web.requests if "Authorization" in headers] == ["/a"]


def test_a_link_of_the_hub_that_has_expired_is_asked_for_again():
    for code in (403, 404):
        assert error_for_status(network.Reply(code, {}, b""), link_expires=True).again == LATER
    record = Record("docs/charts/7", ())
    assert fetch_image(record, 64, FAST)[0].again == LATER  # a row without its link


def test_a_turned_picture_is_put_upright_and_forgets_who_turned_it():
    """EXIF orientation 6: stored 120 x 80, to be seen 80 x 120, its left half on top."""
    exif = Image.Exif()
    exif[0x0112] = 6
    small = to_jpeg(picture(exif=exif, comment=b"secret place"), 60)
    assert (small.width, small.height, small.turned) == (80, 120, True)
    with Image.open(io.BytesIO(small.jpeg)) as image:
        assert image.size == (40, 60) and not image.getexif() and "comment" not in image.info
        (red, _, _), (_, _, blue) = image.getpixel((20, 5)), image.getpixel((20, 55))
        assert red > 200 and blue > 200


@pytest.mark.parametrize("orientation, turned", [(0, False), (1, False), (9, False), (3, True), (8, True)])
def test_only_an_orientation_that_turns_counts_as_turned(orientation, turned):
    """Points in pixels are dropped for a turned picture, so a nonsense tag must not count."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert to_jpeg(picture(exif=exif), 60).turned == turned


def test_a_large_photograph_is_shrunk_without_losing_its_place_on_the_page():
    with Image.open(io.BytesIO(to_jpeg(picture(1600, 1200), 100).jpeg)) as image:
        assert image.size == (100, 75)
        assert image.getpixel((40, 37))[0] > 200 and image.getpixel((60, 37))[2] > 200


@pytest.mark.parametrize("form,mode", [
    ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("PNG", "LA"), ("PNG", "1"), ("GIF", "P"),
    ("JPEG", "CMYK"), ("JPEG", "L"), ("WEBP", "RGBA"), ("BMP", "RGB"), ("TIFF", "F")])
def test_every_kind_of_picture_becomes_an_rgb_jpeg(form, mode):
    body = picture(form=form, mode="L" if mode == "I;16" else mode)
    if mode == "I;16":
        file = io.BytesIO()
        Image.new("I;16", (120, 80), 30_000).save(file, "PNG")
        body = file.getvalue()
    with Image.open(io.BytesIO(to_jpeg(body, 64).jpeg)) as image:
        assert (image.mode, image.size) == ("RGB", (64, 43))


def test_what_is_transparent_becomes_white():
    file = io.BytesIO()
    Image.new("RGBA", (80, 80), (255, 0, 0, 0)).save(file, "PNG")
    with Image.open(io.BytesIO(to_jpeg(file.getvalue(), 64).jpeg)) as image:
        assert image.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("error", [TypeError, KeyError, ZeroDivisionError, MemoryError, OSError, SyntaxError])
def test_a_file_whose_tables_are_nonsense_is_no_picture_whatever_pillow_says(monkeypatch, error):
    """40,000 damaged files made Pillow raise a TypeError once."""
    def nonsense(*_, **__):
        raise error("nonsense")
    monkeypatch.setattr("minimolmo.image.reader.to_rgb", nonsense)
    with pytest.raises(FetchError, match="not_an_image"):
        to_jpeg(picture(), 64)


def test_formats_that_start_programs_are_not_even_opened():
    """EPS would start a program, and nobody's picture on the web is a PPM: only six formats are known."""
    for form in ("EPS", "PPM"):
        file = io.BytesIO()
        Image.new("RGB", (100, 100)).save(file, form)
        with pytest.raises(FetchError, match="not_an_image"):
            to_jpeg(file.getvalue(), 64)


def test_https_is_spoken_and_an_unknown_certificate_is_refused(web, tmp_path, monkeypatch):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    pair = [str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", pair[0], "-out", pair[1], "-subj", "/CN=localhost", "-days", "2",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair[1], pair[0])
    web.server.socket = server.wrap_socket(web.server.socket, server_side=True, do_handshake_on_connect=False)
    web.images["/cat.jpg"] = picture()
    url = f"https://localhost:{web.server.server_port}/cat.jpg"
    assert fate(url) == ("certificate", LATER)
    monkeypatch.setattr(network, "_certificates", lambda: ssl.create_default_context(cafile=pair[1]))
    assert fate(url) == ("", NEVER)
