"""From a header to the caller, whose row is read for each request (`worker.auth.identity`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.access.identity import GUEST, Identity
from shared.ids import record_id
from shared.schema.system import SUPERUSERS_ID
from tests.worker.realtime.place import Place
from worker.auth.identity import identify, load_identity, signing_key
from worker.auth.tokens import sign

ROOT = record_id()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A database with one superuser."""
    made = Place(tmp_path)
    _change(
        made,
        'INSERT INTO _superusers("id", "tokenKey", "email", "verified") VALUES (?, ?, ?, 1)',
        (ROOT, "k" * 50, "a@example.com"),
    )
    yield made
    made.close()


def _change(place: Place, sql: str, params: tuple[Any, ...] = ()) -> None:
    place.database.connection.execute(sql, params)


def _token(place: Place, seconds: int = 60) -> str:
    catalog = place.reader.catalog.current()
    identity = load_identity(place.reader.snapshot, catalog, SUPERUSERS_ID, ROOT)
    assert identity is not None
    return sign(ROOT, SUPERUSERS_ID, signing_key(catalog, identity), seconds, refreshable=True)


def _asks(place: Place, token: str) -> Identity:
    return identify(place.reader.snapshot, place.reader.catalog.current(), token)


def test_the_same_row_makes_the_same_caller(place: Place) -> None:
    """A superuser here, with what is stored of him."""
    token = _token(place)
    first = _asks(place, token)
    assert (first.id, first.superuser, first.record["email"]) == (ROOT, True, "a@example.com")
    assert _asks(place, f"Bearer {token}") == first


def test_a_changed_row_makes_another(place: Place) -> None:
    """What changes counts at once, whatever was known before; so does a new token key."""
    token = _token(place)
    assert _asks(place, token).record["email"] == "a@example.com"
    _change(place, "UPDATE _superusers SET email = 'b@example.com'")
    assert _asks(place, token).record["email"] == "b@example.com"
    _change(place, "UPDATE _superusers SET tokenKey = ?", ("l" * 50,))
    assert _asks(place, token) is GUEST
    _change(place, "DELETE FROM _superusers")
    assert _asks(place, token) is GUEST


def test_a_new_secret_of_the_collection_ends_sessions(place: Place) -> None:
    """Though the row is the very same."""
    token = _token(place)
    assert not _asks(place, token).guest
    _change(
        place,
        "UPDATE _collections SET options = json_set(options, '$.authToken.secret', ?) WHERE id = ?",
        ("another secret", SUPERUSERS_ID),
    )
    _change(place, "UPDATE _head SET catalog = catalog + 1")
    place.words.catalog_version += 1
    assert _asks(place, token) is GUEST


def test_large_records_are_callers_like_others(place: Place) -> None:
    """They are made out each time."""
    token = _token(place)
    _change(place, "UPDATE _superusers SET email = ?", ("x" * 10_000,))
    assert _asks(place, token) == _asks(place, token) != GUEST
