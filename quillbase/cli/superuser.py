"""`quillbase superuser upsert`: through the writer of the running server, or one of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from quillbase.cli.failure import told_in_a_sentence
from quillbase.cli.writer import writer_of
from shared import logs

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
    with told_in_a_sentence(), writer_of(depot) as writer:
        asyncio.run(upsert_superuser(writer.run, email, password))
    print(f"Superuser {email} is saved.")
