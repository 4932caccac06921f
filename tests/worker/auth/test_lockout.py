"""The lockout's statement, on SQLite itself: reserved before, bounded, forgotten in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from shared.limits import LOCKOUT_FAILURES, LOCKOUT_SECONDS
from shared.schema.catalog import Catalog
from shared.status_page import StatusPage
from worker.auth.lockout import attempt_key, clear_step, reserve_plan, seconds_left
from worker.engine.snapshot import quick_snapshot

_TABLE = "CREATE TABLE _attempts (key TEXT PRIMARY KEY, failures INT, until INT) WITHOUT ROWID"
_WINDOW_MS = int(LOCKOUT_SECONDS * 1_000)


@pytest.fixture
def database() -> Iterator[apsw.Connection]:
    """A table of attempts as the writer makes it."""
    connection = apsw.Connection(":memory:")
    connection.execute(_TABLE)
    yield connection
    connection.close()


def _reserve(database: apsw.Connection, now_ms: int, key: str = "c|a") -> bool:
    step = reserve_plan(1, key, now_ms).steps[0]
    assert step.refusal
    return bool(list(database.execute(step.sql, step.params)))


def test_only_so_many_attempts_are_reserved(database: apsw.Connection) -> None:
    """The next one changes nothing and returns no row, which refuses the plan."""
    assert [_reserve(database, 0) for _ in range(LOCKOUT_FAILURES)] == [True] * LOCKOUT_FAILURES
    before = list(database.execute("SELECT * FROM _attempts"))
    assert not _reserve(database, 1)
    assert list(database.execute("SELECT * FROM _attempts")) == before
    assert _reserve(database, 1, "c|b")


def test_a_lock_ends_and_counts_anew(database: apsw.Connection) -> None:
    """After the window of the last attempt that was counted."""
    for at in range(LOCKOUT_FAILURES):
        assert _reserve(database, at)
    end = LOCKOUT_FAILURES - 1 + _WINDOW_MS
    assert not _reserve(database, end - 1)
    assert [_reserve(database, end) for _ in range(LOCKOUT_FAILURES)] == [True] * LOCKOUT_FAILURES
    assert not _reserve(database, end)


def test_slow_guessing_is_counted_too(database: apsw.Connection) -> None:
    """Each attempt prolongs the window, so a guess now and then does not reset it."""
    step = _WINDOW_MS // 2
    reserved = [_reserve(database, at * step) for at in range(LOCKOUT_FAILURES + 1)]
    assert reserved == [True] * LOCKOUT_FAILURES + [False]


def test_a_right_password_clears(database: apsw.Connection) -> None:
    """Everything may be tried again."""
    for _ in range(LOCKOUT_FAILURES):
        _reserve(database, 0)
    step = clear_step("c|a")
    database.execute(step.sql, step.params)
    assert _reserve(database, 0)


def test_the_time_that_is_left_is_told(tmp_path: Path) -> None:
    """Not the whole window; that only where the row is not to be seen yet, or over."""
    path = tmp_path / "main.db"
    with closing(apsw.Connection(str(path))) as writing:
        writing.execute(_TABLE)
        _reserve(writing, 0)
    snapshot = quick_snapshot(path, StatusPage.create(tmp_path / "page").database())
    catalog = Catalog(1, [])
    assert seconds_left(snapshot, catalog, "c|a", LOCKOUT_SECONDS - 10) == 10
    for key, now in (("c|a", LOCKOUT_SECONDS), ("c|b", 0.0)):
        assert seconds_left(snapshot, catalog, key, now) == LOCKOUT_SECONDS
    snapshot.close()


def test_a_key_is_short_and_folded() -> None:
    """One counter however an address is written, and no row larger than a few hundred bytes."""
    assert attempt_key("c", " A@Example.com ") == attempt_key("c", "a@example.COM")
    assert len(attempt_key("c", "x" * 10_000)) < 100
    assert attempt_key("c", "x" * 10_000) != attempt_key("c", "x" * 10_001)
