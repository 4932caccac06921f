"""Definitions of single fields: names, options of every type, patterns and generators.

Covers `shared.schema.fields.field` and `shared.schema.fields.options`.
"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import AUTOGENERATE_CHARS_MAX
from shared.schema.fields import field_from_json
from shared.schema.fields.autogenerate import AutogenerateError, Generator
from shared.schema.fields.options import DefinitionError
from shared.schema.fields.pattern import PatternError, compile_pattern


def codes(kind: str, **raw: Any) -> dict[str, str]:
    """What is wrong with a definition, by key."""
    try:
        field = field_from_json({"id": "f1", "name": "f", "type": kind, **raw})
    except DefinitionError as error:
        return {key: problem.code for key, problem in error.problems.items()}
    return {key: problem.code for key, problem in field.definition_problems().items()}


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("text", {"name": ""}, {"name": "validation_required"}),
        ("text", {"name": "a b"}, {"name": "validation_match_invalid"}),
        ("text", {"name": "a\n"}, {"name": "validation_match_invalid"}),
        ("text", {"name": 'a"; DROP TABLE t; --'}, {"name": "validation_match_invalid"}),
        ("text", {"name": "x" * 101}, {"name": "validation_length_out_of_range"}),
        ("text", {"name": "x" * 10_000}, {"name": "validation_length_too_long"}),
        ("text", {"name": "Expand"}, {"name": "validation_not_in_invalid"}),
        ("text", {"name": "_rowid_"}, {"name": "validation_not_in_invalid"}),
        ("text", {"name": "a_via_b"}, {"name": "validation_found_via"}),
        ("text", {"name": 5}, {"name": "validation_invalid_value"}),
        ("text", {"id": ""}, {"id": "validation_length_out_of_range"}),
        ("text", {"help": "x" * 301}, {"help": "validation_length_out_of_range"}),
        ("text", {"min": -1}, {"min": "validation_min_greater_equal_than_required"}),
        ("text", {"min": 1.5}, {"min": "validation_invalid_value"}),
        ("text", {"min": 5, "max": 4}, {"max": "validation_min_greater_equal_than_required"}),
        ("text", {"max": 2**60}, {"max": "validation_max_less_equal_than_required"}),
        ("text", {"pattern": "("}, {"pattern": "validation_invalid_regex"}),
        ("text", {"pattern": "(?=a)"}, {"pattern": "validation_invalid_regex"}),
        ("text", {"autogeneratePattern": "(?=a)b"},
         {"autogeneratePattern": "validation_invalid_regex"}),
        ("text", {"autogeneratePattern": "[a-z]{5}", "pattern": "^[0-9]+$"},
         {"autogeneratePattern": "validation_invalid_autogenerate_pattern"}),
        ("text", {"autogeneratePattern": "[a-z]{5}", "max": 4},
         {"autogeneratePattern": "validation_invalid_autogenerate_pattern"}),
        ("text", {"autogeneratePattern": "a{0,0}b?", "required": True, "min": 1},
         {"autogeneratePattern": "validation_invalid_autogenerate_pattern"}),
        ("text", {"autogeneratePattern": "[a-z]{5}", "pattern": "^[a-z]+$", "min": 5}, {}),
        ("text", {"required": True}, {}),
        ("editor", {"maxSize": -1}, {"maxSize": "validation_min_greater_equal_than_required"}),
        ("editor", {"convertURLs": 1}, {"convertURLs": "validation_invalid_value"}),
        ("file", {"mimeTypes": "image/png"}, {"mimeTypes": "validation_invalid_value"}),
        ("file", {"protected": "yes"}, {"protected": "validation_invalid_value"}),
        ("text", {"primaryKey": True, "pattern": "a", "required": True},
         {"name": "validation_in_invalid"}),
        ("text", {"required": "yes"}, {"required": "validation_invalid_value"}),
        ("text", {"min": None, "required": None}, {}),
        ("number", {"min": 2, "max": 1}, {"max": "validation_min_greater_equal_than_required"}),
        ("number", {"min": 1.5, "onlyInt": True}, {"min": "validation_only_int_constraint"}),
        ("number", {"min": float("inf")}, {"min": "validation_invalid_value"}),
        ("number", {"min": True}, {"min": "validation_invalid_value"}),
        ("email", {"onlyDomains": ["a b"]}, {"onlyDomains": "validation_is_domain"}),
        ("email", {"onlyDomains": ["a.b"], "exceptDomains": ["c.d"]},
         {"exceptDomains": "validation_empty"}),
        ("url", {"exceptDomains": "a.b"}, {"exceptDomains": "validation_invalid_value"}),
        ("date", {"min": "nonsense"}, {"min": "validation_invalid_value"}),
        ("date", {"min": "2021-01-01", "max": "2020-01-01"},
         {"max": "validation_min_greater_equal_than_required"}),
        ("autodate", {}, {"onCreate": "validation_required"}),
        ("select", {}, {"values": "validation_required"}),
        ("select", {"values": ["a", "a"]}, {"values": "validation_duplicated_value"}),
        ("select", {"values": ["a", ""]}, {"values": "validation_required"}),
        ("select", {"values": ["a\x00"]}, {"values": "validation_invalid_value"}),
        ("select", {"values": ["a"], "maxSelect": 2},
         {"maxSelect": "validation_max_less_equal_than_required"}),
        ("relation", {}, {"collectionId": "validation_required"}),
        ("relation", {"collectionId": "x", "minSelect": 3, "maxSelect": 2},
         {"maxSelect": "validation_min_greater_equal_than_required"}),
        ("password", {"max": 72}, {"max": "validation_max_less_equal_than_required"}),
        ("password", {"cost": 99}, {"cost": "validation_max_less_equal_than_required"}),
        ("nonsense", {}, {"type": "validation_in_invalid"}),
        (None, {}, {"type": "validation_in_invalid"}),
        (["text"], {}, {"type": "validation_in_invalid"}),
    ],
)  # fmt: skip
def test_codes_of_definitions(kind: Any, raw: dict[str, Any], expected: dict[str, str]) -> None:
    """Each wrong option is told under its key."""
    assert codes(kind, **raw) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["id", "name", "system", "min", "max", "pattern", "autogeneratePattern", "values", "maxSelect",
     "minSelect", "collectionId", "onlyInt", "maxSize", "onlyDomains", "onCreate", "primaryKey"]
)  # fmt: skip
KINDS = st.sampled_from(
    ["text", "number", "select", "relation", "json", "date", "email", "password"]
)


@given(KINDS, st.dictionaries(KEYS, JSON, max_size=6))
def test_no_definition_raises_anything_else(kind: str, raw: dict[str, Any]) -> None:
    """Whatever the options are, the answer is a field, its problems, or DefinitionError."""
    codes(kind, **raw)


def test_a_pattern_cannot_take_long() -> None:
    """The classic that takes Python's own engine for ever ends at once."""
    search = compile_pattern(r"^(a+)+$")
    started = time.perf_counter()

    assert search("a" * 100_000 + "b") is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("pattern", ["(", "(?<=a)", r"\1", "(((a{1000}){1000}){1000})", "\ud800"])
