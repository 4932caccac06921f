"""A field that changes its type or its number of values keeps its data, or does not change.

Tests `shared.schema.conversion` and `shared.schema.fitting`.
"""

from __future__ import annotations

import json
from typing import Any

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.conversion import can_convert, conversion_guards
from shared.schema.fields import FIELD_TYPES, field_from_json
from shared.schema.fields.field import Field
from shared.schema.table import alter_table, create_table
from tests.shared.schema.sample import new_database, run_all
from tests.shared.schema.side_rows import stale_side_rows

ID = {"id": "i", "name": "id", "type": "text", "primaryKey": True, "pattern": "^[a-z0-9]+$"}
SAMPLES: dict[str, dict[str, Any]] = {
    "select": {"values": ["a", "b", "c"]},
    "relation": {"collectionId": "pbc_x"},
    "autodate": {"onCreate": True},
}
TEXTS = {"text", "editor", "email", "url", "date", "autodate", "select"}
POSSIBLE = {
    **{source: TEXTS | {"number", "json"} for source in TEXTS | {"relation"}},
    "number": {"text", "bool", "json"},
    "bool": {"number", "json"},
    "geoPoint": {"json"},
}


def field(kind: str, name: str = "f", **options: Any) -> Field:
    """A field of that type with usual options."""
    return field_from_json(
        {"id": "f1", "name": name, "type": kind, **SAMPLES.get(kind, {}), **options}
    )


def posts(one: Field, *, name: str = "posts", indexes: tuple[str, ...] = ()) -> Collection:
    """A collection of one field beside its id."""
    fields = (field_from_json(ID), one)
    return Collection("pbc_x", name, "base", False, fields, indexes)


class RefusedError(Exception):
    """A guard found a value that does not fit."""


def convert(old: Field, new: Field, *values: Any) -> list[Any]:
    """What becomes of these values, in order. Raises RefusedError."""
    db, before, after = new_database(), posts(old), posts(new)
    run_all(db, create_table(before))
    for number, value in enumerate(values):
        db.execute(f'INSERT INTO posts (id, "{old.name}") VALUES (?, ?)', (f"r{number:03}", value))
    for sql, refusal in conversion_guards(before, after):
        if db.execute(sql).fetchall():
            raise RefusedError(refusal)
    run_all(db, alter_table(before, after))
    assert not stale_side_rows(db, Catalog(1, [after]))
    wanted = columns(db, posts(new))
    assert columns(db, after) == wanted
    rows = db.execute(f"SELECT {quote_identifier(new.name)} FROM posts ORDER BY id").fetchall()
    return [value for (value,) in rows]


def columns(db: apsw.Connection, collection: Collection) -> list[tuple[Any, ...]]:
    """Name, type and default of each column."""
    sql = "SELECT name, type, dflt_value FROM pragma_table_info(?) ORDER BY name"
    return db.execute(sql, (collection.table,)).fetchall()


@pytest.mark.parametrize("old", sorted(FIELD_TYPES))
def test_which_types_become_which(old: str) -> None:
    """What may lose something, or show a secret, is impossible."""
    possible = {new for new in FIELD_TYPES if new != old and can_convert(field(old), field(new))}
    assert possible == POSSIBLE.get(old, set()) - {old}
    assert can_convert(field(old), field(old, required=True))


def test_several_values_become_only_json() -> None:
    """Or one value of the same type; a pattern cannot be judged by SQL."""
    many = field("select", maxSelect=3)
    assert {new for new in FIELD_TYPES if can_convert(many, field(new))} == {"select", "json"}
    assert can_convert(field("text"), many)
    assert not can_convert(field("number"), field("text", pattern="^a"))


@pytest.mark.parametrize("kind", ["select", "relation", "file"])
def test_one_value_to_several_and_back(kind: str) -> None:
    """One is wrapped, of several the last stays; no value stays no value."""
    one, many = field(kind), field(kind, "g", maxSelect=3)
    assert convert(one, many, "", "a", '["a"]') == ["[]", '["a"]', json.dumps(['["a"]'])]
    values = ["[]", '["a"]', '["a","b"]', "[broken", ""]
    assert convert(many, one, *values) == ["", "a", "b", "", ""]


