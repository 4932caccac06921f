"""All databases of the depot: opened and made, followed by main's settings, and their way in.

Main's `_settings` names the others. Each has a connection, a log, answers and a batch thread of its
own, so that a write to one never waits for a long write to another. One that cannot be opened is
told in the log and on the status page, and tried again; it takes nobody else down.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import apsw
import msgspec

from shared.depot.databases import is_database_name, read_slots, write_slots
from shared.depot.layout import MAIN, DepotLayout
from shared.limits import DATABASE_RETRY_SECONDS, DATABASES_MAX
from shared.logs import get_logger
from shared.run_directory import RunDirectory
from shared.sql.user_tables import SESSION, wanted_sql
from shared.status_page import SLOTS, DatabaseWords
from writer.answers import Answers
from writer.batch import Batcher
from writer.database import Database
from writer.door import Door
from writer.process import Process
from writer.schemas import follow_schemas

log = get_logger()

_NAMES_SQL = "SELECT value FROM _settings WHERE name = 'databases'"
_UNFIT = (apsw.Error, OSError, ValueError, TypeError, LookupError, msgspec.MsgspecError)
"""What a file brings about that is damaged, or another program's with tables called like ours."""
_read_names = msgspec.json.Decoder(list[str]).decode


class Databases:
    """Main and the others.

    `doors`, `batchers` and `closing` may be read by any thread; the rest is for main's batch thread.

    `missing`: why those that should be open are not, by name.
    """

    def __init__(self, layout: DepotLayout, run_directory: RunDirectory, process: Process) -> None:
        """Open main, then the others. Raises apsw.Error, OSError for main alone."""
        self._layout = layout
        self._slots_file = run_directory.databases
        self._process = process
        self._slots: dict[str, int] = {}
        self._wanted: list[str] = []
        self._ending: dict[str, Batcher] = {}
        """By name. Never changed, but replaced, since the inbox thread reads it."""
        self._running = False
        self._sessions = False
        """Users have been asked for, so the database of their sessions is open."""
        self._retry_at = 0.0
        self.missing: dict[str, str] = {}
        self.main = self._open(MAIN)
        follow_schemas(self.main.connection)
        batcher = Batcher(self.main, Answers(self.main.connection), process, self)
        self.doors: dict[str, Door] = {MAIN: Door(batcher)}
        """By name, main first. Never changed, but replaced."""
        self._slots = read_slots(self._slots_file)
        self.follow()

    def start(self) -> None:
        """Start the batch threads, which own the connections from now on."""
        self._running = True
        for batcher in self.batchers():
            batcher.start()

    def batchers(self) -> list[Batcher]:
        """Of all databases that are open."""
        return [door.batcher for door in self.doors.values()]

    def closing(self) -> list[Batcher]:
        """Of those that are named no longer, until they are named again; the inbox stops them."""
        return list(self._ending.values())

    # --- Called by main's batch thread ------------------------------------------------------

    def follow(self) -> None:
        """Open what main's settings name now, and stop what they name no longer."""
        wanted = self._names()
        if wanted is None or wanted == self._wanted:
            return
        self._wanted = wanted
        for name in list(self.doors):
            if name != MAIN and name not in wanted:
                self._stop(name)
        self.missing = {name: why for name, why in self.missing.items() if name in wanted}
        self._open_others()

    def tend(self) -> None:
        """Try again what could not be opened."""
        if self.missing and time.monotonic() >= self._retry_at:
            self._open_others()

    # --- Opening and stopping ---------------------------------------------------------------

    def _names(self) -> list[str] | None:
        """What main's settings say; None when that cannot be read."""
        try:
            rows: list[tuple[Any, ...]] = self.main.connection.execute(_NAMES_SQL).fetchall()
            sessions = self.main.connection.execute(*wanted_sql()).fetchall()
            listed = _read_names(rows[0][0]) if rows else []
        except (apsw.SQLError, msgspec.MsgspecError) as error:
            log.error("names of databases cannot be read", error=str(error))  # noqa: TRY400
            return None
        self._sessions = bool(sessions)
        return [*listed, SESSION] if sessions else listed

    def _open_others(self) -> None:
        self._retry_at = time.monotonic() + DATABASE_RETRY_SECONDS
        for name in self._wanted:
            if name not in self.doors:
                self._try_to_open(name)

    def _try_to_open(self, name: str) -> None:
        try:
            self._check(name)
            database = self._open(name)
            batcher = Batcher(database, Answers(database.connection), self._process)
        except _UNFIT as error:
            self._tell_missing(name, str(error))
            return
        if self._running:
            batcher.start()
        self.missing.pop(name, None)
        self.doors = {**self.doors, name: Door(batcher)}
        database.words.is_open = True
        log.info("database is open", name=name, head=database.n)

    def _check(self, name: str) -> None:
        """Raises ValueError where it may not or cannot be opened now."""
        if not (self._sessions if name == SESSION else is_database_name(name)):
            raise ValueError("a database may not be called so")
        if any(name.lower() == other.lower() for other in self.doors):
            raise ValueError("another database has the same name in another case")
        if len(self.doors) > DATABASES_MAX:
            raise ValueError(f"there are {DATABASES_MAX} already")
        ending = self._ending.get(name)
        if ending is not None and not ending.finished.is_set():
            raise ValueError("it is still being closed")
        self._ending = {other: one for other, one in self._ending.items() if other != name}

    def _check_file(self, path: Path) -> None:
        """Two names of one file would fence each other's writer. Raises ValueError, OSError."""
        if not path.exists():
            return
        if not path.is_file():
            raise ValueError("it is no file")
        for other in self.doors:
            if path.samefile(self._layout.database(other)):
                raise ValueError(f"it is the same file as {other}")

    def _tell_missing(self, name: str, reason: str) -> None:
        """Once a reason: it is tried again and again."""
        if name in self._slots:
            self._words(name).is_open = False
        if self.missing.get(name) != reason:
            log.error("database cannot be opened", name=name, reason=reason)
        self.missing[name] = reason

    def _open(self, name: str) -> Database:
        """A first open on a full disk fails, even for reading: then the ballast goes, once."""
        path, words = self._layout.database(name), self._words(name)
        if name != MAIN:
            self._check_file(path)
        try:
            return Database(name, path, words)
        except (apsw.FullError, apsw.IOError, apsw.CantOpenError):
            space = self._process.space
            if space.is_ample() or not space.drop_ballast():
                raise
            return Database(name, path, words)

    def _words(self, name: str) -> DatabaseWords:
        """Raises OSError, ValueError when there is no slot left."""
        page = self._process.page
        if name == MAIN:
            return page.database()
        if name not in self._slots:
            slot = max(self._slots.values(), default=0) + 1
            if slot >= SLOTS:
                raise ValueError("the status page has no room; restart the server")
            slots = {**self._slots, name: slot}
            write_slots(self._slots_file, slots)
            self._slots = slots
        return page.database(self._slots[name])

    def _stop(self, name: str) -> None:
        """No more ways in; what was put before is settled, and its file stays.

        The inbox thread stops it: had it found this door just before, it would put an operation
        behind the end, where nobody answers. So the door goes first.
        """
        self._words(name).is_open = False
        batcher = self.doors[name].batcher
        self.doors = {other: door for other, door in self.doors.items() if other != name}
        self._ending = {**self._ending, name: batcher}
        self._process.outbox.wake()
        log.info("database is closed", name=name)
