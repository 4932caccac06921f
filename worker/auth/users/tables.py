"""Having the tables of users made: `_user` in main.db, and session.db, which the writer opens then.

A depot without record APIs has neither until somebody asks for them, and pays nothing for them.
"""

from __future__ import annotations

import asyncio
import time

from shared.errors import Kind, QuillError
from shared.limits import CATALOG_DEADLINE_SECONDS, DATABASE_OPEN_SECONDS, REPLANS_MAX
from shared.messages.commands import Status
from shared.schema.catalog import Catalog
from shared.sql.plan import Plan
from shared.sql.user_tables import SESSION, user_tables, wanted_sql
from shared.sql.users import HAS_USERS_SQL
from worker.context import Context
from worker.engine.reader import Reader
from worker.engine.snapshot import Snapshot
from worker.engine.writer_link import WriterLink

_ID = "users"
_POLL_SECONDS = 0.01


def missing_tables(snapshot: Snapshot, catalog: Catalog) -> Plan | None:
    """What makes the tables that are missing; None where they are there."""
    present = snapshot.value(HAS_USERS_SQL) is not None
    if present and snapshot.value(*wanted_sql()) is not None:
        return None
    return Plan(catalog.version, user_tables(present=present), changes_catalog=True)


async def make_tables(reader: Reader, writer: WriterLink) -> bool:
    """Make what is missing; whether anything was. Raises UNAVAILABLE."""
    for _ in range(REPLANS_MAX + 1):
        plan = await reader.read(missing_tables)
        if plan is None:
            return False
        result = await writer.submit(
            plan, request_id=_ID, deadline_seconds=CATALOG_DEADLINE_SECONDS
        )
        if result.status is Status.OK:
            return True
        if result.status is not Status.STALE:
            break
    raise QuillError(Kind.UNAVAILABLE, "The tables of users cannot be made.")


async def open_tables(context: Context) -> None:
    """Make what is missing and wait until session.db is open. Raises UNAVAILABLE."""
    await make_tables(context.reader, context.writer)
    give_up = time.monotonic() + DATABASE_OPEN_SECONDS
    while True:
        try:
            context.reader.other(SESSION)
        except QuillError:
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return