CONVERSIONS: list[tuple[Field, Field, list[Any], list[Any]]] = [
    (field("text"), field("number"), ["", "5", "-1.5", "1.0e+20"], [0, 5, -1.5, 1e20]),
    (field("number"), field("text"), [0, 5, -1.5, 0.1], ["0", "5", "-1.5", "0.1"]),
    (field("number"), field("bool"), [0, 1], [0, 1]),
    (field("bool"), field("number"), [0, 1], [0, 1]),
    (field("text"), field("json"), ["", 'a"b', "5"], [None, '"a\\"b"', '"5"']),
    (field("number"), field("json"), [0, 1.5], ["0", "1.5"]),
    (field("bool"), field("json"), [0, 1], ["false", "true"]),
    (field("select", maxSelect=3), field("json"), ["[]", '["a","b"]'], ["[]", '["a","b"]']),
    (field("geoPoint"), field("json"), ['{"lon":1,"lat":2}'], ['{"lon":1,"lat":2}']),
    (field("text"), field("select"), ["", "a"], ["", "a"]),
    (field("text"), field("select", maxSelect=3), ["", "a"], ["[]", '["a"]']),
    (field("relation"), field("text"), ["", "x1"], ["", "x1"]),
    (field("date"), field("text"), ["2026-11-21 10:00:00.000Z"], ["2026-11-21 10:00:00.000Z"]),
]


@pytest.mark.parametrize(("old", "new", "before", "after"), CONVERSIONS)
def test_types_change_with_their_data(
    old: Field, new: Field, before: list[Any], after: list[Any]
) -> None:
    """Each value says afterwards what it said, in the form of its new type."""
    found = convert(old, new, *before)
    assert found == after
    assert [type(value) for value in found] == [type(value) for value in after]
    assert [new.check(value) for value in found] == [None] * len(found)


REFUSALS: list[tuple[Field, Field, list[Any]]] = [
    (field("text"), field("number"), ["05", "1.50", " 5", "1e5", "x", "9223372036854775808", "+1"]),
    (field("text"), field("number", onlyInt=True), ["1.5", "1.0e+20"]),
    (field("text"), field("number", min=3, max=5), ["2", "6"]),
    (field("bool"), field("number", min=3), [1]),
    (field("number"), field("bool"), [2, 0.5, -1]),
    (field("text"), field("email"), ["x", "a@b", "@b.c", "a@b..c", "a b@c.d", "a@b@c.d", "é@b.c"]),
    (field("text"), field("email", onlyDomains=["x.org"]), ["a@y.org"]),
    (field("text"), field("email", exceptDomains=["x.org"]), ["a@X.org"]),
    (field("text"), field("url"), ["x", "ftp:/x", "http://", "http://a b.c", "http://a:0/", "http://-a.b"]),
    (field("text"), field("url", onlyDomains=["x.org"]), ["https://y.org/x.org"]),
    (field("text"), field("date"), ["2026-01-01", "2026-02-30 10:00:00.000Z", "now", "0000-01-01 00:00:00.000Z"]),
    (field("text"), field("date", min="2026-01-01"), ["2025-12-31 00:00:00.000Z"]),
    (field("text"), field("select"), ["d", "A"]),
    (field("editor"), field("text", max=3), ["abcd"]),
    (field("text"), field("editor", maxSize=3), ["ééé"]),
    (field("text"), field("json", maxSize=5), ["abcd"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "values"), REFUSALS)
def test_a_value_that_does_not_fit_forbids_the_change(
    old: Field, new: Field, values: list[Any]
) -> None:
    """Each of them alone, with the field's name in the refusal."""
    for value in values:
        with pytest.raises(RefusedError, match=r"^validation_field_type_change:f$"):
            convert(old, new, "" if old.type in TEXTS else 0, value)


GOOD: list[tuple[Field, list[str]]] = [
    (field("email"), ["a@b.c", "first.last+tag@sub.example-site.org"]),
    (field("email", onlyDomains=["X.org"]), ["a@x.ORG"]),
    (
        field("url"),
        ["http://localhost", "https://a.b:8080/c?d#e", "https://a.b?x", "http://a.b#:9"],
    ),
    (field("url", onlyDomains=["x.org:80"]), ["http://x.org:80/"]),
    (field("date"), ["2026-11-21 10:59:59.999Z", "0001-01-01 00:00:00.000Z"]),
]


@pytest.mark.parametrize(("new", "values"), GOOD)
def test_usual_values_fit(new: Field, values: list[str]) -> None:
    """Nothing is refused that people really have."""
    assert convert(field("text"), new, *values) == values


WORDS = st.text("ab1.-@:/?#%_ é", max_size=12)
CANDIDATES = st.one_of(
    WORDS,
    WORDS.map("http://{}".format),
    WORDS.map("https://a.b{}".format),
    WORDS.map("a{}@b.c".format),
    WORDS.map("a@b{}c.d".format),
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{1,17})?(e[+-]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]\.[0-9]{3}Z", fullmatch=True
    ),
)
TARGETS = [
    field("text", max=4),
    field("email"),
    field("email", exceptDomains=["b.c"]),
    field("url"),
    field("url", onlyDomains=["a.b"]),
    field("date"),
    field("number"),
    field("number", onlyInt=True, max=99),
    field("json"),
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TARGETS), CANDIDATES)
@example(field("email"), "a@" + "b" * 64 + ".c")
@example(field("date"), "2026-01-01 24:00:00.000Z")
@example(field("date"), "2026-01-01 10:00:60.000Z")
def test_what_passes_is_a_value_of_the_field(new: Field, text: str) -> None:
    """Whatever the guard lets through, the field itself takes, and makes nothing else of it."""
    old = field("editor")
    try:
        (value,) = convert(old, new, text)
    except RefusedError:
        return
    assert new.check(value) is None
    if new.type == "number":
        assert not text or new.prepare(text) == value
    elif new.type == "json":
        assert value is None if not text else json.loads(value) == text
    else:
        assert value == new.prepare(text) == text


