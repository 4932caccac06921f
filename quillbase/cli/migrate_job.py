"""What `quillbase migrate` does through a writer: apply, undo, and write out changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from cluster.refusal import Refusal
from quillbase.cli.writer import Writer, writer_of
from shared.depot.layout import DepotLayout
from shared.depot.migration_files import MigrationFile
from shared.limits import LONE_WRITER_SILENT_SECONDS, WRITER_SILENT_SECONDS
from worker.engine.offline import OfflineReader
from worker.migrations.apply import Migrator, Writing
from worker.migrations.databases import database_names, where
from worker.migrations.difference import Changed
from worker.migrations.refusal import MigrationError
from worker.migrations.shown import all_shown
from worker.migrations.standing import changed_since
from worker.migrations.written import empty_program, empty_script, new_file, program_of, write


class Times(NamedTuple):
    """How long a migration's statements may take together, and its program, in seconds."""

    seconds: float
    program_seconds: float


def apply_all(layout: DepotLayout, database: str, times: Times, *, accept_changed: bool) -> int:
    """Apply what is pending, in one database or in all; how many. Raises QuillError, Refusal."""
    _require(layout)
    with writer_of(layout.path) as writer:
        names = [database] if database else database_names(layout)
        return sum(
            asyncio.run(_apply(layout, name, times, writer, accept_changed=accept_changed))
            for name in names
        )


def undo(layout: DepotLayout, database: str, count: int, times: Times) -> None:
    """Undo the last `count`, one by one. Raises QuillError, Refusal."""
    _require(layout)
    with writer_of(layout.path) as writer:
        asyncio.run(_undo(layout, database, count, times, writer))


def write_empty(
    layout: DepotLayout, database: str, name: str, suffix: str, *, ordered: bool
) -> Path:
    """A new file for somebody to fill. Raises MigrationError."""
    file = new_file(layout, database, name, suffix, ordered=ordered)
    write(file.path, empty_program(file) if file.is_program else empty_script(file))
    return file.path


async def write_changes(layout: DepotLayout, database: str, name: str, *, ordered: bool) -> Path:
    """Write out what was changed otherwise, and note it as applied. Raises QuillError, Refusal."""
    _require(layout)
    with writer_of(layout.path) as writer:
        here = where(layout, database)
        with OfflineReader(here.path, held=True) as state:
            changed: list[Changed] = changed_since(state, database)
            collections = all_shown(state.catalog().all())
        if not changed:
            raise Refusal("The collections are as the migrations have made them.")
        file = new_file(layout, database, name, ".py", ordered=ordered)
        write(file.path, program_of(file, changed))
        try:
            async with Migrator(layout, here, _writing(writer)) as migrator:
                await migrator.record(file, collections)
        except BaseException:
            file.path.unlink()
            raise
    return file.path


async def _apply(
    layout: DepotLayout, database: str, times: Times, writer: Writer, *, accept_changed: bool
) -> int:
    async with _migrator(layout, database, times, writer) as migrator:
        if accept_changed:
            for file in await migrator.accept():
                print(f"{file.path.name} is accepted as it is.")
        return await migrator.up(_tell)


async def _undo(
    layout: DepotLayout, database: str, count: int, times: Times, writer: Writer
) -> None:
    async with _migrator(layout, database, times, writer) as migrator:
        for _ in range(count):
            print(f"{await migrator.down()} is undone.")


@asynccontextmanager
async def _migrator(
    layout: DepotLayout, database: str, times: Times, writer: Writer
) -> AsyncIterator[Migrator]:
    seconds, program_seconds = times
    here = where(layout, database, seconds=seconds, program_seconds=program_seconds)
    async with Migrator(layout, here, _writing(writer)) as migrator:
        yield migrator


def _writing(writer: Writer) -> Writing:
    patience = LONE_WRITER_SILENT_SECONDS if writer.alone else WRITER_SILENT_SECONDS
    return Writing(writer.run, patience)


def _tell(file: MigrationFile) -> None:
    print(f"{file.path.name} is applied.")


def _require(layout: DepotLayout) -> None:
    """A command must not make a depot by mistake, but may be the first to open one."""
    if not layout.path.is_dir():
        raise MigrationError(f"There is no depot at {layout.path}.")
