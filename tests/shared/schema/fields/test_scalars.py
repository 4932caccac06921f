"""Casting and codes of the fields that hold one value.

Covers `shared.schema.fields.text`, `shared.schema.fields.number`, `shared.schema.fields.bool`,
`shared.schema.fields.date` and `shared.schema.fields.autodate`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.fields.cast import bool_of, number_of, text_of
from shared.schema.fields.domains import is_domain
from shared.schema.fields.email import is_email
from shared.schema.fields.url import split_url
from tests.shared.schema.fields.sample import code, make

NOW = "2026-11-21 10:00:00.000Z"


@pytest.mark.parametrize(
    ("raw", "text"),
    [(None, ""), (True, "true"), (5, "5"), (5.0, "5"), (0.1, "0.1"), (1e21, "1" + "0" * 21),
     (1e-7, "0.0000001"), (2**64, str(2**64)), ("é", "é")],
)  # fmt: skip
def test_scalars_become_text(raw: object, text: str) -> None:
    """Numbers have no exponent, whole ones no fraction."""
    assert text_of(raw) == text


@pytest.mark.parametrize(
    ("raw", "number"),
    [("", 0), ("abc", 0), ("12", 12), (" -1.50 ", -1.5), ("1e3", 1000), (".5", 0.5), ("1_000", 0),
     ("0x10", 0), (True, 1), (None, 0), (5.0, 5), (2**53 + 1, 2**53 + 1), (2**63, 2.0**63),
     ("9007199254740993", 9007199254740993), ("\u0661\u0662", 0), (-0.0, 0)],
)  # fmt: skip
def test_scalars_become_numbers(raw: object, number: float) -> None:
    """Whole numbers of 64 bits stay exact; what is no number is 0."""
    found = number_of(raw)

    assert (type(found), found) == (type(number), number)


@pytest.mark.parametrize(
    "raw", [float("inf"), float("nan"), "Infinity", "-inf", "NaN", "1e999", 10**400, "9" * 500]
)
def test_what_is_not_finite_is_refused(raw: object) -> None:
    """No infinity and no NaN, however they are written."""
    assert code(make("number"), raw) == "validation_not_a_number"


@pytest.mark.parametrize("kind", ["text", "number", "bool", "email", "url", "date"])
@pytest.mark.parametrize("raw", [["a"], {"a": 1}])
def test_lists_and_objects_are_refused_by_scalars(kind: str, raw: object) -> None:
    """Casting them would lose them in silence."""
    assert code(make(kind), raw) == "validation_invalid_value"


def test_truth_has_many_words() -> None:
    """Go's words for true; any other text is false."""
    assert [bool_of(raw) for raw in ("true", "T", "1", 2, -0.5)] == [True] * 5
    assert [bool_of(raw) for raw in ("yes", "", "0", 0, None)] == [False] * 5


@pytest.mark.parametrize(
    ("options", "raw", "expected"),
    [
        ({"required": True}, "", "validation_required"),
        ({"min": 3}, "", ""),
        ({"min": 3}, "ab", "validation_min_text_constraint"),
        ({"min": 3}, "äöü", ""),
        ({"max": 3}, "abcd", "validation_max_text_constraint"),
        ({"max": 1}, "😀", ""),
        ({}, "x" * 5000, ""),
        ({}, "x" * 5001, "validation_max_text_constraint"),
        ({"pattern": "^[a-c]+$"}, "abd", "validation_invalid_format"),
        ({"pattern": "b"}, "abd", ""),
        ({}, "a\x00b", "validation_invalid_value"),
        ({}, "\ud800", "validation_invalid_value"),
        ({"primaryKey": True, "pattern": "^.+$"}, "a/b", "validation_forbidden_pk_character"),
        ({"primaryKey": True, "pattern": "^.+$"}, "COM1", "validation_reserved_pk"),
        ({"primaryKey": True, "pattern": "^[a-z0-9]+$"}, "abC", "validation_invalid_format"),
        ({"primaryKey": True, "pattern": "^[a-z0-9]+$"}, "abc\n", "validation_invalid_format"),
    ],
)
def test_text_codes(options: dict[str, Any], raw: object, expected: str) -> None:
    """Lengths count code points, an empty text is only ever missing."""
    assert code(make("text", **options), raw) == expected


