"""Who callers are."""

from __future__ import annotations

from shared.access.identity import GUEST, Identity


def test_actors() -> None:
    """Collection and record, nothing for a guest."""
    assert GUEST.actor == ""
    assert GUEST.guest
    caller = Identity("c_users", "users", {"id": "u1"})
    assert (caller.actor, caller.id, caller.guest) == ("c_users/u1", "u1", False)
