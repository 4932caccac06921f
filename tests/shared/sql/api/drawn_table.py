"""Random STRICT tables with odd names and odd values, as a database and as rows in Python.

Values are few, so that ties and NULLs abound, and each is odd in some way that SQL might read
differently from Python: numbers at the ends of their types, texts that look like other things.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import apsw
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from shared.quote import quote_identifier
from shared.schema.api import RecordApi
from shared.schema.tables.column import Column
from shared.schema.tables.eligibility import record_key
from shared.schema.tables.introspect import read_tables
from shared.schema.tables.table import Kind
from shared.schema.tables.view import infer_view
from shared.sqlite.functions.geometry import from_text
from shared.sqlite.functions.register import register

Draw = st.DrawFn
NAMES = ("a", "B", "select", 'we"ird', "Ünï", "id", "x y", "a.b", "rowid2", "%41", "+")
SECRET = "_hidden"
INTEGERS = (0, 1, -1, 2, 10, 2**53 + 1, 2**63 - 1, -(2**63))
REALS = (0.0, -0.0, 1.0, 1.5, -2.25, 10.0, float(2**53), 1e300, float("inf"), float("-inf"))
TEXTS = (
    "", "a", "A", "b", "ab", "aB", "a%b", "a_b", "é", "É", "10", "9", "NULL", "test", "AQID", "1.5",
    "a\n", " a", "a ", "\U0001f40e", "a\0b", "'", "null", "\u00df",
)  # fmt: skip
BLOBS = (b"", b"\0", b"a", b"\x01\x02\x03", b"\xff\xfe", b"test")
UUIDS = tuple(bytes([n]) * 16 for n in (0, 1, 0xAB))
# Boxes along the axes, as (x1, y1, x2, y2); a point is one without size.
BOXES = (
    (0, 0, 0, 0),
    (1, 1, 1, 1),
    (2, 3, 2, 3),
    (0, 0, 2, 2),
    (1, 1, 2, 2),
    (0, 0, 1, 3),
    (5, 5, 9, 9),
)


def wkt(box: tuple[int, int, int, int]) -> str:
    """A box or point as text."""
    x1, y1, x2, y2 = box
    if (x1, y1) == (x2, y2):
        return f"POINT ({x1} {y1})"
    return f"POLYGON (({x1} {y1}, {x2} {y1}, {x2} {y2}, {x1} {y2}, {x1} {y1}))"


@dataclass(frozen=True)
class Sort:
    """What a column is declared as, and what may stand in it. `folds`: letters' case is ignored."""

    name: str
    declared: str
    values: tuple[Any, ...]
    folds: bool = False

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Its name says it all."""
        printer.text(self.name)


SORTS = {
    one.name: one
    for one in (
        Sort("integer", "INTEGER", INTEGERS),
        Sort("real", "REAL", REALS),
        Sort("text", "TEXT", TEXTS),
        Sort("nocase", "TEXT COLLATE NOCASE", TEXTS, folds=True),
        Sort("blob", "BLOB", BLOBS),
        Sort("uuid", "BLOB CHECK (is_uuid({0}))", UUIDS),
        Sort("any", "ANY", INTEGERS + REALS + TEXTS + BLOBS),
        Sort("geometry", "BLOB CHECK (ST_IsValid({0}))", BOXES),
    )
}
KEYS = {
    "integer": "{0} INTEGER PRIMARY KEY",
    "text": "{0} TEXT PRIMARY KEY",
    "uuid": "{0} BLOB PRIMARY KEY CHECK (is_uuid({0}))",
    "uuid of no rowid": "{0} BLOB PRIMARY KEY CHECK (is_uuid({0}))",
}
Row = dict[str, Any]


@dataclass
class DrawnTable:
    """A table, or a view of it. `sorts`: what each column is; the key's is first."""

    key: str
    key_kind: str
    sorts: dict[str, Sort]
    rows: list[Row]
    view: bool = False

    def database(self) -> apsw.Connection:
        """It in a database in memory, as record APIs see one."""
        db = apsw.Connection(":memory:")
        register(db)
        db.pragma("case_sensitive_like", value=True)
        quoted = {name: quote_identifier(name) for name in self.sorts}
        columns = [KEYS[self.key_kind].format(quoted[self.key])]
        columns += [
            f"{quoted[name]} {sort.declared.format(quoted[name])}"
            for name, sort in self.sorts.items()
            if name != self.key
        ]
        end = "STRICT, WITHOUT ROWID" if "no rowid" in self.key_kind else "STRICT"
        db.execute(f"CREATE TABLE t ({', '.join([*columns, f'{SECRET} TEXT'])}) {end}")
        db.execute(f"CREATE VIEW v AS SELECT {', '.join(quoted.values())} FROM t")
        names = ", ".join(quoted.values())
        for row in self.rows:
            marks = ", ".join("?" * len(self.sorts))
            values = tuple(stored(self.sorts[name], row[name]) for name in self.sorts)
            db.execute(f"INSERT INTO t ({names}) VALUES ({marks})", values)
        return db

    def api(self, db: apsw.Connection) -> RecordApi:
        """The API over it, all columns shown but for the write-only one."""
        tables = read_tables(
            lambda sql, values: db.execute(sql, tuple(values)), refused=apsw.SQLError
        )
        table = tables.find("v" if self.view else "t")
        assert table is not None
        if table.kind is Kind.VIEW:
            table = infer_view(table, tables)
        return RecordApi(
            name="things", database="main", table=table, key=record_key(table, tables),
            columns=table.columns, limit=100,
        )  # fmt: skip

    def column(self, api: RecordApi, name: str) -> Column:
        """One of its columns."""
        found = api.column(name)
        assert found is not None
        return found


def stored(sort: Sort, value: Any) -> Any:
    """What stands in the database."""
    if value is None or sort.name != "geometry":
        return value
    return from_text(wkt(value))


def shown(value: Any) -> str:
    """A value as a client would write it into a filter."""
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode()
    if isinstance(value, tuple):
        return wkt(value)
    return str(value)


@st.composite
def drawn_tables(draw: Draw, *, geometry: bool = True, rows_max: int = 12) -> DrawnTable:
    """A table with a key and up to five further columns."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique_by=str.lower))
    key_kind = draw(st.sampled_from(sorted(KEYS)))
    kinds = [one for one in SORTS.values() if geometry or one.name != "geometry"]
    sorts = {names[0]: SORTS[key_kind.split(" ", maxsplit=1)[0]]}
    sorts |= {name: draw(st.sampled_from(kinds)) for name in names[1:]}
    made = DrawnTable(names[0], key_kind, sorts, [])
    for key in _keys(draw, key_kind, rows_max):
        row = {names[0]: key}
        for name in names[1:]:
            value = draw(st.sampled_from((None, *sorts[name].values)))
            row[name] = value
        made.rows.append(row)
    made.view = draw(st.integers(0, 3)) == 0
    return made


def _keys(draw: Draw, key_kind: str, most: int) -> list[Any]:
    if key_kind == "integer":
        return draw(
            st.lists(st.integers(-50, 50) | st.sampled_from(INTEGERS), max_size=most, unique=True)
        )
    if key_kind == "text":
        return draw(st.lists(st.sampled_from(TEXTS), max_size=most, unique=True))
    return draw(st.lists(st.binary(min_size=16, max_size=16), max_size=most, unique=True))
