"""The part of the table of routes that is about users: `/api/auth/v1`."""

from __future__ import annotations

from typing import Final

from worker.http.routes import Handler
from worker.wire.trailbase import auth

_AUTH: Final = "/api/auth/v1"

AUTH_ROUTES: Final[list[tuple[str, str, Handler]]] = [
    ("POST", f"{_AUTH}/login", auth.login),
    ("POST", f"{_AUTH}/refresh", auth.refresh_token),
    ("GET", f"{_AUTH}/status", auth.status),
    ("GET", f"{_AUTH}/logout", auth.logout),
    ("POST", f"{_AUTH}/logout", auth.logout_session),
    ("POST", f"{_AUTH}/register", auth.register),
    ("GET", f"{_AUTH}/verify_email/confirm/{{token}}", auth.confirm_email),
    ("POST", f"{_AUTH}/change_password", auth.change_password),
]
