"""Who asks in the dialect of record APIs.

A user by token or cookie, or a record of any auth collection by its own token.
"""

from __future__ import annotations

from worker.auth.identity import caller as record_caller
from worker.auth.users.identity import UserCaller, user_claims
from worker.http.request import Request
from worker.records.caller import Caller, Origin

_AUTHORIZATION = b"authorization"


def caller_of(request: Request) -> Caller | None:
    """Who asks; None for a guest."""
    claims = user_claims(request)
    if claims is not None:
        return UserCaller(claims)
    return record_caller(request.header(_AUTHORIZATION))


def user_origin(request: Request) -> Origin:
    """Where a request in this dialect comes from."""
    return Origin(caller_of(request), request)
