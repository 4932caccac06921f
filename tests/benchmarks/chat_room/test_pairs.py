"""Turns of ours and bare: their order, their sums, and the ratio of neighbours."""

from __future__ import annotations

import pytest

from benchmarks.chat_room.pairs import Contest, Send, share, take_turns, total
from benchmarks.chat_room.rounds import Round
from tests.benchmarks.chat_room.figures import contest, made


def _noted(name: str, sent: list[tuple[str, int]]) -> Send:
    def send(count: int) -> Round:
        sent.append((name, count))
        return made(name, 10, count)

    return send


def test_ours_and_bare_take_turns_slice_by_slice() -> None:
    """A pair of each contest after the other; every second pair begins with bare."""
    sent: list[tuple[str, int]] = []
    writes = Contest(7, 1.0, _noted("insert", sent), _noted("create", sent))
    reads = Contest(4, 1.0, _noted("read", sent), _noted("get", sent))
    said: list[str] = []
    take_turns([writes, reads], 2, said.append)
    assert sent == [
        ("insert", 3), ("create", 3), ("read", 2), ("get", 2),
        ("create", 4), ("insert", 4), ("get", 2), ("read", 2),
    ]  # fmt: skip
    assert [pair.ours.what for pair in writes.pairs] == ["insert", "insert"]
    assert [pair.bare.what for pair in reads.pairs] == ["get", "get"]
    assert said[2] == "insert, slice 2 of 2: 10.0 µs; bare's create: 10.0 µs"


@pytest.mark.parametrize(("count", "slices"), [(10, 5), (11, 5), (14, 5), (3, 1)])
def test_the_slices_hold_all_requests(count: int, slices: int) -> None:
    """Each as many as the others, and the last the rest."""
    shares = [share(count, slices, number) for number in range(slices)]
    assert sum(shares) == count
    assert shares[:-1] == [count // slices] * (slices - 1)


def test_a_total_is_the_sum_and_the_median_of_the_latencies() -> None:
    """CPU is weighted by requests, and the greatest memory is told."""
    slices = [
        made("read", 30, 100, p50=9),
        made("read", 10, 200, p50=1, errors=3),
        made("read", 60, 100, p50=2),
    ]
    one = total(slices)
    assert (one.what, one.requests, one.seconds, one.errors) == ("read", 400, 4.0, 3)
    assert one.rate == 100
    assert (one.p50, one.p75, one.p90, one.p95, one.p99) == (2, 4, 6, 8, 10)
    assert one.cpu_us == pytest.approx((30 * 100 + 10 * 200 + 60 * 100) / 400)
    assert one.pss_bytes == 60 << 20


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    """An hour that makes both twice as slow changes the sums and not the ratio."""
    found = contest("read", 90.0, [60, 120, 200], [40, 80, 50])
    assert found.times_bare == pytest.approx(1.5)
    assert found.ours.cpu_us == pytest.approx(380 / 3)
    assert found.bare.cpu_us == pytest.approx(170 / 3)


def test_a_round_too_short_to_cost_a_tick_has_no_ratio() -> None:
    """Its pair is left out; without any other there is none to tell."""
    assert contest("read", 90.0, [60, 60], [0, 30]).times_bare == pytest.approx(2.0)
    assert contest("read", 90.0, [60], [0]).times_bare is None
