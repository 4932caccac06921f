"""The report of an import: as tables for people, as JSON for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.refusal import Refusal

if TYPE_CHECKING:
    from worker.pb_data.report import Note, Report

_WIDTH_MIN = 100


def write_report(path: Path, report: Report) -> None:
    """As JSON. Raises Refusal where the file cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise Refusal(f"The report cannot be written: {error}.") from error


def tell(report: Report) -> None:
    """On standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, _WIDTH_MIN))
    console.print(_collections(report))
    files = report.files
    console.print(
        f"Files: {files.copied} copied ({files.bytes} bytes); {files.thumbs} derived pictures"
        " stay behind and are made again when asked for."
    )
    if report.settings:
        console.print(escape(f"Settings: {', '.join(report.settings)}."))
    if report.notes:
        console.print(_notes(report.notes))
    else:
        console.print("Everything was carried over.")
    console.print(escape(report.outcome), style="bold")


def _collections(report: Report) -> Table:
    table = Table("collection", "id", "kind", "records", box=None, header_style="bold")
    table.columns[3].justify = "right"
    for one in report.collections:
        skipped = f" (and {one.skipped} left out)" if one.skipped else ""
        records = "" if one.type == "view" else f"{one.records}{skipped}"
        table.add_row(escape(one.name), escape(one.id), one.type, records)
    return table


def _notes(notes: list[Note]) -> Table:
    table = Table("what", "where", "why", box=None, header_style="bold")
    for note in notes:
        times = f" ({note.count} times)" if note.count > 1 else ""
        such = f" Records: {', '.join(note.examples)}" if note.examples else ""
        table.add_row(
            note.kind.value, escape(note.where), escape(f"{note.why.rstrip('.')}{times}.{such}")
        )
    return table
