"""Cookies that hold the tokens of a browser: no script reads them, and no other site sends them."""

from __future__ import annotations

from typing import Final

from shared.config.config import Config
from worker.auth.users.identity import AUTH_COOKIE, REFRESH_COOKIE
from worker.auth.users.login import LoggedIn
from worker.auth.users.tokens import AuthToken
from worker.http.response import Header

_FIXED: Final = "; Path=/; HttpOnly; SameSite=Strict"
_SECURE: Final = "; Secure"


def session_cookies(config: Config, entered: LoggedIn) -> tuple[Header, ...]:
    """What keeps a browser logged in."""
    seconds = config.auth.refresh_token_ttl_sec
    return (
        auth_cookie(config, entered.auth),
        _cookie(config, REFRESH_COOKIE, entered.refresh_token, seconds),
    )


def auth_cookie(config: Config, made: AuthToken) -> Header:
    """The auth token alone, as a refresh makes it."""
    return _cookie(config, AUTH_COOKIE, made.text, config.auth.auth_token_ttl_sec)


def cleared_cookies(config: Config) -> tuple[Header, ...]:
    """What takes both from a browser."""
    return tuple(_cookie(config, name, "", 0) for name in (AUTH_COOKIE, REFRESH_COOKIE))


def _cookie(config: Config, name: str, value: str, seconds: int) -> Header:
    secure = _SECURE if config.server.site_url.startswith("https://") else ""
    return b"set-cookie", f"{name}={value}; Max-Age={seconds}{_FIXED}{secure}".encode("ascii")
