"""The JSON schemas of the settings, as far as SQL knows them: `jsonschema` finds them by name.

They stand in main.db alone and hold for every database. Each process that runs SQL over a depot's
tables takes them from there: at its start, and again when the catalog of main has moved.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import apsw
import msgspec

from shared.sqlite.connect import open_reader
from shared.sqlite.functions.json_schema import set_schemas

_MAIN: Final = "main.db"
_CONFIG: Final = "SELECT value FROM _settings WHERE name = 'config'"


class _Schema(msgspec.Struct):
    name: str = ""
    schema: str = ""


class _Config(msgspec.Struct):
    """What of the accepted settings is of use here."""

    schemas: tuple[_Schema, ...] = ()


_decode = msgspec.json.Decoder(_Config).decode


def follow_config(config: str | None) -> None:
    """Make the schemas of the accepted settings, JSON, those of this process; None: no settings.

    Where they cannot be read there are none: what names one fails.
    """
    try:
        found = () if config is None else _decode(config).schemas
    except msgspec.MsgspecError:
        found = ()
    set_schemas({one.name: one.schema for one in found})


def follow_main(connection: apsw.Connection) -> None:
    """The same of an open main.db. Raises apsw.Error."""
    rows = connection.execute(_CONFIG).fetchall()
    follow_config(str(rows[0][0]) if rows else None)


def follow_folder(folder: Path) -> None:
    """The same of the main.db in a folder, where there is one that can be read."""
    main = folder / _MAIN
    if not main.exists():
        return
    try:
        with closing(open_reader(main)) as connection:
            follow_main(connection)
    except apsw.Error:  # no depot's, or none yet
        follow_config(None)
