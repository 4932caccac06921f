"""The table of everything that is answered in the dialect of record APIs."""

from __future__ import annotations

from typing import Final

from worker.http.routes import Handler
from worker.wire.trailbase import admin, records, subscribe, transaction, writes
from worker.wire.trailbase.auth_routes import AUTH_ROUTES

_RECORDS: Final = "/api/records/v1/{api}"

TRAILBASE_ROUTES: Final[list[tuple[str, str, Handler]]] = [
    ("GET", _RECORDS, records.list_all),
    ("GET", f"{_RECORDS}/{{id}}", records.read),
    ("GET", f"{_RECORDS}/schema", records.schema),
    ("POST", _RECORDS, writes.create),
    ("PATCH", f"{_RECORDS}/{{id}}", writes.update),
    ("DELETE", f"{_RECORDS}/{{id}}", writes.delete),
    ("POST", "/api/transaction/v1/execute", transaction.run),
    ("POST", "/api/_admin/query", admin.query),
    ("POST", "/api/_admin/parse", admin.parse),
    ("GET", "/api/_admin/record_apis", admin.record_apis),
    ("GET", f"{_RECORDS}/subscribe/{{id}}", subscribe.subscribe),
    *AUTH_ROUTES,
]
