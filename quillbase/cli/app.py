"""The command tree."""

from __future__ import annotations

import typer

from cluster import VERSION
from quillbase.cli.backup import app as backup_app
from quillbase.cli.export import app as export_app
from quillbase.cli.import_ import app as import_app
from quillbase.cli.migrate import app as migrate_app
from quillbase.cli.publish import publish
from quillbase.cli.run import run_command
from quillbase.cli.settings import app as settings_app
from quillbase.cli.superuser import app as superuser_app
from quillbase.cli.user import app as user_app

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
app.add_typer(user_app, name="user")
app.add_typer(settings_app, name="settings")
app.add_typer(migrate_app, name="migrate")
app.add_typer(backup_app, name="backup")
app.add_typer(import_app, name="import")
app.add_typer(export_app, name="export")


@app.command()
def version() -> None:
    """Print the version."""
    print(VERSION)