def test_patterns_that_are_refused(pattern: str) -> None:
    """Bad syntax, look-around, back references, and what would be huge when compiled."""
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_a_refused_pattern_has_a_reason() -> None:
    """In words, not in bytes of the library."""
    with pytest.raises(PatternError, match=r"^missing \): \($"):
        compile_pattern("(")


PARTS = st.sampled_from(
    ["a", r"\.", "[a-f]", "[^a-z]", r"\d", r"\w", ".", "[a-zA-Z0-9]", r"[\d_]", "[-x]", r"\-"]
)
REPEATS = st.sampled_from(["", "?", "+", "*", "{3}", "{0,2}", "{2,}"])


ROWS = st.lists(st.tuples(PARTS, REPEATS).map("".join), min_size=1, max_size=4).map("".join)
GROUPS = st.recursive(
    ROWS,
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda rows: f"({'|'.join(rows)})"),
    max_leaves=4,
)


@given(st.lists(GROUPS, min_size=1, max_size=3).map("".join))
def test_generated_texts_match_their_pattern(pattern: str) -> None:
    """Oracle: Python's own regular expressions."""
    assert re.fullmatch(pattern, Generator(pattern).text())


@given(st.text(st.characters(codec="ascii"), max_size=12))
def test_no_pattern_makes_the_generator_raise_anything_else(pattern: str) -> None:
    """Any text is a pattern or is refused as one."""
    try:
        text = Generator(pattern).text()
    except AutogenerateError:
        return
    assert len(text) <= AUTOGENERATE_CHARS_MAX


def test_a_generated_value_fills_a_new_record() -> None:
    """The field says that it has one, and makes it."""
    field = field_from_json(
        {"id": "f", "name": "f", "type": "text", "autogeneratePattern": r"^ORD-\d{6}$"}
    )

    assert field.fills_on_create
    assert re.fullmatch(r"ORD-\d{6}", str(field.on_create("")))


def test_alternatives_are_all_made() -> None:
    """Each branch of a group has its turn, and a repeated group draws anew each time."""
    generator = Generator(r"(?:ORD|INV)-(a|b){8}|x")
    made = {generator.text() for _ in range(300)}

    assert {text[:3] for text in made} == {"ORD", "INV", "x"}
    assert any("ab" in text for text in made)
    assert all(re.fullmatch(r"(ORD|INV)-[ab]{8}|x", text) for text in made)


@pytest.mark.parametrize(
    "pattern", ["", "()", "(a", "a)", "(?P<n>a)", "(?i)a", "(" * 20 + "a" + ")" * 20, "(a{900}){900}",
                "((a{999}){9}|b)", r"\bword", "a{2}{3}", "a^b"]
)  # fmt: skip
def test_patterns_that_make_nothing_or_too_much(pattern: str) -> None:
    """Told when the field is defined."""
    with pytest.raises(AutogenerateError):
        Generator(pattern)
