"""From a token of `_user` to the caller: who sent a request, and whether it may act for him.

A token comes in the Authorization header or in a cookie, and the header wins. A cookie travels with
requests that its owner knows nothing of, so one that writes must also show that a page of this
server sent it. Whoever cannot be told for sure is a guest.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

from shared.access.identity import GUEST, Identity
from shared.access.users import user_identity
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sql.users import user_sql
from worker.auth.users.rows import known_columns, user_columns
from worker.auth.users.tokens import Purpose, UserClaims, UserTokens, bearer
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.http.request import Request

AUTH_COOKIE: Final = "auth_token"
REFRESH_COOKIE: Final = "refresh_token"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KNOWN_CALLERS: Final = 1_024
_AUTHORIZATION: Final = b"authorization"

_Row = tuple[Value, ...]


class _Known(NamedTuple):
    """Whom a token meant, when the user's row was this one."""

    columns: tuple[str, ...]
    row: _Row
    identity: Identity


class _Installed:
    """The tokens of the depot that this process serves; nobody is known before there are any."""

    tokens: UserTokens | None = None


_known: dict[str, _Known] = {}
"""By token; bounded by being emptied when full."""


def install(tokens: UserTokens) -> None:
    """Say under which keys tokens are read; once, when the process starts."""
    _Installed.tokens = tokens
    _known.clear()


def user_tokens() -> UserTokens:
    """What makes tokens, too. Raises LookupError before `install`."""
    if _Installed.tokens is None:
        raise LookupError("no keys are installed")
    return _Installed.tokens


async def user_exists(context: Context, claims: UserClaims) -> bool:
    """Whether the user of a token is still there."""
    return not (await context.reader.read(UserCaller(claims))).guest


def read_auth(token: str) -> UserClaims | None:
    """The claims of a live auth token, None for anything else."""
    tokens = _Installed.tokens
    return None if tokens is None or not token else tokens.read(token, Purpose.AUTH)


def user_claims(request: Request) -> UserClaims | None:
    """What the request's token says, where it is one of `_user` that may act for its owner."""
    header = request.header(_AUTHORIZATION)
    if header:
        return read_auth(bearer(header))
    claims = read_auth(cookie(request, AUTH_COOKIE))
    return claims if claims is not None and _may_act(request, claims) else None


class UserCaller:
    """Whoever a token of `_user` names."""

    __slots__ = ("claims",)

    def __init__(self, claims: UserClaims) -> None:
        self.claims = claims

    def __call__(self, snapshot: Snapshot, catalog: Catalog) -> Identity:
        """Who he is in the snapshot; a guest when there is no such user any more."""
        columns = user_columns(snapshot, catalog)
        if not columns:
            return GUEST
        row = snapshot.row(user_sql(columns, "id"), (self.claims.user,))
        if row is None:
            return GUEST
        known = _known.get(self.claims.token)
        if known is not None and known.row == row and known.columns is columns:
            return known.identity
        identity = user_identity(dict(zip(columns, row, strict=True)))
        if len(_known) >= _KNOWN_CALLERS:
            _known.clear()
        _known[self.claims.token] = _Known(columns, row, identity)
        return identity

    def remembered(self, catalog: Catalog) -> Identity | None:
        """Who he was when last looked up in a table of the same columns.

        Without one of them a guard would compare something else, or nothing.
        """
        known = _known.get(self.claims.token)
        if known is None or known.columns is not known_columns(catalog):
            return None
        return known.identity


def cookie(request: Request, name: str) -> str:
    """The value of a cookie, "" where it was not sent."""
    for header in request.headers(b"cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value.strip('"')
    return ""


def _may_act(request: Request, claims: UserClaims) -> bool:
    """A write by cookie comes with the token's CSRF token, or its browser says it is of our page."""
    if request.method in _READING:
        return True
    sent = request.header(b"csrf-token")
    if sent:
        return bool(claims.csrf_token) and hmac.compare_digest(
            sent.encode(), claims.csrf_token.encode()
        )
    return is_own_page(request)


def is_own_page(request: Request) -> bool:
    """Whether the browser says that a page of this very server sent the request.

    No page can set these headers for its requests; a client that is no browser has no cookies of
    others.
    """
    site = request.header(b"sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = request.header(b"origin") or "", request.header(b"host")
    return bool(host) and origin.partition("://")[2] == host
