"""`quillbase backup`: create, list, verify, restore and delete the backups of a depot.

The work is done by a process of its own (`worker.backups`), beside a running server or without one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.refusal import Refusal
from quillbase.cli.failure import fail, told_in_a_sentence
from shared import logs
from shared.depot.backups import (
    NAME,
    NAME_RULE,
    BackupsBusyError,
    backups_locked,
    list_backups,
    path_of,
)
from shared.depot.layout import DepotLayout

if TYPE_CHECKING:
    from worker.backups.task import Told

app = typer.Typer(
    help="Backups: all databases and files of a depot in one zip.", no_args_is_help=True
)

_Depot = Annotated[Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that holds all data.")]
_Which = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A backup of the depot, or any other zip.")
]
_HERE = Path("depot")


@app.callback()
def _group() -> None:
    """Backups: all databases and files of a depot in one zip."""
    logs.configure("cli", "warning")


@app.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="Its name; by default one that tells the time.")] = "",
    config: Annotated[
        bool, typer.Option("--with-config/--without-config", help="Put config.textproto in.")
    ] = True,
    secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Put secrets and keys in.")
    ] = False,
    stored: Annotated[bool, typer.Option("--stored", help="Do not compress: quicker.")] = False,
    depot: _Depot = _HERE,
) -> None:
    """Make a backup, also while the server runs; it goes on serving."""
    from quillbase.cli.backup_job import run_job, settle_if_idle  # noqa: PLC0415
    from worker.backups.task import Task  # noqa: PLC0415

    name = name if not name or name.endswith(".zip") else f"{name}.zip"
    with told_in_a_sentence():
        if not depot.is_dir():  # which `settle_if_idle` would make
            raise Refusal(f"There is no depot at {depot}.")
        settle_if_idle(depot)
        task = Task("create", str(depot.resolve()), name, "", config, secrets, stored)
        result = _result(run_job(task, "Backing up"))
    print(f"{result['name']}: {_size(result['size'])}.")
    if result["left_out"]:
        print(f"Left out: {result['left_out']}.")


@app.command("list")
def list_all(depot: _Depot = _HERE) -> None:
    """Show the backups of a depot, the newest first."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    entries = list_backups(DepotLayout(depot))
    if not entries:
        print(f"{depot} has no backups.")
        return
    table = Table("name", "size", "made (UTC)", box=None)
    for entry in entries:
        made = datetime.fromtimestamp(entry.modified, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(entry.name, _size(entry.size), made)
    Console(soft_wrap=True).print(table)


@app.command()
def verify(which: _Which, depot: _Depot = _HERE) -> None:
    """Check a backup: hashes, SQLite's checks and the collections of each database.

    Exit code 1 when anything is wrong with it.
    """
    from quillbase.cli.backup_job import run_job  # noqa: PLC0415
    from worker.backups.task import Task  # noqa: PLC0415

    with told_in_a_sentence():
        name, file = _source(depot, which)
        told = run_job(Task("verify", str(depot.resolve()), name, file), "Verifying")
        result = _result(told)
    for key in ("version", "format", "created", "databases", "uploads", "config", "secrets"):
        print(f"{key + ':':<11}{_shown(result[key])}")
    if told.faults:
        fail("\n".join(["The backup is damaged:", *told.faults]))
    print(f"{result['name']} is good.")


@app.command()
def restore(
    which: _Which,
    *,
    config: Annotated[
        bool, typer.Option("--with-config", help="Replace the depot's config, too.")
    ] = False,
    secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Replace the depot's secrets and keys, too.")
    ] = False,
    depot: _Depot = _HERE,
) -> None:
    """Replace all data of a depot by a backup's. A running server restarts with it.

    The data that was there is kept in the depot's folder `replaced`. A config or secrets that the
    depot lacks are taken from the backup in any case.
    """
    from quillbase.cli.backup_job import restore as run_restore  # noqa: PLC0415
    from worker.backups.task import Task  # noqa: PLC0415

    with told_in_a_sentence():
        name, file = _source(depot, which)
        task = Task("restore", str(depot.resolve()), name, file, config, secrets)
        print(run_restore(depot, task))


@app.command()
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A backup of the depot.")],
    depot: _Depot = _HERE,
) -> None:
    """Remove a backup."""
    layout = DepotLayout(depot)
    path = path_of(layout, name)
    if path is None:
        fail(f"{depot} has no backup {name}.")
        return
    try:
        with backups_locked(layout):
            path.unlink()
    except (BackupsBusyError, OSError) as error:
        fail(f"{name} was not removed: {error}")
    print(f"{name} is removed.")


def _source(depot: Path, which: str) -> tuple[str, str]:
    """A name in the depot, or the path of a file. Raises Refusal."""
    if path_of(DepotLayout(depot), which) is not None:
        return which, ""
    if Path(which).is_file():
        return "", str(Path(which).resolve())
    hint = "" if NAME.match(which) else f" {NAME_RULE}"
    raise Refusal(f"There is no backup {which} in {depot}, and no such file.{hint}")


def _result(told: Told) -> dict[str, object]:
    if told.result is None:
        raise Refusal(told.error)
    return told.result


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} at {n}" for name, n in value.items())
    return str(value)


def _size(size: object) -> str:
    return f"{int(str(size)) / 1_000_000:,.1f} MB"
