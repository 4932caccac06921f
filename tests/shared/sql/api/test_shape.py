"""A record's JSON: every type of column, odd names, many columns, references; what is not shown."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64encode
from contextlib import closing
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.quote import quote_identifier
from shared.schema.api import RecordApi, Referred
from shared.schema.tables.eligibility import record_key
from shared.schema.tables.introspect import read_tables
from shared.sql.api.shape import feature_sql, record_sql, value_sql
from shared.sqlite.functions.register import register
from tests.shared.sql.api.drawn_table import DrawnTable, Row, Sort, drawn_tables, stored

QUICK = settings(
    max_examples=120, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


class Place:
    """A database in memory, and the API over its table `t`."""

    def __init__(self, *statements: str, **options: Any) -> None:
        self.db = apsw.Connection(":memory:")
        register(self.db)
        for sql in statements:
            self.db.execute(sql)
        tables = read_tables(
            lambda sql, values: self.db.execute(sql, tuple(values)), refused=apsw.SQLError
        )
        table = tables.find("t")
        assert table is not None
        references = {}
        for name in options.get("expand", ()):
            column = table.column(name)
            assert column is not None
            referred = tables.referred(column)
            assert referred is not None
            shown = tuple(one for one in referred[0].columns if not one.write_only)
            references[name] = Referred(table=referred[0], key=referred[1], columns=shown)
        excluded = options.pop("excluded", ())
        columns = tuple(one for one in table.columns if one.name not in excluded)
        self.api = RecordApi(
            name="t", database="main", table=table, key=record_key(table, tables),
            columns=columns, limit=10, references=references, **options,
        )  # fmt: skip

    def records(self, sql: str | None = None) -> list[Any]:
        """All of them in the order of the key."""
        return shaped(self.db, "t", sql or record_sql(self.api), self.api.key.column.name)


def shaped(db: apsw.Connection, table: str, sql: str, key: str) -> list[Any]:
    """What the JSON of every row says."""
    rows = db.execute(
        f"SELECT {sql} FROM {table} AS _ROW_ ORDER BY _ROW_.{quote_identifier(key)}"
    ).fetchall()
    return [json.loads(str(row[0]), parse_constant=_refuse) for row in rows]


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


# --- Random tables ------------------------------------------------------------------------------


def expected(sort: Sort, value: Any) -> Any:
    """What a client is to see."""
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode()
    if value is not None and sort.name == "geometry":
        x1, y1, x2, y2 = value
        if (x1, y1) == (x2, y2):
            return {"type": "Point", "coordinates": [x1, y1]}
        ring = [[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]]
        return {"type": "Polygon", "coordinates": [ring]}
    return value


def has_infinity(row: Row) -> bool:
    """A number that JSON does not have."""
    return any(isinstance(value, float) and math.isinf(value) for value in row.values())


@QUICK
@given(table=drawn_tables())
def test_every_row_of_random_tables(table: DrawnTable) -> None:
    """Exact numbers, texts and bytes under their own names; the write-only column is not there."""
    with closing(table.database()) as db:
        api = table.api(db)
        key = quote_identifier(table.key)
        sql = (
            f"SELECT {record_sql(api)} FROM {'v' if table.view else 't'} AS _ROW_ WHERE {key} IS ?"
        )
        for row in table.rows:
            value = (stored(table.sorts[table.key], row[table.key]),)
            if has_infinity(row):
                with pytest.raises(apsw.SQLError, match="malformed JSON"):
                    db.execute(sql, value).fetchall()
                continue
            found = json.loads(db.execute(sql, value).get)
            assert found == {name: expected(table.sorts[name], row[name]) for name in table.sorts}
            assert list(found) == list(table.sorts)
            assert [type(one) for one in found.values()] == [
                type(expected(table.sorts[name], row[name])) for name in table.sorts
            ]


NUMBERS = Place("CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, x ANY) STRICT")


@QUICK
@given(
    whole=st.integers(-(2**63), 2**63 - 1), real=st.floats(allow_nan=False, allow_infinity=False)
)
def test_numbers_keep_every_digit(whole: int, real: float) -> None:
    """Whole ones of 64 bits and all floats, also where a column takes anything."""
    with NUMBERS.db:
        NUMBERS.db.execute("DELETE FROM t")
        NUMBERS.db.execute(
            "INSERT INTO t VALUES (?1, ?2, ?2), (?3, NULL, ?1)", (whole, real, ~whole)
        )
        found = {one["id"]: one for one in NUMBERS.records()}
    assert found[whole] == {"id": whole, "r": real, "x": real}
    assert found[~whole] == {"id": ~whole, "r": None, "x": whole}
    assert type(found[whole]["r"]) is type(found[whole]["x"]) is float


@QUICK
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
        max_size=5,
        unique_by=str.casefold,
    )
)
def test_any_name(names: list[str]) -> None:
    """Quotes, blanks, letters of any script: a key is the column's name as it is."""
    names = [name for name in names if not name.startswith("_") and name.lower() != "id"]
    columns = "".join(f", {quote_identifier(name)} TEXT" for name in names)
    place = Place(f"CREATE TABLE t (id INTEGER PRIMARY KEY{columns}) STRICT")
    with closing(place.db):
        place.db.execute("INSERT INTO t (id) VALUES (1)")
        assert place.records() == [{"id": 1} | dict.fromkeys(names)]


