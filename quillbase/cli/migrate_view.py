"""What `quillbase migrate` shows: how migrations stand, and how collections differ from them."""

from __future__ import annotations

from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.depot.layout import DepotLayout
from worker.engine.offline import OfflineReader
from worker.migrations.apply import files_of
from worker.migrations.databases import database_names
from worker.migrations.difference import Changed
from worker.migrations.refusal import MigrationError
from worker.migrations.review import Reviewed, Standing
from worker.migrations.standing import changed_since, reviewed

_COLOURS: Final = {
    Standing.APPLIED: "green",
    Standing.PENDING: "yellow",
    Standing.CHANGED: "red",
    Standing.LATE: "red",
    Standing.MISSING: "dim",
}
_SIGNS: Final = {"+": "green", "-": "red", "~": "yellow"}


def show_status(layout: DepotLayout, database: str, *, as_json: bool) -> None:
    """Print all migrations, of one database or of all. Raises QuillError."""
    found = {name: reviewed(layout, name) for name in _names(layout, database)}
    if as_json:
        _print_json({name: list(map(_as_json, entries)) for name, entries in found.items()})
        return
    console = Console()
    for name, entries in found.items():
        console.print(_table(name, entries))
        for entry in entries:
            if entry.reason:
                console.print(Text(entry.reason, "red"), soft_wrap=True)
        for path in files_of(layout, name).strangers:
            console.print(Text(f"{path}: No migration's name.", "yellow"), soft_wrap=True)


def show_difference(layout: DepotLayout, database: str, *, as_json: bool) -> None:
    """Print what was changed otherwise, of one database or of all. Raises QuillError."""
    found = {name: _changed(layout, name) for name in _names(layout, database)}
    if as_json:
        _print_json(
            {
                name: [{"before": one.before, "after": one.after} for one in changed]
                for name, changed in found.items()
            }
        )
        return
    console = Console()
    for name, changed in found.items():
        if not changed:
            console.print(f"{name}: the collections are as the migrations have made them.")
        for one in changed:
            for line in one.lines:
                console.print(Text(line, _SIGNS.get(line[0], "")), soft_wrap=True)


def _changed(layout: DepotLayout, database: str) -> list[Changed]:
    path = layout.database(database)
    if not path.exists():
        return []
    with OfflineReader(path, held=True) as state:
        return changed_since(state, database)


def _names(layout: DepotLayout, database: str) -> list[str]:
    if not layout.path.is_dir():
        raise MigrationError(f"There is no depot at {layout.path}.")
    names = database_names(layout)
    if database and database not in names:
        raise MigrationError(f"There is no database {database}.")
    return [database] if database else names


def _table(database: str, entries: list[Reviewed]) -> Table:
    table = Table(title=f"Migrations of {database}", title_justify="left")
    for column in ("Version", "Name", "State", "Applied", "File"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        applied_on = entry.applied.applied_on if entry.applied is not None else ""
        state = Text(entry.standing.value, _COLOURS[entry.standing])
        file = entry.file.path.name if entry.file is not None else ""
        table.add_row(str(entry.version), entry.name, state, applied_on, file)
    return table


def _as_json(entry: Reviewed) -> dict[str, Any]:
    return {
        "version": entry.version,
        "name": entry.name,
        "state": entry.standing.value,
        "appliedOn": entry.applied.applied_on if entry.applied is not None else None,
        "file": str(entry.file.path) if entry.file is not None else None,
        "reason": entry.reason or None,
    }


def _print_json(value: object) -> None:
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
