"""Who asks in the dialect of record APIs.

A user by token or cookie, or a record of any auth collection by its own token.
"""

from __future__ import annotations

from worker.auth.identity import caller as record_caller
from worker.auth.users.identity import UserCaller, read_auth, user_claims
from worker.http.request import Request
from worker.records.caller import Caller, Origin

_AUTHORIZATION = b"authorization"


def caller_of(request: Request) -> Caller | None:
    """Who asks; None for a guest."""
    claims = user_claims(request)
    if claims is not None:
        return UserCaller(claims)
    return record_caller(request.header(_AUTHORIZATION))


def caller_with(token: str) -> Caller | None:
    """Who has this token; None for one that is not good by itself."""
    claims = read_auth(token)
    return record_caller(token) if claims is None else UserCaller(claims)


def user_origin(request: Request) -> Origin:
    """Where a request in this dialect comes from."""
    return Origin(caller_of(request), request)