@pytest.mark.parametrize(
    ("options", "raw", "expected"),
    [
        ({"required": True}, 0, "validation_required"),
        ({"min": 5}, 0, ""),
        ({"min": 5}, 4, "validation_min_number_constraint"),
        ({"max": -5}, -4, "validation_max_number_constraint"),
        ({"onlyInt": True}, 1.5, "validation_only_int_constraint"),
        ({"onlyInt": True}, 2.0, ""),
        ({"min": 0, "max": 0}, -1, "validation_min_number_constraint"),
    ],
)
def test_number_codes(options: dict[str, Any], raw: object, expected: str) -> None:
    """0 is the empty value: bounds do not see it."""
    assert code(make("number", **options), raw) == expected


def test_bool_codes() -> None:
    """Required means true."""
    assert code(make("bool", required=True), False) == "validation_required"
    assert code(make("bool", required=True), "true") == ""


@pytest.mark.parametrize(
    ("text", "valid"),
    [("a@b.cd", True), ("a.b+c@sub.example.org", True), ("ü@exämple.org", True), ("a@b", False),
     ("a@@b.cd", False), (".a@b.cd", False), ("a b@c.de", False), ("a@-b.cd", False),
     ("a@b..cd", False), ("x" * 65 + "@b.cd", False), ("a@" + "b" * 300 + ".cd", False),
     ("a@b.cd\n", False), ("", False)],
)  # fmt: skip
def test_emails(text: str, valid: bool) -> None:
    """Everyday addresses pass, broken and overlong ones do not."""
    assert is_email(text) == valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [("http://a.bc", True), ("https://u:p@a.bc:8080/x?y=1|2#z", True), ("a.bc/x", True),
     ("http://localhost:3000", True), ("ws://[::1]:80/", True), ("http://1.2.3.4", True),
     ("localhost", False), ("javascript:alert(1)", False), ("file:///etc/passwd", False),
     ("http://", False), ("http://a b.cd", False), ("http://a.bc:99999", False),
     ("http://a.bc/\x01", False), ("http://a.bc/" + "x" * 2100, False), ("http://.a.bc", False)],
)  # fmt: skip
def test_urls(text: str, valid: bool) -> None:
    """Web addresses pass with or without scheme; other schemes do not."""
    assert (split_url(text) is not None) == valid


def test_domain_lists() -> None:
    """Only-lists admit, except-lists refuse, without regard to case."""
    only = make("email", onlyDomains=["a.bc"])
    but = make("email", exceptDomains=["a.bc"])
    url = make("url", onlyDomains=["a.bc"])

    assert [code(only, "x@A.bc"), code(only, "x@b.bc")] == [
        "",
        "validation_email_domain_not_allowed",
    ]
    assert [code(but, "x@a.BC"), code(but, "x@b.bc")] == ["validation_email_domain_not_allowed", ""]
    assert code(url, "http://a.bc:80/") == ""
    assert code(url, "http://x.a.bc/") == "validation_url_domain_not_allowed"
    assert is_domain("a.bc")
    assert not is_domain("a b")


@given(st.text(alphabet="a.@-_:/[]?#", max_size=3000))
def test_addresses_are_judged_in_bounded_time(text: str) -> None:
    """No text makes the judges raise; the deadline of hypothesis is the bound."""
    assert is_email(text) in (True, False)
    split_url(text)


def test_dates_have_bounds() -> None:
    """Text order is time order; what cannot be read is no date."""
    field = make("date", min="2020-01-01", max="2021-01-01 00:00:00Z")

    assert code(field, "2019-12-31") == "validation_min_greater_equal_than_required"
    assert code(field, "2021-01-01T00:00:00.001Z") == "validation_max_less_equal_than_required"
    assert code(field, "2020-06-01") == ""
    assert field.prepare("not a date") == ""
    assert code(make("date", required=True), "not a date") == "validation_required"


def test_autodates_are_ours() -> None:
    """A client's value never counts; each moment is set where it is asked for."""
    both = make("autodate", onCreate=True, onUpdate=True)
    once = make("autodate", onCreate=True)

    assert not both.client_writable
    assert both.prepare("2020-01-01") == ""
    assert (both.on_create(NOW), both.on_update(NOW)) == (NOW, NOW)
    assert (once.on_create(NOW), once.on_update(NOW)) == (NOW, None)
    assert (once.fills_on_create, once.fills_on_update) == (True, False)
