"""Idempotency keys: what a fingerprint tells apart."""

from __future__ import annotations

import pytest

from shared.errors import Kind, QuillError
from worker.records.idempotency import read_key

BASE = read_key("key", "POST", "/a?x=1", {"title": "t", "n": 1})


def test_the_same_request_has_the_same_fingerprint() -> None:
    """However its keys are ordered."""
    assert read_key("key", "POST", "/a?x=1", {"n": 1, "title": "t"}) == BASE


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PATCH", "/a?x=1", {"title": "t", "n": 1}),
        ("POST", "/b?x=1", {"title": "t", "n": 1}),
        ("POST", "/a?x=2", {"title": "t", "n": 1}),
        ("POST", "/a?x=1", {"title": "t", "n": "1"}),
        ("POST", "/a?x=1", {"title": "t", "n": True}),
        ("POST", "/a?x=1", {"title": "t"}),
    ],
)
def test_another_request_has_another(method: str, target: str, body: dict[str, object]) -> None:
    """Method, path, query and each value count."""
    assert read_key("key", method, target, body).fingerprint != BASE.fingerprint


def test_a_password_leaves_no_trace() -> None:
    """A hash of it that is quick to compute would be quick to guess."""
    one = read_key("key", "POST", "/a", {"email": "e", "password": "a", "passwordConfirm": "a"})
    two = read_key("key", "POST", "/a", {"email": "e", "password": "b", "passwordConfirm": "b"})
    assert one.fingerprint == two.fingerprint


def test_nor_does_one_within_a_batch() -> None:
    """In a request's body, and in a form's part; what else is sent counts as ever."""

    def fingerprint(password: str, nick: str = "n") -> str:
        inner = {"nick": nick, "password": password}
        asked = [{"method": "POST", "url": "/u", "body": inner}, "odd", {"body": 1}]
        body = {"requests": asked, "requests.0.passwordConfirm": password}
        return read_key("key", "POST", "/api/batch", body).fingerprint

    assert fingerprint("a") == fingerprint("b")
    assert fingerprint("a") != fingerprint("a", nick="m")


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä", "a\n"])
def test_a_key_is_short_and_printable(key: str) -> None:
    """Anything else is a 400."""
    with pytest.raises(QuillError) as refused:
        read_key(key, "POST", "/a", {})
    assert refused.value.kind is Kind.INVALID