def test_indexes_of_a_converted_column_are_built_again() -> None:
    """A user's index and the system's own, on the new column; others stay untouched."""
    kept, touched = "CREATE INDEX `k` ON `posts` (`id`)", "CREATE INDEX `t` ON `posts` (`f`, `id`)"
    old = posts(field("relation"), indexes=(kept, touched))
    new = posts(field("relation", maxSelect=3), indexes=(kept, touched))
    db = new_database()
    run_all(db, create_table(old))
    db.execute("INSERT INTO posts (id, f) VALUES ('r1', 'x')")
    statements = alter_table(old, new)
    run_all(db, statements)
    assert not [sql for sql in statements if "`k`" in sql or '"k"' in sql]
    plan = db.execute("EXPLAIN QUERY PLAN SELECT f FROM posts WHERE f = '[\"x\"]'").fetchall()
    assert "INDEX t" in str(plan)
    run_all(db, alter_table(new, old))
    assert db.execute("SELECT f FROM posts").get == "x"
    plan = db.execute("EXPLAIN QUERY PLAN SELECT 1 FROM posts WHERE f = 'x'").fetchall()
    assert "INDEX" in str(plan)


def test_everything_changes_at_once() -> None:
    """Table and fields renamed, one field converted, one dropped, one added, in one go."""
    tags = {"id": "f1", "name": "tags", "type": "select", "values": ["a", "b"]}
    gone = {"id": "f2", "name": "gone", "type": "relation", "collectionId": "pbc_x", "maxSelect": 2}
    count = {"id": "f3", "name": "count", "type": "text"}
    made = tuple(field_from_json(one) for one in (ID, tags, gone, count))
    old = Collection(
        "pbc_x", "posts", "base", False, made, ("CREATE INDEX `i` ON `posts` (`count`)",)
    )
    turned = (
        ID,
        {**tags, "name": "count", "maxSelect": 2},
        {**count, "name": "tags", "type": "number"},
        {**gone, "id": "f4"},
    )
    new = Collection(
        "pbc_x", "Posts", "base", False, tuple(field_from_json(one) for one in turned),
        ("CREATE INDEX `i` ON `Posts` (`tags`)",),
    )  # fmt: skip
    db = new_database()
    run_all(db, create_table(old))
    db.execute("""INSERT INTO posts (id, tags, gone, count) VALUES ('r1', 'a', '["r1"]', '7')""")
    assert [db.execute(sql).fetchall() for sql, _ in conversion_guards(old, new)] == [[]]
    run_all(db, alter_table(old, new))
    assert db.execute("SELECT id, count, tags, gone FROM Posts").fetchall() == [
        ("r1", '["a"]', 7, "[]")
    ]
    assert not stale_side_rows(db, Catalog(1, [new]))
