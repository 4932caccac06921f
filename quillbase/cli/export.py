"""`quillbase export`: a collection's records out of a depot, in plain formats."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from quillbase.cli.failure import fail, told_in_a_sentence
from shared import logs

if TYPE_CHECKING:
    from worker.transfer.export import Exported

app = typer.Typer(help="Write a collection's records to a file.", no_args_is_help=True)

_HELP: Final = {
    "csv": "Export records as CSV; the first line names the columns.",
    "json": "Export records as a JSON array.",
    "jsonl": "Export records as JSON, one object a line.",
    "sql": "Export records as SQL INSERT statements.",
}
_ONLY: Final = {"spreadsheet_safe": "csv"}


@app.callback()
def _group() -> None:
    """Write a collection's records to a file."""


def _records(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="Whose records.")],
    *,
    depot: Annotated[
        Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")
    ] = Path("depot"),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Not standard output.")
    ] = None,
    fields: Annotated[
        str, typer.Option(metavar="A,B", help="Only these fields, in this order.")
    ] = "",
    filter_: Annotated[
        str, typer.Option("--filter", metavar="EXPR", help="Only records for which this holds.")
    ] = "",
    sort: Annotated[str, typer.Option(metavar="-A,B", help="Their order.")] = "",
    secrets: Annotated[
        bool, typer.Option("--secrets", help="With hashes of passwords, and token keys.")
    ] = False,
    spreadsheet_safe: Annotated[
        bool,
        typer.Option("--spreadsheet-safe", help="Put a ' before texts that begin like formulas."),
    ] = False,
    **format_: str,
) -> None:
    from quillbase.cli.writer import existing_depot  # noqa: PLC0415 - others need no engine
    from worker.transfer import write_out  # noqa: PLC0415
    from worker.transfer.export import Wanted, open_export  # noqa: PLC0415

    logs.configure("cli", "warning")
    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    writers: dict[str, Callable[[IO[str], Exported, Callable[[int], None]], None]] = {
        "csv": partial(write_out.write_csv, safe=spreadsheet_safe),
        "json": write_out.write_json,
        "jsonl": write_out.write_json_lines,
        "sql": write_out.write_sql,
    }
    with told_in_a_sentence():
        database = existing_depot(depot).database()
        wanted = Wanted(collection, names, filter_, sort, secrets)
        with open_export(database, wanted) as found, _opened(output) as out, _shown() as shown:
            writers[format_["format"]](out, found, shown)


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a file that has its name only when it is complete.

    A device or a pipe is written to as it is: it must never be replaced by a file.
    """
    if output is None:
        with _standard_output() as out:
            yield out
        return
    path = output.resolve()  # a link stays one
    plain = path.is_file() or not path.exists()
    part = path.with_name(f"{path.name}.part") if plain else path
    try:
        try:
            with part.open("w", encoding="utf-8", newline="") as out:
                yield out
            if plain:
                part.replace(path)
        finally:
            if plain:
                part.unlink(missing_ok=True)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}.")


@contextlib.contextmanager
def _standard_output() -> Iterator[IO[str]]:
    if sys.stdout is None:
        fail("There is no standard output; name a file with --output.")
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # What is still held back must not be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(1) from None
        fail(f"Standard output cannot be written: {error.strerror}.")


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[int], None]]:
    """How many records are written, where a person waits for a file."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - most commands are done before it is loaded
    from rich.progress import (  # noqa: PLC0415
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.completed} records"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.update(task, completed=count)


def _command(name: str) -> Callable[..., None]:
    """The command of one format, with the options that mean something there."""

    def run(**values: Any) -> None:
        _records(**values, format=name)

    signature = inspect.signature(_records, eval_str=True)
    parameters = [
        one
        for one in signature.parameters.values()
        if one.kind is not one.VAR_KEYWORD and _ONLY.get(one.name, name) == name
    ]
    run.__doc__ = _HELP[name]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


for _name in _HELP:
    app.command(_name)(_command(_name))
