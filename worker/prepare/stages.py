"""What preparing consists of, in its order: the settings first, since they name the databases."""

from __future__ import annotations

import asyncio
import secrets
import time

from shared.config.problem import ConfigError
from shared.depot.databases import read_slots
from shared.depot.layout import MAIN, DepotLayout
from shared.depot.migration_files import MigrationFile
from shared.errors import Kind, QuillError, invalid
from shared.limits import DATABASE_OPEN_SECONDS, WRITER_SILENT_SECONDS
from shared.logs import get_logger
from shared.run_directory import RunDirectory
from shared.status_page import StatusPage
from worker.engine.offline import ReadError
from worker.engine.reader import Reader
from worker.engine.writer_link import WriterLink
from worker.migrations.apply import Migrator, Writing, files_of
from worker.migrations.databases import database_names, where
from worker.migrations.refusal import MigrationError
from worker.prepare.users import prepare_admin, prepare_tables
from worker.settings.apply import apply_config

_POLL_SECONDS = 0.01
log = get_logger()


async def prepare(layout: DepotLayout, run: RunDirectory) -> None:
    """Raises QuillError: what is not done, and why; the stages before it are done."""
    page = StatusPage.open(run.status_page)
    await _apply_settings(layout, run, page)
    await prepare_tables(layout, run, page)
    await _apply_migrations(layout, run, page)
    await prepare_admin(layout, run, page)


async def _apply_settings(layout: DepotLayout, run: RunDirectory, page: StatusPage) -> None:
    """Files that are refused end a reload. A start goes on with what was accepted before."""
    reader = Reader(layout.database(), page.database())
    link = WriterLink(run.writer, secrets.randbits(63))
    link.start()
    try:
        applied = await apply_config(layout, reader, link)
    except (ConfigError, OSError) as error:
        raise invalid(f"The settings are refused. {error}.") from None
    finally:
        link.close()
        reader.close()
    if applied.refused and page.prepared:
        raise invalid(f"The settings are refused. {applied.refused}.")


async def _apply_migrations(layout: DepotLayout, run: RunDirectory, page: StatusPage) -> None:
    writing = Writing(run, WRITER_SILENT_SECONDS)
    try:
        for database in database_names(layout):
            if not files_of(layout, database).files:
                continue
            await _until_open(run, page, database)
            async with Migrator(layout, where(layout, database), writing) as migrator:
                await migrator.up(_tell)
    except (MigrationError, ReadError) as error:
        raise MigrationError(f"A migration is not applied. {error.message}") from None


async def _until_open(run: RunDirectory, page: StatusPage, database: str) -> None:
    """The writer makes what settings name anew. Raises UNAVAILABLE where it cannot."""
    give_up = time.monotonic() + DATABASE_OPEN_SECONDS
    while database != MAIN:
        slot = read_slots(run.databases).get(database)
        if slot is not None and page.database(slot).is_open:
            return
        if time.monotonic() > give_up:
            raise QuillError(Kind.UNAVAILABLE, f"The database {database} cannot be opened.")
        await asyncio.sleep(_POLL_SECONDS)


def _tell(file: MigrationFile) -> None:
    log.info("migration is applied", file=file.path.name)
