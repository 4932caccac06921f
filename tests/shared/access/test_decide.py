"""What rules mean before any row is looked at."""

from __future__ import annotations

import pytest

from shared.access.decide import ALLOW, DENY, Decision, decide
from shared.access.identity import GUEST, Identity

CALLER = Identity("c_users", "users", {"id": "u1"})
SUPERUSER = Identity("pbc_3142635823", "_superusers", {"id": "s1"}, superuser=True)


@pytest.mark.parametrize(
    ("rule", "identity", "decision"),
    [
        (None, GUEST, DENY),
        (None, CALLER, DENY),
        (None, SUPERUSER, ALLOW),
        ("", GUEST, ALLOW),
        ("", CALLER, ALLOW),
        (" ", GUEST, " "),
        ("a = 1", GUEST, "a = 1"),
        ("a = 1", CALLER, "a = 1"),
        ("a = 1", SUPERUSER, ALLOW),
        ("no rule at all", SUPERUSER, ALLOW),
    ],
)
def test_decisions(rule: str | None, identity: Identity, decision: Decision) -> None:
    """Null is for superusers, empty for all, the rest is to be judged; blanks are not empty."""
    assert decide(rule, identity) == decision
