"""Who calls the admin API of record APIs: an admin of `_user`, with the CSRF token of his token.

A superuser of the other dialect may call it by his own token, which no browser sends by itself.
Whether somebody is an admin is read in the database, where the call's work begins.
"""

from __future__ import annotations

import hmac
from typing import Final

from shared.errors import Kind, QuillError, invalid
from worker.auth.identity import caller as record_caller
from worker.auth.users.identity import AUTH_COOKIE, UserCaller, cookie, read_auth
from worker.auth.users.tokens import bearer
from worker.http.request import Request
from worker.records.caller import Caller

_AUTHORIZATION: Final = b"authorization"
_CSRF: Final = b"csrf-token"


def admin_caller(request: Request) -> Caller:
    """Who calls, to be found to be a superuser or not.

    Raises UNAUTHENTICATED without a token that is good, INVALID without its CSRF token.
    """
    header = request.header(_AUTHORIZATION)
    claims = read_auth(bearer(header) if header else cookie(request, AUTH_COOKIE))
    if claims is None:
        other = record_caller(header)
        if other is None:
            raise QuillError(Kind.UNAUTHENTICATED, "An admin's token is needed.")
        return other
    sent = request.header(_CSRF) or ""
    if not claims.csrf_token or not hmac.compare_digest(sent.encode(), claims.csrf_token.encode()):
        raise invalid("The header CSRF-Token is not that of the auth token.")
    return UserCaller(claims)
