"""Hostile requests by the thousand: tests/tools/hostile.py. Here a few of them, to a page without a model."""
import re

from tools import hostile


def test_a_page_withstands_hostile_requests():
    failures, line = hostile.attack("toy", seed=0, count=60)
    assert not failures and "404 x" in line and "400 x" in line


def test_a_page_that_fails_is_found(monkeypatch):
    requests = [("GET", "/api/fail/ours", None), ("GET", "/api/fail/late", None)]
    monkeypatch.setitem(hostile.PAGES, "toy", hostile.Page(hostile.PAGES["toy"].command, requests))
    failures, _ = hostile.attack("toy", seed=0, count=12)
    for words in ("number .* 500 .*ZeroDivision", "it printed: .*ZeroDivision", "it printed: .*KeyError"):
        assert any(re.match(words, failure) for failure in failures), words
