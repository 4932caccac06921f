"""Files against history: what is applied, what is to come, and what does not fit together."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared.depot.migration_files import MigrationFile, Version
from worker.migrations.history import Applied
from worker.migrations.refusal import MigrationError
from worker.migrations.source import read_source


class Standing(enum.Enum):
    """How a migration stands."""

    APPLIED = "applied"
    PENDING = "pending"
    CHANGED = "changed"
    """Applied, and its file is not what it was."""
    LATE = "late"
    """Not applied, and a later one that must come after it is."""
    MISSING = "missing"
    """Applied, and there is no file of it."""


class Reviewed(NamedTuple):
    """One migration, by its file, its row in the history, or both. `reason`: what is wrong."""

    version: Version
    name: str
    standing: Standing
    file: MigrationFile | None = None
    applied: Applied | None = None
    reason: str = ""


def review(files: Sequence[MigrationFile], history: Mapping[Version, Applied]) -> list[Reviewed]:
    """All migrations by version. Raises MigrationError for a file that cannot be read."""
    newest = max(
        (one.version for one in files if one.ordered and one.version in history), default=0
    )
    found = [_of_file(file, history.get(file.version), newest) for file in files]
    known = {file.version for file in files}
    found += [
        Reviewed(one.version, one.name, Standing.MISSING, applied=one)
        for one in history.values()
        if one.version not in known
    ]
    return sorted(found, key=lambda one: one.version)


def refuse_misfits(reviewed: Sequence[Reviewed]) -> None:
    """Raises MigrationError where nothing may be applied before a person has looked."""
    wrong = [one for one in reviewed if one.standing in (Standing.CHANGED, Standing.LATE)]
    if wrong:
        raise MigrationError(" ".join(one.reason for one in wrong))


def _of_file(file: MigrationFile, applied: Applied | None, newest: Version) -> Reviewed:
    if applied is None:
        if file.ordered and file.version < newest:
            reason = (
                f"{file.path}: It is not applied, but V{newest} is, which comes after it: give it "
                "a higher version, or a name that begins with U."
            )
            return Reviewed(file.version, file.name, Standing.LATE, file, None, reason)
        return Reviewed(file.version, file.name, Standing.PENDING, file)
    reason = _difference(file, applied)
    standing = Standing.CHANGED if reason else Standing.APPLIED
    return Reviewed(file.version, file.name, standing, file, applied, reason)


def _difference(file: MigrationFile, applied: Applied) -> str:
    if applied.name != file.name:
        return f"{file.path}: The version {file.version} was applied as {applied.name}."
    if applied.is_ours and applied.checksum != read_source(file).checksum:
        return (
            f"{file.path}: It is not what was applied: put it back, and write another migration; "
            "or say --accept-changed."
        )
    return ""
