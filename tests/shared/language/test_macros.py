"""What the time macros are worth."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.language.macros import MACROS, NUMBER_MACROS

# A Sunday, in a leap year.
NOW = datetime(2024, 2, 25, 9, 8, 7, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("macro", "value"),
    [
        ("@now", "2024-02-25 09:08:07.123Z"),
        ("@second", 7),
        ("@minute", 8),
        ("@hour", 9),
        ("@weekday", 0),
        ("@day", 25),
        ("@month", 2),
        ("@year", 2024),
        ("@yesterday", "2024-02-24 09:08:07.123Z"),
        ("@tomorrow", "2024-02-26 09:08:07.123Z"),
        ("@todayStart", "2024-02-25 00:00:00.000Z"),
        ("@todayEnd", "2024-02-25 23:59:59.999Z"),
        ("@monthStart", "2024-02-01 00:00:00.000Z"),
        ("@monthEnd", "2024-02-29 23:59:59.999Z"),
        ("@yearStart", "2024-01-01 00:00:00.000Z"),
        ("@yearEnd", "2024-12-31 23:59:59.999Z"),
    ],
)
def test_each_macro_has_its_value(macro: str, value: int | str) -> None:
    """Dates in the stored form, parts of the time as numbers."""
    assert MACROS[macro](NOW) == value
    assert (macro in NUMBER_MACROS) == isinstance(value, int)


def test_months_end_where_they_end() -> None:
    """The last day of a month is right in December, too."""
    december = datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert MACROS["@monthEnd"](december) == "2023-12-31 23:59:59.999Z"
    april = datetime(2023, 4, 1, tzinfo=UTC)
    assert MACROS["@monthEnd"](april) == "2023-04-30 23:59:59.999Z"
