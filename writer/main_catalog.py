"""Main's catalog, as every database of the process has to obey it: which version is in force.

The rules of record APIs stand in main's settings, also of those that write to other databases.
A batch of another database takes its time without regard for main, and asks just before its COMMIT
whether the rules that it was judged by still stand. So that nothing can come between this question
and the COMMIT, each database has a gate, a lock that it holds for both; a change of main's catalog
holds all of them around its own COMMIT and the new word on the status page. Nobody is ever waited
for longer than one COMMIT takes (docs/decisions/0035-rules-of-main-in-other-databases.md).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from shared.status_page import DatabaseWords


class MainMovedError(Exception):
    """Main's catalog has moved since the batch began; nothing of it is committed."""


class MainCatalog:
    """The version in force, and the gates of all databases beside main.

    Databases come and go on main's batch thread, which is also the one that moves the catalog.
    """

    def __init__(self, words: DatabaseWords) -> None:
        """`words`: main's on the status page, which say which version is in force."""
        self._words = words
        self._gates: dict[str, threading.Lock] = {}

    @property
    def version(self) -> int:
        """In force now; it may move at any moment."""
        return self._words.catalog_version

    def gate(self, database: str) -> threading.Lock:
        """Of one database beside main; made at the first call, by main's batch thread."""
        return self._gates.setdefault(database, threading.Lock())

    @contextlib.contextmanager
    def standing(self, gate: threading.Lock, version: int) -> Iterator[None]:
        """Around the COMMIT of what was judged under `version`. Raises MainMovedError."""
        with gate:
            if self._words.catalog_version != version:
                raise MainMovedError
            yield

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """Around the COMMIT of a change of main's catalog and the new version on the status page."""
        with contextlib.ExitStack() as held:
            for gate in self._gates.values():
                held.enter_context(gate)
            yield
