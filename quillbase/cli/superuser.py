"""`quillbase superuser upsert`: through the writer of the running server, or one of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cluster.depot import read_holder
from cluster.lone_writer import lone_writer
from cluster.refusal import Refusal
from shared import logs
from shared.errors import QuillError
from shared.run_directory import RunDirectory

app = typer.Typer(help="Superusers: those whom no rule stops.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Superusers: those whom no rule stops."""


@app.command()
def upsert(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Their email address.")],
    password: Annotated[str, typer.Argument(metavar="PASSWORD", help="Their new password.")],
    depot: Annotated[
        Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")
    ] = Path("depot"),
) -> None:
    """Create a superuser, or give an existing one a new password and end its sessions.

    Works while the server runs, while it does not, and on a depot that does not exist yet.
    """
    from quillbase.cli.upsert import upsert_superuser  # noqa: PLC0415 - other commands need no engine

    logs.configure("cli", "warning")
    try:
        with _writer_of(depot) as run:
            asyncio.run(upsert_superuser(run, email, password))
    except Refusal as refusal:
        _fail(str(refusal))
    except QuillError as error:
        reasons = [f"{name}: {problem.message}" for name, problem in error.fields.items()]
        _fail(" ".join([error.message, *reasons]))
    print(f"Superuser {email} is saved.")


@contextlib.contextmanager
def _writer_of(depot: Path) -> Iterator[RunDirectory]:
    """The run directory of a writer of this depot: its own first, else the running one."""
    with contextlib.ExitStack() as stack:
        try:
            run = stack.enter_context(lone_writer(depot))
        except Refusal:
            holder = read_holder(depot)
            if holder is None or not Path(holder.run_directory).is_dir():
                raise
            run = RunDirectory(Path(holder.run_directory))
        yield run


def _fail(sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
