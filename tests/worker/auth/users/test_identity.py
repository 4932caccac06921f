"""Whom a request's token means, and when a cookie may act for its owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from worker.auth.users.identity import _Installed, cookie, install, is_own_page, user_claims
from worker.auth.users.keys import KeyFiles
from worker.auth.users.tokens import AuthToken, UserTokens
from worker.http.bodies import Bodies
from worker.http.client_address import ProxyTrust
from worker.http.request import Request

USER: dict[str, Any] = {"id": bytes(16), "email": "anna@example.com"}


async def _nothing(*_: object) -> Any:
    raise AssertionError("no body is read here")


def request(method: str = "GET", **headers: str) -> Request:
    """A request with these headers; `_` stands for `-`."""
    listed = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope = {"method": method, "path": "/", "query_string": b"", "headers": listed}
    return Request(scope, _nothing, _nothing, ProxyTrust(()), Bodies())


@pytest.fixture
def made(tmp_path: Path) -> Iterator[AuthToken]:
    """A live token under keys of its own."""
    before = _Installed.tokens
    tokens = UserTokens(KeyFiles(tmp_path))
    install(tokens)
    yield tokens.auth(USER, 60)
    _Installed.tokens = before


def test_a_header_names_the_user(made: AuthToken) -> None:
    """For reads and writes."""
    for method in ("GET", "POST"):
        claims = user_claims(request(method, authorization=f"Bearer {made.text}"))
        assert claims is not None
        assert claims.user == USER["id"]


def test_the_header_wins(made: AuthToken) -> None:
    """A bad one is not made good by a cookie."""
    sent = request(authorization="Bearer a.b.c", cookie=f"auth_token={made.text}")
    assert user_claims(sent) is None


def test_a_cookie_reads(made: AuthToken) -> None:
    """Among others."""
    assert user_claims(request(cookie=f"a=b; auth_token={made.text}; c=d")) is not None
    assert user_claims(request(cookie=f"xauth_token={made.text}")) is None


@pytest.mark.parametrize(
    ("headers", "acts"),
    [
        ({}, False),
        ({"csrf_token": "wrong"}, False),
        ({"csrf_token": "é"}, False),
        ({"csrf_token": "wrong", "sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "http://host", "host": "host"}, False),
        ({"origin": "http://host:1", "host": "host:1"}, True),
        ({"origin": "http://evil", "host": "host"}, False),
        ({"origin": "null", "host": "host"}, False),
        ({"host": "host"}, False),
    ],
)
def test_a_cookie_writes_for_our_own_pages_alone(
    made: AuthToken, headers: dict[str, str], *, acts: bool
) -> None:
    """Or with the token that only they can read."""
    jar = f"auth_token={made.text}"
    assert (user_claims(request("POST", cookie=jar, **headers)) is not None) is acts
    assert user_claims(request("POST", cookie=jar, csrf_token=made.csrf_token)) is not None


def test_cookies_are_found_by_their_whole_name() -> None:
    """Quotes around a value are none of it."""
    sent = request(cookie='a=1; b="2"; c')
    assert [cookie(sent, name) for name in ("a", "b", "c", "d")] == ["1", "2", "", ""]


def test_a_page_of_ours_is_told_by_its_browser() -> None:
    """A broken origin is nobody's."""
    assert not is_own_page(request(origin="http://[", host="[:"))
    assert not is_own_page(request(origin="", host=""))
