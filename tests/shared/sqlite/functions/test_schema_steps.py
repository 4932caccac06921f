"""The size of a schema whose references are followed, and what becomes of one that is too large."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.limits import SQL_SCHEMA_NODES_MAX, SQL_SCHEMA_STEPS_MAX
from shared.sqlite.functions.function import FunctionError
from shared.sqlite.functions.json_schema import compile_schema
from shared.sqlite.functions.schema_steps import steps


def _doubling(levels: int, word: str = "allOf") -> dict[str, Any]:
    """Each definition refers twice to the next."""
    inner = {
        f"d{n}": {word: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**inner, f"d{levels}": {"type": "integer"}}}


def test_without_references_it_is_what_stands_there() -> None:
    """Each object, list and value."""
    assert steps(True) == 1
    assert steps({}) == 1
    assert steps({"type": "array", "items": {"enum": [1, 2]}}) == 6


def test_each_level_doubles() -> None:
    """However short the text is."""
    sizes = [steps(_doubling(levels)) for levels in (10, 11, 12)]
    assert sizes[0] > 2**10
    assert sizes[2] - sizes[1] > 1.9 * (sizes[1] - sizes[0])


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_one_that_would_take_for_ever_is_refused(word: str) -> None:
    """When it is made; a value for it would hold up whoever judges it."""
    text = json.dumps(_doubling(40, word))
    with pytest.raises(FunctionError, match="too large"):
        compile_schema(text)
    judge = compile_schema(json.dumps(_doubling(5, word)))
    assert judge.holds(1) is (word != "oneOf")
    assert judge.nodes_max < SQL_SCHEMA_STEPS_MAX // 2**5


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ({"$anchor": "x"}, "#x"),
        ({"$dynamicAnchor": "x"}, "#x"),
        ({"$id": "x"}, "x"),
        ({"$id": "https://a.example/b/x"}, "https://a.example/b/x#"),
        ({"$id": "x"}, "x#/properties/a%20b~1c"),
        ({}, "#/$defs/n/properties/a%20b~1c"),
        ({}, "#/$defs/n/anyOf/1"),
    ],
)
def test_targets_are_found(name: dict[str, str], reference: str) -> None:
    """By pointer, by anchor and by identifier."""
    large = {"enum": list(range(500))}
    target = {"properties": {"a b/c": large}, "anyOf": [True, large], **name}
    schema = {"$defs": {"n": target}, "items": {"$ref": reference}}
    assert steps(schema) > steps({**schema, "items": {"$ref": "#/none"}}) + 499


def test_what_leads_back_is_counted_once() -> None:
    """A tree of any depth is an ordinary schema."""
    tree = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "type": "object"}
    assert steps(tree) < 10
    judge = compile_schema(json.dumps(tree))
    assert judge.holds({"left": {"right": {}}})
    assert not judge.holds({"left": {"right": 1}})


def test_odd_references_are_not_followed() -> None:
    """The library has its own opinion of them."""
    for odd in (7, None, "", "#/", "#/a/b/9", "%", "https://json-schema.org/draft/2020-12/schema"):
        assert steps({"$ref": odd}) <= SQL_SCHEMA_NODES_MAX
