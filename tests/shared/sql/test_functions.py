"""The functions of the language against the values that they should have."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest

from shared.access.request import GUEST_REQUEST
from tests.shared.sql.sample import SAMPLE, create, insert, ruling

NOW = datetime(2025, 11, 5, 10, 5, 5, tzinfo=UTC)


def _holds(rule: str) -> bool:
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    insert(connection, SAMPLE, id="x", day="2025-03-01 12:00:00.000Z", count=5, data='{"lon":"a"}')
    condition = ruling(rule)
    found = connection.execute(
        f"SELECT id FROM sample r WHERE {condition.sql}", condition.bind(GUEST_REQUEST, NOW)
    )
    return bool(found.fetchall())


@pytest.mark.parametrize(
    ("call", "km"),
    [
        ("geoDistance(2.35, 48.85, -0.12, 51.5)", 343),  # Paris, London
        ("geoDistance(0, 0, 0, 90)", 10007),
        ("geoDistance(0, 0, 180, 0)", 20015),
        ("geoDistance(0, -90, 0, 90)", 20015),
        ("geoDistance(179.9, 0, -179.9, 0)", 22),
        ("geoDistance(12.5, 41.9, 12.5, 41.9)", 0),
    ],
)
def test_distances(call: str, km: int) -> None:
    """In kilometres, also between opposite points, across the date line and from a place to itself."""
    assert _holds(f"{call} >= {km} && {call} < {km + 1}")


def test_a_distance_to_nowhere() -> None:
    """Is neither near nor far."""
    for rule in ("geoDistance(data.lon, 0, 0, 0) < 9", "geoDistance(data.nope, 0, 0, 0) >= 0"):
        assert not _holds(rule)
    assert _holds("geoDistance(data.nope, 0, 0, 0) = null")


@pytest.mark.parametrize(
    "rule",
    [
        "strftime('%Y-%m', day) = '2025-03'",
        "strftime('%d', day, '-1 day') = '28'",
        "strftime('%m', day, 'start of year', '+1 month') = '02'",
        "strftime('%Y', other) = ''",
        "strftime('%Y', 'nonsense') = ''",
        "strftime('%H:%M') = '10:05'",
        "strftime('%H:%M', 'now') = '10:05'",
        "strftime('%H', @now) = '10'",
        "strftime('%Y', day) < strftime('%Y', @tomorrow, '+1 year')",
        "strftime('%H', strftime('%Y-%m-%d 07:00', day)) = '07'",
        "strftime('%m', day) = strftime('%m', '2024-03-09')",
    ],
)
def test_formatted_times(rule: str) -> None:
    """Of the row, of the request, and of nothing."""
    assert _holds(rule)
