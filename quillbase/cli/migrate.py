"""`quillbase migrate new|up|down|status|diff`: the schema's history, with the server or without it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from quillbase.cli.failure import told_in_a_sentence
from shared import logs
from shared.depot.layout import MAIN, DepotLayout
from shared.limits import MIGRATION_PROGRAM_SECONDS, MIGRATION_SECONDS

app = typer.Typer(help="Migrations: changes of schema and data, as files.", no_args_is_help=True)

_Depot = Annotated[Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")]
_Database = Annotated[str, typer.Option("--db", help="The database; all of them without it.")]
_OneDatabase = Annotated[str, typer.Option("--db", help="The database.")]
_Seconds = Annotated[
    float,
    typer.Option(min=0.1, help="Seconds that the statements of one migration may take together."),
]
_ProgramSeconds = Annotated[
    float, typer.Option(min=0.1, help="Seconds that a Python migration may take to plan.")
]
_Json = Annotated[bool, typer.Option("--json", help="For programs.")]
_DEPOT = Path("depot")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it does, in a few words.")],
    database: _OneDatabase = MAIN,
    *,
    python: Annotated[
        bool, typer.Option("--python/--sql", help="A program, or a script of statements.")
    ] = False,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="A name with V: it must not come out of order.")
    ] = False,
    from_changes: Annotated[
        bool,
        typer.Option(
            "--from-changes",
            help="Write out what was changed through the API, and note it as applied here.",
        ),
    ] = False,
    depot: _Depot = _DEPOT,
) -> None:
    """Write a new migration file."""
    from quillbase.cli.migrate_job import write_changes, write_empty  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        layout = DepotLayout(depot)
        if from_changes:
            written = asyncio.run(write_changes(layout, database, name, ordered=ordered))
        else:
            suffix = ".py" if python else ".sql"
            written = write_empty(layout, database, name, suffix, ordered=ordered)
    print(f"{written} is written.")


@app.command()
def up(
    database: _Database = "",
    *,
    accept_changed: Annotated[
        bool,
        typer.Option("--accept-changed", help="Files of applied migrations are right as they are."),
    ] = False,
    seconds: _Seconds = MIGRATION_SECONDS,
    program_seconds: _ProgramSeconds = MIGRATION_PROGRAM_SECONDS,
    depot: _Depot = _DEPOT,
) -> None:
    """Apply all migrations that are not applied. The first that fails ends it and leaves no trace."""
    from quillbase.cli.migrate_job import Times, apply_all  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        times = Times(seconds, program_seconds)
        count = apply_all(DepotLayout(depot), database, times, accept_changed=accept_changed)
    if not count:
        print("Nothing to apply.")


@app.command()
def down(
    count: Annotated[int, typer.Argument(metavar="[N]", min=1, help="How many.")] = 1,
    database: _OneDatabase = MAIN,
    *,
    seconds: _Seconds = MIGRATION_SECONDS,
    program_seconds: _ProgramSeconds = MIGRATION_PROGRAM_SECONDS,
    depot: _Depot = _DEPOT,
) -> None:
    """Undo the migrations that were applied last."""
    from quillbase.cli.migrate_job import Times, undo  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        undo(DepotLayout(depot), database, count, Times(seconds, program_seconds))


@app.command()
def status(database: _Database = "", *, as_json: _Json = False, depot: _Depot = _DEPOT) -> None:
    """Tell which migrations are applied, and what does not fit."""
    from quillbase.cli.migrate_view import show_status  # noqa: PLC0415

    with told_in_a_sentence():
        show_status(DepotLayout(depot), database, as_json=as_json)


@app.command()
def diff(database: _Database = "", *, as_json: _Json = False, depot: _Depot = _DEPOT) -> None:
    """Tell how the collections differ from what the migrations have made."""
    from quillbase.cli.migrate_view import show_difference  # noqa: PLC0415

    with told_in_a_sentence():
        show_difference(DepotLayout(depot), database, as_json=as_json)
