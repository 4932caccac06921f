"""What a write's answer shows beside the record: `expand`, read after the commit.

The write stands whatever happens here. So where this read is refused or takes too long, the records
are shown without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.errors import QuillError
from shared.schema.catalog import Catalog
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.expand import run_expand
from worker.records.plans import PlanCache


class Shown(NamedTuple):
    """A record that was written, and what its writer wants with it."""

    record: dict[str, Any]
    expand: str
    origin: Origin


async def expand_shown(context: Context, shown: Sequence[Shown]) -> None:
    """Put what is expanded into the records, in place."""
    for one in shown:
        try:
            await context.reader.read(_expand, context.plans, one, transaction=True)
        except (QuillError, SQLError):
            one.record.pop("expand", None)


def _expand(snapshot: Snapshot, catalog: Catalog, plans: PlanCache, one: Shown) -> None:
    collection = catalog.by_id(one.record["collectionId"])
    if collection is not None:
        request = one.origin.request(identity_in(one.origin.caller, snapshot, catalog))
        run_expand(snapshot, catalog, plans, collection, [one.record], one.expand, request)
