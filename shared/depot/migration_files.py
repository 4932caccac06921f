"""The migration files of a database: what their names say, and the order in which they stand.

`U17__add_notes.sql` may come out of order, as files from several branches do; `V17__…` may not. SQL
files are a script, `.py` files a program. `U17__add_notes.down.sql` undoes the script beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from shared.depot.layout import MAIN, DepotLayout

Version = int | float
"""`3` or `3.5`; as a number, so `1.10` is `1.1`."""
_NAME: Final = re.compile(r"([UV])([0-9]+(?:\.[0-9]+)?)__(\w+)\.(sql|py)")
_DOWN: Final = ".down.sql"
_VERSION_MAX: Final = 2**63 - 1
_FRACTION_CHARS_MAX: Final = 16  # what a floating-point number holds of a version with a fraction


class MigrationNameError(ValueError):
    """Files that cannot be put in an order. The text names them."""


class MigrationFile(NamedTuple):
    """One migration. `ordered`: its name begins with V."""

    ordered: bool
    version: Version
    name: str
    path: Path

    @property
    def is_program(self) -> bool:
        """It is Python."""
        return self.path.suffix == ".py"

    @property
    def down_path(self) -> Path:
        """The script that undoes this script; it may be missing."""
        return self.path.with_suffix(_DOWN)


class Found(NamedTuple):
    """`files` by version; `strangers`: SQL and Python files whose names say nothing."""

    files: tuple[MigrationFile, ...]
    strangers: tuple[Path, ...]


def read_name(path: Path) -> MigrationFile | None:
    """What a file's name says; None when it is no migration's. Raises MigrationNameError."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    kind, digits, name, _ = match.groups()
    number = float(digits) if "." in digits else int(digits)
    version = int(number) if number == int(number) else number
    if version > _VERSION_MAX or ("." in digits and len(digits) > _FRACTION_CHARS_MAX):
        raise MigrationNameError(f"{path}: the version {digits} is too long.")
    return MigrationFile(kind == "V", version, name, path)


def find_migrations(layout: DepotLayout, database: str = MAIN) -> Found:
    """All files of one database, its folder's sub-folders included.

    Files that stand in `migrations/` itself belong to main. Raises MigrationNameError where two
    have the same version.
    """
    files: dict[Version, MigrationFile] = {}
    strangers: list[Path] = []
    for path in _paths(layout, database):
        read = read_name(path)
        if read is None:
            if not path.name.endswith(_DOWN) and not path.name.startswith(("_", ".")):
                strangers.append(path)
            continue
        other = files.setdefault(read.version, read)
        if other is not read:
            raise MigrationNameError(
                f"{other.path} and {path} have the same version, {read.version}: rename one."
            )
    return Found(tuple(files[version] for version in sorted(files)), tuple(sorted(strangers)))


def _paths(layout: DepotLayout, database: str) -> Iterator[Path]:
    folder = layout.migrations(database)
    if database == MAIN and folder.parent.is_dir():
        yield from (path for path in sorted(folder.parent.iterdir()) if _may_be(path.name))
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        yield from (Path(where, name) for name in sorted(names) if _may_be(name))


def _may_be(name: str) -> bool:
    return name.endswith((".sql", ".py"))
