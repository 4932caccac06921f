"""A bound of the memory that SQLite takes in this process while a text of the console runs.

It is looked at, and the text alone is ended. SQLite's own limits would refuse memory to whoever
asks for it next, which in a worker may be any request.
"""

from __future__ import annotations

from typing import Final

import apsw

from shared.limits import CONSOLE_MEMORY_BYTES

NO_MEMORY: Final = f"it needs more than {CONSOLE_MEMORY_BYTES >> 20} MiB of memory"


class MemoryWatch:
    """From its making on. What others take meanwhile counts as well."""

    def __init__(self) -> None:
        self._most = apsw.memory_used() + CONSOLE_MEMORY_BYTES
        self.spent = False
        """It was found to be too much."""

    def is_over(self) -> bool:
        """Whether it is too much now."""
        self.spent = apsw.memory_used() > self._most
        return self.spent
