"""JSON Schema by name and by text: built-in, custom, hostile."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared.sqlite.functions.function import FunctionError
from shared.sqlite.functions.json_schema import set_schemas
from tests.shared.sqlite.functions.calling import Calling, call

_FILE = {"id": "1", "filename": "a.png", "mime_type": "image/png"}


@pytest.fixture(autouse=True)
def _no_schemas_left() -> Iterator[None]:
    yield
    set_schemas({})


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("std.FileUpload", _FILE, 1),
        ("std.FileUpload", {**_FILE, "content_type": None}, 1),
        ("std.FileUpload", {**_FILE, "data": "eA=="}, 0),
        ("std.FileUpload", {"id": "1"}, 0),
        ("std.FileUpload", [_FILE], 0),
        ("std.FileUploads", [], 1),
        ("std.FileUploads", [_FILE, _FILE], 1),
        ("std.FileUploads", _FILE, 0),
        ("std.KeyValue", {"a": "b", "c": 1}, 1),
        ("std.KeyValue", {"a": {}}, 0),
        ("std.KeyValue", [], 0),
    ],
)
def test_built_in(name: str, value: object, holds: int) -> None:
    """What is stored of files, and a flat object."""
    assert call("jsonschema(?, ?)", name, json.dumps(value)) == holds


@pytest.mark.parametrize("value", ["", "{", b"{}", 1, 1.5])
def test_what_is_no_json_has_no_schema(value: object) -> None:
    """False, so that a CHECK fails."""
    both = "jsonschema('std.KeyValue', ?1), jsonschema_matches('true', ?1)"
    assert call(both, value) == (0, 0)


def test_null() -> None:
    """NULL has each named schema, as is usual in CHECKs."""
    assert call("jsonschema('std.KeyValue', NULL), jsonschema_matches('{}', NULL)") == (1, None)
    assert call("jsonschema_matches(NULL, '1')") is None


def test_types_of_files() -> None:
    """A third argument lists them."""
    told = "jsonschema(?, ?, ' image/png,image/jpeg')"
    gif = {**_FILE, "mime_type": "image/gif"}
    none = {"id": "1", "filename": "a"}
    assert [call(told, "std.FileUpload", json.dumps(each)) for each in (_FILE, gif, none, 5)] == [
        1,
        0,
        0,
        0,
    ]
    assert call(told, "std.FileUploads", json.dumps([_FILE])) == 1
    assert call(told, "std.FileUploads", json.dumps([_FILE, gif])) == 0
    assert call("jsonschema('std.FileUpload', ?, NULL)", json.dumps(gif)) == 1
    assert call(told, "std.FileUpload", None) == 1
    with pytest.raises(FunctionError, match="only schemas of files"):
        call(told, "std.KeyValue", "{}")


def test_custom_schemas() -> None:
    """Replaced as a whole, and in a CHECK."""
    call_here = Calling()
    set_schemas({"user": '{"type": "object", "required": ["name"]}'})
    call_here.connection.execute("CREATE TABLE t(v TEXT CHECK(jsonschema('user', v))) STRICT")
    call_here.connection.execute("""INSERT INTO t VALUES ('{"name": 1}'), (NULL)""")
    with pytest.raises(Exception, match="CHECK constraint failed"):
        call_here.connection.execute("INSERT INTO t VALUES ('{}')")
    set_schemas({"user": '{"type": "object"}', "other": "{}"})
    call_here.connection.execute("INSERT INTO t VALUES ('{}')")
    set_schemas({"other": "{}"})
    with pytest.raises(FunctionError, match="there is no schema 'user'"):
        call_here.connection.execute("INSERT INTO t VALUES ('{}')")
    assert call("jsonschema('other', '5')") == 1


@pytest.mark.parametrize("text", ["{", '{"type": 5}', "5", '{"$ref": "http://127.0.0.1:9/x"}'])
def test_what_is_no_schema_fails_by_name(text: str) -> None:
    """Each time, and it harms no other; a built-in one stays what it is."""
    set_schemas({"wrong": text, "good": "{}", "std.KeyValue": "true"})
    for _ in range(2):
        with pytest.raises(FunctionError, match="the schema 'wrong' cannot be used"):
            call("jsonschema('wrong', '{}')")
    assert call("jsonschema('good', '{}'), jsonschema('std.KeyValue', '[]')") == (1, 0)
    set_schemas({"wrong": "{}"})
    assert call("jsonschema('wrong', '{}')") == 1


@pytest.mark.parametrize("name", [None, 1, b"std.KeyValue"])
def test_a_name_is_a_text(name: object) -> None:
    """Any other is none."""
    with pytest.raises(FunctionError, match="there is no schema"):
        call("jsonschema(?, '1')", name)


@pytest.mark.parametrize(
    "schema",
    [
        '{"$ref": "http://127.0.0.1:9/x"}',
        '{"$ref": "file:///etc/passwd"}',
        '{"$schema": "http://127.0.0.1:9/x"}',
        '{"$ref": "#/$defs/none"}',
        '{"pattern": "(?=a)b"}',
        r'{"pattern": "(a)\\1"}',
        r'{"patternProperties": {"(a+)\\1": {}}}',
        '{"pattern": "(?:a{1000}){1000}"}',
        "[" * 60_000,
        '{"not":' * 900 + "{}" + "}" * 900,
        json.dumps({"enum": list(range(5_000))}),
        json.dumps({"const": "x" * 70_000}),
    ],
)
def test_schemas_that_are_refused(schema: str) -> None:
    """References to elsewhere, patterns that would backtrack, and large ones."""
    with pytest.raises(FunctionError):
        call("jsonschema_matches(?, '1')", schema)


def test_references_within() -> None:
    """Also in a circle: a tree is told from what is none, and a circle without end ends."""
    tree = '{"type": "object", "properties": {"of": {"items": {"$ref": "#"}}}}'
    assert call("jsonschema_matches(?, ?)", tree, '{"of": [{"of": [{}]}, {}]}') == 1
    assert call("jsonschema_matches(?, ?)", tree, '{"of": [{"of": [1]}]}') == 0
    assert call("""jsonschema_matches('{"$ref": "#"}', '1')""") in (0, 1)
    assert (
        call("""jsonschema_matches('{"anyOf": [{"$ref": "#"}, {"type": "null"}]}', 'null')""") == 1
    )


def test_patterns_are_linear() -> None:
    """What makes others backtrack is answered."""
    value = json.dumps("a" * 50_000 + "!")
    assert call("""jsonschema_matches('{"pattern": "^(a+)+$"}', ?)""", value) == 0


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("{}", "[" + "1," * 30_000 + "1]"),
        ("{}", json.dumps("x" * (1 << 20))),
        ('{"pattern": "a"}', json.dumps("x" * 70_000)),
        (json.dumps({"anyOf": [{"const": n} for n in range(500)]}), json.dumps(["x"] * 2_000)),
    ],
)
def test_values_that_are_refused(schema: str, value: str) -> None:
    """Too many, too large, too large for patterns, and too many for so large a schema."""
    with pytest.raises(FunctionError):
        call("jsonschema_matches(?, ?)", schema, value)
    assert call("jsonschema_matches('{}', ?)", "[" * 900 + "]" * 900) == 1
    assert call("jsonschema_matches('{}', ?)", "[" * 9_000 + "]" * 9_000) == 0