# --- JSON, files, geometries --------------------------------------------------------------------

RICH = """CREATE TABLE t (
  id INTEGER PRIMARY KEY, flat TEXT CHECK (jsonschema('std.KeyValue', flat)),
  file TEXT CHECK (jsonschema('std.FileUpload', file)),
  files TEXT CHECK (jsonschema('std.FileUploads', files)),
  nested TEXT CHECK (jsonschema_matches('{}', nested)),
  at BLOB CHECK (ST_IsValid(at)), note TEXT
) STRICT"""
FILE = {"id": "the key of its bytes", "filename": "a", "mime_type": None}


def test_json_is_nested_and_no_text() -> None:
    """As it was written: numbers with their digits. Files without the key of their bytes."""
    place = Place(RICH)
    nested = '{"a":[1,{"b":null}],"n":123456789012345678901234567890,"r":0.10}'
    place.db.execute(
        "INSERT INTO t VALUES (1, ?, ?, ?, ?, ST_Point(1.5, -2), '{}'), (2, NULL, NULL, NULL, NULL, NULL, NULL)",
        ('{"a":1}', json.dumps(FILE), json.dumps([FILE, FILE]), nested),
    )
    full, empty = place.records()
    kept = {name: value for name, value in FILE.items() if name != "id"}
    point = {"type": "Point", "coordinates": [1.5, -2.0]}
    assert full == {
        "id": 1, "flat": {"a": 1}, "file": kept, "files": [kept, kept],
        "nested": json.loads(nested), "at": point, "note": "{}",
    }  # fmt: skip
    assert empty == {"id": 2} | dict.fromkeys(["flat", "file", "files", "nested", "at", "note"])
    assert "123456789012345678901234567890" in str(
        place.db.execute(f"SELECT {record_sql(place.api)} FROM t AS _ROW_").get
    )
    place.db.execute("UPDATE t SET files = '[]', nested = '\"text\"', flat = '{}'")
    assert [(one["files"], one["nested"], one["flat"]) for one in place.records()] == [
        ([], "text", {})
    ] * 2


def test_features() -> None:
    """The geometry and the key stand beside the properties, and not among them."""
    place = Place(RICH)
    place.db.execute("INSERT INTO t (id, at, note) VALUES (7, ST_Point(1, 2), 'x'), (8, NULL, 'y')")
    geometry = place.api.column("at")
    assert geometry is not None
    first, second = place.records(feature_sql(place.api, geometry))
    rest = dict.fromkeys(["flat", "file", "files", "nested"])
    point = {"type": "Point", "coordinates": [1, 2]}
    assert first == {
        "type": "Feature",
        "id": 7,
        "geometry": point,
        "properties": {**rest, "note": "x"},
    }
    assert second == {
        "type": "Feature",
        "id": 8,
        "geometry": None,
        "properties": {**rest, "note": "y"},
    }


