"""Puts a text into a stored rule that the API would refuse, as an older or a broken build might.

It goes as a plan through the running writer: nothing but the writer writes to a depot.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from cluster.depot import read_holder
from shared.messages.commands import Result, Status
from shared.run_directory import RunDirectory
from shared.sql.plan import Plan, run
from shared.status_page import StatusPage
from tests.cluster_process import ClusterProcess
from worker.engine.writer_link import WriterLink

RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")


def store_rules(cluster: ClusterProcess, collection: str, text: str) -> None:
    """All five rules of a collection become `text`, unread by anybody."""
    holder = read_holder(cluster.depot)
    assert holder is not None
    directory = RunDirectory(Path(holder.run_directory))
    version = StatusPage.open(directory.status_page).database().catalog_version
    columns = ", ".join(f'"{rule}" = ?' for rule in RULES)
    statement = run(
        f'UPDATE "_collections" SET {columns} WHERE "name" = ?',
        (*[text] * len(RULES), collection),
        refusal="missing",
    )
    plan = Plan(version, (statement,), changes_catalog=True)

    async def submit() -> Result:
        link = WriterLink(directory.writer, secrets.randbits(63))
        link.start()
        try:
            return await link.submit(plan, request_id="test")
        finally:
            link.close()

    result = asyncio.run(submit())
    assert result.status is Status.OK, result
