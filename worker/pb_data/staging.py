"""The records of the source, converted row by row into a file that the writer reads in one go.

Each collection has a table `t<number>` there, of its fields' columns and the row's number in the
source, so that records keep their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field, Value
from shared.schema.fields.text import ID_NAME
from worker.engine.offline import OfflineReader, ReadError
from worker.engine.staging import StagedFile
from worker.pb_data.definitions import Imported
from worker.pb_data.report import Kind, Notes
from worker.pb_data.source import SourceError
from worker.pb_data.uniqueness import make_unique
from worker.pb_data.values import Convert, Raw, converter

Progress = Callable[[int], None]
"""Told how many records more are done."""
_ROWS_PER_TELLING: Final = 1_000
# A view in the place of a table may have rows without end.
_TABLES: Final = (
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND wr = 0"
)
_NO_FOLDER: Final = re.compile(r"\.{0,2}|.*[/\0].*", re.DOTALL)
"""Ids that lead elsewhere where they stand in a path, as they do for the files of a record."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A filled table of the staging file, for the collection of that id."""

    collection: Collection
    table: str
    records: int
    skipped: int

    @property
    def columns(self) -> list[str]:
        """Its columns but the row's number."""
        return [field.name for field in self.collection.fields]


def count_records(source: OfflineReader, imported: list[Imported]) -> int:
    """How many rows there are to be staged."""
    there = _tables_of(source)
    tables = [one.source.table for one in imported if not one.collection.is_view]
    return sum(_count(source, one) for one in tables if one.lower() in there)


def stage(
    source: OfflineReader,
    staging: StagedFile,
    imported: list[Imported],
    notes: Notes,
    progress: Progress,
) -> list[Staged]:
    """Fill the staging file; collections come back without the indexes that their rows forbid.

    Raises SourceError for a database whose rows cannot be read.
    """
    tables = [one for one in imported if not one.collection.is_view]
    try:
        there = _tables_of(source)
        return [
            _stage_one(
                staging,
                _Rows(source, one, notes, progress, present=one.source.table.lower() in there),
                one.collection,
                f"t{number}",
                notes,
            )
            for number, one in enumerate(tables)
        ]
    except ReadError as error:
        raise SourceError(f"The database cannot be read: {error}.") from None


def _stage_one(
    staging: StagedFile, rows: _Rows, collection: Collection, table: str, notes: Notes
) -> Staged:
    columns = ", ".join(quote_identifier(field.name) for field in collection.fields)
    staging.run(f"CREATE TABLE {quote_identifier(table)} (_rowid_ INTEGER PRIMARY KEY, {columns})")
    places = ", ".join("?" * (len(collection.fields) + 1))
    if rows.present:
        staging.add(f"INSERT INTO {quote_identifier(table)} VALUES ({places})", rows.converted())
    kept, removed = make_unique(staging, table, collection, notes)
    return Staged(kept, table, rows.taken - removed, rows.skipped + removed)


class _Rows:
    """The rows of one table of the source, converted. `taken`, `skipped`: how many so far."""

    def __init__(
        self,
        source: OfflineReader,
        imported: Imported,
        notes: Notes,
        progress: Progress,
        *,
        present: bool,
    ) -> None:
        """`present`: the source has the table."""
        self._source = source
        self._collection = imported.collection
        self._table = imported.source.table
        self._notes = notes
        self._progress = progress
        self.taken = 0
        self.skipped = 0
        self._id = ""
        there = _columns_of(source, self._table) if present else {}
        self.present = present
        if not present:
            notes.add(Kind.LEFT_OUT, self._table, "its records: the source has no such table")
        self._columns: list[str] = []
        self._plan: list[tuple[int | None, Convert, Callable[[str], None], Value]] = []
        used = {"rowid"}
        for field in self._collection.fields:
            self._plan.append(self._planned(field, imported, there, used))
        for column in there.keys() - used if there else ():
            why = "a column that belongs to no field"
            notes.add(Kind.LEFT_OUT, f"{self._table}.{there[column]}", why)

    def _planned(
        self, field: Field, imported: Imported, there: dict[str, str], used: set[str]
    ) -> tuple[int | None, Convert, Callable[[str], None], Value]:
        """Where a field's value stands in a row, and what is done to it."""
        tell = partial(self._told, f"{self._table}.{field.name}")
        name = imported.source.columns.get(field.id, field.name).lower()
        place = None
        if name in there:
            used.add(name)
            place = len(self._columns)
            self._columns.append(there[name])
        elif there:
            self._notes.add(Kind.TOLD, f"{self._table}.{field.name}", "has no column in the source")
        return place, converter(field), tell, field.zero()

    def _told(self, where: str, why: str) -> None:
        self._notes.add(Kind.CHANGED, where, why, self._id)

    def converted(self) -> Iterator[list[Value]]:
        """Rows as the staging table has them, in the order of the source."""
        key = next(n for n, field in enumerate(self._collection.fields) if field.name == ID_NAME)
        for number, *raws in self._source.stream(self._sql()):
            row = self._converted(raws, key)
            if _NO_FOLDER.fullmatch(self._id):
                self.skipped += 1
                why = "a record whose id is a path" if self._id else "a record without an id"
                self._notes.add(Kind.LEFT_OUT, self._table, why, f"row {number}")
                continue
            self.taken += 1
            if self.taken % _ROWS_PER_TELLING == 0:
                self._progress(_ROWS_PER_TELLING)
            yield [number, *row]
        self._progress(self.taken % _ROWS_PER_TELLING)

    def _converted(self, raws: list[Raw], key: int) -> list[Value]:
        place, convert, _, zero = self._plan[key]
        self._id = str(convert(raws[place], _silent) if place is not None else zero)
        return [
            zero if place is None else convert(raws[place], tell)
            for place, convert, tell, zero in self._plan
        ]

    def _sql(self) -> str:
        shown = ", ".join(_as_bytes(f"x.{quote_identifier(one)}") for one in self._columns)
        return f"SELECT x._rowid_, {shown} FROM {quote_identifier(self._table)} x NOT INDEXED ORDER BY 1"


def _silent(_: str) -> None:
    pass


def _as_bytes(column: str) -> str:
    """Texts as their bytes: the driver refuses a row with one that is not valid UTF-8."""
    return f"iif(typeof({column}) = 'text', CAST({column} AS BLOB), {column})"


def _tables_of(source: OfflineReader) -> frozenset[str]:
    """Tables with numbered rows, in lower case. SQLite goes through all of them to list any."""
    return frozenset(str(row[0]).lower() for row in source.rows(_TABLES))


def _columns_of(source: OfflineReader, table: str) -> dict[str, str]:
    """Lower case → as it is spelled."""
    sql = "SELECT name FROM pragma_table_info(?)"
    return {str(row[0]).lower(): str(row[0]) for row in source.rows(sql, (table,))}


def _count(source: OfflineReader, table: str) -> int:
    row = source.row(f"SELECT count(*) FROM {quote_identifier(table)}")
    assert row is not None
    return int(row[0])
