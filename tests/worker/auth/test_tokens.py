"""Tokens: what is believed, and under which key."""

from __future__ import annotations

import base64
import time

import orjson
import pytest

from worker.auth import tokens

KEY = "k" * 50 + "s" * 50


def _token(key: str = KEY, seconds: int = 60) -> str:
    return tokens.sign("rec", "col", key, seconds, refreshable=True)


def test_a_token_comes_back_as_its_claims() -> None:
    """With and without the Bearer prefix, in any case."""
    token = _token()
    for header in (token, f"Bearer {token}", f"bEARER {token}"):
        claims = tokens.read_header(header)
        assert claims is not None
        assert (claims.record_id, claims.collection_id, claims.refreshable) == ("rec", "col", True)
        assert tokens.signed_with(claims, KEY)


def test_the_payload_is_what_the_sdks_read() -> None:
    """`exp` a number, `type` auth, `id`, `collectionId`."""
    part = _token(seconds=100).split(".")[1]
    payload = orjson.loads(base64.urlsafe_b64decode(part + "=="))

    assert payload["exp"] - time.time() == pytest.approx(100, abs=2)
    assert {**payload, "exp": 0} == {
        "collectionId": "col",
        "exp": 0,
        "id": "rec",
        "refreshable": True,
        "type": "auth",
    }


def test_another_key_ends_a_session_at_once() -> None:
    """Also when the token was good a moment ago, and is kept."""
    claims = tokens.read_header(_token())
    assert claims is not None
    assert tokens.signed_with(claims, KEY)
    assert not tokens.signed_with(claims, KEY + "x")
    assert tokens.signed_with(claims, KEY)


def test_an_expired_token_is_a_guests() -> None:
    """Whether it was seen before or not."""
    assert tokens.read_header(_token(seconds=-1)) is None
    short = _token(seconds=1)
    assert tokens.read_header(short) is not None
    kept = tokens._claims[short]
    tokens._claims[short] = kept._replace(expires=time.time() - 1)
    assert tokens.read_header(short) is None


def _forged(header: object, payload: object) -> str:
    parts = [base64.urlsafe_b64encode(orjson.dumps(part)).decode() for part in (header, payload)]
    return ".".join([*parts, ""]).replace("=", "")


GOOD = {"exp": 9e9, "id": "rec", "type": "auth", "collectionId": "col"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "Bearer ",
        "x",
        "a.b.c",
        "ä.ö.ü",
        "." * 5_000,
        _forged({"alg": "HS256"}, []),
        _forged({"alg": "HS256"}, {**GOOD, "type": "file"}),
        _forged({"alg": "HS256"}, {**GOOD, "id": 1}),
        _forged({"alg": "HS256"}, {**GOOD, "exp": "soon"}),
        _forged({"alg": "HS256"}, {**GOOD, "exp": True}),
    ],
)
def test_what_is_no_auth_token_is_a_guests(token: str) -> None:
    """Never an error: the caller is just nobody."""
    assert tokens.read_header(token) is None


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS512"}, {"alg": "RS256"}, {}, [], {"alg": "HS256", "crit": ["x"]}],
)
def test_only_our_own_signature_counts(header: object) -> None:
    """An unsigned token, or one of another algorithm, is signed with nothing."""
    claims = tokens.read_header(_forged(header, GOOD))
    assert claims is not None
    assert not tokens.signed_with(claims, KEY)


def test_what_is_kept_is_bounded() -> None:
    """A flood of tokens empties the cache and never grows it."""
    for number in range(tokens._SIGNATURES_KEPT + 10):
        tokens._keep(tokens._signatures, str(number), KEY)
    assert len(tokens._signatures) <= tokens._SIGNATURES_KEPT
