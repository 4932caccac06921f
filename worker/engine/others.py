"""The databases beside main, as a process finds them that only reads: their files and their words.

What the writer has opened is told by a file in the run directory and by the status page. The file
is read again when a name is asked for that is not known yet, which is when the settings have moved.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from shared.depot.databases import is_database_name, read_slots
from shared.depot.layout import DepotLayout
from shared.errors import Kind, QuillError
from shared.run_directory import RunDirectory
from shared.sql.user_tables import SESSION
from shared.status_page import DatabaseWords, StatusPage


class Other(NamedTuple):
    """One of them. `words`: its head, its catalog's version and its feed."""

    name: str
    path: Path
    words: DatabaseWords

    @property
    def state(self) -> tuple[int, int]:
        """It is another database or has another catalog when this has changed."""
        return self.words.feed, self.words.catalog_version


class Others:
    """Finds them by name."""

    def __init__(self, layout: DepotLayout, run_directory: RunDirectory, page: StatusPage) -> None:
        self._layout = layout
        self._file = run_directory.databases
        self._page = page
        self._known: dict[str, Other] = {}

    def find(self, name: str) -> Other:
        """Raises QuillError UNAVAILABLE when the writer has not opened it, or has closed it."""
        other = self._known.get(name) or self._read(name)
        if other is None or not other.words.is_open:
            raise QuillError(
                Kind.UNAVAILABLE, f"The database {name} is not open.", retry_after_seconds=1
            )
        return other

    def _read(self, name: str) -> Other | None:
        if not (name == SESSION or is_database_name(name)):  # nothing else has a slot
            return None
        try:
            slot = read_slots(self._file).get(name)
        except (OSError, msgspec.MsgspecError):
            return None
        if slot is None:
            return None
        other = Other(name, self._layout.database(name), self._page.database(slot))
        self._known[name] = other  # for good: its slot is never another one's
        return other
