"""Principals: a token's record and key, checked again in each snapshot."""

from __future__ import annotations

from shared.ids import record_id
from tests.worker.realtime.place import Place
from worker.auth.identity import load_identity, signing_key
from worker.auth.tokens import sign
from worker.realtime.principal import Principal, current_identity, principal_of

SUPERUSERS = "pbc_3142635823"


def _superuser(place: Place) -> tuple[str, str]:
    """A stored superuser: its id and a token."""
    made = record_id()
    place.database.connection.execute(
        'INSERT INTO "_superusers" ("id", "email", "tokenKey") VALUES (?, ?, ?)',
        (made, f"{made}@example.com", "k" * 30),
    )
    catalog = place.reader.catalog.current()
    identity = load_identity(place.reader.snapshot, catalog, SUPERUSERS, made)
    assert identity is not None
    return made, sign(made, SUPERUSERS, signing_key(catalog, identity), 60, refreshable=True)


def _principal(place: Place, token: str | None) -> Principal | None:
    return principal_of(place.reader.snapshot, place.reader.catalog.current(), token)


def test_a_token_names_a_principal(place: Place) -> None:
    """With or without `Bearer`; anything else is a guest."""
    made, token = _superuser(place)
    principal = _principal(place, token)
    assert principal is not None
    assert (principal.collection_id, principal.record_id) == (SUPERUSERS, made)
    assert principal.superuser
    assert _principal(place, f"Bearer {token}") == principal
    for other in (None, "", "x.y.z", token[:-2]):
        assert _principal(place, other) is None


def test_a_principal_stands_as_long_as_its_key(place: Place) -> None:
    """The record is read anew; a new token key or no record ends it."""
    made, token = _superuser(place)
    principal = _principal(place, token)
    assert principal is not None
    execute = place.database.connection.execute

    def stands() -> bool:
        catalog = place.reader.catalog.current()
        return current_identity(place.reader.snapshot, catalog, principal) is not None

    assert stands()
    execute('UPDATE "_superusers" SET "email" = ? WHERE "id" = ?', ("new@example.com", made))
    assert stands()
    execute('UPDATE "_superusers" SET "tokenKey" = ? WHERE "id" = ?', ("n" * 30, made))
    assert not stands()
    execute('UPDATE "_superusers" SET "tokenKey" = ? WHERE "id" = ?', ("k" * 30, made))
    assert stands()
    execute('DELETE FROM "_superusers" WHERE "id" = ?', (made,))
    assert not stands()
