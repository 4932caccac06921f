"""New migration files: their names, and what stands in them."""

from __future__ import annotations

import pprint
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from shared.depot.layout import DepotLayout
from shared.depot.migration_files import MigrationFile, read_name
from worker.migrations.apply import files_of
from worker.migrations.difference import Changed
from worker.migrations.refusal import MigrationError

_NO_WORD: Final = re.compile(r"\W+", re.ASCII)
_NAME_CHARS_MAX: Final = 100
_WIDTH: Final = 96
_SCRIPT: Final = """-- {name}
--
-- One transaction: all of it is applied, or nothing. {down} undoes it, if there is one.
"""
_PROGRAM: Final = '''"""{title}."""

from quillbase.migration import Depot


def up(depot: Depot) -> None:
{up}

def down(depot: Depot) -> None:
{down}'''
_EMPTY: Final = (
    "    pass  # depot.run(sql, params), depot.rows(sql), depot.collections.put({...})\n"
)


def new_file(
    layout: DepotLayout, database: str, name: str, suffix: str, *, ordered: bool
) -> MigrationFile:
    """The file of a migration that is to be written: its version is the present second, or later.

    `suffix`: `.sql` or `.py`. Raises MigrationError for a name without letters.
    """
    word = _NO_WORD.sub("_", name).strip("_")[:_NAME_CHARS_MAX]
    if not word:
        raise MigrationError("A migration's name needs letters or digits.")
    newest = max((file.version for file in files_of(layout, database).files), default=0)
    version = max(int(time.time()), int(newest) + 1)
    kind = "V" if ordered else "U"
    file = read_name(layout.migrations(database) / f"{kind}{version}__{word}{suffix}")
    assert file is not None
    return file


def write(path: Path, text: str) -> None:
    """Make a file that must not be there yet. Raises MigrationError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise MigrationError(f"{path} cannot be written: {error.strerror}.") from None


def empty_script(file: MigrationFile) -> str:
    """What an SQL migration begins with."""
    return _SCRIPT.format(name=_title(file), down=file.down_path.name)


def empty_program(file: MigrationFile) -> str:
    """What a Python migration begins with."""
    return _PROGRAM.format(title=_title(file), up=_EMPTY, down=_EMPTY)


def program_of(file: MigrationFile, changed: Sequence[Changed]) -> str:
    """A Python migration that makes these changes, and undoes them."""
    up = _change(
        (one.after for one in changed), (one.before for one in changed if one.after is None)
    )
    down = _change(
        (one.before for one in changed), (one.after for one in changed if one.before is None)
    )
    return _PROGRAM.format(title=_title(file), up=up, down=down)


def _change(put: Iterable[Any], gone: Iterable[Any]) -> str:
    lines = ["    depot.collections.change("]
    definitions = [one for one in put if one is not None]
    if definitions:
        lines += ["        put=[", *map(_literal, definitions), "        ],"]
    names = [str(one["name"]) for one in gone if one is not None]
    if names:
        lines.append(f"        delete={names!r},")
    return "\n".join([*lines, "    )", ""])


def _literal(definition: Any) -> str:
    text = pprint.pformat(definition, sort_dicts=False, width=_WIDTH - 12)
    return "\n".join(f"            {line}" for line in text.splitlines()) + ","


def _title(file: MigrationFile) -> str:
    return file.name.replace("_", " ").capitalize()
