"""A depot with a writer and no server, in which tests write migrations and apply them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cluster.lone_writer import lone_writer
from shared.depot.layout import DepotLayout
from shared.limits import LONE_WRITER_SILENT_SECONDS
from shared.run_directory import RunDirectory
from worker.engine.offline import OfflineReader
from worker.migrations.apply import Migrator, Writing
from worker.migrations.databases import where
from worker.migrations.difference import Changed
from worker.migrations.review import Reviewed
from worker.migrations.standing import changed_since, reviewed

PROGRAM_SECONDS = 1.0


class Workshop:
    """One depot. Versions grow by themselves."""

    def __init__(self, layout: DepotLayout, run: RunDirectory) -> None:
        self.layout, self.run = layout, run
        self._version = 0

    def write(self, name: str, text: str, *, kind: str = "U") -> Path:
        """A new file `U<n>__<name>`; `name` ends with .sql or .py."""
        self._version += 1
        path = self.layout.migrations() / f"{kind}{self._version}__{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def up(self, *, accept: bool = False) -> list[str]:
        """Apply what is pending; the names of the files."""
        done: list[str] = []

        async def apply() -> None:
            async with self._migrator() as migrator:
                if accept:
                    await migrator.accept()
                await migrator.up(lambda file: done.append(file.path.name))

        asyncio.run(apply())
        return done

    def down(self) -> str:
        """Undo the last one; the name of its file."""

        async def undo() -> str:
            async with self._migrator() as migrator:
                return await migrator.down()

        return asyncio.run(undo())

    def _migrator(self) -> Migrator:
        here = where(self.layout, "main", seconds=20, program_seconds=PROGRAM_SECONDS)
        return Migrator(self.layout, here, Writing(self.run, LONE_WRITER_SILENT_SECONDS))

    def standings(self) -> dict[str, Reviewed]:
        """How each migration stands, by name."""
        return {one.name: one for one in reviewed(self.layout, "main")}

    def changed(self) -> list[Changed]:
        """How the collections differ from what the migrations have made."""
        with OfflineReader(self.layout.database(), held=True) as state:
            return changed_since(state, "main")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a query finds."""
        with closing(sqlite3.connect(f"file:{self.layout.database()}?mode=ro", uri=True)) as read:
            return read.execute(sql).fetchall()

    def dump(self) -> list[str]:
        """The whole database as SQL, but for the writer's own count of commits."""
        with closing(sqlite3.connect(f"file:{self.layout.database()}?mode=ro", uri=True)) as read:
            own = ("_head", "_batch", "_commit", "_change")
            return [
                line
                for line in read.iterdump()
                if not line.startswith(tuple(f'INSERT INTO "{name}"' for name in own))
            ]


@contextmanager
def open_workshop(folder: Path) -> Iterator[Workshop]:
    """A new depot and its writer."""
    with lone_writer(folder) as run:
        yield Workshop(DepotLayout(folder), run)
