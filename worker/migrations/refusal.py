"""What is said when migrations cannot be applied or undone: the file, the place and the reason."""

from __future__ import annotations

from pathlib import Path

from shared.errors import Kind, QuillError


class MigrationError(QuillError):
    """Nothing of this migration is applied, or undone. The message is whole sentences for the user."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, message)


def at(path: Path, line: int, reason: str) -> MigrationError:
    """Something at a line of a file; `line` 0 when it is not known."""
    place = f"{path}:{line}" if line else str(path)
    return MigrationError(f"{place}: {reason}")
