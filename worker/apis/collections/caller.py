"""Who asks, where a record API is a collection: the same as in the collections' own dialect."""

from __future__ import annotations

from worker.auth.identity import AdminCaller
from worker.auth.users.identity import UserCaller
from worker.records.caller import Caller, Origin


def own_origin(origin: Origin) -> Origin:
    """The origin with its caller as collections see him."""
    return origin._replace(caller=own_caller(origin.caller))


def own_caller(caller: Caller | None) -> Caller | None:
    """Users of the auth API are guests to collections, unless they are admins."""
    if isinstance(caller, UserCaller) and not isinstance(caller, AdminCaller):
        return AdminCaller(caller.claims)
    return caller
