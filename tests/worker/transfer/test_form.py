"""From records to rows: columns found, values converted, defaults given, faults told.

Tests `worker.transfer.form`, `worker.transfer.mapping`, `worker.transfer.convert`,
`worker.transfer.infer` and `worker.transfer.problems`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.errors import FieldError, QuillError
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.definition import read_definition
from shared.schema.fields import field_from_json
from shared.schema.fields.field import FieldProblem
from shared.schema.fields.password import PasswordField
from worker.transfer.convert import converter, hash_converter
from worker.transfer.form import BadRecordError, RowForm
from worker.transfer.infer import infer_collection
from worker.transfer.mapping import map_columns, read_renames
from worker.transfer.problems import Problems

_SALTED = "$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
_BCRYPT = f"$2a$10{_SALTED}"
NOW = "2030-01-01 00:00:00.000Z"
_FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "max": 10},
    {"name": "n", "type": "number", "min": 0},
    {"name": "ok", "type": "bool"},
    {"name": "at", "type": "date"},
    {"name": "code", "type": "text", "autogeneratePattern": "[a-z]{4}"},
    {"name": "tags", "type": "select", "maxSelect": 2, "values": ["a", "b"]},
    {"name": "file", "type": "file"},
    {"name": "created", "type": "autodate", "onCreate": True},
]


def _collection(kind: str = "base") -> Collection:
    body = {"name": "posts", "type": kind, "fields": _FIELDS}
    return read_definition(body, None, Catalog(1, []), NOW)


def _form(names: list[str], collection: Collection | None = None, **more: Any) -> RowForm:
    made = collection or _collection()
    options = {"named": False, "literal": True, "null": "", "optional": False, **more}
    fields = map_columns(made, names, read_renames([]), named=options["named"])
    return RowForm(made, fields, NOW, **options)


def _row(form: RowForm, record: Any) -> dict[str, Any]:
    names = [one.name for one in form.collection.fields]
    return dict(zip(names, form.row(record), strict=True))


def _read(definition: dict[str, Any], raw: object, *, literal: bool = True) -> object:
    """The stored value, or the code of what is wrong."""
    field = field_from_json({"name": "f", **definition})
    try:
        return converter(field, literal=literal)(raw)
    except FieldProblem as problem:
        return problem.error.code


def test_what_the_file_does_not_name_gets_its_default() -> None:
    """As a create would give it; columns are found in any case and in any order."""
    row = _row(_form(["OK", "title"]), ["yes", "x"])
    assert (row["title"], row["ok"], row["n"], row["at"]) == ("x", 1, 0, "")
    assert (row["tags"], row["file"], row["created"]) == ("[]", "", NOW)
    assert len(row["id"]) == 15
    assert len(row["code"]) == 4


def test_empty_cells_are_no_values() -> None:
    """Ids, generated texts and dates of creation are made then, as well; with any text for null."""
    row = _row(_form(["title", "id", "code", "created", "n"]), ["x", "", "", "", ""])
    assert len(row["id"]) == 15
    assert len(row["code"]) == 4
    assert (row["created"], row["n"]) == (NOW, 0)
    row = _row(_form(["title", "n"], null="-"), ["x", "-"])
    assert row["n"] == 0


def test_given_dates_of_creation_are_kept() -> None:
    """An import moves records; it does not make them."""
    row = _row(_form(["title", "created"]), ["x", "2001-02-03"])
    assert row["created"] == "2001-02-03 00:00:00.000Z"


def test_all_that_is_wrong_with_a_record_is_told() -> None:
    """By field, with the API's codes."""
    form = _form(["title", "n", "at", "tags"])
    with pytest.raises(BadRecordError) as caught:
        form.row(["", "-1", "soon", '["a","c"]'])
    assert {name: one.code for name, one in caught.value.problems.items()} == {
        "title": "validation_required",
        "n": "validation_min_number_constraint",
        "at": "validation_invalid_date",
        "tags": "validation_invalid_value",
    }


def test_named_records() -> None:
    """Each may name other fields; one that nobody knows is a fault."""
    form = _form(["title"], named=True, literal=False, null=None)
    assert _row(form, {"title": "x", "n": 5, "tags": ["b"]})["tags"] == '["b"]'
    assert _row(form, {"title": "x"})["n"] == 0
    for record, wrong in (({"n": 1}, "title"), ({"title": "x", "what": 1}, "what")):
        with pytest.raises(BadRecordError) as caught:
            form.row(record)
        assert list(caught.value.problems) == [wrong]
    assert form.given({"title": "x", "n": 1})[:4] == "0110"


