"""JSON Schemas of record APIs: valid ones, that take and refuse what the API does.

`shared.schema.tables.mode` and `shared.schema.tables.geometry_schema` are seen through them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta

from shared.schema.tables.builtin_schemas import (
    BUILTIN,
    FILE,
    FILES,
    KEY_VALUE,
    schema_in,
    stored_schema,
)
from shared.schema.tables.embedded_schema import embedded
from shared.schema.tables.json_schema import Shape, json_schema
from shared.schema.tables.mode import DIALECT, Mode
from tests.shared.schema.tables.sample import inferred, new_database, read, table_of
from tests.shared.schema.tables.test_random_tables import Drawn, tables

NOTES = """CREATE TABLE t (
    id BLOB PRIMARY KEY CHECK(is_uuid_v7(id)), n INTEGER NOT NULL, r REAL, title TEXT NOT NULL DEFAULT 'x',
    x ANY, y ANY NOT NULL, _secret TEXT NOT NULL, g TEXT AS (title || '!') NOT NULL
) STRICT"""
TREE = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}, "n": {"$ref": "#/$defs/n"}},
        "required": ["n"], "$defs": {"n": {"type": "integer"}}}  # fmt: skip
ANY = ["array", "boolean", "number", "object", "string"]


def made(shape: Shape, mode: Mode) -> dict[str, Any]:
    """The schema, after the metaschema has judged it."""
    schema = json_schema(shape, mode)
    meta.validate(schema)
    return schema


def takes(schema: dict[str, Any], value: object) -> bool:
    """Whether a value is of a schema."""
    return Draft202012Validator(schema).is_valid(value)


def test_insert() -> None:
    """Required is what is NOT NULL, has no default and is no key; nobody writes generated columns."""
    schema = made(Shape(name="notes", table=table_of(NOTES)), Mode.INSERT)
    assert schema == {
        "title": "notes",
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "n": {"type": "integer"},
            "r": {"type": ["null", "number"]},
            "title": {"type": "string"},
            "x": {"type": ["null", *ANY]},
            "y": {"type": ANY},
            "_secret": {"type": "string"},
        },
        "required": ["n", "y", "_secret"],
        "$schema": DIALECT,
    }
    assert takes(schema, {"n": 1, "y": [], "_secret": ""})
    assert not takes(schema, {"n": 1.5, "y": [], "_secret": ""})
    assert not takes(schema, {"n": 1, "y": None, "_secret": ""})


def test_select() -> None:
    """What is never NULL is always there; what is only written is not."""
    schema = made(Shape(name="notes", table=table_of(NOTES)), Mode.SELECT)
    assert list(schema["properties"]) == ["id", "n", "r", "title", "x", "y", "g"]
    assert schema["required"] == ["id", "n", "title", "y", "g"]


def test_update() -> None:
    """Nothing is required."""
    schema = made(Shape(name="notes", table=table_of(NOTES)), Mode.UPDATE)
    assert list(schema["properties"]) == ["id", "n", "r", "title", "x", "y", "_secret"]
    assert schema["required"] == []
    assert takes(schema, {})
    assert not takes(schema, {"n": None})


def test_modes_are_named_as_requests_name_them() -> None:
    """Three of them."""
    assert [Mode(name) for name in ("Insert", "Select", "Update")] == list(Mode)


@pytest.mark.parametrize("mode", Mode)
def test_excluded_columns_are_nowhere(mode: Mode) -> None:
    """Not as a property, nor as required, nor among the definitions."""
    table = table_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, Gone TEXT CHECK(jsonschema('std.KeyValue', gone)),"
        " far INTEGER REFERENCES t) STRICT"
    )
    shape = Shape(name="a", table=table, excluded=["GONE", "far"], expand={"far": table})
    schema = made(shape, mode)
    assert list(schema["properties"]) == ["id"]
    assert "gone" not in str(schema).lower()
    assert "$defs" not in schema


def test_json_columns() -> None:
    """By a name that is known, by one that is not, with the text in the CHECK, and NULL beside it."""
    table = table_of(
        """CREATE TABLE t (id INTEGER PRIMARY KEY,
            tree TEXT NOT NULL CHECK(jsonschema('tree', tree)), maybe TEXT CHECK(jsonschema('tree', maybe)),
            unknown TEXT NOT NULL CHECK(jsonschema('gone', unknown)),
            own TEXT NOT NULL CHECK(jsonschema_matches('{"type": "boolean"}', own)),
            bad TEXT NOT NULL CHECK(jsonschema_matches('{', bad)),
            "a/b ~%" TEXT NOT NULL CHECK(jsonschema('yes', "a/b ~%"))
        ) STRICT"""
    )
    shape = Shape(name="t", table=table, schemas={"tree": TREE, "yes": {"const": 1}})
    schema = made(shape, Mode.UPDATE)
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/tree"}
    assert schema["properties"]["maybe"] == {"$ref": "#/$defs/maybe"}
    good = {"n": 1, "children": [{"n": 2, "children": []}]}
    bad = {"n": 1, "children": [{"n": "x"}]}
    assert takes(schema, {"tree": good, "maybe": good})
    assert takes(schema, {"maybe": None, "unknown": {"any": 1}, "own": True, "bad": 1, "a/b ~%": 1})
    refused = ({"tree": bad}, {"tree": None}, {"maybe": bad}, {"own": 1}, {"a/b ~%": 2})
    assert not any(takes(schema, value) for value in refused)


def test_a_schema_within_another() -> None:
    """Its own parts stay its own; a dialect of its own stays, too."""
    assert embedded({"$schema": DIALECT, "type": "null"}, "p") == {"type": "null"}
    assert embedded({"$id": "urn:x", "$ref": "#"}, "p") == {"$id": "urn:x", "$ref": "#"}
    assert embedded(TREE, "a:b c") == {"$id": "urn:quillbase:a:b%20c", **TREE}
    draft7 = "http://json-schema.org/draft-07/schema#"
    assert embedded({"$schema": draft7}, "p") == {"$id": "urn:quillbase:p", "$schema": draft7}
    assert embedded(False, "p") is False
    assert embedded(7, "p") == embedded(None, "p") == {}


def test_files() -> None:
    """Bytes go in, what is known of them comes out, and a list may keep some of its files."""
    table = table_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, f TEXT CHECK(jsonschema('std.FileUpload', f, 'image/png')),"
        " l TEXT NOT NULL CHECK(jsonschema('std.FileUploads', l)) DEFAULT '[]',"
        " kv TEXT CHECK(jsonschema('std.KeyValue', kv))) STRICT"
    )
    insert, select, update = (made(Shape(name="t", table=table), mode) for mode in Mode)
    new = {"name": "a", "filename": "a.png", "content_type": "image/png", "data": "aGk="}
    shown = {"filename": "a_x.png", "original_filename": None, "mime_type": "image/png"}
    assert takes(insert, {"f": new, "l": [new], "kv": {"a": 1}})
    assert takes(insert, {"f": None})
    assert not takes(insert, {"f": shown})
    assert not takes(insert, {"kv": [1]})
    assert takes(select, {"id": 1, "f": shown, "l": [shown, shown]})
    assert not takes(select, {"id": 1, "f": {"id": "key", **shown}, "l": []})
    assert takes(update, {"l": [shown, new]})
    assert not takes(update, {"f": {**new, **shown}})


def test_what_columns_of_builtin_schemas_hold() -> None:
    """What is stored has the key of the bytes; other names are none of these.

    The CHECK's own function holds values against the same."""
    assert takes(stored_schema(FILE), {"id": "k", "filename": "a"})
    assert not takes(stored_schema(FILE), {"data": "aGk="})
    assert takes(stored_schema(FILES), [{"id": "k", "filename": "a", "mime_type": None}])
    assert takes(stored_schema(KEY_VALUE), {"a": 1, "b": "x", "c": None})
    assert not takes(stored_schema(KEY_VALUE), {"a": [1]})
    for name in BUILTIN:
        for schema in (stored_schema(name), *(schema_in(name, mode) for mode in Mode)):
            meta.validate(schema)
    with pytest.raises(KeyError):
        stored_schema("std.Other")


