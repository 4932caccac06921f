"""Values of every field type, with SQLite as the judge: what is prepared is what is stored."""

from __future__ import annotations

import json
from typing import Any

import apsw
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.fields import FIELD_TYPES, field_from_json
from shared.schema.fields.field import Field, FieldProblem

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "text": [{}, {"min": 2, "max": 5, "pattern": "^[a-c]"}],
    "editor": [{}, {"maxSize": 5}],
    "number": [{}, {"min": -1.5, "max": 10, "onlyInt": False}, {"onlyInt": True}],
    "bool": [{}],
    "email": [{}, {"onlyDomains": ["a.bc"]}],
    "url": [{}, {"exceptDomains": ["a.bc"]}],
    "date": [{}, {"min": "2020-01-01", "max": "2030-01-01"}],
    "autodate": [{"onCreate": True}],
    "select": [{"values": ["a", "b"]}, {"values": ["a", "b", "c"], "maxSelect": 2}],
    "json": [{}, {"maxSize": 10}],
    "relation": [{"collectionId": "x"}, {"collectionId": "x", "maxSelect": 3, "minSelect": 1}],
    "file": [{}, {"maxSelect": 3, "thumbs": ["100x100"], "mimeTypes": ["image/png"]}],
    "geoPoint": [{}],
    "password": [{}, {"min": 3}],
}
FIELDS = [
    field_from_json({"id": "f", "name": "f", "type": kind, "required": required, **options})
    for kind, variants in OPTIONS.items()
    for options in variants
    for required in (False, True)
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        [
            "a",
            "abc",
            "true",
            "1",
            "-1e3",
            "[1,2]",
            '{"a":1}',
            "a@a.bc",
            "http://a.bc/",
            '{"lon":1.5,"lat":-2}',
            '{"lat":0,"lon":0}',
        ]
    ),
)
RAW = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def prepared(field: Field, raw: object) -> Any:
    """The stored value, or the field's objection."""
    try:
        return field.prepare(raw)
    except FieldProblem as problem:
        return problem


def test_every_type_is_tried() -> None:
    """A new type needs a line in this file."""
    assert set(OPTIONS) == set(FIELD_TYPES)


@given(st.sampled_from(FIELDS), RAW)
def test_preparing_is_idempotent_and_checking_never_raises(field: Field, raw: object) -> None:
    """A stored value is a fixed point of prepare, but for JSON text, which is data there."""
    value = prepared(field, raw)
    if isinstance(value, FieldProblem):
        assert value.error.code.startswith("validation_")
        return

    problem = field.check(value)

    assert problem is None or problem.code.startswith("validation_")
    if field.type != "json":
        assert field.prepare(value) == value


@given(st.sampled_from(FIELDS), RAW)
def test_what_is_prepared_is_what_sqlite_stores(field: Field, raw: object) -> None:
    """Column affinity changes neither value nor type, and the JSON form embeds."""
    value = prepared(field, raw)
    if isinstance(value, FieldProblem):
        return
    db = apsw.Connection(":memory:")
    db.execute(f"CREATE TABLE t (_rowid_ INTEGER PRIMARY KEY, {field.column()})")
    db.execute("INSERT INTO t (f) VALUES (?)", (value,))

    stored = db.execute("SELECT f FROM t").get
    shown = orjson.loads(db.execute(f"SELECT json_object('f', {field.json_sql('f')}) FROM t").get)[
        "f"
    ]

    assert (type(stored), stored) == (type(value), value)
    if field.type == "bool":
        assert shown is bool(value)
    elif field.type == "json":
        assert shown == (None if value is None else orjson.loads(value))
    elif field.type == "geoPoint":
        assert shown == orjson.loads(value)
    elif field.multiple:
        assert shown == field.items(value)
    else:
        assert shown == value
    assert field.plain(stored) == shown


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.type}-{field.required}")
def test_the_zero_value_is_the_columns_default(field: Field) -> None:
    """A row inserted without the column reads as zero, and required refuses it."""
    db = apsw.Connection(":memory:")
    db.execute(f"CREATE TABLE t (_rowid_ INTEGER PRIMARY KEY, {field.column()})")
    db.execute("INSERT INTO t DEFAULT VALUES")

    assert db.execute("SELECT f FROM t").get == field.zero()
    problem = field.check(field.zero())
    assert (problem is not None and problem.code == "validation_required") == field.required


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.type}-{field.required}")
def test_a_definition_round_trips(field: Field) -> None:
    """What is written to the catalog reads back as the same field."""
    shown = field.to_json()

    again = field_from_json(json.loads(json.dumps(shown)))

    assert again.to_json() == shown
    assert {"id", "name", "type", "system", "hidden", "presentable", "help"} <= shown.keys()


@given(st.text(st.characters(), max_size=20))
def test_nul_and_broken_unicode_never_reach_a_text(text: str) -> None:
    """Whatever a text field accepts can be stored as UTF-8 and read back whole."""
    broken = "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)
    for kind in ("text", "email", "url", "select", "relation"):
        field = field_from_json({"id": "f", "name": "f", "type": kind, "values": ["a"]})
        assert isinstance(prepared(field, text), FieldProblem) == broken or text.startswith("[")
