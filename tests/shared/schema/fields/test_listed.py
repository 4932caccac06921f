"""Select, relation, json and password fields: lists, parsing and secrets."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.schema.fields.json import JsonField, json_text, parsed_text
from shared.schema.fields.listed import unique_texts
from shared.schema.fields.password import PasswordField
from shared.schema.fields.relation import RelationField
from shared.schema.fields.select import SelectField
from tests.shared.schema.fields.sample import code


def select(**options: Any) -> Field:
    """A select field of the values a to d."""
    return SelectField({"id": "f", "name": "f", "values": ["a", "b", "c", "d"], **options})


@pytest.mark.parametrize(
    ("raw", "single", "several"),
    [
        (None, "", "[]"),
        ("", "", "[]"),
        ("a", "a", '["a"]'),
        (["a", "b"], "b", '["a","b"]'),
        (["a", "b", "a"], "b", '["a","b"]'),
        (["", "a", None], "a", '["a"]'),
        ('["c","d"]', "d", '["c","d"]'),
        ([], "", "[]"),
    ],
)
def test_one_value_is_the_last_and_several_are_distinct(
    raw: object, single: str, several: str
) -> None:
    """What each kind stores of the same input."""
    assert select().prepare(raw) == single
    assert select(maxSelect=3).prepare(raw) == several


def test_select_codes() -> None:
    """Unknown values, too many, none where one is required, nested lists."""
    assert code(select(), "x") == "validation_invalid_value"
    assert code(select(maxSelect=2), ["a", "x"]) == "validation_invalid_value"
    assert code(select(maxSelect=2), ["a", "b", "c"]) == "validation_too_many_values"
    assert code(select(required=True), []) == "validation_required"
    assert code(select(maxSelect=2, required=True), "") == "validation_required"
    assert code(select(), [["a"]]) == "validation_invalid_value"


def test_relation_codes() -> None:
    """Bounds of number; existence is a guard of the write."""
    field = RelationField(
        {"id": "f", "name": "f", "collectionId": "x", "minSelect": 2, "maxSelect": 3}
    )

    assert field.multiple
    assert code(field, ["a"]) == "validation_not_enough_values"
    assert code(field, ["a", "b", "c", "d"]) == "validation_too_many_values"
    assert code(field, []) == ""
    assert field.items(field.prepare(["b", "a"])) == ["b", "a"]


@given(st.lists(st.text(max_size=4)))
def test_unique_texts_keep_first_places(texts: list[str]) -> None:
    """Oracle: a plain loop."""
    expected: list[str] = []
    for text in texts:
        if text and text not in expected and "\x00" not in text:
            expected.append(text)

    assert unique_texts([text for text in texts if "\x00" not in text]) == expected


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (None, None),
        ("null", None),
        ("", '""'),
        ("abc", '"abc"'),
        ("true", "true"),
        (" 12.50 ", "12.5"),
        ("12abc", '"12abc"'),
        ('{"a": [1, 2]}', '{"a":[1,2]}'),
        ("{broken", '"{broken"'),
        ('"quoted"', '"quoted"'),
        ({"a": "\x00é"}, '{"a":"\\u0000é"}'),
        ([1, 2.0], "[1,2.0]"),
        (123456789012345678, "123456789012345678"),
        ("123456789012345678901234567890", "1.2345678901234568e29"),
        ("1e999", '"1e999"'),
    ],
)
def test_json_is_stored_compact(raw: object, stored: str | None) -> None:
    """A text that looks like JSON is JSON, any other is a JSON string."""
    field = JsonField({"id": "f", "name": "f"})
    value = field.prepare(raw)

    assert value is not None or stored is None
    assert value == stored or orjson.loads(str(value)) == orjson.loads(stored or "")


def test_json_codes() -> None:
    """Size in bytes, emptiness, and what JSON cannot say."""
    small = JsonField({"id": "f", "name": "f", "maxSize": 5})
    required = JsonField({"id": "f", "name": "f", "required": True})
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]

    assert code(small, "äb") == ""
    assert code(small, "äöb") == "validation_json_size_limit"
    blank: list[object] = [None, "", [], {}]
    assert [code(required, raw) for raw in blank] == ["validation_required"] * 4
    assert code(required, 0) == ""
    assert code(required, deep) == "validation_invalid_json"
    assert code(required, 2**64) == "validation_invalid_json"
    assert code(required, float("nan")) == "validation_invalid_json"


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
                    | st.integers(-(2**63), 2**64 - 1) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_text_says_what_it_was_given(value: object) -> None:
    """Any JSON value goes through text unchanged, also when a form sends it as text."""
    text = json_text(value)

    assert orjson.loads(text) == value
    if not isinstance(value, str):
        assert parsed_text(text) == value


def test_a_plain_password_cannot_be_stored() -> None:
    """Only a hash passes the check of stored values; the plain one has its own."""
    field = PasswordField({"id": "f", "name": "f", "min": 8, "required": True, "pattern": "[0-9]"})

    def plain(text: str) -> str:
        problem = field.check_plain(text)
        return problem.code if problem is not None else ""

    assert field.secret
    assert plain("") == "validation_required"
    assert plain("short1") == "validation_min_text_constraint"
    assert plain("x1" * 36) == "validation_max_text_constraint"
    assert plain("no digits") == "validation_invalid_format"
    assert plain("long enough 1") == ""
    assert code(field, "long enough 1") == "validation_invalid_value"
    assert code(field, "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA") == ""


def test_a_system_token_key_is_secret() -> None:
    """An ordinary field of that name is not."""
    raw: dict[str, object] = {"id": "f", "name": "tokenKey", "type": "text"}

    assert field_from_json({**raw, "system": True}).secret
    assert not field_from_json(raw).secret
