"""Saving a superuser without a worker: plan → submit through a link of our own."""

from __future__ import annotations

from functools import cache

from quillbase.cli.writer import submit
from shared import dates
from shared.passwords import hash_password
from shared.run_directory import RunDirectory
from shared.schema.catalog import Catalog
from shared.sql.plan import Plan
from worker.auth.superusers import check_credentials, upsert_plan


async def upsert_superuser(run: RunDirectory, email: str, password: str) -> None:
    """Plan → submit, again when the catalog moved. Raises QuillError or Refusal."""
    hashed = cache(hash_password)

    def make(catalog: Catalog) -> Plan:
        check_credentials(catalog, email, password)
        return upsert_plan(catalog, email, hashed(password), dates.now_text())

    await submit(run, make)
