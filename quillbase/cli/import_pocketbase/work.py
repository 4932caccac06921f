"""The work of the import, in its order: copy, read, stage, write, check, put in place.

    copy_database → read_collections → accept → stage → copy_files → import_plan → replace_data

All but the last happens in a staged depot that nobody reads, so whatever ends it before leaves the
depot as it was; the last is `shared.depot.replace`, which is all or nothing by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cluster.depot import Depot
from cluster.lone_writer import lone_writer
from cluster.refusal import Refusal
from quillbase.cli.import_pocketbase.progress import bar
from quillbase.cli.writer import submit
from shared import failpoints
from shared.depot.layout import DepotLayout
from shared.depot.replace import (
    ReplacementError,
    discard_incoming,
    prepare_incoming,
    replace_data,
)
from shared.errors import sentence_of
from shared.limits import IMPORT_SECONDS, IMPORT_SECONDS_PER_ROW, IMPORT_WAIT_SECONDS
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.plan import Plan
from worker.engine.staging import StagedFile
from worker.pb_data.plans import import_plan
from worker.pb_data.reading import Definitions, read_definitions
from worker.pb_data.report import CollectionCount, Kind, Note, Notes, Report
from worker.pb_data.settings import carry_settings
from worker.pb_data.source import SourceError, copy_database, open_copy
from worker.pb_data.staging import Staged, count_records, stage
from worker.pb_data.target import own_data, record_counts
from worker.pb_data.uploads import copy_files, count_files, tell_missing

_WORK = "work"
_BALLAST = "ballast"


class Asked(NamedTuple):
    """What the command line asks for."""

    folder: Path
    depot: Path
    dry_run: bool
    replace: bool

    @property
    def what(self) -> str:
        """The import, as it is told after an interruption."""
        return f"import of {self.folder}"


def carry_over(asked: Asked) -> Report:
    """Do it, and tell what became of everything. Raises Refusal, QuillError."""
    source, depot = asked.folder.resolve(), asked.depot.resolve()
    if depot == source or source in depot.parents:
        raise Refusal(f"{asked.depot} lies in {asked.folder}, which is never changed.")
    try:
        if asked.dry_run:
            return _try_out(asked)
        return _replace(asked)
    except SourceError as error:
        raise Refusal(str(error)) from None
    except ReplacementError as error:
        raise Refusal(f"The data cannot be put in place: {error}") from None
    except OSError as error:
        raise Refusal(f"The import failed: {sentence_of(error)}") from error


def _try_out(asked: Asked) -> Report:
    with tempfile.TemporaryDirectory(prefix="quill-import-") as folder:
        staged = DepotLayout(Path(folder) / "depot")
        report = _build(asked, staged, Path(folder))
    told = "A dry run: nothing was kept."
    if (there := own_data(DepotLayout(asked.depot))) and not asked.replace:
        told += f" The depot has data ({there}); the import will need --replace."
    return _with_outcome(report, told, replaced=False)


def _replace(asked: Asked) -> Report:
    with _taken(asked.depot) as layout:
        there = own_data(layout)
        if there and not asked.replace:
            raise Refusal(
                f"The depot {asked.depot} has data ({there}). Import into a new one, or use"
                " --replace to put the import in its place."
            )
        staged = prepare_incoming(layout, asked.what)
        try:
            report = _build(asked, staged, staged.path)
            _end_old_ways(layout, staged, report)
        except BaseException:
            discard_incoming(layout)
            raise
        outcome = replace_data(layout, asked.what)
    return _with_outcome(report, outcome, replaced=True)


def _end_old_ways(layout: DepotLayout, staged: DepotLayout, report: Report) -> None:
    """What the depot has beside its data must not act on data that is another's."""
    if layout.secrets.exists() and not staged.secrets.exists():
        staged.secrets.parent.mkdir(mode=0o700)
        staged.secrets.touch(mode=0o600)
    files = sorted(layout.migrations().glob("*"))
    if files:
        why = f"the depot's {len(files)} migrations stay, and are applied at the next start"
        report.notes.append(Note(Kind.TOLD, "migrations", why))


