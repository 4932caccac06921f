"""The command tree."""

from __future__ import annotations

import typer

from cluster import VERSION
from quillbase.cli.publish import publish
from quillbase.cli.run import run_command
from quillbase.cli.superuser import app as superuser_app

app = typer.Typer(
    name="quillbase",
    help="Collections, REST, auth and realtime on SQLite: many readers, one writer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run_command())
app.command("publish")(publish)
app.add_typer(superuser_app, name="superuser")


@app.command()
def version() -> None:
    """Print the version."""
    print(VERSION)
