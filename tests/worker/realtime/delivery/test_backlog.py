"""The changes that wait: bounded by number and by bytes."""

from __future__ import annotations

from shared.limits import REALTIME_CHANGES_WAITING_BYTES, REALTIME_CHANGES_WAITING_MAX
from shared.messages.changes import Act, Change
from shared.sql.plan import Value
from worker.realtime.delivery.backlog import Backlog


def _changes(count: int, size: int) -> list[Change]:
    values: dict[str, Value] = {"f_text": "x" * size, "f_size": 1}
    return [Change(n, "c_posts", Act.UPDATE, "id", {"f_text": ""}, values) for n in range(count)]


def test_few_large_changes_are_too_many() -> None:
    """The bytes of their values count, long before the number of changes does."""
    size = 200_000
    fitting = REALTIME_CHANGES_WAITING_BYTES // (size + 1_000)
    backlog = Backlog()
    assert backlog.extend(_changes(fitting, size))
    assert not backlog.extend(_changes(2, size))


def test_many_small_changes_are_too_many() -> None:
    """The number counts as well."""
    backlog = Backlog()
    assert backlog.extend(_changes(REALTIME_CHANGES_WAITING_MAX, 1))
    assert not backlog.extend(_changes(1, 1))


def test_what_was_told_makes_room() -> None:
    """Nothing is left of the size when nothing waits."""
    backlog = Backlog()
    backlog.extend(_changes(3, 100))
    backlog.drop(2)
    assert (len(backlog), backlog.first().n) == (1, 2)
    backlog.drop(1)
    assert (len(backlog), backlog.size) == (0, 0)
