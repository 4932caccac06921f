"""One read-only connection, and the budget of what runs on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from shared.errors import Kind, QuillError, invalid
from shared.limits import (
    ATTACHED_DATABASES_MAX,
    QUICK_READ_PROGRESS_STEPS,
    QUICK_READ_SECONDS,
    READ_SECONDS_MAX,
    SLOW_READ_PROGRESS_STEPS,
)
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sql.query_plan import PlanLine, query_plan_sql, read_lines
from shared.sqlite.attach import attach_for_reading, detach
from shared.sqlite.connect import open_reader
from shared.sqlite.driver import (
    CantOpenError,
    Connection,
    InterruptError,
    SQLError,
    TooBigError,
)
from shared.status_page import DatabaseWords
from worker.engine.others import Other

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Params = Sequence[Value]
_NEVER = float("inf")


class OverBudgetError(Exception):
    """A read on the event loop used up its time: run it in a thread."""


class Snapshot:
    """What a read's work sees of the database. Every cursor is closed before a method returns.

    `position`: the log's head, taken before the read began; a client that resumes from there
    misses nothing.
    """

    __slots__ = (
        "_attached",
        "_connection",
        "_execute",
        "_quick",
        "_seconds",
        "_until",
        "_words",
        "position",
    )

    def __init__(
        self, connection: Connection, words: DatabaseWords, seconds: float, *, quick: bool
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._words = words
        self._quick = quick
        self._seconds = seconds
        self._until = _NEVER
        self._attached: dict[str, int] = {}  # when it was opened; the one used last is the last
        self.position = words.head
        # Steps say little about time: one may compare two long texts. So they only say when to
        # look at the clock; on the loop that costs nothing that could be measured (m), in a thread
        # beside a busy loop a look every 250 steps made a read take 17 times as long (m).
        steps = QUICK_READ_PROGRESS_STEPS if quick else SLOW_READ_PROGRESS_STEPS
        connection.set_progress_handler(self._over_time, steps)

    @property
    def log_position(self) -> tuple[int, int]:
        """The log's feed id and head, not later than what the snapshot sees."""
        return self._words.feed, self.position

    @property
    def quick(self) -> bool:
        """It is the event loop's, so what takes long is broken off and run again in a thread."""
        return self._quick

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

    def catalog_version(self, database: str = "main") -> Value:
        """The catalog's version that the file has, or one that is attached under this name."""
        return self.value(f"SELECT catalog FROM {quote_identifier(database)}._head")

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Value, ...]]:
        """Every row."""
        return self._execute(sql, params).fetchall()

    def query_plan(self, sql: str, params: Params) -> list[PlanLine]:
        """How SQLite would run a statement; it takes any parameters that fit.

        EXPLAIN reads no table, so by itself it would not notice that there is another schema, and
        one that is kept prepared never would.
        """
        self.value("SELECT 1 FROM sqlite_schema")
        return read_lines(self._execute(query_plan_sql(sql), params, can_cache=False))

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

    def attach(self, other: Other) -> None:
        """Have another database under its name, for reading only, as long as there is room.

        It is attached again where the writer has opened it anew: its file may be another one.
        Names come and go with the settings, so that the one that was used least lately makes room.
        Before the first statement that reads it. Raises QuillError UNAVAILABLE.
        """
        name, opened = other.name, other.words.opened
        before = self._attached.pop(name, None)
        if before != opened:
            self._make_room(None if before is None else name)
            try:
                attach_for_reading(self._connection, other.path, name)
            except (CantOpenError, SQLError) as error:
                raise QuillError(
                    Kind.UNAVAILABLE,
                    f"The database {name} cannot be read now.",
                    retry_after_seconds=1,
                ) from error
        self._attached[name] = opened

    def _make_room(self, former: str | None) -> None:
        """`former`: one that is attached and no longer told of."""
        if former is not None:
            detach(self._connection, former)
        elif len(self._attached) >= ATTACHED_DATABASES_MAX:
            oldest = next(iter(self._attached))
            detach(self._connection, oldest)
            del self._attached[oldest]

    def run(
        self,
        work: Callable[[Snapshot, Catalog, *Ts], T],
        catalog: Catalog,
        args: tuple[*Ts],
        *,
        transaction: bool,
    ) -> T:
        """Run `work` under this connection's budget.

        Raises OverBudgetError on the loop's connection, InterruptError on a thread's, and
        QuillError INVALID for an answer that is too large, or holds what is no text.
        """
        self.position = self._words.head
        if transaction:
            self._execute("BEGIN")
        self._until = time.monotonic() + self._seconds
        try:
            return work(self, catalog, *args)
        except InterruptError:
            if self._quick:
                raise OverBudgetError from None
            raise
        except TooBigError:
            raise invalid("The answer is too large; ask for fewer records or fields.") from None
        except UnicodeDecodeError:  # what a view converts to a text, or a migration stored
            raise invalid("A text in the answer is not valid UTF-8.") from None
        finally:
            self._until = _NEVER  # an interrupted COMMIT would leave the transaction open
            if transaction:
                self._execute("COMMIT")

    def run_alone(self, work: Callable[[Snapshot], T]) -> T:
        """Run the engine's own `work` under this connection's budget. Raises InterruptError."""
        self._until = time.monotonic() + self._seconds
        try:
            return work(self)
        finally:
            self._until = _NEVER

    def in_transaction(self, work: Callable[[Snapshot], T]) -> T:
        """Run the engine's own `work` on one state, without a budget."""
        self._execute("BEGIN")
        try:
            return work(self)
        finally:
            self._execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def quick_snapshot(path: Path, words: DatabaseWords, *, strict_like: bool = False) -> Snapshot:
    """The event loop's connection: what takes long is broken off and moves to a thread.

    `strict_like`: LIKE tells upper from lower case there.
    """
    connection = open_reader(path, like_is_case_sensitive=strict_like)
    return Snapshot(connection, words, QUICK_READ_SECONDS, quick=True)


def timed_snapshot(path: Path, words: DatabaseWords, *, strict_like: bool = False) -> Snapshot:
    """A thread's connection: where what takes too long is given up."""
    connection = open_reader(path, like_is_case_sensitive=strict_like)
    return Snapshot(connection, words, READ_SECONDS_MAX, quick=False)
