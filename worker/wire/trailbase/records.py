"""Reading records over HTTP: `/api/records/v1/{api}[/{id}]`, and `…/{api}/schema`."""

from __future__ import annotations

from typing import Final

from shared.errors import invalid
from shared.schema.tables.mode import Mode
from worker.apis.read import Page
from worker.apis.served import list_records, read_record, read_schema
from worker.auth.users.caller import user_origin
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.wire.trailbase.query import read_query

_MODES: Final = {mode.value.lower(): mode for mode in Mode}


async def list_all(context: Context, request: Request, api: str) -> Response:
    """GET …/{api}."""
    ask = read_query(request.raw_query)
    page = await list_records(context, api, ask, user_origin(request))
    body = list_body(page) if ask.geojson is None else features_body(page)
    return Response(200, body.encode())


def list_body(page: Page) -> str:
    """The envelope of a list; nothing stands in it for what was not asked for."""
    return f'{{{_head(page)}"records":[{",".join(page.records)}]}}'


def features_body(page: Page) -> str:
    """The same as a GeoJSON collection, with foreign members."""
    features = ",".join(page.records)
    return f'{{"type":"FeatureCollection",{_head(page)}"features":[{features}]}}'


def _head(page: Page) -> str:
    cursor = "" if page.cursor is None else f'"cursor":"{page.cursor}",'
    return cursor + ("" if page.total is None else f'"total_count":{page.total},')


async def read(context: Context, request: Request, api: str, record_id: str) -> Response:
    """GET …/{api}/{id}."""
    expand = read_query(request.raw_query).expand if request.raw_query else ()
    return Response(200, await read_record(context, api, record_id, expand, user_origin(request)))


async def schema(context: Context, request: Request, api: str) -> Response:
    """GET …/{api}/schema."""
    mode = _MODES.get(request.query.get("mode", Mode.INSERT.value).lower())
    if mode is None:
        raise invalid("Invalid query: mode is Insert, Select or Update")
    return Response(200, await read_schema(context, api, mode, user_origin(request)))