def test_a_required_field_needs_a_column() -> None:
    """Said once, before a record is read; not of an upsert, whose records may be there already."""
    with pytest.raises(QuillError, match="title"):
        _form(["n"])
    assert _form(["n", "id"], optional=True).incomplete == ["title"]


def test_columns_without_a_field_are_refused() -> None:
    """Nothing is left out in silence; --map says what to do."""
    made = _collection()
    with pytest.raises(QuillError, match="no field 'what'"):
        map_columns(made, ["title", "what"], {}, named=False)
    fields = map_columns(made, ["title", "what"], read_renames(["what="]), named=False)
    assert fields.ignored == {"what": "left out by --map"}
    fields = map_columns(made, ["a", "file"], read_renames(["a=title"]), named=False)
    assert [(one.name, one.field.name) for one in fields.columns] == [("a", "title")]
    assert "file" in fields.ignored
    for names, words, reason in (
        (["a", "title"], ["a=title"], "both"),
        (["title"], ["b=n"], "no column"),
        (["title"], ["title"], "--map"),
    ):
        with pytest.raises(QuillError, match=reason):
            map_columns(made, names, read_renames(words), named=False)


def test_passwords() -> None:
    """A plain one is to be hashed, a hash is taken as it is; without either nobody knows it."""
    users = _collection("auth")
    plain = _form(["title", "email", "password"], users)
    assert plain.hashed_at == 1
    assert _row(plain, ["x", "a@example.com", "12345678"])["password"] == "12345678"
    for wrong in ("short", "$argon2id$v=19$x", ""):
        with pytest.raises(BadRecordError):
            plain.row(["x", "a@example.com", wrong])
    hashed = _form(["title", "email", "passwordHash", "tokenKey"], users)
    key = "k" * 40
    row = _row(hashed, ["x", "a@example.com", _BCRYPT, key])
    assert (row["password"], row["tokenKey"], hashed.hashed_at) == (_BCRYPT, key, None)
    with pytest.raises(BadRecordError):
        hashed.row(["x", "a@example.com", "plain", key])
    none = _row(_form(["title", "email"], users), ["x", "a@example.com"])
    assert none["password"].startswith("$argon2id$")
    assert len(none["tokenKey"]) == 50


@pytest.mark.parametrize(
    ("definition", "raw", "stored"),
    [
        ({"type": "number"}, " 1.50 ", 1.5),
        ({"type": "number"}, "-0.0", 0),
        ({"type": "number"}, "1e3", 1000),
        ({"type": "number"}, "1,5", "validation_not_a_number"),
        ({"type": "number"}, "abc", "validation_not_a_number"),
        ({"type": "bool"}, "Yes", 1),
        ({"type": "bool"}, "off", 0),
        ({"type": "bool"}, "", 0),
        ({"type": "bool"}, "maybe", "validation_not_a_bool"),
        ({"type": "bool"}, True, 1),
        ({"type": "date"}, "2024-01-02T03:04:05+01:00", "2024-01-02 02:04:05.000Z"),
        ({"type": "date"}, "yesterday", "validation_invalid_date"),
        ({"type": "json"}, '{"a": 1}', '{"a":1}'),
        ({"type": "json"}, "plain", '"plain"'),
        ({"type": "json"}, "", '""'),
        ({"type": "select", "values": ["a", "b"]}, '["a","b"]', "validation_too_many_values"),
        ({"type": "select", "values": ["a", "b"]}, "b", "b"),
        ({"type": "geoPoint"}, '{"lon": 1, "lat": 2}', '{"lon":1,"lat":2}'),
        ({"type": "text"}, " x ", " x "),
        ({"type": "text"}, "a\0", "validation_invalid_value"),
    ],
)
def test_values_of_texts(definition: dict[str, Any], raw: object, stored: object) -> None:
    """What a CSV's cell becomes, or the code of what is wrong."""
    assert _read(definition, raw) == stored


def test_texts_of_json_stay_texts() -> None:
    """A JSON file says itself what is a text."""
    assert _read({"type": "json"}, "123", literal=False) == '"123"'
    assert _read({"type": "json"}, {"a": None}, literal=False) == '{"a":null}'
    assert _read({"type": "text"}, {"a": 1}, literal=False) == "validation_invalid_value"


