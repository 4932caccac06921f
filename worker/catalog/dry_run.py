"""What a view would show, before it is defined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from shared.access.request import AccessRequest
from shared.errors import FieldError, invalid
from shared.limits import VIEW_QUERY_CHARS_MAX, VIEW_SAMPLE_ROWS
from shared.schema.catalog import Catalog
from shared.schema.collection import VIEW, VIEW_QUERY, Collection
from shared.schema.fields.field import REQUIRED
from shared.schema.fields.options import is_clean_text
from shared.schema.view import clean_query
from shared.sql.select import view_sample_sql
from shared.sql.shape import shape_of
from worker.catalog.compile import describe_query
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.superuser_plan import require_superuser

_NAME: Final = "dry_run"


async def dry_run_view(
    context: Context, body: Mapping[str, object], origin: Origin
) -> dict[str, object]:
    """`{"fields", "sample"}` of a view with the query of `body`. Raises INVALID."""
    try:
        return await context.reader.read(_dry_run, body, origin, transaction=True, in_thread=True)
    except SQLError as error:  # at a row: a wrong path into JSON, an overflow
        raise invalid(f"The query fails: {error}") from None


def _dry_run(
    snapshot: Snapshot, catalog: Catalog, body: Mapping[str, object], origin: Origin
) -> dict[str, object]:
    identity = identity_in(origin.caller, snapshot, catalog)
    require_superuser(identity)
    found = describe_query(catalog, _read_query(body))
    options = {VIEW_QUERY: ""}
    view = Collection(f"@{_NAME}", _NAME, VIEW, system=False, fields=found.fields, options=options)
    shape = shape_of(view, catalog, hidden=True)
    values = shape.bind(AccessRequest(identity))
    rows = snapshot.value(view_sample_sql(found.select, shape), (*values, VIEW_SAMPLE_ROWS))
    sample = orjson.loads(str(rows))
    return {"fields": [field.to_json() for field in found.fields], "sample": sample}


def _read_query(body: Mapping[str, object]) -> str:
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise invalid("Failed to describe the view.", {"query": REQUIRED})
    if len(query) > VIEW_QUERY_CHARS_MAX or not is_clean_text(query):
        problem = FieldError("validation_invalid_value", "Too long, or not a text.")
        raise invalid("Failed to describe the view.", {"query": problem})
    return clean_query(query)
