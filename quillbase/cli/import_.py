"""`quillbase import`: data from other places into a depot."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from quillbase.cli.failure import told_in_a_sentence
from quillbase.cli.import_pocketbase.command import import_pocketbase
from shared import logs

app = typer.Typer(help="Bring data into a depot.", no_args_is_help=True)

_ONLY: Final = {
    "null": ("csv",),
    "delimiter": ("csv",),
    "encoding": ("csv", "json", "sql"),
    "table": ("sql",),
}
"""Options that not every format has."""
_HELP: Final = {
    "csv": "Import the records of a CSV file; its first line names the columns.",
    "json": "Import the records of a JSON file: an array of objects.",
    "jsonl": "Import the records of a file with one JSON object a line.",
    "sql": "Import the rows that the INSERT statements of an SQL file name.",
}


@app.callback()
def _group() -> None:
    """Bring data into a depot."""


_Collection = Annotated[str, typer.Argument(metavar="COLLECTION", help="Where records go.")]
_File = Annotated[str, typer.Argument(metavar="FILE", help="The file, or - for standard input.")]
_Depot = Annotated[Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")]
_Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help="The field of a column that has another name; COLUMN= leaves it out.",
    ),
]
_Create = Annotated[
    bool, typer.Option("--create", help="Make the collection, with types as the file has them.")
]
_Mode = Annotated[
    str,
    typer.Option(
        help="insert; upsert: change records of the same id; replace: all records go before."
    ),
]
_SkipBad = Annotated[int, typer.Option(min=0, metavar="N", help="Leave out up to N bad records.")]
_Errors = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write all that is wrong there, as CSV.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Judge all, import nothing.")]
_Chunk = Annotated[
    int,
    typer.Option(
        min=0, metavar="N", help="Commit every N records, so that other writes need not wait."
    ),
]
_Null = Annotated[str, typer.Option(help="The text that stands for no value.")]
_Delimiter = Annotated[
    str, typer.Option(help="What stands between two cells; tab for a tabulator.")
]
_Encoding = Annotated[str, typer.Option(help="The encoding of the file.")]
_Table = Annotated[str, typer.Option(help="The table in the file, where it has another name.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _records(
    collection: _Collection,
    file: _File,
    *,
    depot: _Depot = Path("depot"),
    map_: _Map = None,
    create: _Create = False,
    mode: _Mode = "insert",
    skip_bad: _SkipBad = 0,
    errors: _Errors = None,
    dry_run: _DryRun = False,
    chunk: _Chunk = 0,
    null: _Null = "",
    delimiter: _Delimiter = ",",
    encoding: _Encoding = "utf-8",
    table: _Table = "",
    yes: _Yes = False,
    **format_: str,
) -> None:
    from quillbase.cli.import_job import import_records  # noqa: PLC0415 - others need no engine
    from quillbase.cli.writer import existing_depot  # noqa: PLC0415
    from worker.transfer.mapping import read_renames  # noqa: PLC0415
    from worker.transfer.session import Asked  # noqa: PLC0415
    from worker.transfer.target import Mode  # noqa: PLC0415

    if mode not in tuple(Mode):
        raise typer.BadParameter(f"must be one of {', '.join(Mode)}", param_hint="--mode")
    logs.configure("cli", "warning")
    with told_in_a_sentence():
        asked = Asked(
            format_["format"],
            collection,
            read_renames(map_ or []),
            create,
            Mode(mode),
            skip_bad,
            chunk,
            null,
            delimiter,
            encoding,
            table,
        )
        layout = existing_depot(depot)
        import_records(layout, asked, file, errors=errors, dry_run=dry_run, yes=yes)


def _command(name: str) -> Callable[..., None]:
    """The command of one format, with the options that mean something there."""

    def run(**values: Any) -> None:
        _records(**values, format=name)

    signature = inspect.signature(_records, eval_str=True)
    parameters = [
        one
        for one in signature.parameters.values()
        if one.kind is not one.VAR_KEYWORD and name in _ONLY.get(one.name, (name,))
    ]
    run.__doc__ = _HELP[name]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


app.command("pocketbase")(import_pocketbase)
for _name in _HELP:
    app.command(_name)(_command(_name))