def test_references() -> None:
    """Expandable ones show the id and, if asked, the record; only columns that are not secret."""
    db = new_database(
        "CREATE TABLE u (id BLOB PRIMARY KEY CHECK(is_uuid(id)), name TEXT NOT NULL, _hash TEXT NOT NULL,"
        " doc TEXT NOT NULL CHECK(jsonschema('tree', doc)), boss BLOB REFERENCES u) STRICT",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, owner BLOB NOT NULL REFERENCES u, other BLOB REFERENCES u,"
        " plain BLOB NOT NULL REFERENCES u, doc TEXT NOT NULL CHECK(jsonschema('flag', doc))) STRICT",
    )
    found = read(db)
    table, user = found.find("t"), found.find("u")
    assert table is not None
    assert user is not None
    schemas = {"tree": TREE, "flag": {"type": "boolean"}}
    shape = Shape(name="api", table=table, expand={"Owner": user, "other": user}, schemas=schemas)
    schema = made(shape, Mode.SELECT)
    assert schema["properties"]["owner"] == {"$ref": "#/$defs/api.owner"}
    assert schema["properties"]["plain"] == {"type": "string"}
    record = {"id": "AA==", "name": "n", "doc": {"n": 1}, "boss": None}
    rest = {"id": 1, "plain": "AA==", "doc": True}
    assert takes(schema, {**rest, "owner": {"id": "AA=="}, "other": None})
    assert takes(schema, {**rest, "owner": {"id": "AA==", "data": record}, "other": {"id": "AA=="}})
    assert not takes(schema, {**rest, "owner": None})
    assert not takes(schema, {**rest, "owner": "AA=="})
    assert not takes(schema, {**rest, "owner": {"id": "AA==", "data": {**record, "doc": {}}}})
    assert "_hash" not in str(schema)
    assert made(shape, Mode.INSERT)["properties"]["owner"] == {"type": "string"}


