"""What `quillbase import csv|json|jsonl|sql` does: show, read, judge, report, hand to the writer."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from cluster.refusal import Refusal
from quillbase.cli.failure import fail
from quillbase.cli.writer import Submitter, submitter, writer_of
from shared import failpoints
from shared.depot.layout import DepotLayout
from shared.errors import Kind, QuillError
from shared.limits import IMPORT_WAIT_SECONDS
from shared.run_directory import RunDirectory
from worker.transfer.folder import Folder, Story, clear_leftovers, open_folder, rows_that_came
from worker.transfer.plan import bulk_seconds, creation_plan, rows_plan
from worker.transfer.problems import Problems
from worker.transfer.session import Asked, Opened, Ready, open_import, stage_import
from worker.transfer.source import STDIN, Source

if TYPE_CHECKING:
    from shared.schema.catalog import Catalog
    from shared.sql.plan import Plan

_MANY_ROWS: Final = 20_000


def import_records(
    layout: DepotLayout,
    asked: Asked,
    file: str,
    *,
    errors: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """The whole command. Raises QuillError, Refusal, typer.Exit."""
    for sentence in clear_leftovers(layout):
        typer.echo(sentence, err=True)
    with Source(file) as source:
        opened = open_import(layout, asked, source)
        _show(opened, file)
        if not (yes or dry_run) and file != STDIN and sys.stdin.isatty():
            typer.confirm("Import like this?", default=True, abort=True, err=True)
        problems = Problems(errors)
        name = opened.target.collection.name
        with open_folder(layout, Story(file, name)) as folder:
            ready = _staged(layout, opened, folder, problems, source)
            _report(problems, asked, errors)
            if dry_run:
                print(f"{_records(ready.rows)} could be imported into {name}.")
                return
            folder.tell(Story(file, name, ready.rows))
            if failpoints.ACTIVE:
                failpoints.reach("import.staged")
            came = _take_over(layout, opened, folder, ready)
    print(f"{_records(came)} imported into {name}.")


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


# --- What is shown --------------------------------------------------------------------------------


def _show(opened: Opened, file: str) -> None:
    """The mapping, on the error stream."""
    target = opened.target
    what = "a new collection, for superusers only" if target.new else target.mode.value
    lines = [f"{file} into {target.collection.name} ({what})"]
    columns = opened.fields.columns
    seen = [one for one in columns if one.name in opened.input.columns]
    width = max((len(one.name) for one in seen), default=0)
    names = max((len(one.field.name) for one in seen), default=0)
    lines += [
        f"  {one.name:{width}} -> {one.field.name:{names}}  {one.field.type:8}  {one.how}"
        for one in seen
    ]
    lines += [f"  {name}: left out, {why}" for name, why in opened.fields.ignored.items()]
    others = [one.name for one in opened.fields.others]
    lines += [f"  by default: {', '.join(others)}"] * bool(others)
    typer.echo("\n".join(lines), err=True)


def _report(problems: Problems, asked: Asked, errors: Path | None) -> None:
    """The first bad records; ends the command where there are more than may be left out."""
    if not problems.count:
        return
    for problem in problems.first:
        typer.echo(f"  {problem}", err=True)
    where = f" All of them are in {errors}." if errors is not None else ""
    bad = "1 record is bad" if problems.count == 1 else f"{problems.count} records are bad"
    if problems.count <= asked.skip_bad:
        typer.echo(f"{bad} and left out.{where}", err=True)
        return
    fail(f"{bad}; nothing was imported.{where}")


@contextlib.contextmanager
def _bar(text: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    """A progress bar by bytes, and by records; nothing where no person looks."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[records]} records"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=total, records=0)

        def progressed(done: int, records: int) -> None:
            bar.update(task, completed=done, records=records)

        yield progressed


# --- Reading -------------------------------------------------------------------------------------


def _staged(
    layout: DepotLayout, opened: Opened, folder: Folder, problems: Problems, source: Source
) -> Ready:
    with _bar("reading", source.size) as progressed:
        ready = stage_import(
            layout,
            opened,
            folder,
            problems,
            read=lambda records: progressed(source.position, records),
            judged=lambda rows: progressed(source.position, rows),
        )
    for note in opened.input.notes:
        typer.echo(f"  {note}", err=True)
    return ready


# --- Handing over ---------------------------------------------------------------------------------


def _take_over(layout: DepotLayout, opened: Opened, folder: Folder, ready: Ready) -> int:
    """Have the writer take the rows. What is under way is not interrupted."""
    with writer_of(layout.path) as writer, _uninterrupted() as interrupted:
        if not writer.alone and not opened.asked.chunk and ready.rows >= _MANY_ROWS:
            typer.echo("Other writes wait meanwhile; --chunk lets them pass.", err=True)
        try:
            return asyncio.run(_hand_over(writer.run, opened, folder, ready, interrupted))
        except QuillError as error:
            if error.kind is not Kind.UNKNOWN_OUTCOME:
                raise
        came = rows_that_came(layout, folder.id)
        if came < ready.rows:
            folder.kept = True
            raise Refusal(
                "The writer gave no answer, so it is not known yet whether the records were"
                " imported. The next import says."
            )
        return came


async def _hand_over(
    run: RunDirectory, opened: Opened, folder: Folder, ready: Ready, interrupted: Callable[[], bool]
) -> int:
    with submitter(run) as link:
        step = opened.asked.chunk or max(1, ready.last)
        create = opened.target.new
        if create and (opened.asked.chunk or not ready.last):
            await link.submit(lambda catalog: creation_plan(catalog, opened.target, opened.now))
            create = False
        came = 0
        for first in range(1, ready.last + 1, step):
            last = first + step - 1
            came = ready.rows if last >= ready.last else min(last, ready.rows)
            await _submit(link, opened, folder, (first, last), came, create=create)
            if interrupted() and last < ready.last:
                folder.kept = True
                raise Refusal(f"Interrupted after the first {came} of {ready.rows} records.")
    return came


async def _submit(
    link: Submitter,
    opened: Opened,
    folder: Folder,
    rows: tuple[int, int],
    came: int,
    *,
    create: bool,
) -> None:
    count = rows[1] - rows[0] + 1

    def make(catalog: Catalog) -> Plan:
        return rows_plan(
            catalog,
            opened.target,
            folder.rows,
            rows,
            count,
            (folder.id, came),
            opened.now,
            create=create,
        )

    await link.submit(
        make,
        deadline_seconds=bulk_seconds(count) + IMPORT_WAIT_SECONDS,
        waiting=f"{opened.target.collection.name}: writing up to record {came}",
        request_id=f"import-{folder.id}",
        collection=opened.target.collection,
    )


@contextlib.contextmanager
def _uninterrupted() -> Iterator[Callable[[], bool]]:
    """While the writer works, Ctrl-C is only noted: what it commits, it commits."""
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)