@contextlib.contextmanager
def _taken(path: Path) -> Iterator[DepotLayout]:
    """The depot's lock, within the block. A folder that was made for nothing goes again."""
    existed = path.exists()
    depot = Depot.take(path)
    done = False
    try:
        yield DepotLayout(path)
        done = True
    finally:
        depot.close()
        if not existed and not done:
            shutil.rmtree(path, ignore_errors=True)


def _with_outcome(report: Report, outcome: str, *, replaced: bool) -> Report:
    report.outcome = outcome
    report.replaced = replaced
    return report


# --- In the staged depot --------------------------------------------------------------------------


def _build(asked: Asked, staged: DepotLayout, around: Path) -> Report:
    """Make the new depot at `staged`, with private files in a folder of `around` meanwhile."""
    work = around / _WORK
    work.mkdir()
    for folder in (staged.data, staged.uploads):
        folder.mkdir(parents=True, exist_ok=True)
    notes = Notes()
    copied = copy_database(asked.folder, work)
    with open_copy(copied) as source, contextlib.closing(StagedFile(work / "staged.db")) as file:
        definitions = read_definitions(source, asked.folder, notes)
        imported = definitions.imported
        _reach("import.read")
        with bar("Reading records", count_records(source, imported)) as progress:
            tables = stage(source, file, imported, notes, progress)
        settings = carry_settings(source, staged, notes)
        with bar("Copying files", count_files(asked.folder)) as progress:
            files = copy_files(asked.folder, staged.uploads, notes, progress)
        tell_missing(file, tables, staged.uploads, notes)
    _reach("import.files_copied")
    by_id = {one.collection.id: one for one in tables}
    final = [_final(one.collection, by_id) for one in imported]
    _write(staged, final, definitions, by_id, file.path)
    _reach("import.written")
    shutil.rmtree(work)
    for path in (staged.lock, staged.data / _BALLAST, staged.metadata):  # the depot has its own
        path.unlink(missing_ok=True)
    counts = [_counted(one, by_id.get(one.id)) for one in final]
    return Report(str(asked.folder), str(asked.depot), counts, files, settings, notes.all())


def _write(
    staged: DepotLayout,
    collections: Sequence[Collection],
    definitions: Definitions,
    tables: Mapping[str, Staged],
    path: Path,
) -> None:
    """Have a writer of its own fill the staged depot, and count what stands there then."""
    records = sum(one.records for one in tables.values())
    seconds = IMPORT_SECONDS + records * IMPORT_SECONDS_PER_ROW

    def plan(catalog: Catalog) -> Plan:
        return import_plan(catalog, collections, definitions.views, tables, path, seconds)

    with lone_writer(staged.path) as running:
        deadline = seconds + IMPORT_WAIT_SECONDS
        asyncio.run(submit(running, plan, deadline_seconds=deadline, waiting="Writing the depot"))
        found = record_counts(staged, (one.collection for one in tables.values()))
    for one in tables.values():
        if found[one.collection.id] != one.records:
            raise Refusal(
                f"{one.collection.name} should have {one.records} records and has"
                f" {found[one.collection.id]}; nothing was imported."
            )


def _final(collection: Collection, staged: Mapping[str, Staged]) -> Collection:
    """A collection as its records allow it."""
    found = staged.get(collection.id)
    return collection if found is None else found.collection


def _counted(collection: Collection, staged: Staged | None) -> CollectionCount:
    records, skipped = (0, 0) if staged is None else (staged.records, staged.skipped)
    return CollectionCount(collection.name, collection.id, collection.type, records, skipped)


def _reach(name: str) -> None:
    if failpoints.ACTIVE:
        failpoints.reach(name)
