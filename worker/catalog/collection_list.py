"""The list of collections: chosen by SQL over `_collections`, shown from the catalog.

Only the columns that the reference offers can be named in its filter and sort.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.plans import PlanCache
from worker.records.read import ListQuery, find_readable, run_list
from worker.records.superuser_plan import require_superuser

_TYPES: Final = {
    "id": "text",
    "name": "text",
    "type": "text",
    "system": "bool",
    "created": "date",
    "updated": "date",
}
_CATALOG: Final = Collection(
    id="@collections",  # in plan-cache keys; no collection can have this id
    name="_collections",
    type="base",
    system=True,
    fields=tuple(
        field_from_json({"id": name, "name": name, "type": kind}) for name, kind in _TYPES.items()
    ),
)
"""The catalog's own table, as far as clients may name its columns."""


class CollectionPage(NamedTuple):
    """One page of definitions in wire form, and how many there are; -1: not counted."""

    items: list[dict[str, object]]
    total: int


def list_collections(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    asked: ListQuery,
    page: int,
    per_page: int,
    origin: Origin,
) -> CollectionPage:
    """Work for `Reader.read`, in a transaction. Raises UNAUTHENTICATED, FORBIDDEN, INVALID."""
    identity = identity_in(origin.caller, snapshot, catalog)
    require_superuser(identity)
    found = run_list(
        snapshot, catalog, plans, _CATALOG, asked, page, per_page, origin.request(identity)
    )
    ids = [item["id"] for item in orjson.loads(found.items)]
    shown = [collection for collection in map(catalog.by_id, ids) if collection is not None]
    return CollectionPage([collection.to_json() for collection in shown], found.total)


def view_collection(
    snapshot: Snapshot, catalog: Catalog, name: str, origin: Origin
) -> dict[str, object]:
    """Work for `Reader.read`: one definition in wire form."""
    require_superuser(identity_in(origin.caller, snapshot, catalog))
    return find_readable(catalog, name).to_json()
