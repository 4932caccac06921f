"""The end of a transaction: its log, the new `_head`, COMMIT, and the new state on the status page.

The log is what was captured as rows of `_change`, who did it in `_commit`, and the answers in
`_batch`. Whatever is raised before the COMMIT has returned, nothing of it is in force.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import apsw
import msgspec

from shared import failpoints, limits
from shared.messages.commands import Operation, Result
from shared.metrics import WRITER_COMMIT_SECONDS
from shared.sqlite.failures import code_and_text, is_full, is_io
from writer import stored_rows
from writer.answers import Entry, Worker, encode_log
from writer.capture import Capture, ChangeRow, Event, encode_events
from writer.database import Database
from writer.heavy_answers import HeavyAnswers
from writer.main_catalog import MainCatalog
from writer.schemas import follow_schemas

_encode = msgspec.msgpack.Encoder().encode
_NOTHING = contextlib.nullcontext()


class DiskFailedError(Exception):
    """I/O error at COMMIT: nobody knows what the disk holds. Exit without an answer."""


class CommitFailedError(Exception):
    """COMMIT was refused, as by a deferred constraint, or the batch's log; all is rolled back.

    `payload`: what a FAILED result tells.
    """

    def __init__(self, payload: tuple[int, str]) -> None:
        super().__init__(payload[1])
        self.payload = payload


class Sealer:
    """Writes the log of one database, and commits."""

    def __init__(self, database: Database, capture: Capture, main: MainCatalog) -> None:
        self._database = database
        self._capture = capture
        self._main = main
        self._gate = None if database.is_main else main.gate(database.name)
        self._connection = database.connection
        self._heavy = HeavyAnswers()
        self._execute = database.connection.cursor().execute

    def seal(
        self,
        decided: list[tuple[Worker, Result]],
        marks: list[tuple[Operation, int]],
        catalog: int,
        main_version: int,
    ) -> int:
        """Write the log of this transaction and, in its turn, COMMIT; then the new state is in force.

        `marks`: operations that changed rows, each with how many events there were after it.
        `catalog`: the new version. `main_version`: of main's, which the batch was judged by; 0: none.

        Returns the size of the answers in the log, in bytes. Raises MainMovedError, CommitFailedError,
        DiskFailedError, FencedError, apsw.FullError.
        """
        database = self._database
        changes, last = encode_events(self._events(), database.n)
        head = database.n + len(changes)
        seq = database.seq + 1
        disposable = self._heavy.disposable()
        entries = encode_log(decided)
        self._capture.pause()
        try:
            self._write_log(changes, seq, entries, disposable)
            if changes:
                self._write_commit(seq, head, catalog, marks, last)
            database.advance(seq, head, catalog)
            with self._turn(catalog, main_version):
                self._finish(seq, head, catalog)
        finally:
            self._capture.resume()
        self._heavy.forget(len(disposable))
        if changes:
            database.sizes.note(changes)
        return len(entries)

    def note_size(
        self, size: int, decided: list[tuple[Worker, Result]], entries: Sequence[Entry]
    ) -> None:
        """Remember that the answers of the last transaction are large, if so."""
        if size <= limits.BATCH_HEAVY_BYTES:
            return
        last_ns = max(operation.deadline_ns for _, operation, _ in entries)
        awaited: dict[Worker, int] = {}
        for worker, result in decided:
            awaited[worker] = max(result.seq, awaited.get(worker, 0))
        self._heavy.note(self._database.seq, size, awaited, last_ns)

    def end(self) -> None:
        """COMMIT. Whoever gets here without an exception may be answered."""
        started = time.perf_counter()
        try:
            self._execute("COMMIT")
        except apsw.Error as error:
            if is_io(error):
                raise DiskFailedError(str(error)) from error
            if is_full(error):
                raise
            raise CommitFailedError(code_and_text(error)) from error
        WRITER_COMMIT_SECONDS.observe(time.perf_counter() - started)

    def _events(self) -> list[Event]:
        """What was captured, with the rows that the hook could not read."""
        capture = self._capture
        if not capture.stored_touched:
            return capture.events
        return stored_rows.told(self._connection, capture.events)

    def _turn(self, catalog: int, main_version: int) -> contextlib.AbstractContextManager[None]:
        """What the COMMIT and the new state need as one piece. Entering raises MainMovedError."""
        if self._gate is None:
            return self._main.moving() if catalog != self._database.catalog else _NOTHING
        return self._main.standing(self._gate, main_version) if main_version else _NOTHING

    def _write_log(
        self, changes: list[ChangeRow], seq: int, entries: bytes, disposable: list[int]
    ) -> None:
        """Raises CommitFailedError where something is longer than SQLite's longest value."""
        try:
            if changes:
                self._connection.executemany(
                    "INSERT INTO _change(n, tbl, act, key, old, new) VALUES (?, ?, ?, ?, ?, ?)",
                    changes,
                )
            self._execute(
                "INSERT INTO _batch(seq, at, entries) VALUES (?, ?, ?)",
                (seq, time.monotonic_ns(), entries),
            )
        except apsw.TooBigError as error:
            raise CommitFailedError(code_and_text(error)) from error
        for old in disposable:
            self._execute("DELETE FROM _batch WHERE seq = ?", (old,))

    def _write_commit(
        self,
        seq: int,
        head: int,
        catalog: int,
        marks: list[tuple[Operation, int]],
        last: list[int],
    ) -> None:
        operations = [(op.request_id, op.actor, last[mark - 1]) for op, mark in marks]
        self._execute(
            "INSERT INTO _commit(seq, at, before, head, catalog, operations)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                seq,
                time.time_ns() // 1_000_000,
                self._database.n,
                head,
                catalog,
                _encode(operations),
            ),
        )

    def _finish(self, seq: int, head: int, catalog: int) -> None:
        database = self._database
        if failpoints.ACTIVE:
            failpoints.reach("writer.before_commit")
        self.end()
        if failpoints.ACTIVE:
            failpoints.reach("writer.after_commit")
        if database.is_main and catalog != database.catalog:
            follow_schemas(database.connection)  # before anybody can plan by the new version
        database.seq, database.n, database.catalog = seq, head, catalog
        database.show()
