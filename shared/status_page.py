"""The status page: one small mmap file by which all processes see the writer's state at once.

Each item is an aligned 8-byte word read through `memoryview.cast("Q")`, which never tears on the
machines we run on (docs/decisions/0002-status-page.md). Only the writer stores, but for the words
`prepared`, which is the supervisor's, and `broken_apis`, which is the first worker's. The
writer sets the page from its databases before it takes a request, and moves a catalog version after
the COMMIT that changed it and before the next BEGIN.

A plain file in the run directory, because `multiprocessing.shared_memory` unlinks its segment when
any child exits (3.11). It is never a database file.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

from shared.limits import STATUS_PAGE_BYTES

_WORD_MAGIC, _WORD_EPOCH, _WORD_BEAT, _WORD_DISK_FULL, _WORD_PREPARED = range(5)
_WORD_BROKEN_APIS = 5
_DATABASES_AT = 8
_WORDS_PER_DATABASE = 8
_CATALOG, _HEAD, _FEED, _OPEN, _OPENED = range(5)
_MAGIC = 0x5155494C4C303031
SLOTS = (STATUS_PAGE_BYTES // 8 - _DATABASES_AT) // _WORDS_PER_DATABASE
"""How many databases have words there, main included."""


class StatusPage:
    """A view of the page. `create` for the supervisor, `open` for everybody else."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self.words = memoryview(memory).cast("Q")

    @classmethod
    def create(cls, path: Path) -> StatusPage:
        """Make the file, all zero, mode 0600."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.ftruncate(descriptor, STATUS_PAGE_BYTES)
            page = cls(mmap.mmap(descriptor, STATUS_PAGE_BYTES))
        finally:
            os.close(descriptor)
        page.words[_WORD_MAGIC] = _MAGIC
        return page

    @classmethod
    def open(cls, path: Path) -> StatusPage:
        """Map an existing page. Raises ValueError when the file is no status page."""
        descriptor = os.open(path, os.O_RDWR)
        try:
            page = cls(mmap.mmap(descriptor, STATUS_PAGE_BYTES))
        finally:
            os.close(descriptor)
        if page.words[_WORD_MAGIC] != _MAGIC:
            raise ValueError(f"{path} is not a status page")
        return page

    @property
    def epoch(self) -> int:
        """Counts the writer's starts; 0 before the first."""
        return self.words[_WORD_EPOCH]

    @epoch.setter
    def epoch(self, value: int) -> None:
        self.words[_WORD_EPOCH] = value

    def beat(self) -> None:
        """Writer's inbox thread: I am alive."""
        self.words[_WORD_BEAT] = time.monotonic_ns()

    def silent_seconds(self) -> float:
        """Time since the last beat; infinite before the first."""
        beat = self.words[_WORD_BEAT]
        return (time.monotonic_ns() - beat) / 1e9 if beat else float("inf")

    @property
    def disk_full(self) -> bool:
        """The writer's last commit failed for want of space."""
        return bool(self.words[_WORD_DISK_FULL])

    @disk_full.setter
    def disk_full(self, value: bool) -> None:
        self.words[_WORD_DISK_FULL] = int(value)

    @property
    def prepared(self) -> bool:
        """Workers may begin: the depot is as its config and its migrations want it."""
        return bool(self.words[_WORD_PREPARED])

    @prepared.setter
    def prepared(self, value: bool) -> None:
        self.words[_WORD_PREPARED] = int(value)

    @property
    def broken_apis(self) -> int:
        """How many record APIs of the settings could not be served when it was last looked."""
        return self.words[_WORD_BROKEN_APIS]

    @broken_apis.setter
    def broken_apis(self, value: int) -> None:
        self.words[_WORD_BROKEN_APIS] = value

    def database(self, slot: int = 0) -> DatabaseWords:
        """The words of one database; `main` has slot 0."""
        return DatabaseWords(self.words, _DATABASES_AT + slot * _WORDS_PER_DATABASE)


class DatabaseWords:
    """Catalog version, head of `_change` and feed id of one database."""

    def __init__(self, words: memoryview[int], at: int) -> None:
        self._words = words
        self._catalog, self._head, self._feed = at + _CATALOG, at + _HEAD, at + _FEED
        self._open, self._opened = at + _OPEN, at + _OPENED

    @property
    def catalog_version(self) -> int:
        """Version that plans must be made for."""
        return self._words[self._catalog]

    @catalog_version.setter
    def catalog_version(self, value: int) -> None:
        self._words[self._catalog] = value

    @property
    def head(self) -> int:
        """Greatest committed `_change.n`."""
        return self._words[self._head]

    @head.setter
    def head(self, value: int) -> None:
        self._words[self._head] = value

    @property
    def feed(self) -> int:
        """Random 63-bit id of the log, made anew at restore and import."""
        return self._words[self._feed]

    @feed.setter
    def feed(self, value: int) -> None:
        self._words[self._feed] = value

    @property
    def is_open(self) -> bool:
        """The writer takes plans for it. It stays so while a writer that died has no successor."""
        return bool(self._words[self._open])

    @is_open.setter
    def is_open(self, value: bool) -> None:
        self._words[self._open] = int(value)

    @property
    def opened(self) -> int:
        """When the writer opened it, CLOCK_MONOTONIC: after that its file may be another one."""
        return self._words[self._opened]

    @opened.setter
    def opened(self, value: int) -> None:
        self._words[self._opened] = value

    def is_at(self, catalog_version: int, feed: int) -> bool:
        """No newer catalog than this one has been told, and it is the same database.

        In one call because each request asks twice.
        """
        words = self._words
        return words[self._catalog] <= catalog_version and words[self._feed] == feed
