"""One read-only connection, and the budget of what runs on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from shared.limits import PROGRESS_STEPS, QUICK_READ_STEPS, READ_SECONDS_MAX
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sqlite.connect import open_reader
from shared.sqlite.driver import Connection, InterruptError
from shared.status_page import DatabaseWords

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Params = Sequence[Value]
_QUICK_TICKS = QUICK_READ_STEPS // PROGRESS_STEPS


class OverBudgetError(Exception):
    """A read on the event loop used up its steps: run it in a thread."""


class Snapshot:
    """What a read's work sees of the database. Every cursor is closed before a method returns.

    `position`: the log's head, taken before the read began; a client that resumes from there
    misses nothing.
    """

    __slots__ = ("_connection", "_execute", "_quick", "_ticks", "_until", "_words", "position")

    def __init__(self, connection: Connection, words: DatabaseWords, *, quick: bool) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._words = words
        self._quick = quick
        self._ticks = 0
        self._until = float("inf")
        self.position = words.head
        # A prepared statement keeps its count of steps over all its runs, so one look every
        # QUICK_READ_STEPS would break off innocent reads: look more often, count here.
        connection.set_progress_handler(
            self._over_steps if quick else self._over_time, PROGRESS_STEPS
        )

    def _over_steps(self) -> bool:
        self._ticks += 1
        return self._ticks > _QUICK_TICKS

    def _over_time(self) -> bool:
        return time.monotonic() > self._until

    def value(self, sql: str, params: Params = ()) -> Value:
        """First column of the first row; None when there is no row."""
        cursor = self._execute(sql, params)
        row = cursor.fetchone()
        cursor.close()
        return None if row is None else row[0]

    def row(self, sql: str, params: Params = ()) -> tuple[Value, ...] | None:
        """The first row."""
        cursor = self._execute(sql, params)
        row = cursor.fetchone()
        cursor.close()
        return row

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Value, ...]]:
        """Every row."""
        return self._execute(sql, params).fetchall()

    def rows_until(
        self, sql: str, params: Params, enough: Callable[[tuple[Value, ...]], bool]
    ) -> list[tuple[Value, ...]]:
        """Rows up to and including the first one of which `enough` says so."""
        taken: list[tuple[Value, ...]] = []
        cursor = self._execute(sql, params)
        try:
            for row in cursor:
                taken.append(row)
                if enough(row):
                    break
        finally:
            cursor.close(True)
        return taken

    def run(
        self,
        work: Callable[[Snapshot, Catalog, *Ts], T],
        catalog: Catalog,
        args: tuple[*Ts],
        *,
        transaction: bool,
    ) -> T:
        """Run `work` under this connection's budget.

        Raises OverBudgetError on the loop's connection, InterruptError on a thread's.
        """
        self.position = self._words.head
        if not self._quick:
            self._until = time.monotonic() + READ_SECONDS_MAX
        self._ticks = 0
        try:
            if not transaction:
                return work(self, catalog, *args)
            self._execute("BEGIN")
            try:
                return work(self, catalog, *args)
            finally:
                self._execute("COMMIT")
        except InterruptError:
            if self._quick:
                raise OverBudgetError from None
            raise

    def in_transaction(self, work: Callable[[Snapshot], T]) -> T:
        """Run the engine's own `work` on one state, without a budget."""
        self._ticks = -(1 << 60)
        self._execute("BEGIN")
        try:
            return work(self)
        finally:
            self._execute("COMMIT")
            self._ticks = 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def quick_snapshot(path: Path, words: DatabaseWords) -> Snapshot:
    """The event loop's connection: bounded by steps."""
    return Snapshot(open_reader(path), words, quick=True)


def timed_snapshot(path: Path, words: DatabaseWords) -> Snapshot:
    """A thread's connection: bounded by time."""
    return Snapshot(open_reader(path), words, quick=False)
