"""Checkpoints: moving the write-ahead log into the database file, so that it never grows for ever.

SQLite's automatic checkpoint does not bound it: as soon as reads overlap, even for 2 ms, it never
finds a moment without one (318 MB in 4 s (m)). So the writer waits for readers itself, between
batches, for a bounded time that is everybody's stall, and backs off after a failure.
"""

from __future__ import annotations

import time

import apsw

from shared import limits
from shared.metrics import WRITER_CHECKPOINTS
from shared.sqlite.failures import is_busy, is_full

_DONE, _BUSY = WRITER_CHECKPOINTS["done"], WRITER_CHECKPOINTS["busy"]


class Checkpointer:
    """Watches the log of one connection; call `after_batch` and `when_idle` outside transactions."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._page_bytes = int(str(connection.execute("PRAGMA page_size").get))
        self._pages = 0
        self._long = False
        self._next_try = 0.0
        # SQLite's own trigger is this very hook: setting it turns the automatic one off.
        connection.set_wal_hook(self._on_commit)

    @property
    def wal_bytes(self) -> int:
        """What the log holds; the file may be longer, since it is used again from its start."""
        return self._pages * self._page_bytes

    def after_batch(self) -> None:
        """RESTART when the log is long, waiting a little for readers."""
        waiting = self.wal_bytes
        if self._pages < limits.WAL_AUTOCHECKPOINT_PAGES and waiting < limits.WAL_RESTART_BYTES:
            return
        if time.monotonic() < self._next_try:
            return
        urgent = waiting > limits.WAL_URGENT_BYTES
        busy_ms = limits.CHECKPOINT_URGENT_BUSY_MS if urgent else limits.CHECKPOINT_BUSY_MS
        # What one large transaction left is cut off, too: nothing will need so long a file again.
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if urgent else apsw.SQLITE_CHECKPOINT_RESTART
        self._run(mode, busy_ms)

    def when_idle(self) -> None:
        """TRUNCATE what is left, so that a quiet database is one short file."""
        if (self._pages or self._long) and time.monotonic() >= self._next_try:
            self._run(apsw.SQLITE_CHECKPOINT_TRUNCATE, limits.CHECKPOINT_BUSY_MS)

    def at_end(self) -> None:
        """The last one, before the connection closes."""
        self._run(apsw.SQLITE_CHECKPOINT_TRUNCATE, limits.CHECKPOINT_URGENT_BUSY_MS)

    def _on_commit(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _run(self, mode: int, busy_ms: int) -> bool:
        """Whether the whole log is in the file now."""
        self._connection.set_busy_timeout(busy_ms)
        try:
            self._connection.wal_checkpoint(None, mode)
        except apsw.Error as error:
            if not (is_busy(error) or is_full(error)):
                raise
            _BUSY.add()
            self._next_try = time.monotonic() + limits.CHECKPOINT_RETRY_SECONDS
            return False
        finally:
            self._connection.set_busy_timeout(limits.DATABASE_BUSY_MS)
        _DONE.add()
        self._pages = 0
        self._long = mode != apsw.SQLITE_CHECKPOINT_TRUNCATE
        return True
