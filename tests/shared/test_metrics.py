"""Counting cheaply, publishing later."""

from __future__ import annotations

import enum

from shared import metrics


class _Status(enum.IntEnum):
    OK = 0


def _value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_are_published_at_the_flush() -> None:
    """Counter and histogram by route and status class."""
    labels = {"route": "test_route", "status": "4xx"}
    for seconds in (0.0004, 0.0005, 0.003, 99.0):
        metrics.http_request("test_route", 404, seconds)
    assert _value("quill_http_requests_total", **labels) == 0
    metrics.flush()
    metrics.flush()
    assert _value("quill_http_requests_total", **labels) == 4
    assert _value("quill_http_request_seconds_bucket", le="0.0005", **labels) == 2
    assert _value("quill_http_request_seconds_bucket", le="0.005", **labels) == 3
    assert _value("quill_http_request_seconds_bucket", le="+Inf", **labels) == 4
    assert abs(_value("quill_http_request_seconds_sum", **labels) - 99.0039) < 1e-9


def test_families_take_enum_members_and_texts() -> None:
    """The same label is the same count."""
    before = _value("quill_write_outcomes_total", status="ok")
    metrics.WRITE_OUTCOMES[_Status.OK].add()
    metrics.WRITE_OUTCOMES["ok"].add(2)
    metrics.flush()
    assert _value("quill_write_outcomes_total", status="ok") == before + 3


def test_observations_are_published_at_the_flush() -> None:
    """Each in its bucket, once."""

    def seen() -> list[float]:
        name = "quill_writer_batch_operations"
        return [_value(f"{name}_bucket", le=le) for le in ("4.0", "8.0", "+Inf")] + [
            _value(f"{name}_sum")
        ]

    metrics.flush()
    before = seen()
    for operations in (4, 5, 9_999):
        metrics.WRITER_BATCH_OPERATIONS.observe(operations)
    assert seen() == before
    metrics.flush()
    metrics.flush()
    assert [now - then for now, then in zip(seen(), before, strict=True)] == [1, 2, 3, 10_008]


class _Interrupted(float):
    """A value in the midst of whose observation another thread flushes."""

    def __gt__(self, bound: float) -> bool:
        metrics.flush()
        return float(self) > bound


def test_no_observation_is_lost_to_a_flush() -> None:
    """Databases beside main have threads of their own, which observe and flush as main's does."""
    name = "quill_writer_batch_operations"
    before = _value(f"{name}_count"), _value(f"{name}_sum")
    metrics.WRITER_BATCH_OPERATIONS.observe(1)
    metrics.WRITER_BATCH_OPERATIONS.observe(_Interrupted(5))
    metrics.flush()
    after = _value(f"{name}_count"), _value(f"{name}_sum")
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 6]