def test_types_are_inferred() -> None:
    """From all that a column says; texts wherever something speaks against the others."""
    sample: list[dict[str, object]] = [
        {"id": "1", "Full Name": "x", "n": "1.5", "zip": "00123", "ok": "yes", "d": "2024-01-01",
         "mail": "a@example.com", "web": "https://a.example", "j": '{"a":1}', "e": "", "mix": "1",
         "updated": "2024-01-01 10:00:00", "null": "1", "collectionId": "x"},
        {"id": "2", "Full Name": "y", "n": "", "zip": "10115", "ok": "no", "d": "2024-01-02 10:00",
         "mail": "", "web": "ftp://b.example/x", "j": "[1]", "e": "", "mix": "x",
         "updated": "2024-01-01 10:00:00", "null": "2", "collectionId": "x"},
    ]  # fmt: skip
    made, names = infer_collection("new", list(sample[0]), sample, {}, Catalog(1, []))
    assert {one.name: one.type for one in made.fields} == {
        "id": "text", "Full_Name": "text", "n": "number", "zip": "text", "ok": "bool",
        "d": "date", "mail": "email", "web": "url", "j": "json", "e": "text", "mix": "text",
        "updated": "autodate", "null_2": "number",
    }  # fmt: skip
    assert names["Full Name"] == "Full_Name"
    assert names["collectionId"] == ""
    assert made.list_rule is None
    form = RowForm(
        made,
        map_columns(made, list(sample[0]), names, named=False),
        NOW,
        named=False,
        literal=True,
        null="",
        optional=False,
    )
    assert _row(form, list(sample[0].values()))["id"] == "1"


def test_types_of_json_values() -> None:
    """Numbers and truth values are what they are; lists among them make it JSON."""
    sample: list[dict[str, object]] = [
        {"n": 1, "ok": True, "j": [1], "m": 1, "t": "x"},
        {"n": 2.5, "ok": None, "j": "x", "m": "x", "t": "2"},
    ]
    made, _ = infer_collection("new", list(sample[0]), sample, {"t": "text"}, Catalog(1, []))
    assert [(one.name, one.type) for one in made.fields[1:]] == [
        ("n", "number"), ("ok", "bool"), ("j", "json"), ("m", "text"), ("text", "text"),
    ]  # fmt: skip
    with pytest.raises(QuillError):
        infer_collection("no name", ["a"], sample, {}, Catalog(1, []))


def test_problems_are_counted_shown_and_written_down(tmp_path: Path) -> None:
    """The first twenty are kept; the file has all of them."""
    problems = Problems(tmp_path / "errors.csv")
    for line in range(1, 31):
        problems.add(line, {"": FieldError("code", 'what, "why"')})
    problems.close()
    assert (problems.count, len(problems.first)) == (30, 20)
    assert str(problems.first[0]) == 'line 1: what, "why" (code)'
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    assert lines[0] == "line,field,code,message"
    assert lines[30] == '30,,code,"what, ""why"""'
    with pytest.raises(QuillError, match="cannot be written"):
        Problems(tmp_path / "no" / "errors.csv").add(1, {"": FieldError("code", "x")})


_ENDED = "p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"


@pytest.mark.parametrize(
    ("stored", "taken"),
    [
        (_BCRYPT, True),
        (f"$2a$31{_SALTED}", False),
        ("$2b$10$short", False),
        (f"$argon2id$v=19$m=19456,t=2,{_ENDED}", True),
        (f"$argon2id$v=19$m=4294967295,t=2,{_ENDED}", False),
        (f"$argon2id$v=19$m=19456,t=1000000,{_ENDED}", False),
        ("$argon2id$", False),
    ],
)
def test_a_hash_that_no_login_could_bear_is_refused(stored: str, taken: bool) -> None:
    """Verifying takes what the hash says: one from a file must not keep a server busy for days."""
    field = field_from_json({"name": "password", "type": "password"})
    assert isinstance(field, PasswordField)
    if taken:
        assert hash_converter(field)(stored) == stored
    else:
        with pytest.raises(FieldProblem):
            hash_converter(field)(stored)


@pytest.mark.parametrize("named", [False, True])
def test_ids_are_put_in_order_where_no_record_has_its_own(named: bool) -> None:
    """In every format; an empty one is none."""
    form = _form(["id", "title"], named=named)
    seen = []
    for record_id in ("", "a" * 15, ""):
        record = {"id": record_id, "title": "x"}
        form.row(record if named else list(record.values()))
        seen.append(form.makes_ids)
    assert seen == [True, False, False]


def test_a_column_without_a_name_can_be_left_out() -> None:
    """As a comma at each line's end makes one."""
    found = map_columns(_collection(), ["title", ""], read_renames(["="]), named=False)
    assert [one.name for one in found.columns] == ["title"]
