"""Plans sent straight to the writer of a running cluster: states that the API refuses to make."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from cluster.depot import read_holder
from shared.depot.databases import read_slots
from shared.messages.commands import Result, Status
from shared.run_directory import RunDirectory
from shared.sql.plan import Plan, Step
from shared.status_page import StatusPage
from worker.engine.writer_link import WriterLink


def run_directory_of(depot: Path) -> RunDirectory:
    """Where the running cluster of a depot meets."""
    holder = read_holder(depot)
    assert holder is not None
    return RunDirectory(Path(holder.run_directory))


def submit(
    depot: Path, *steps: Step, changes_catalog: bool = False, database: str = "main"
) -> Result:
    """Apply the steps under the present catalog; the outcome must be OK."""
    return asyncio.run(_submit(depot, steps, changes_catalog, database))


async def _submit(
    depot: Path, steps: tuple[Step, ...], changes_catalog: bool, database: str
) -> Result:
    run = run_directory_of(depot)
    slot = 0 if database == "main" else read_slots(run.databases)[database]
    version = StatusPage.open(run.status_page).database(slot).catalog_version
    link = WriterLink(run.writer, secrets.randbits(63))
    try:
        link.start()
        plan = Plan(version, steps, changes_catalog=changes_catalog, database=database)
        result = await link.submit(plan, request_id="test")
    finally:
        link.close()
    assert result.status is Status.OK, result
    return result
