"""Applying and undoing the migrations of one database, one plan each, through the writer.

After each plan the state is read anew: the next migration is made for what the last one has left.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from shared.depot.layout import DepotLayout
from shared.depot.migration_files import Found, MigrationFile, MigrationNameError, find_migrations
from shared.errors import Kind, QuillError
from shared.limits import MIGRATION_WAIT_SECONDS, REPLANS_MAX
from shared.messages.commands import Result, Status
from shared.run_directory import RunDirectory
from shared.sql.plan import Plan
from shared.status_page import StatusPage
from worker.engine.offline import OfflineReader
from worker.engine.writer_link import WriterLink
from worker.migrations.history import Applied, Definition, accept_steps, read_history
from worker.migrations.outcome import told
from worker.migrations.prepared import (
    Prepared,
    Where,
    prepare_down,
    prepare_record,
    prepare_up,
)
from worker.migrations.program import can_undo
from worker.migrations.refusal import MigrationError, at
from worker.migrations.review import Reviewed, Standing, refuse_misfits, review
from worker.migrations.source import read_source

T = TypeVar("T")
_LOOK_SECONDS = 0.5


class Writing(NamedTuple):
    """The writer to go through. `patience`: seconds without a beat after which it is given up."""

    run: RunDirectory
    patience: float


class Migrator:
    """The migrations of one database. Use as an asynchronous context manager."""

    def __init__(self, layout: DepotLayout, where: Where, writing: Writing) -> None:
        self._layout, self._where, self._writing = layout, where, writing
        self._page = StatusPage.open(writing.run.status_page)
        self._link = WriterLink(writing.run.writer, secrets.randbits(63))

    async def __aenter__(self) -> Self:
        self._link.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._link.close()

    async def up(self, tell: Callable[[MigrationFile], None]) -> int:
        """Apply all that are not applied; `tell` is called after each. How many there were.

        Raises MigrationError; those before the one that failed stay applied.
        """
        done = 0
        while (file := await self._apply_next()) is not None:
            tell(file)
            done += 1
        return done

    async def _apply_next(self) -> MigrationFile | None:
        def make() -> tuple[Prepared, MigrationFile] | None:
            with OfflineReader(self._where.path, held=True) as state:
                reviewed = self._reviewed(state)
                refuse_misfits(reviewed)
                pending = [one.file for one in reviewed if one.standing is Standing.PENDING]
                if not pending or pending[0] is None:
                    return None
                file = pending[0]
                source = read_source(file)
                return prepare_up(self._where, state, file, source, _now()), file

        return await self._apply(make)

    async def down(self) -> str:
        """Undo what was applied last, and return the file's name. Raises MigrationError."""

        def make() -> tuple[Prepared, str]:
            with OfflineReader(self._where.path, held=True) as state:
                applied = max(read_history(state).values(), key=lambda one: one.order, default=None)
                if applied is None or not applied.order:
                    raise MigrationError("There is no migration that could be undone.")
                path, text = self._undoing(applied)
                return prepare_down(self._where, state, applied, path, text), applied.file

        name = await self._apply(make)
        assert name is not None
        return name

    async def accept(self) -> list[MigrationFile]:
        """Take the files of applied migrations for what was applied. Those that had changed."""
        with OfflineReader(self._where.path, held=True) as state:
            changed = [one for one in self._reviewed(state) if one.standing is Standing.CHANGED]
            version = state.catalog().version
        files = [one.file for one in changed if one.file is not None]
        steps = [step for file in files for step in accept_steps(file, read_source(file))]
        if steps:
            plan = Plan(version, tuple(steps), database=self._where.database)
            result = await self._submit(plan)
            if result.status is not Status.OK:
                raise MigrationError("The schema is being changed: try again.")
        return files

    async def record(self, file: MigrationFile, collections: list[Definition]) -> None:
        """Note a migration as applied without running it. Raises MigrationError."""

        def make() -> tuple[Prepared, bool]:
            with OfflineReader(self._where.path, held=True) as state:
                source, catalog = read_source(file), state.catalog()
                return (
                    prepare_record(self._where, catalog, file, source, _now(), collections),
                    True,
                )

        await self._apply(make)

    def _reviewed(self, state: OfflineReader) -> list[Reviewed]:
        found = files_of(self._layout, self._where.database)
        return review(found.files, read_history(state))

    def _undoing(self, applied: Applied) -> tuple[Path, str]:
        """The file as it is now, else what it was when it was applied."""
        found = files_of(self._layout, self._where.database).files
        file = next((one for one in found if one.version == applied.version), None)
        if file is not None and (text := read_source(file).down):
            return (file.path if file.is_program else file.down_path), text
        if not applied.down:
            raise MigrationError(
                f"{applied.file}: Nothing says how to undo it: a script has a file of the same "
                "name that ends with .down.sql, a program a function down(depot)."
            )
        path = self._layout.migrations(self._where.database) / applied.file
        is_program = path.suffix == ".py" and can_undo(applied.down)
        return (path if is_program else path.with_suffix(".down.sql")), applied.down

    # --- The writer ---------------------------------------------------------------------------
    async def _apply(self, make: Callable[[], tuple[Prepared, T] | None]) -> T | None:
        """Plan → submit, again when the catalog moved meanwhile. Raises MigrationError."""
        for _ in range(REPLANS_MAX + 1):
            made = make()
            if made is None:
                return None
            prepared, about = made
            try:
                result = await self._submit(prepared.plan)
            except QuillError as error:
                if error.kind is not Kind.DISK_FULL:
                    raise
                raise at(prepared.path, 0, error.message) from None
            if result.status is Status.OK:
                return about
            if result.status is not Status.STALE:
                raise told(result, prepared)
        raise MigrationError("The schema keeps changing: try again.")

    async def _submit(self, plan: Plan) -> Result:
        """Wait for the outcome, as long as a writer lives. Raises MigrationError, QuillError."""
        seconds = self._where.seconds + MIGRATION_WAIT_SECONDS
        sent = asyncio.ensure_future(
            self._link.submit(plan, request_id="migration", deadline_seconds=seconds)
        )
        while not (await asyncio.wait({sent}, timeout=_LOOK_SECONDS))[0]:
            if self._page.silent_seconds() > self._writing.patience:
                sent.cancel()
                raise MigrationError(
                    "The writer has ended. What it was about to do is done or it is not, as "
                    "`quillbase migrate status` tells."
                )
        return sent.result()


def files_of(layout: DepotLayout, database: str) -> Found:
    """The files of one database. Raises MigrationError."""
    try:
        return find_migrations(layout, database)
    except MigrationNameError as error:
        raise MigrationError(str(error)) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
