"""The guard that the caller still stands when his plan is applied."""

from __future__ import annotations

import apsw
import pytest

from shared.access.identity import GUEST, Identity
from worker.records.caller import REFUSED_AUTH, caller_guards

RECORD = {"id": "a", "tokenKey": "k", "team": "red", "note": None}
CALLER = Identity("c1", "users", RECORD)


def test_a_guest_needs_no_guard() -> None:
    """There is nothing about him that could change."""
    assert caller_guards(GUEST, frozenset({"team"})) == []


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        ("note = 'x'", True),
        ("tokenKey = 'other'", False),
        ("team = 'blue'", False),
        ("id = 'b'", False),
    ],
)
def test_what_the_rule_compares_must_not_have_changed(change: str, stands: bool) -> None:
    """The token key, the record itself, and the fields that the rule was bound with."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE users (id, tokenKey, team, note)")
    connection.execute("INSERT INTO users VALUES ('a', 'k', 'red', NULL)")
    (guard,) = caller_guards(CALLER, frozenset({"team", "unknown"}))

    assert guard.refusal == REFUSED_AUTH
    assert connection.execute(guard.sql, guard.params).fetchall()
    connection.execute(f"UPDATE users SET {change}")
    assert bool(connection.execute(guard.sql, guard.params).fetchall()) is stands
    connection.close()
