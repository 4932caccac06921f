"""Login over HTTP: auth-methods, auth-with-password, auth-refresh."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from shared.access.request import PASSWORD
from worker.auth.admission import second_factor
from worker.auth.identity import caller, origin_of
from worker.auth.login import password_fields, read_attempt, refresh, with_password
from worker.auth.mfa import Begun
from worker.auth.session import Session, find_auth_collection
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.caller import Origin
from worker.records.shown import Shown, expand_shown
from worker.wire.pocketbase.decode import text_object
from worker.wire.pocketbase.encode import cut_response, raw_response
from worker.wire.pocketbase.written import projected


async def auth_methods(context: Context, request: Request, collection: str) -> Response:
    """GET …/auth-methods. Only what this server can do is told as enabled."""
    found = find_auth_collection(context.catalog.current(), collection)
    names = list(password_fields(found))
    methods: dict[str, object] = {
        "authProviders": [],
        "emailPassword": "email" in names,
        "mfa": second_factor(found),
        "oauth2": {"enabled": False, "providers": []},
        "otp": {"duration": 0, "enabled": False},
        "password": {"enabled": bool(names), "identityFields": names},
        "usernamePassword": "username" in names,
    }
    return cut_response(request, methods)


async def auth_with_password(context: Context, request: Request, collection: str) -> Response:
    """POST …/auth-with-password. 401 with an `mfaId` where a second factor is asked for."""
    body = await text_object(request)
    attempt = read_attempt(body)._replace(mfa_id=_mfa_id(request, body))
    entered = await with_password(
        context, collection, attempt, origin_of(request)._replace(context=PASSWORD), request.id
    )
    if isinstance(entered, Begun):
        return Response(401, orjson.dumps({"mfaId": entered.mfa_id}), _NO_STORE)
    return await _answer(context, request, entered)


async def auth_refresh(context: Context, request: Request, collection: str) -> Response:
    """POST …/auth-refresh."""
    header = request.header(b"authorization")
    session = await refresh(context, collection, header, origin_of(request))
    return await _answer(context, request, session)


def _mfa_id(request: Request, body: Mapping[str, object]) -> str:
    """The id of the first factor, which clients send in the body or in the query."""
    return str(body.get("mfaId") or request.query.get("mfaId", ""))


async def _answer(context: Context, request: Request, session: Session) -> Response:
    """The session; what is expanded is what its owner may see."""
    query = request.query
    record, fields, expand = session.record, query.get("fields", ""), query.get("expand", "")
    if expand:
        shown = Shown(orjson.loads(record), expand, Origin(caller(session.token), request))
        await expand_shown(context, [shown])
        record = orjson.dumps(shown.record).decode()
    body = f'{{"record":{record},"token":"{session.token}"}}'.encode()
    return raw_response(projected(body, fields) if fields else body, _NO_STORE)


_NO_STORE = ((b"cache-control", b"no-store"),)
