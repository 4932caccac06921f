"""Retention: what the logs keep, and the small rounds in which the rest goes.

`_batch` by age, since no worker sends again past its deadline; `_change` with `_commit` by age, by
rows and by bytes; idempotency keys after a day; lockouts when they are over. The numbers n are
given by `_head`, so an emptied log never gives one out twice.

Bytes come before age: a log that outgrows CHANGE_KEPT_BYTES loses its oldest rows however young
they are, since whoever reads it (a worker, milliseconds behind) can begin anew, and a full disk
stops everybody's writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import apsw

from shared import limits
from writer.database import Database

_SECOND_NS: Final = 1_000_000_000
_ROUND: Final = limits.RETENTION_ROWS_PER_ROUND


class Retention:
    """Trims the logs of one database; the caller sees to it that no transaction is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    def run(self) -> bool:
        """One round, in one short transaction if anything is due; True when there may be more.

        Raises apsw.Error; nothing of the round is done then.
        """
        cut, unfinished = self._change_cut()
        answers = self._answers_cut()
        if cut is None and answers is None and not self._anything_expired():
            return False
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            database = self._database
            database.advance(database.seq, database.n, database.catalog)
            self._trim_changes(cut)
            self._connection.execute("DELETE FROM _batch WHERE seq <= ?", (answers,))
            more = self._trim_others() or unfinished
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        if cut is not None:
            self._database.sizes.trimmed(cut)
        return more

    def _change_cut(self) -> tuple[int | None, bool]:
        """Greatest n to be dropped in this round, and whether there is more to be dropped.

        None when there is nothing.
        """
        first = self._value("SELECT n FROM _change ORDER BY n LIMIT 1")
        if first is None:
            return None, False
        oldest_ms = time.time_ns() // 1_000_000 - int(limits.CHANGE_KEPT_SECONDS * 1000)
        by_age = self._last_due("head", "_commit", lambda at: at < oldest_ms)
        sizes = self._database.sizes
        by_rows = self._database.n - limits.CHANGE_KEPT_ROWS
        due = max(by_age or 0, by_rows, sizes.excess_end())
        if due < first:
            return None, False
        cut = min(due, first + _ROUND - 1, max(sizes.round_end(), first))
        return cut, cut < due or cut - first + 1 >= _ROUND

    def _trim_changes(self, cut: int | None) -> None:
        if cut is None:
            return
        self._connection.execute("DELETE FROM _change WHERE n <= ?", (cut,))
        # A commit is kept as long as any of its rows.
        self._connection.execute(
            "DELETE FROM _commit WHERE seq IN"
            " (SELECT seq FROM _commit ORDER BY seq LIMIT ?) AND head <= ?",
            (_ROUND, cut),
        )

    def _answers_cut(self) -> int | None:
        """The last seq of the answers that nobody can ask for any more; None when there is none.

        A row of the future was written before the machine's last start, when CLOCK_MONOTONIC
        began anew.
        """
        now_ns = time.monotonic_ns()
        kept_from = now_ns - int(limits.BATCH_KEPT_SECONDS * _SECOND_NS)
        return self._last_due("seq", "_batch", lambda at: not kept_from <= at <= now_ns)

    def _last_due(self, column: str, table: str, is_due: Callable[[int], bool]) -> int | None:
        """Walk a round of rows from the oldest to the first that is not due by its time `at`.

        Between two rounds few rows fall due of the many that are kept, and this runs while
        requests wait: a query that looked at all of them would cost more than it deletes.
        """
        last = None
        rows = self._connection.execute(
            f"SELECT {column}, at FROM {table} ORDER BY seq LIMIT {_ROUND}"
        )
        for value, at in rows:
            if not is_due(at):
                break
            last = int(value)
        rows.close()
        return last

    def _expired(self) -> tuple[tuple[str, int], ...]:
        """Per table a condition and its bound. Each takes a round of rows at most."""
        keys = f"SELECT key FROM _idempotency WHERE at < ? LIMIT {_ROUND}"
        attempts = f"SELECT key FROM _attempts WHERE until < ? LIMIT {_ROUND}"
        return (
            (
                f"_idempotency WHERE key IN ({keys})",
                int(time.time()) - int(limits.IDEMPOTENCY_KEPT_SECONDS),
            ),
            (f"_attempts WHERE key IN ({attempts})", int(time.time()) * 1_000),
        )

    def _anything_expired(self) -> bool:
        return any(
            self._value(f"SELECT 1 FROM {condition} LIMIT 1", (bound,)) is not None
            for condition, bound in self._expired()
        )

    def _trim_others(self) -> bool:
        full_round = False
        for condition, bound in self._expired():
            self._connection.execute(f"DELETE FROM {condition}", (bound,))
            full_round |= self._connection.changes() >= _ROUND
        return full_round

    def _value(self, sql: str, params: tuple[Any, ...] = ()) -> int | None:
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, params).fetchall()
        return None if not rows or rows[0][0] is None else int(rows[0][0])


def is_postponable(error: apsw.Error) -> bool:
    """Retention may fail for want of space or of a lock, and simply runs again later."""
    return isinstance(error, (apsw.FullError, apsw.BusyError, apsw.LockedError))
