"""As whom clients are here: found by their record, forgotten with their last client."""

from __future__ import annotations

from worker.realtime.presence import Presence
from worker.realtime.principal import Principal

OLD = Principal("c_users", "ann", "old key", superuser=False)
NEW = Principal("c_users", "ann", "new key", superuser=False)
BOB = Principal("c_users", "bob", "key", superuser=False)


def test_a_record_may_be_here_under_several_keys() -> None:
    """Each with its clients; nobody is left behind."""
    presence = Presence()
    for principal in (OLD, OLD, NEW, BOB, None):
        presence.move(None, principal)
    assert set(presence.of("c_users", "ann")) == {OLD, NEW}
    assert set(presence.all()) == {OLD, NEW, BOB}
    presence.move(OLD, NEW)
    assert set(presence.of("c_users", "ann")) == {OLD, NEW}
    presence.move(OLD, None)
    assert set(presence.of("c_users", "ann")) == {NEW}
    for principal in (NEW, NEW, BOB):
        presence.move(principal, None)
    assert list(presence.all()) == []
    assert not presence.of("c_users", "ann")
