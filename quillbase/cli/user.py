"""`quillbase user …`: those who log in through the auth API of record APIs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from quillbase.cli.failure import told_in_a_sentence
from quillbase.cli.writer import existing_depot, writer_of
from shared import logs

app = typer.Typer(
    help="Users: those who log in through the auth API of record APIs.", no_args_is_help=True
)
_Depot = Annotated[Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")]
_User = Annotated[
    str, typer.Argument(metavar="USER", help="Email address, username or id of the user.")
]
_Password = Annotated[str, typer.Argument(metavar="PASSWORD", help="The new password.")]
_DEPOT = Path("depot")


@app.callback()
def _group() -> None:
    """Users: those who log in through the auth API of record APIs."""


@app.command()
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Their email address.")],
    password: _Password,
    admin: Annotated[bool, typer.Option("--admin", help="No rule stops an admin.")] = False,
    depot: _Depot = _DEPOT,
) -> None:
    """Add a user, who may log in at once.

    Works while the server runs, while it does not, and on a depot that does not exist yet.
    """
    from quillbase.cli.user_job import add_user  # noqa: PLC0415 - other commands need no engine

    logs.configure("cli", "warning")
    with told_in_a_sentence(), writer_of(depot) as writer:
        asyncio.run(add_user(writer.run, email, password, admin=admin))
    print(f"User {email} is added.")


@app.command()
def verify(user: _User, depot: _Depot = _DEPOT) -> None:
    """Take the address of a user who registered for proven, so that the user may log in."""
    from quillbase.cli.user_job import verify_user  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        existing_depot(depot)
        with writer_of(depot) as writer:
            asyncio.run(verify_user(writer.run, user))
    print(f"User {user} is verified.")


@app.command()
def change_password(user: _User, password: _Password, depot: _Depot = _DEPOT) -> None:
    """Give a user another password. All sessions of the user end."""
    from quillbase.cli.user_job import set_password  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        existing_depot(depot)
        with writer_of(depot) as writer:
            asyncio.run(set_password(writer.run, user, password))
    print(f"The password of {user} is changed.")


@app.command("list")
def list_users(depot: _Depot = _DEPOT) -> None:
    """Show all users: id, address, name, and what is special about them."""
    from quillbase.cli.user_job import show_users  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        show_users(existing_depot(depot))
