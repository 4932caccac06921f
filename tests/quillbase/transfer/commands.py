"""The commands as tests run them: in this process, since a new one takes most of a second."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from quillbase.cli.app import app
from shared.sqlite.connect import open_reader


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def run(depot: Path, *words: str, stdin: bytes = b"") -> Done:
    """`quillbase WORDS… --depot DEPOT`; a traceback is raised here."""
    result = CliRunner().invoke(app, [*words, "--depot", str(depot)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def csv_file(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a CSV file; its path."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_text(text.getvalue(), newline="")
    return str(path)


def changes(depot: Path) -> list[tuple[str, int, object]]:
    """(table, act, key) of every row of the change log."""
    connection = open_reader(depot / "data" / "main.db")
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT tbl, act, key FROM _change ORDER BY n"
    ).fetchall()
    connection.close()
    return [(table, act, key) for table, act, key in rows]
