"""`quillbase import pocketbase` as typer sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quillbase.cli.failure import told_in_a_sentence
from shared import logs


def import_pocketbase(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="PocketBase's data folder, as a rule pb_data.")
    ],
    *,
    depot: Annotated[
        Path, typer.Option(envvar="QUILL_DEPOT", help="Folder that is to hold the data.")
    ] = Path("depot"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do all of it, tell it, and leave nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the data that the depot has.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as JSON, too.")
    ] = None,
) -> None:
    """Make a depot of PocketBase's data folder (0.23 or later), which is read and never changed.

    Collections, records, files, users with their passwords and sessions, and settings come over;
    what does not is listed at the end. No server may run on the depot meanwhile.
    """
    from quillbase.cli.import_pocketbase.told import tell, write_report  # noqa: PLC0415
    from quillbase.cli.import_pocketbase.work import Asked, carry_over  # noqa: PLC0415

    logs.configure("cli", "warning")
    with told_in_a_sentence():
        found = carry_over(Asked(folder, depot, dry_run=dry_run, replace=replace))
        tell(found)
        if report is not None:
            write_report(report, found)
