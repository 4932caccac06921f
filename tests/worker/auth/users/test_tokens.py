"""Tokens of `_user`: what they claim, and that nothing forged, stale or misused is taken."""

from __future__ import annotations

import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.access.users import id_text
from worker.auth.users.keys import KeyFiles
from worker.auth.users.tokens import Purpose, UserTokens, _registry, bearer

USER: dict[str, Any] = {
    "id": bytes(range(16)), "email": "anna@example.com", "username": None, "admin": 0,
    "provider_id": 0, "totp_secret": None,
}  # fmt: skip


@pytest.fixture
def tokens(tmp_path: Path) -> UserTokens:
    """Tokens of a depot that has no key yet."""
    return UserTokens(KeyFiles(tmp_path / "keys"))


def part(value: object) -> str:
    """A part of a JWT."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def payload_of(token: str) -> dict[str, Any]:
    """The claims as a client reads them."""
    text = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims


def test_the_claims_are_those_that_clients_read(tokens: UserTokens) -> None:
    """Names, types and the times, and the flags only where they are set."""
    made = tokens.auth(USER, 60)
    claims = payload_of(made.text)
    assert claims.pop("exp") - claims.pop("iat") == 60
    assert claims == {
        "sub": id_text(USER["id"]), "type": 1, "provider": 0, "email": "anna@example.com",
        "username": None, "csrf_token": made.csrf_token,
    }  # fmt: skip
    assert made.csrf_token.isalnum()
    assert len(made.csrf_token) == 20
    admin = payload_of(tokens.auth({**USER, "admin": 1, "totp_secret": "x"}, 60).text)
    assert (admin["admin"], admin["mfa"]) == (True, True)
    assert json.loads(base64.urlsafe_b64decode(made.text.split(".")[0] + "=="))["alg"] == "EdDSA"


def test_a_token_is_good_for_its_purpose_only(tokens: UserTokens) -> None:
    """Whatever it was asked for first."""
    token = tokens.auth(USER, 60).text
    for _ in range(2):
        assert tokens.read(token, Purpose.VERIFY_EMAIL) is None
        claims = tokens.read(token, Purpose.AUTH)
        assert claims is not None
        assert claims.user == USER["id"]
    assert tokens.read(tokens.mfa(USER), Purpose.AUTH) is None
    sent = tokens.read(tokens.verification(USER, "new@example.com"), Purpose.VERIFY_EMAIL)
    assert sent is not None
    assert sent.email == "new@example.com"


def test_a_token_ends(tokens: UserTokens) -> None:
    """Also one that was verified while it was good."""
    assert tokens.read(tokens.auth(USER, 0).text, Purpose.AUTH) is None
    assert tokens.read(tokens.auth(USER, -5).text, Purpose.AUTH) is None


def test_forged_tokens_mean_nobody(tokens: UserTokens, tmp_path: Path) -> None:
    """No algorithm, the public key as a secret, another key, changed claims, nonsense."""
    good = tokens.auth(USER, 60).text
    head, body, signature = good.split(".")
    public = (tmp_path / "keys" / "public_key.pem").read_bytes()
    claims = {**payload_of(good), "exp": int(time.time()) + 999}
    hs256 = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    other = OKPKey.generate_key("Ed25519")
    forged = [
        f"{part({'alg': 'none'})}.{body}.",
        f"{part({'alg': 'none'})}.{body}.{signature}",
        f"{hs256}.{part(hmac.digest(public, hs256.encode(), 'sha256'))}",
        f"{hs256}.{part(hmac.digest(public.strip(), hs256.encode(), 'sha256'))}",
        jwt.encode({"alg": "EdDSA"}, claims, other, registry=_registry),
        f"{part({'alg': 'EdDSA', 'jwk': other.as_dict(private=False)})}.{part(claims)}.{signature}",
        f"{head}.{part(claims)}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{good}.{signature}",
        "a.b.c", "..", "", "é.é.é", "\ud800.a.b", "x" * 10_000,
    ]  # fmt: skip
    assert tokens.read(good, Purpose.AUTH) is not None
    assert [one for one in forged if tokens.read(one, Purpose.AUTH) is not None] == []


@pytest.mark.parametrize(
    "changed",
    [{"sub": "short"}, {"sub": 5}, {"sub": None}, {"type": "1"}, {"type": True}, {"exp": "9e9"},
     {"exp": None}, {"exp": True}],
)  # fmt: skip
def test_claims_of_the_wrong_type_mean_nobody(
    tokens: UserTokens, tmp_path: Path, changed: dict[str, object]
) -> None:
    """Though the signature is ours."""
    claims = {**payload_of(tokens.auth(USER, 60).text), **changed}
    private = KeyFiles(tmp_path / "keys").take().private
    assert (
        tokens.read(jwt.encode({"alg": "EdDSA"}, claims, private, registry=_registry), Purpose.AUTH)
        is None
    )


def test_without_a_key_there_is_nobody_and_none_is_made(tmp_path: Path) -> None:
    """Whoever sends something makes no files."""
    tokens = UserTokens(KeyFiles(tmp_path / "keys"))
    assert tokens.read("a.b.c", Purpose.AUTH) is None
    assert not (tmp_path / "keys").exists()


def test_with_a_broken_key_there_is_nobody(tmp_path: Path) -> None:
    """Who sends a token gets no error for what is the server's fault."""
    (tmp_path / "private_key.pem").write_bytes(b"nonsense")
    assert UserTokens(KeyFiles(tmp_path)).read("a.b.c", Purpose.AUTH) is None


def test_the_word_before_a_token_may_be_missing() -> None:
    """As clients of either dialect send it."""
    assert [bearer(one) for one in ("Bearer a.b.c", "bearer  a.b.c", "a.b.c", "", None)] == [
        "a.b.c", "a.b.c", "a.b.c", "", "",
    ]  # fmt: skip
