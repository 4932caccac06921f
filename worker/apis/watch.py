"""How many record APIs cannot be served: one worker looks every second, and tells the operators.

APIs are made when somebody asks for one. This asks for all of them, so the figure follows settings
and schema though nobody does, and the log has each reason.
"""

from __future__ import annotations

from shared.limits import API_LOOK_SECONDS
from shared.schema.api import BrokenApi
from worker.context import Context
from worker.engine.lookout import Lookout


def watch_apis(context: Context) -> Lookout:
    """What keeps the figure on the status page up to date."""

    async def look() -> None:
        context.page.broken_apis = len(await broken_apis(context))

    return Lookout(context.slot, "record APIs", API_LOOK_SECONDS, look)


async def broken_apis(context: Context) -> list[BrokenApi]:
    """Those of the settings that cannot be served now, in the order of the settings."""
    if not context.catalog.current().config.record_apis:
        return []  # most depots of collections: nothing to be made of each change of the schema
    return [one for one in await context.apis.current() if isinstance(one, BrokenApi)]
