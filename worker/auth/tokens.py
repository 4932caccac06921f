"""Tokens of PocketBase's dialect, for sessions and for files: HS256 JWTs.

The key is the record's tokenKey and a secret of its collection, one for each type of token, so a
changed password or secret ends all sessions. A token says nothing before its signature was compared with a key that was read
in the request's own snapshot (identity.py). Only the fact "this token is signed with this key" is
kept.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

ALGORITHM: Final = "HS256"
_TOKEN_CHARS_MAX: Final = 4_096
_SIGNATURES_KEPT: Final = 4_096
_BEARER: Final = "bearer "
_Kept = TypeVar("_Kept")


class TokenType(StrEnum):
    """What a token is for, as it says itself."""

    AUTH = "auth"
    FILE = "file"


class Claims(NamedTuple):
    """What a token claims. Nothing of it is true before `signed_with`."""

    record_id: str
    collection_id: str
    expires: float  # unix seconds
    refreshable: bool
    token: str


def sign(record_id: str, collection_id: str, key: str, seconds: int, *, refreshable: bool) -> str:
    """A new auth token that is good for `seconds`. Raises ValueError for an empty key."""
    claims = {"id": record_id, "collectionId": collection_id, "refreshable": refreshable}
    return _encode(TokenType.AUTH, claims, key, seconds)


def sign_file(record_id: str, collection_id: str, key: str, seconds: int) -> str:
    """A new file token that is good for `seconds`. Raises ValueError for an empty key."""
    claims = {"id": record_id, "collectionId": collection_id}
    return _encode(TokenType.FILE, claims, key, seconds)


def _encode(kind: TokenType, claims: Mapping[str, object], key: str, seconds: int) -> str:
    if not key:
        raise ValueError("tokens are signed with a key")
    whole = {**claims, "exp": int(time.time()) + seconds, "type": kind.value}
    return jwt.encode({"alg": ALGORITHM}, whole, OctKey.import_key(key))


def read_header(header: str | None) -> Claims | None:
    """The claims in an Authorization header.

    None for whatever is not a live auth token: such a caller is a guest.
    """
    if not header:
        return None
    token = header[len(_BEARER) :] if header[: len(_BEARER)].lower() == _BEARER else header
    claims = _claims.get(token)
    if claims is None:
        claims = _decode(token.strip(), TokenType.AUTH)
        if claims is None:
            return None
        _keep(_claims, token, claims)
    return claims if claims.expires > time.time() else None


def read_file_token(token: str) -> Claims | None:
    """The claims in a file token, None for whatever is not a live one."""
    claims = _decode(token, TokenType.FILE)
    return claims if claims is not None and claims.expires > time.time() else None


def signed_with(claims: Claims, key: str) -> bool:
    """Whether the token is signed with `key`; with an empty one nothing is."""
    if not key:
        return False
    if _signatures.get(claims.token) == key:
        return True
    try:
        jwt.decode(claims.token, OctKey.import_key(key), algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return False
    _keep(_signatures, claims.token, key)
    return True


# Both are bounded by being emptied when full: cheaper on each hit than keeping an order.
_claims: dict[str, Claims] = {}
_signatures: dict[str, str] = {}


def _keep(cache: dict[str, _Kept], token: str, value: _Kept) -> None:
    if len(cache) >= _SIGNATURES_KEPT:
        cache.clear()
    cache[token] = value


def _decode(token: str, kind: TokenType) -> Claims | None:
    """Read the payload without believing it."""
    if len(token) > _TOKEN_CHARS_MAX or token.count(".") != 2:
        return None
    part = token.split(".")[1]
    try:
        payload = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None
    return _claims_of(payload, token, kind)


def _claims_of(payload: object, token: str, kind: TokenType) -> Claims | None:
    if not isinstance(payload, dict) or payload.get("type") != kind.value:
        return None
    record_id, collection_id = payload.get("id"), payload.get("collectionId")
    expires = payload.get("exp")
    if not isinstance(record_id, str) or not isinstance(collection_id, str):
        return None
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return None
    return Claims(record_id, collection_id, expires, payload.get("refreshable") is True, token)
