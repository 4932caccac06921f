"""Values of JSON columns: the worker refuses just what the table's own CHECKs would keep out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.quote import quote_identifier
from shared.schema.api import RecordApi
from shared.schema.tables.eligibility import record_key
from shared.schema.tables.introspect import read_tables
from shared.sqlite.functions.json_schema import set_schemas
from shared.sqlite.functions.register import register
from worker.apis.json_columns import check_json_columns

TABLE = """CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  plain TEXT,
  "we""ird" TEXT CHECK (jsonschema('point', "we""ird")),
  gone TEXT CHECK (gone IS NULL OR jsonschema('gone', gone)),
  flat TEXT NOT NULL DEFAULT '{}' CHECK (jsonschema('std.KeyValue', flat)),
  file TEXT CHECK (jsonschema('std.FileUpload', file, 'image/png')),
  inline TEXT CHECK (jsonschema_matches('{"type": "number"}', inline))
) STRICT"""
POINT = {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}
COLUMNS = ('we"ird', "gone", "flat", "file", "inline")


@pytest.fixture(autouse=True, scope="module")
def _schemas() -> Iterator[None]:
    set_schemas({"point": json.dumps(POINT)})
    yield
    set_schemas({})


def made(db: apsw.Connection) -> RecordApi:
    """The API over the table."""
    register(db)
    db.execute(TABLE)
    tables = read_tables(lambda sql, values: db.execute(sql, tuple(values)), refused=apsw.SQLError)
    table = tables.find("t")
    assert table is not None
    return RecordApi(
        name="t", database="main", table=table, key=record_key(table, tables),
        columns=table.columns, limit=100,
    )  # fmt: skip


@pytest.fixture(scope="module")
def db() -> Iterator[apsw.Connection]:
    """An empty database in memory."""
    with closing(apsw.Connection(":memory:")) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(db: apsw.Connection) -> RecordApi:
    """An API over a table of every kind of JSON column."""
    return made(db)


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | st.text(max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["x", "y", "id", "filename", "mime_type"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)
FILES = st.fixed_dictionaries(
    {"id": st.just("1"), "filename": st.just("a")},
    optional={"mime_type": st.sampled_from(["image/png", "image/gif"]), "data": st.just("x")},
)
TEXTS = (VALUES | FILES).map(json.dumps) | st.sampled_from(["", "{", "nul", "[1,]", "{}"])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(row=st.dictionaries(st.sampled_from(COLUMNS), TEXTS | st.none(), min_size=1))
def test_the_same_answer_as_the_table(
    api: RecordApi, db: apsw.Connection, row: dict[str, Any]
) -> None:
    """Whatever is written, but for NOT NULL, which is the table's alone."""
    row = {name: value for name, value in row.items() if (name, value) != ("flat", None)} or {
        "file": None
    }
    names = ", ".join(map(quote_identifier, row))
    try:
        db.execute(
            f"INSERT INTO t ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
        )
        stored = True
    except apsw.Error:
        stored = False
    assert accepted(api, row) is stored


def accepted(api: RecordApi, row: dict[str, Any]) -> bool:
    """Whether the worker would send the row on."""
    try:
        check_json_columns(api, row)
    except QuillError as error:
        return (error.kind, error.message) != (Kind.INVALID, "db constraint: check")
    return True


def test_what_is_not_written_is_not_judged(api: RecordApi) -> None:
    """Nor are columns of other types."""
    assert accepted(api, {})
    assert accepted(api, {"plain": "{", "id": 5, "unheard-of": "{"})


def test_too_large_a_value_is_refused(api: RecordApi) -> None:
    """As the CHECK would, which has no answer."""
    assert not accepted(api, {"inline": "1" * (1 << 20) + "1"})
    assert not accepted(api, {"flat": json.dumps({str(n): n for n in range(30_000)})})
