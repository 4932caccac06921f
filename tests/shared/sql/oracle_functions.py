"""Macros and functions as the oracle knows them: written down for one moment, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.shared.sql.oracle_world import Scalar

NOW = datetime(2025, 11, 5, 10, 5, 5, 250_000, tzinfo=UTC)
"""A Wednesday. Every generated expression is judged at this moment."""

MACROS: dict[str, Scalar] = {
    "@now": "2025-11-05 10:05:05.250Z",
    "@second": 5,
    "@minute": 5,
    "@hour": 10,
    "@weekday": 3,
    "@day": 5,
    "@month": 11,
    "@year": 2025,
    "@yesterday": "2025-11-04 10:05:05.250Z",
    "@tomorrow": "2025-11-06 10:05:05.250Z",
    "@todayStart": "2025-11-05 00:00:00.000Z",
    "@todayEnd": "2025-11-05 23:59:59.999Z",
    "@monthStart": "2025-11-01 00:00:00.000Z",
    "@monthEnd": "2025-11-30 23:59:59.999Z",
    "@yearStart": "2025-01-01 00:00:00.000Z",
    "@yearEnd": "2025-12-31 23:59:59.999Z",
}

_EARTH_KM = 6371.0
_SHIFTS = {
    "+1 day": timedelta(days=1),
    "-1 day": timedelta(days=-1),
    "+2 hours": timedelta(hours=2),
}


def called(function: str, arguments: Sequence[Scalar]) -> Scalar:
    """What a function is worth."""
    return _distance(arguments) if function == "geoDistance" else _formatted(arguments)


def _distance(arguments: Sequence[Scalar]) -> Scalar:
    """Kilometres along a great circle between two points, each a longitude and a latitude."""
    numbers = [one for one in arguments if isinstance(one, int | float)]
    if len(numbers) != len(arguments):
        return None
    lon_a, lat_a, lon_b, lat_b = map(math.radians, numbers)
    inner = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    )
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, inner)))


def _formatted(arguments: Sequence[Scalar]) -> Scalar:
    """A stored date in another form; '' for what is no date. No date at all means now."""
    form, *rest = arguments
    moment = NOW if not rest else _moment(rest[0])
    if moment is None or not isinstance(form, str):
        return ""
    for modifier in rest[1:]:
        if modifier == "start of month":
            moment = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        else:
            moment += _SHIFTS[str(modifier)]
    return moment.strftime(form)


def _moment(value: Scalar) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
