"""The time macros of the language, `@now` and its relatives: what each is worth at a moment.

All are UTC. A macro is a text in the stored form of dates, or a whole number. It is worked out for
each request, never when an expression is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.dates import date_text

_DAY: Final = timedelta(days=1)


def _day_start(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _day_end(now: datetime) -> datetime:
    return now.replace(hour=23, minute=59, second=59, microsecond=999_000)


def _month_end(now: datetime) -> datetime:
    in_next_month = now.replace(day=28) + timedelta(days=4)
    return _day_end(in_next_month - timedelta(days=in_next_month.day))


MACROS: Final[dict[str, Callable[[datetime], int | str]]] = {
    "@now": date_text,
    "@second": lambda now: now.second,
    "@minute": lambda now: now.minute,
    "@hour": lambda now: now.hour,
    "@weekday": lambda now: now.isoweekday() % 7,  # Sunday is 0
    "@day": lambda now: now.day,
    "@month": lambda now: now.month,
    "@year": lambda now: now.year,
    "@yesterday": lambda now: date_text(now - _DAY),
    "@tomorrow": lambda now: date_text(now + _DAY),
    "@todayStart": lambda now: date_text(_day_start(now)),
    "@todayEnd": lambda now: date_text(_day_end(now)),
    "@monthStart": lambda now: date_text(_day_start(now.replace(day=1))),
    "@monthEnd": lambda now: date_text(_month_end(now)),
    "@yearStart": lambda now: date_text(_day_start(now.replace(month=1, day=1))),
    "@yearEnd": lambda now: date_text(_day_end(now.replace(month=12, day=31))),
}
"""Name → value at a UTC moment."""

NUMBER_MACROS: Final = frozenset(
    ("@second", "@minute", "@hour", "@weekday", "@day", "@month", "@year")
)
"""Those that are numbers."""