# --- Many columns -------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 449, 450, 451, 900, 901, 1_500])
def test_more_columns_than_a_function_takes(count: int) -> None:
    """One object all the same, texts with commas and brackets included."""
    names = [f"c{n}" for n in range(count - 1)]
    place = Place(
        f"CREATE TABLE t (id INTEGER PRIMARY KEY{''.join(f', {one} TEXT' for one in names)}) STRICT"
    )
    odd = '{"},{"'
    marks = ", ".join(["1", *(["?1"] * len(names))])
    place.db.execute(f"INSERT INTO t VALUES ({marks})", (odd,) if names else ())
    assert place.records() == [{"id": 1} | dict.fromkeys(names, odd)]


# --- References, and what is not shown ----------------------------------------------------------

OWNER = "CREATE TABLE owner (id BLOB PRIMARY KEY CHECK (is_uuid(id)), name TEXT, _hash TEXT) STRICT"
OWNED = """CREATE TABLE t (
  id INTEGER PRIMARY KEY, owner BLOB REFERENCES owner(id), "o""ther" INTEGER REFERENCES t(id),
  secret TEXT DEFAULT 'secret', _writable TEXT DEFAULT 'written'
) STRICT"""
KEY = bytes(range(16))
SHOWN_KEY = urlsafe_b64encode(KEY).decode()


@pytest.fixture(scope="module")
def owned() -> Place:
    """Two rows; the second refers to nothing, the third to what is gone."""
    place = Place(OWNER, OWNED, expand=("owner", 'o"ther'), excluded=("secret",))
    place.db.execute("INSERT INTO owner VALUES (?, 'Ann', 'hash')", (KEY,))
    place.db.execute(
        'INSERT INTO t (id, owner, "o""ther") VALUES (1, ?, 2), (2, NULL, NULL), (3, ?, 9)',
        (KEY, bytes(16)),
    )
    return place


def test_references_are_objects_with_the_id(owned: Place) -> None:
    """Whether or not somebody asks for what they name."""
    first, second, _ = owned.records()
    assert first == {"id": 1, "owner": {"id": SHOWN_KEY}, 'o"ther': {"id": 2}}
    assert second == {"id": 2, "owner": None, 'o"ther': None}


def test_expanded_references(owned: Place) -> None:
    """What they name stands beside the id, its write-only columns not; `null` where it is gone."""
    first, second, third = owned.records(record_sql(owned.api, ("owner",)))
    assert first["owner"] == {"id": SHOWN_KEY, "data": {"id": SHOWN_KEY, "name": "Ann"}}
    assert first['o"ther'] == {"id": 2}
    assert second["owner"] is None
    assert third["owner"] == {"id": urlsafe_b64encode(bytes(16)).decode(), "data": None}


def test_plain_records_have_values_alone(owned: Place) -> None:
    """As events tell them."""
    assert owned.records(record_sql(owned.api, plain=True))[0] == {
        "id": 1,
        "owner": SHOWN_KEY,
        'o"ther': 2,
    }


def test_nothing_else_is_ever_read(owned: Place) -> None:
    """Neither name of a column that is not shown stands in any statement."""
    geometry = Place(RICH).api.column("at")
    assert geometry is not None
    texts = [
        record_sql(owned.api),
        record_sql(owned.api, ("owner", 'o"ther')),
        record_sql(owned.api, plain=True),
        feature_sql(owned.api, geometry, ("owner",)),
    ]
    assert not [text for text in texts if '"_writable"' in text or '"_hash"' in text]
    texts.remove(record_sql(owned.api, ("owner", 'o"ther')))  # which shows the table, not the API
    assert not [text for text in texts if '"secret"' in text]


def test_the_row_is_named(owned: Place) -> None:
    """One value is of whichever row is meant."""
    column = owned.api.column('o"ther')
    assert column is not None
    found = owned.db.execute(f"SELECT {value_sql(column, 'x')} FROM t AS x WHERE x.id = 1").get
    assert found == 2
