"""As whom clients are here: found by their record, forgotten with their last client."""

from __future__ import annotations

from worker.realtime.clients.signed_in import SignedIn
from worker.realtime.principal import Principal

OLD = Principal("c_users", "ann", "old key", superuser=False)
NEW = Principal("c_users", "ann", "new key", superuser=False)
BOB = Principal("c_users", "bob", "key", superuser=False)


def test_a_record_may_be_here_under_several_keys() -> None:
    """Each with its clients; nobody is left behind."""
    signed_in = SignedIn()
    for principal in (OLD, OLD, NEW, BOB, None):
        signed_in.move(None, principal)
    assert set(signed_in.of("c_users", "ann")) == {OLD, NEW}
    assert set(signed_in.all()) == {OLD, NEW, BOB}
    signed_in.move(OLD, NEW)
    assert set(signed_in.of("c_users", "ann")) == {OLD, NEW}
    signed_in.move(OLD, None)
    assert set(signed_in.of("c_users", "ann")) == {NEW}
    for principal in (NEW, NEW, BOB):
        signed_in.move(principal, None)
    assert list(signed_in.all()) == []
    assert not signed_in.of("c_users", "ann")
