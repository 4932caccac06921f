"""What a fragment depends on, how it is bound, and how predicates join."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.access.identity import Identity
from shared.access.request import GUEST_REQUEST, AccessRequest
from shared.sql.predicate import all_of, only_where, predicate
from shared.sql.request_values import AuthField, BodyField, Moment, Parameter, Place, SentValue

CALLER = AccessRequest(Identity("c_users", "users", {"id": "u1"}), body={"a": 1})


@pytest.mark.parametrize(
    ("parameter", "dependences", "value"),
    [
        (5, (False, False, False), 5),
        (AuthField("id"), (True, False, False), "u1"),
        (Moment("@year"), (False, True, False), 2025),
        (SentValue(Place.CONTEXT), (False, False, True), "default"),
        (BodyField("a"), (False, False, True), 1),
    ],
)
def test_a_predicate_knows_what_it_depends_on(
    parameter: Parameter, dependences: tuple[bool, ...], value: object
) -> None:
    """Each kind is told apart, and bound to what it is at a request."""
    made = predicate("a = ?", (parameter,))
    told = (made.depends_on_identity, made.depends_on_time, made.depends_on_request)
    assert told == dependences
    assert made.bind(CALLER, datetime(2025, 1, 1, tzinfo=UTC)) == (value,)


def test_what_depends_on_nothing_is_bound_beforehand() -> None:
    """The parameters themselves, whoever asks."""
    made = predicate("a = ?", (5,))
    assert made.bind(GUEST_REQUEST) is made.params


def test_predicates_join() -> None:
    """Each in its parentheses, with its parameters and dependences."""
    one, other = predicate("a = ?", (1,)), predicate("b = ? OR c", (AuthField("id"),))
    both = all_of(one, None, other)
    assert both is not None
    assert both.sql == "(a = ?) AND (b = ? OR c)"
    assert both.bind(CALLER) == (1, "u1")
    assert both.depends_on_identity
    assert all_of(one, None) is one
    assert all_of(None, None) is None


@pytest.mark.parametrize(
    ("sql", "value", "guarded"),
    [
        ("lower(a) LIKE lower(?) ESCAPE '\\'", "%x%", False),
        ("lower(a) LIKE lower(?) ESCAPE '\\'", "x" * 200, True),
        ("lower(?) LIKE lower('%' || a) ESCAPE '\\'", "x", True),
        ("a REGEXP ?", "x", True),
        ("a = ?", "x" * 200, False),
    ],
)
def test_what_may_fail_is_asked_where_the_rule_holds(sql: str, value: str, guarded: bool) -> None:
    """And nothing else, which would cost the rule once more."""
    rule, condition = predicate("b = ?", (1,)), predicate(sql, (value,))
    found = only_where(rule, condition)
    assert found is not None
    assert (found is not condition) == guarded
    if guarded:
        assert (found.sql, found.params) == (f"CASE WHEN b = ? THEN {sql} END", (1, value))
    assert only_where(None, condition) is condition