def test_two_definitions_of_one_name() -> None:
    """The second one gets another."""
    db = new_database(
        'CREATE TABLE t (id INTEGER PRIMARY KEY, "a.c" TEXT NOT NULL CHECK(jsonschema(\'flag\', "a.c")),'
        " c INTEGER NOT NULL REFERENCES t) STRICT"
    )
    table = read(db).find("t")
    assert table is not None
    shape = Shape(name="a", table=table, expand={"c": table}, schemas={"flag": {"type": "boolean"}})
    assert takes(made(shape, Mode.SELECT), {"id": 1, "a.c": True, "c": {"id": 1}})


def test_geometries() -> None:
    """GeoJSON objects, each of its own form."""
    table = table_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB NOT NULL CHECK(ST_IsValid(g)),"
        " h BLOB CHECK(ST_IsValid(h))) STRICT"
    )
    schema = made(Shape(name="t", table=table), Mode.INSERT)
    assert schema["properties"]["g"] == {"$ref": "#/$defs/_geojson_geometry"}
    assert list(schema["$defs"]) == ["_geojson_geometry"]
    point = {"type": "Point", "coordinates": [1, 2]}
    ring = [[0, 0], [0, 1], [1, 1], [0, 0]]
    good = (
        point,
        {"type": "LineString", "coordinates": [[0, 0], [1, 1, 5]]},
        {"type": "Polygon", "coordinates": [ring]},
        {"type": "MultiPolygon", "coordinates": [[ring], [ring]]},
        {"type": "GeometryCollection", "geometries": [point]},
    )
    assert all(takes(schema, {"g": one, "h": None}) for one in good)
    bad = (
        None, "POINT (1 2)", {"type": "Point", "coordinates": [1]}, {"type": "Circle", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[0, 0]]}, {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "Point"},
    )  # fmt: skip
    assert not any(takes(schema, {"g": one}) for one in bad)


def test_views() -> None:
    """A view's columns as they are inferred."""
    db = new_database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT NOT NULL CHECK(jsonschema('std.KeyValue', doc))) STRICT",
        "CREATE VIEW v AS SELECT a.id, b.doc AS other, 1.5 AS k FROM t a LEFT JOIN t b ON b.id > a.id",
    )
    schema = made(Shape(name="v", table=inferred(db, "v")), Mode.SELECT)
    assert schema["required"] == ["id", "k"]
    assert takes(schema, {"id": 1, "k": 1.0, "other": None})
    assert not takes(schema, {"id": 1, "k": 1.0, "other": 1})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.sampled_from(Mode))
def test_any_table_has_a_valid_schema(
    drawn: tuple[str, str, list[Drawn], str | None, bool], mode: Mode
) -> None:
    """Whatever its columns are called; every reference in it leads somewhere."""
    sql, name, _, _, _ = drawn
    with new_database(sql) as db:
        table = read(db).find(name)
    assert table is not None
    schema = made(Shape(name="api", table=table), mode)
    Draft202012Validator(schema)
    shown = [c.name for c in table.columns if not (c.write_only and mode is Mode.SELECT)]
    written = [c.name for c in table.columns if c.generated is None]
    assert list(schema["properties"]) == (shown if mode is Mode.SELECT else written)
