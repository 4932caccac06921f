"""One migration as a plan: its own steps between what must hold before them and after them.

SQL is read here, in the process that prepares; programs run in a child of it. The writer sees
statements only, and applies all of them with the history's row or none.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from shared.depot.migration_files import MigrationFile
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.plan import Bulk, Plan, Step, run
from worker.engine.offline import OfflineReader
from worker.migrations.exchange import Answer, Request
from worker.migrations.history import (
    Applied,
    Definition,
    forget_steps,
    open_steps,
    read_collections,
    record_steps,
)
from worker.migrations.intact import intact_steps, nothing_temporary
from worker.migrations.program import run_program
from worker.migrations.refusal import at
from worker.migrations.script import ScriptError
from worker.migrations.shown import first_collections, merged
from worker.migrations.source import Source
from worker.migrations.statement import executable, read_script


class Where(NamedTuple):
    """A database, and how long a migration's plan and its program may take, in seconds."""

    database: str
    path: Path
    seconds: float
    program_seconds: float


class Placed(NamedTuple):
    """A step, and what it is told by: a line of the file, or a collection that it checks."""

    step: Step
    line: int = 0
    collection: str = ""


class Prepared(NamedTuple):
    """`placed`: parallel to the plan's steps. `path`: the file that errors name."""

    plan: Plan
    placed: list[Placed]
    path: Path


class _Read(NamedTuple):
    """What a script or a program asks for, and what follows from it for the collections."""

    placed: list[Placed]
    catalog: Catalog
    put: tuple[Definition, ...] = ()
    deleted: tuple[str, ...] = ()


def prepare_up(
    where: Where, state: OfflineReader, file: MigrationFile, source: Source, now: str
) -> Prepared:
    """The plan that applies a migration. Raises MigrationError."""
    read = _read(where, state, file.path, source.text, "up")
    known = read_collections(state)
    known = first_collections(where.database) if known is None else known
    collections = merged(known, read.put, read.deleted)
    after = record_steps(file, source, now, collections)
    return _prepared(where, file.path, open_steps(file), read, after)


def prepare_down(
    where: Where, state: OfflineReader, applied: Applied, path: Path, down: str
) -> Prepared:
    """The plan that undoes a migration by the text `down`, which stands in `path`, or stood there.

    Raises MigrationError.
    """
    read = _read(where, state, path, down, "down")
    before, after = forget_steps(applied)
    return _prepared(where, path, before, read, after)


def prepare_record(
    where: Where,
    catalog: Catalog,
    file: MigrationFile,
    source: Source,
    now: str,
    collections: list[Definition],
) -> Prepared:
    """The plan that only notes a migration as applied: what it does was done by other means."""
    after = record_steps(file, source, now, collections)
    return _prepared(where, file.path, open_steps(file), _Read([], catalog), after)


def _read(where: Where, state: OfflineReader, path: Path, text: str, function: str) -> _Read:
    if path.suffix == ".py":
        request = Request(text, str(path), function, str(where.path), where.program_seconds)
        return _of_answer(run_program(request))
    try:
        statements = read_script(text)
    except ScriptError as error:
        raise at(path, error.line, str(error)) from None
    placed = [Placed(run(executable(one)), one.line) for one in statements]
    return _Read(placed, state.catalog())


def _of_answer(answer: Answer) -> _Read:
    catalog = Catalog(answer.catalog_version, map(Collection.from_row, answer.rows))
    placed = [Placed(queued.step, queued.line) for queued in answer.steps]
    return _Read(placed, catalog, answer.put, answer.deleted)


def _prepared(
    where: Where, path: Path, before: list[Step], read: _Read, after: list[Step]
) -> Prepared:
    placed = [
        *map(Placed, before),
        *read.placed,
        Placed(nothing_temporary()),
        *(Placed(step, 0, one.name) for one, step in intact_steps(read.catalog.all())),
        *map(Placed, after),
    ]
    plan = Plan(
        read.catalog.version,
        tuple(one.step for one in placed),
        changes_catalog=True,
        database=where.database,
        bulk=Bulk(where.seconds, foreign_keys=False),
    )
    return Prepared(plan, placed, path)
