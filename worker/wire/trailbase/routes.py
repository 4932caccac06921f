"""The table of everything that is answered in the dialect of record APIs."""

from __future__ import annotations

from typing import Final

from worker.http.routes import Handler
from worker.wire.trailbase import records
from worker.wire.trailbase.auth_routes import AUTH_ROUTES

_RECORDS: Final = "/api/records/v1/{api}"

TRAILBASE_ROUTES: Final[list[tuple[str, str, Handler]]] = [
    ("GET", _RECORDS, records.list_all),
    ("GET", f"{_RECORDS}/{{id}}", records.read),
    ("GET", f"{_RECORDS}/schema", records.schema),
    *AUTH_ROUTES,
]
