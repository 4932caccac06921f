"""Dates in their many forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dates import DATE_CHARS, date_text, now_text, parse

MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1900 <= moment.year < 9990)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS)
def test_iso_forms_with_any_offset_mean_the_same(moment: datetime, offset: timezone) -> None:
    """Oracle: the datetime it was written from."""
    expected = date_text(moment)
    local = moment.astimezone(offset)

    assert parse(local.isoformat()) == expected
    assert parse(local.isoformat(sep=" ")) == expected
    assert parse(local.strftime("%Y-%m-%d %H:%M:%S.%f %z")) == expected


@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    """What SQL compares as text compares as time, to the millisecond."""
    whole = [
        moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in (one, other)
    ]

    assert (date_text(one) < date_text(other)) == (whole[0] < whole[1])


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.binary()))
def test_reading_never_raises_and_is_idempotent(raw: object) -> None:
    """Whatever comes in, what comes out is stored form or empty, and reads as itself."""
    found = parse(raw)

    assert found == "" or len(found) == DATE_CHARS
    assert parse(found) == found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2022-01-01", "2022-01-01 00:00:00.000Z"),
        ("2022-01-01 10:00:00", "2022-01-01 10:00:00.000Z"),
        ("2022-01-01 10:00:00.123Z", "2022-01-01 10:00:00.123Z"),
        ("2022-01-01T10:00:00.123456789Z", "2022-01-01 10:00:00.123Z"),
        ("2022-01-01 10:00:00.999999999 -0700 MST", "2022-01-01 17:00:00.999Z"),
        (" 2022-01-01 10:00:00 +02:00 ", "2022-01-01 08:00:00.000Z"),
        ("Mon, 02 Jan 2006 15:04:05 GMT", "2006-01-02 15:04:05.000Z"),
        ("Mon, 02 Jan 2006 15:04:05 -0700", "2006-01-02 22:04:05.000Z"),
        ("02 Jan 06 15:04 UTC", "2006-01-02 15:04:00.000Z"),
        ("Monday, 02-Jan-06 15:04:05 UTC", "2006-01-02 15:04:05.000Z"),
        ("Mon Jan  2 15:04:05 2006", "2006-01-02 15:04:05.000Z"),
        ("Mon Jan 2 15:04:05 UTC 2006", "2006-01-02 15:04:05.000Z"),
        ("Mon Jan 02 15:04:05 -0700 2006", "2006-01-02 22:04:05.000Z"),
        (1_700_000_000, "2023-11-14 22:13:20.000Z"),
        (-0.5, "1969-12-31 23:59:59.500Z"),
    ],
)
def test_forms_that_are_understood(raw: object, expected: str) -> None:
    """Each form of the list, with the moment that it means."""
    assert parse(raw) == expected


@pytest.mark.parametrize(
    "raw",
    ["", "x", "2022-13-01", "2022-02-30", "10:00", "0001-01-01T00:00:00+14:00", "2022-01-01\x00",
     "\u0662\u0660\u0662\u0662-01-01", "9" * 5000, True, 1e300, float("nan"), float("inf"), 10**400, [], {}],
)  # fmt: skip
def test_what_is_no_date_is_empty(raw: object) -> None:
    """Out of range, out of form, or no scalar."""
    assert parse(raw) == ""


def test_now_is_in_stored_form() -> None:
    """The clock's text reads as itself and is close to the clock."""
    now = now_text()

    assert parse(now) == now
    assert abs(datetime.fromisoformat(now) - datetime.now(UTC)) < timedelta(seconds=5)
