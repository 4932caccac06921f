"""Modifier keys of a body: what they mean for a new record, for a stored one, and for rules."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuillError
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.system import superusers
from shared.sql.plan import Value
from worker.http.upload import Upload
from worker.records.modifiers import AUTOGENERATE, modifiers_of
from worker.records.validate import RecordForm, resolved_body

NOW = "2026-01-02 03:04:05.678Z"
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "text", "min": 15, "max": 15, "pattern": "^[a-z0-9]+$",
     "autogeneratePattern": "[a-z0-9]{15}", "primaryKey": True, "required": True, "system": True},
    {"name": "slug", "type": "text", "autogeneratePattern": "[a-f]{6}"},
    {"name": "n", "type": "number", "max": 100},
    {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "kind", "type": "select", "values": ["a", "b"], "maxSelect": 1},
    {"name": "friends", "type": "relation", "collectionId": "pbc_1", "maxSelect": 2},
    {"name": "files", "type": "file", "maxSelect": 2},
    {"name": "secret", "type": "number", "hidden": True},
    {"name": "key", "type": "password", "min": 4},
    {"name": "made", "type": "autodate", "onCreate": True, "onUpdate": True},
    {"name": "meta", "type": "json"},
    {"name": "done", "type": "bool"},
]  # fmt: skip
THINGS = Collection(
    id="pbc_1",
    name="things",
    type="base",
    system=False,
    fields=tuple(field_from_json({"id": raw["name"], **raw}) for raw in FIELDS),
)
FORM = RecordForm(THINGS, superuser=False)
UPLOAD = Upload("a.png", "image/png", b"\x89PNG")


def _codes(error: QuillError) -> dict[str, str]:
    return {name: one.code for name, one in error.fields.items()}


def test_which_keys_are_modifiers() -> None:
    """Numbers add and subtract, lists also prepend, texts are generated; no other type has any."""
    keys = {"n+", "n-", "slug:autogenerate", "id:autogenerate"} | {
        key for name in ("tags", "kind", "friends", "files") for key in (f"{name}+", f"+{name}",
                                                                         f"{name}-")
    }  # fmt: skip
    assert modifiers_of(FORM.fields.values()).keys() == keys


def test_a_new_record_begins_at_zero() -> None:
    """Plain values count first, modifiers after them in the order of the body."""
    body = {"n-": 2, "n": "5", "n+": 10, "+tags": ["c"], "tags": ["a"], "tags-": "a", "kind+": "b"}
    values = FORM.create({**body, "slug:autogenerate": "x-", "secret+": 4}, NOW)

    assert (values["n"], values["tags"], values["kind"]) == (13, '["c"]', "b")
    assert re.fullmatch("x-[a-f]{6}", str(values["slug"]))
    assert values["secret"] == 0
    assert FORM.create({"n+": 7}, NOW)["n"] == 7


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"n": 60, "n+": 60}, {"n": "validation_max_number_constraint"}),
        ({"n+": [1]}, {"n": "validation_invalid_value"}),
        ({"n+": "1e400"}, {"n": "validation_not_a_number"}),
        ({"tags+": ["x"]}, {"tags": "validation_invalid_value"}),
        ({"tags+": {"a": 1}}, {"tags": "validation_invalid_value"}),
        ({"friends+": ["1", "2", "3"]}, {"friends": "validation_too_many_values"}),
        ({"slug:autogenerate": ["x"]}, {"slug": "validation_invalid_value"}),
        ({"files": UPLOAD}, {"files": "validation_invalid_file"}),
        ({"files+": [UPLOAD]}, {"files": "validation_invalid_file"}),
        ({"slug": UPLOAD}, {"slug": "validation_invalid_value"}),
        ({"meta": [UPLOAD]}, {"meta": "validation_invalid_json"}),
    ],
)
def test_what_a_modifier_may_not_do(body: dict[str, object], codes: dict[str, str]) -> None:
    """The result is judged as if it had been sent."""
    with pytest.raises(QuillError) as refused:
        FORM.create(body, NOW)
    assert _codes(refused.value) == codes


def test_an_update_leaves_the_sum_to_the_writer() -> None:
    """No value is read: the new one is SQL over the old one, and bounds are guards."""
    changes = FORM.update("x", {"n+": 1, "n-": "3", "friends+": ["r1"], "tags-": "a"}, NOW)

    assert changes.values == {"made": NOW}
    assert [one.field.name for one in changes.assignments] == ["n", "friends", "tags"]
    assert changes.assignments[0].sql == '(("things"."n" + ?) - ?)'
    assert changes.assignments[0].params == (1, 3)
    assert {one.refusal for one in changes.guards} == {
        "validation_not_a_number:n", "validation_max_number_constraint:n",
        "validation_too_many_values:friends", "validation_invalid_value:tags",
    }  # fmt: skip
    assert changes.relations == {"friends": ["r1"]}
    assert not changes.empty


def test_an_update_with_a_plain_value_knows_the_result() -> None:
    """Then nothing is left to the writer, and the answer to a wrong result is immediate."""
    changes = FORM.update("x", {"friends+": ["r2"], "friends": ["r1"], "n": 1, "n+": 1}, NOW)

    assert changes.values == {"friends": '["r1","r2"]', "n": 2, "made": NOW}
    assert (changes.assignments, changes.guards) == ((), ())
    assert changes.relations == {"friends": ["r1", "r2"]}
    for body, codes in (
        ({"n": 60, "n+": 60}, {"n": "validation_max_number_constraint"}),
        ({"tags+": "x"}, {"tags": "validation_invalid_value"}),
        ({"files+": UPLOAD}, {"files": "validation_invalid_file"}),
        ({"id:autogenerate": ""}, {"id": "validation_pk_change"}),
    ):
        with pytest.raises(QuillError) as refused:
            FORM.update("x", body, NOW)
        assert _codes(refused.value) == codes


def test_names_of_files_are_kept_or_removed() -> None:
    """A new record has none; an update keeps what is stored, which the writer knows."""
    assert FORM.create({"files": ["a.png"], "files+": "b.png"}, NOW)["files"] == "[]"
    changes = FORM.update("x", {"files": ["a.png"]}, NOW)
    assert changes.values["files"] == '["a.png"]'
    assert [one.refusal for one in changes.guards] == ["validation_invalid_file:files"]
    assert FORM.update("x", {"files": ""}, NOW).guards == ()
    removed = FORM.update("x", {"files-": ["a.png"]}, NOW)
    assert [one.field.name for one in removed.assignments] == ["files"]
    assert removed.guards == ()


def test_a_password_of_ones_own_is_hashed_and_can_be_cleared() -> None:
    """On any collection; only the one of a login asks to be repeated and is never empty."""
    assert FORM.secrets == ("key",)
    assert FORM.create({"key": "open"}, NOW)["key"] == "open"
    assert FORM.update("x", {"key": ""}, NOW).values["key"] == ""
    with pytest.raises(QuillError) as refused:
        FORM.update("x", {"key": "abc"}, NOW)
    assert _codes(refused.value) == {"key": "validation_min_text_constraint"}


def test_superusers_end_all_sessions_of_a_login() -> None:
    """`tokenKey:autogenerate` makes a new key; the key itself cannot be set."""
    form = RecordForm(superusers(NOW), superuser=True)
    body = {f"tokenKey{AUTOGENERATE}": "", "tokenKey": "mine" * 10}
    key = str(form.update("x", body, NOW).values["tokenKey"])
    assert len(key) == 50
    assert "mine" not in key
    assert form.update("x", {"tokenKey": "mine" * 10}, NOW).empty


def test_rules_see_the_result() -> None:
    """Against the stored row, in JSON's types; hidden fields of a guest are not there."""
    stored: dict[str, Value] = {"n": 5, "tags": '["a"]', "kind": "a", "friends": "[]"}
    body = {"n+": "2", "tags+": ["b"], "kind-": "a", "meta": '{"a":1}', "done": "true",
            "secret": 1, "made": "x", "captcha": "ok", "files": [UPLOAD]}  # fmt: skip

    assert resolved_body(FORM, body, stored) == {
        "n": 7, "tags": ["a", "b"], "kind": "", "meta": {"a": 1}, "done": True,
        "captcha": "ok", "files": ["a.png"],
    }  # fmt: skip
    assert resolved_body(FORM, {"n": [1], "n-": 1}, {}) == {"n": [1]}
    assert resolved_body(FORM, {"n-": 1}, {}) == {"n": -1}


RAW = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.sampled_from(["a", "b", 1, None, [], {}])), st.just(UPLOAD), st.just({"a": 1}),
)  # fmt: skip
KEYS = st.sampled_from([*FORM.fields, *FORM.modifiers, "secret+", "unknown"])


@given(st.dictionaries(KEYS, RAW, max_size=8))
def test_no_body_raises_anything_else(body: dict[str, object]) -> None:
    """Whatever was sent, the answer is values or QuillError; and rules can be asked about it."""
    for write in (lambda: FORM.create(body, NOW), lambda: FORM.update("x", body, NOW)):
        with suppress(QuillError):
            write()
    resolved_body(FORM, body, {})
