"""Saving a superuser without a worker: plan → submit through a link of our own."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from cluster.refusal import Refusal
from shared import dates
from shared.limits import REPLANS_MAX
from shared.messages.commands import Result, Status
from shared.passwords import hash_password
from shared.run_directory import RunDirectory
from shared.settings import load
from shared.status_page import StatusPage
from worker.auth.superusers import check_credentials, upsert_plan
from worker.engine.reader import Reader
from worker.engine.writer_link import WriterLink


async def upsert_superuser(run: RunDirectory, email: str, password: str) -> None:
    """Plan → submit, again when the catalog moved. Raises QuillError or Refusal."""
    database = Path(load(run.settings).depot) / "data" / "main.db"
    reader = Reader(database, StatusPage.open(run.status_page).database())
    link = WriterLink(run.writer, secrets.randbits(63))
    try:
        link.start()
        catalog = reader.catalog.current()
        check_credentials(catalog, email, password)
        hashed = hash_password(password)
        for _ in range(REPLANS_MAX + 1):
            plan = upsert_plan(catalog, email, hashed, dates.now_text())
            result = await link.submit(plan, request_id="cli")
            if result.status is not Status.STALE:
                break
            catalog = reader.catalog.current()
        _judge(result)
    finally:
        link.close()
        reader.close()


def _judge(result: Result) -> None:
    if result.status is Status.OK:
        return
    detail = msgspec.json.encode(result.payload).decode()
    raise Refusal(f"The writer answered {result.status.name.lower()}: {detail}.")
