"""Percentiles of what was read, against times that are easy to reckon."""

from __future__ import annotations

from benchmarks.realtime.arrivals import Arrivals

_MS = 1_000_000


def test_each_arrival_is_compared_with_its_own_write() -> None:
    """A hundred reads of one mark, from 1 to 100 ms after its write."""
    arrivals = Arrivals()
    for number in range(1, 101):
        arrivals.add(([b"10000001"], 500 + number * _MS))
    found = arrivals.measure({"10000001": 500})
    assert (found.count, found.p50_ms, found.p99_ms, found.max_ms) == (100, 51.0, 100.0, 100.0)


def test_marks_that_were_not_asked_for_are_left_out() -> None:
    """Warming up is no part of the figures; and what was measured is forgotten."""
    arrivals = Arrivals()
    arrivals.add(([b"10000001", b"10000002"], 9 * _MS))
    assert arrivals.measure({"10000002": 2 * _MS}).max_ms == 7.0
    assert arrivals.measure({"10000002": 2 * _MS}).count == 0
