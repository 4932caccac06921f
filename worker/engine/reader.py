"""Reads: each runs on a snapshot, under a budget, with the catalog checked before and after.

Most reads take microseconds and run on the event loop itself: handing them to a thread costs many
times as much (m). One that goes over its budget of time there is broken off and run again from
the start in a small thread pool, with a longer budget. So `work` must be a function of its
arguments: it may run twice, and in a thread.

After the last read the catalog's version is compared again. If it moved, the result is thrown
away, also a refusal: a rule that was tightened after we planned, and data that was written under
the new rule, must not meet (docs/decisions/0002-status-page.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from shared import failpoints, metrics
from shared.errors import Kind, QuillError
from shared.limits import (
    CATALOG_RACE_SECONDS_MAX,
    READ_SECONDS_MAX,
    SLOW_READ_THREADS,
    SLOW_READS_WAITING_MAX,
)
from shared.logs import get_logger
from shared.schema.catalog import CATALOG_SQL, CONFIG, SETTINGS_SQL, Catalog
from shared.sqlite.driver import BusyError, CantOpenError, InterruptError, SQLError
from shared.sqlite.schemas import follow_config
from shared.status_page import DatabaseWords
from worker.engine.catalog_cache import CatalogCache
from worker.engine.others import Other, Others
from worker.engine.snapshot import OverBudgetError, Snapshot, quick_snapshot, timed_snapshot

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_RACE_PAUSE_SECONDS = 0.001
_CATALOG_TABLES_SQL = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('_collections', '_settings')"
)
_log = get_logger()


class Reader:
    """Read-only access to one database. Use it from the event loop only."""

    def __init__(
        self,
        path: Path,
        words: DatabaseWords,
        others: Others | None = None,
        *,
        strict_like: bool = False,
    ) -> None:
        """`strict_like`: LIKE tells upper from lower case, as SQL rules expect it."""
        self._path = path
        self._words = words
        self._strict_like = strict_like
        self.others = others
        """The databases beside this one, where they are to be read."""
        self._snapshot = quick_snapshot(path, words, strict_like=strict_like)
        self._idle: list[Snapshot] = []
        self._threads = ThreadPoolExecutor(SLOW_READ_THREADS, thread_name_prefix="slow-read")
        self._waiting = 0
        self.catalog = CatalogCache(words, self._load_catalog)

    def close(self) -> None:
        """Close every connection, after the slow reads that run."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for snapshot in (self._snapshot, *self._idle):
            snapshot.close()

    async def read(
        self,
        work: Callable[[Snapshot, Catalog, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
        in_thread: bool = False,
    ) -> T:
        """Run `work(snapshot, catalog, *args)` and return what it returns.

        `transaction`: all its statements see one state; without, each sees its own. `in_thread`:
        it is known to take long, by itself rather than by its statements.
        Raises what `work` raises, and QuillError UNAVAILABLE when it takes too long.
        """
        catalog = self.catalog.current()
        if failpoints.ACTIVE:
            await failpoints.reach_async("worker.before_run")
        if in_thread:
            slow = OverBudgetError()
            return await self._read_again(slow, catalog, work, args, transaction=transaction)
        try:
            result = self._snapshot.run(work, catalog, args, transaction=transaction)
        except (OverBudgetError, QuillError, SQLError, BusyError) as error:
            return await self._read_again(error, catalog, work, args, transaction=transaction)
        if self.catalog.is_current(catalog):
            return result
        return await self._read_again(None, catalog, work, args, transaction=transaction)

    async def read_beside(
        self,
        names: Sequence[str],
        work: Callable[[Snapshot, Catalog, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
    ) -> T:
        """As `read`, with these databases attached under their names.

        What was read under another catalog of any of them is thrown away, too.
        Raises QuillError UNAVAILABLE, also when one of them is not open.
        """
        give_up = time.monotonic() + CATALOG_RACE_SECONDS_MAX
        while time.monotonic() < give_up:
            beside = [self.other(name) for name in names]
            states = [other.state for other in beside]

            def attached(snapshot: Snapshot, catalog: Catalog, *args: *Ts) -> T:
                for other in beside:  # noqa: B023 - it is done before the next round begins
                    snapshot.attach(other)
                return work(snapshot, catalog, *args)

            result = await self.read(attached, *args, transaction=transaction)
            if states == [other.state for other in beside]:
                return result
        raise QuillError(Kind.UNAVAILABLE, "The schema keeps changing.", retry_after_seconds=1)

    def other(self, name: str) -> Other:
        """A database beside this one. Raises QuillError UNAVAILABLE when it is not open."""
        if self.others is None:
            raise QuillError(Kind.UNAVAILABLE, "There is no database beside this one.")
        return self.others.find(name)

    async def _read_again(
        self,
        error: Exception | None,
        catalog: Catalog,
        work: Callable[[Snapshot, Catalog, *Ts], T],
        args: tuple[*Ts],
        *,
        transaction: bool,
    ) -> T:
        """The rare ways on: the catalog moved, the budget is spent, the file is busy."""
        give_up = time.monotonic() + CATALOG_RACE_SECONDS_MAX
        slow = isinstance(error, OverBudgetError)
        try:
            while time.monotonic() < give_up:
                if error and not slow and not await self._worth_repeating(error, catalog):
                    raise error
                catalog, error = self.catalog.current(), None
                try:
                    if slow:
                        result = await self._in_thread(work, catalog, args, transaction=transaction)
                    else:
                        result = self._snapshot.run(work, catalog, args, transaction=transaction)
                except OverBudgetError:
                    slow = True
                except (QuillError, SQLError, BusyError) as failure:
                    error = failure
                    if slow and not await self._worth_repeating(failure, catalog):
                        raise
                else:
                    if self.catalog.is_current(catalog):
                        return result
        finally:
            # It holds this frame: a circle in which a refused body would wait for the collector.
            del error
        raise QuillError(Kind.UNAVAILABLE, "The schema keeps changing.", retry_after_seconds=1)

    async def _worth_repeating(self, error: Exception, catalog: Catalog) -> bool:
        """The failure may come from a catalog that is no longer, or not yet, the file's."""
        if not self.catalog.is_current(catalog):
            return True
        if isinstance(error, BusyError):
            await asyncio.sleep(_RACE_PAUSE_SECONDS)
            return True
        if isinstance(error, SQLError) and self._snapshot.catalog_version() != catalog.version:
            await asyncio.sleep(_RACE_PAUSE_SECONDS)  # between a COMMIT and the page's new word
            return True
        return False

    # --- Slow reads -----------------------------------------------------------------------------

    async def _in_thread(
        self,
        work: Callable[[Snapshot, Catalog, *Ts], T],
        catalog: Catalog,
        args: tuple[*Ts],
        *,
        transaction: bool,
    ) -> T:
        metrics.SLOW_READS.add()
        return await self._threaded(
            lambda snapshot: snapshot.run(work, catalog, args, transaction=transaction)
        )

    async def run_in_thread(self, work: Callable[[Snapshot], T]) -> T:
        """Run the engine's own `work` in the thread pool, under the budget of slow reads.

        Raises QuillError UNAVAILABLE: the pool's queue is full, it took too long, no connection.
        """
        return await self._threaded(lambda snapshot: snapshot.run_alone(work))

    async def _threaded(self, call: Callable[[Snapshot], T]) -> T:
        if self._waiting >= SLOW_READS_WAITING_MAX:
            raise QuillError(
                Kind.UNAVAILABLE, "Too many slow queries are waiting.", retry_after_seconds=1
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._with_own_connection, call
            )
        except InterruptError:
            raise QuillError(
                Kind.UNAVAILABLE,
                f"The query took longer than {READ_SECONDS_MAX:g} seconds.",
                retry_after_seconds=1,
            ) from None
        except CantOpenError as error:  # no descriptor left, for one
            _log.warning("no connection for a slow read", reason=str(error))
            raise QuillError(
                Kind.UNAVAILABLE, "The database cannot be opened now.", retry_after_seconds=1
            ) from None
        finally:
            self._waiting -= 1

    def _with_own_connection(self, call: Callable[[Snapshot], T]) -> T:
        """In a pool's thread: there are never more connections than threads."""
        snapshot = self._idle.pop() if self._idle else self.new_snapshot()
        try:
            return call(snapshot)
        finally:
            self._idle.append(snapshot)

    def new_snapshot(self) -> Snapshot:
        """A connection of its own for work in a thread; whoever takes it closes it."""
        return timed_snapshot(self._path, self._words, strict_like=self._strict_like)

    # --- On the loop, for the engine itself -----------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The loop's own connection, for short reads of the engine; no budget is started."""
        return self._snapshot

    def _load_catalog(self) -> Catalog:
        def load(snapshot: Snapshot) -> Catalog:
            version = snapshot.catalog_version()
            assert isinstance(version, int)
            # A database beside main has neither.
            tables = snapshot.rows(_CATALOG_TABLES_SQL)
            rows = snapshot.rows(CATALOG_SQL) if ("_collections",) in tables else []
            settings = snapshot.rows(SETTINGS_SQL) if ("_settings",) in tables else []
            if ("_settings",) in tables:
                follow_config(next((str(text) for name, text in settings if name == CONFIG), None))
            return Catalog.from_rows(version, rows, settings)

        return self._snapshot.in_transaction(load)
