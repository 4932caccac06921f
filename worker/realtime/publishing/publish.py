"""Publishing by a superuser: check the messages against the catalog, plan, submit, and once only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.schema.catalog import Catalog
from shared.sql.message import message_steps
from worker.context import Context
from worker.realtime.publishing.message import check_count, make_message
from worker.records.caller import Origin
from worker.records.idempotency import Stored
from worker.records.submit import Ask, Planned, Secrets, Written, submit_planned
from worker.records.superuser_plan import Made, superuser_plan

Wish = Mapping[str, object]
"""`{"topic", "data"}` as it came; without data it is null."""


async def publish(
    context: Context, wishes: Sequence[tuple[str, Wish]], origin: Origin, ask: Ask
) -> Written:
    """Publish all of them in one plan, in their order. No answer.

    `wishes`: each with its place among the others, for the errors.
    Raises UNAUTHENTICATED, FORBIDDEN, INVALID, TOO_LARGE, and as every write.
    """

    def make(catalog: Catalog) -> Made:
        check_count(wishes)
        messages = [
            make_message(catalog, wish.get("topic"), wish.get("data"), place)
            for place, wish in wishes
        ]
        return Made(message_steps(messages), None, "", changes_catalog=False)

    async def planner(_: Secrets) -> Planned | Stored:
        return await context.reader.read(superuser_plan, make, origin, ask)

    return await submit_planned(context, planner, ask)
