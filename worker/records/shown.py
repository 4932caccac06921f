"""What a write's answer shows beside the record: `expand`, read after the commit.

The write stands whatever happens here. So where this read is refused or takes too long, the record
is shown without, and so are those after it: a batch is one answer, and has its bound only once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.errors import QuillError
from shared.limits import EXPAND_BYTES_MAX
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
    """Put what is expanded into the records, in place, as long as there is room."""
    room = EXPAND_BYTES_MAX
    for one in shown:
        try:
            room -= await context.reader.read(_expand, context.plans, one, room, transaction=True)
        except (QuillError, SQLError):
            one.record.pop("expand", None)
            break


def _expand(
    snapshot: Snapshot, catalog: Catalog, plans: PlanCache, one: Shown, room_bytes: int
) -> int:
    collection = catalog.by_id(one.record["collectionId"])
    if collection is None:
        return 0
    request = one.origin.request(identity_in(one.origin.caller, snapshot, catalog))
    return run_expand(
        snapshot, catalog, plans, collection, [one.record], one.expand, request, room_bytes
    )
