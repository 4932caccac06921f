"""What a batch thread does between its batches: checkpoints, retention, disk space, metrics.

All of it on the thread that owns the connection, outside transactions, in small bites, since every
write waits behind it.
"""

from __future__ import annotations

import time

import apsw

from shared import limits, metrics
from shared.logs import get_logger
from writer.answers import Answers
from writer.checkpoint import Checkpointer
from writer.database import Database
from writer.engine import Engine
from writer.process import Process
from writer.retention import Retention, is_postponable

log = get_logger()

_FLUSH_SECONDS = 1.0
_HURRIED_BATCHES = 8
"""Batches until the next round of retention when the last one could not take all."""


class Housekeeping:
    """The chores of one database."""

    def __init__(
        self, database: Database, answers: Answers, engine: Engine, process: Process
    ) -> None:
        self._database = database
        self._answers = answers
        self._engine = engine
        self._page = process.page
        self._space = process.space
        self._space.lay_ballast()
        self._checkpoints = Checkpointer(database.connection)
        with engine.maintenance():
            self._retention = Retention(database)
        self._batches_to_trim = limits.RETENTION_BATCHES
        self._full = False
        self._probe_at = 0.0
        self._flush_at = 0.0

    def after_batch(self) -> None:
        """After the answers of a batch are on their way."""
        self._batches_to_trim -= 1
        due = self._batches_to_trim <= 0 or self._database.sizes.is_over()
        if due and not self._full:  # a full disk lets it pass 0
            more = self._trim()
            self._batches_to_trim = _HURRIED_BATCHES if more else limits.RETENTION_BATCHES
        self._checkpoints.after_batch()
        self._flush_metrics()

    def when_idle(self) -> None:
        """Nothing has arrived for IDLE_SECONDS."""
        if not self.is_disk_full():
            self._trim()
            self._answers.forget_silent()
            self._checkpoints.when_idle()
        self._flush_metrics()

    def at_end(self) -> None:
        """Leave one tidy file behind."""
        self._checkpoints.at_end()
        metrics.flush()

    def is_disk_full(self) -> bool:
        """Whether writes must be refused. Looks for space again once a second."""
        if self._full and time.monotonic() >= self._probe_at:
            self._probe()
        return self._full

    def enter_disk_full(self) -> None:
        """A commit found no space: refuse writes, and use the ballast to empty the log."""
        self._note_full(full=True)
        self._probe_at = time.monotonic() + limits.DISK_PROBE_SECONDS
        self._space.drop_ballast()
        self._checkpoints.when_idle()
        log.error("disk is full", folder=str(self._database.path.parent))

    def _probe(self) -> None:
        """A small write proves that there is space; the room for the ballast must be there too."""
        self._probe_at = time.monotonic() + limits.DISK_PROBE_SECONDS
        if not self._space.is_ample():
            return
        self._space.lay_ballast()
        database = self._database
        try:
            with self._engine.maintenance():
                self._engine.begin()
                database.advance(database.seq, database.n, database.catalog)
                self._engine.end()
        except apsw.Error as error:
            self._engine.abandon()
            if not is_postponable(error):
                raise
            self._space.drop_ballast()
            return
        self._note_full(full=False)
        log.info("disk has space again", free_bytes=self._space.free_bytes())

    def _note_full(self, *, full: bool) -> None:
        self._full = full
        self._page.disk_full = self._space.note(self._database.name, full=full)

    def _trim(self) -> bool:
        """One round of retention; True when there is more to do."""
        try:
            with self._engine.maintenance():
                return self._retention.run()
        except apsw.Error as error:
            if not (is_postponable(error) or self._is_spared(error)):
                raise
            database = self._database.name
            log.warning("retention is put off", database=database, error=str(error))
            return False

    def _is_spared(self, error: apsw.Error) -> bool:
        """A damaged file beside main is not worth everybody's writer."""
        return isinstance(error, apsw.CorruptError) and not self._database.is_main

    def _flush_metrics(self) -> None:
        now = time.monotonic()
        if now >= self._flush_at:
            self._flush_at = now + _FLUSH_SECONDS
            if self._database.is_main:
                metrics.CHANGE_HEAD.set(self._database.n)
                metrics.WRITER_WAL_BYTES.set(self._checkpoints.wal_bytes)
            metrics.flush()
