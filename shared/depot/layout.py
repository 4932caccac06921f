"""Where everything stands in a depot. Names only: it opens and makes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MAIN: Final = "main"
"""The database that every depot has."""


class DepotLayout:
    """The paths of one depot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.config = path / "config.textproto"
        self.metadata = path / "metadata.textproto"
        self.secrets = path / "secrets" / "secrets.textproto"
        self.keys = path / "secrets" / "keys"
        self.uploads = path / "uploads"
        self.backups = path / "backups"
        self.incoming = path / ".incoming"
        self.replacement = path / "replacement.json"
        self.replaced = path / "replaced"

    @property
    def lock(self) -> Path:
        """Locked by whoever may run a writer on this depot."""
        return self.data / "writer.lock"

    def database(self, name: str = MAIN) -> Path:
        """The file of one database."""
        return self.data / f"{name}.db"

    def migrations(self, name: str = MAIN) -> Path:
        """The folder of one database's migrations."""
        return self.path / "migrations" / name
