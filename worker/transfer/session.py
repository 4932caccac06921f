"""One import from the file to the staged rows: what is asked, what it means, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from shared.dates import now_text
from shared.depot.layout import DepotLayout
from shared.errors import FieldError, invalid
from shared.limits import TRANSFER_SAMPLE_RECORDS
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.system import SUPERUSERS_ID
from worker.engine.offline import OfflineReader
from worker.engine.staging import StagedFile
from worker.transfer.csv_rows import read_csv
from worker.transfer.folder import Folder
from worker.transfer.form import RowForm
from worker.transfer.infer import infer_collection
from worker.transfer.json_rows import read_json, read_json_lines
from worker.transfer.judge import judge
from worker.transfer.mapping import FieldMap, map_columns
from worker.transfer.problems import Problems, TooManyProblemsError
from worker.transfer.rows import Input
from worker.transfer.source import Source
from worker.transfer.sql_rows import read_sql
from worker.transfer.stage import stage_rows
from worker.transfer.target import Mode, Target

FORMATS: Final = ("csv", "json", "jsonl", "sql")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an import was asked for.

    `skip_bad`: how many bad records are left out before the whole import is refused. `chunk`: rows
    that are committed together, 0 for all. `null`: the text of a CSV that stands for no value.
    `table`: whose rows of an SQL file count, "" for the collection's name.
    """

    format: str
    collection: str
    renames: Mapping[str, str] = field(default_factory=dict)
    create: bool = False
    mode: Mode = Mode.INSERT
    skip_bad: int = 0
    chunk: int = 0
    null: str = ""
    delimiter: str = ","
    encoding: str = "utf-8"
    table: str = ""


class Opened(NamedTuple):
    """A file whose beginning was read, and what its columns mean."""

    asked: Asked
    catalog: Catalog
    input: Input
    fields: FieldMap
    form: RowForm
    target: Target
    now: str


class Ready(NamedTuple):
    """Staged rows that may be taken over: so many, with numbers up to `last`."""

    rows: int
    last: int


def open_import(layout: DepotLayout, asked: Asked, source: Source) -> Opened:
    """Read the sample and settle the columns. Raises QuillError."""
    with OfflineReader(layout.database(), held=True) as reader:
        catalog = reader.catalog()
    collection = None if asked.create else _existing(catalog, asked)
    if asked.create and catalog.find(asked.collection) is not None:
        raise invalid(f"There is a collection {asked.collection} already; leave out --create.")
    given = _input(asked, source, collection)
    if not given.columns:
        raise invalid(_why_nothing(given))
    renames = asked.renames
    if collection is None:
        collection, renames = infer_collection(
            asked.collection, given.columns, given.sample, asked.renames, catalog
        )
    fields = map_columns(collection, given.columns, renames, named=given.named)
    now = now_text()
    form = RowForm(
        collection,
        fields,
        now,
        named=given.named,
        literal=given.literal,
        null=asked.null if asked.format == "csv" else None,
        optional=asked.mode is Mode.UPSERT,
    )
    target = _target(asked, collection, fields, form, named=given.named)
    return Opened(asked, catalog, given, fields, form, target, now)


def stage_import(
    layout: DepotLayout,
    opened: Opened,
    folder: Folder,
    problems: Problems,
    *,
    read: Callable[[int], None],
    judged: Callable[[int], None],
) -> Ready:
    """Read all of the file and judge it; which rows are ready. `problems` says what is not.

    `read` hears of records, `judged` of rows compared with the depot. Raises QuillError.
    """
    staged = StagedFile(folder.rows)
    try:
        rows = stage_rows(
            staged,
            opened.form,
            opened.input.rows,
            problems,
            note_given=opened.target.notes_given,
            progressed=read,
        )
        left = judge(
            staged,
            layout.database(),
            opened.catalog,
            opened.target,
            rows,
            problems,
            tolerated=opened.asked.skip_bad,
            progressed=judged,
        )
        return Ready(left, rows)
    except TooManyProblemsError:
        return Ready(0, 0)
    finally:
        staged.close()
        problems.close()


def _why_nothing(given: Input) -> str:
    """Why no record can be read."""
    for line, found in islice(given.rows, TRANSFER_SAMPLE_RECORDS):
        if isinstance(found, FieldError):
            return f"The file has no record that can be read. Line {line}: {found.message}"
    return " ".join(["The file has no records.", *(f"{note}." for note in given.notes)])


def _existing(catalog: Catalog, asked: Asked) -> Collection:
    """The collection, which must be able to take rows."""
    collection = catalog.find(asked.collection)
    if collection is None:
        raise invalid(
            f"There is no collection {asked.collection}; --create makes one for the file."
        )
    if collection.is_view:
        raise invalid(f"{collection.name} is a view: it shows what other collections hold.")
    if collection.id == SUPERUSERS_ID and asked.mode is Mode.REPLACE:
        raise invalid("The superusers cannot all be replaced.")
    return collection


def _input(asked: Asked, source: Source, collection: Collection | None) -> Input:
    name = asked.collection if collection is None else collection.name
    if asked.format == "csv":
        return read_csv(source.text(asked.encoding), asked.delimiter)
    if asked.format == "jsonl":
        return read_json_lines(source.binary())
    if asked.format == "json":
        return read_json(source.text(asked.encoding))
    return read_sql(source.text(asked.encoding), asked.table or name)


def _target(
    asked: Asked, collection: Collection, fields: FieldMap, form: RowForm, *, named: bool
) -> Target:
    given = tuple(one.field.name for one in fields.columns)
    if asked.mode is Mode.UPSERT and "id" not in given:
        raise invalid("An upsert finds records by their id, and no column gives it.")
    if asked.mode is not Mode.INSERT and asked.create:
        raise invalid("A new collection has no records to change: leave out --mode.")
    if asked.mode is Mode.REPLACE and asked.chunk:
        raise invalid("A replacement is done as a whole: leave out --chunk.")
    return Target(collection, asked.mode, given, named, tuple(form.incomplete), new=asked.create)
