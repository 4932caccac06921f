"""What HTTP says of a failure, in every dialect."""

from __future__ import annotations

import pytest

from shared.errors import Kind, QuillError
from worker.http.failures import STATUS, failure_headers
from worker.wire.pocketbase import encode as pocketbase
from worker.wire.trailbase import encode as trailbase


def test_every_kind_has_a_status() -> None:
    """None may become a crash of the one place that answers."""
    assert set(STATUS) == set(Kind) == set(pocketbase.STATUS)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.UNAVAILABLE, b"not-applied"),
        (Kind.DISK_FULL, b"not-applied"),
        (Kind.UNKNOWN_OUTCOME, b"unknown"),
    ],
)
def test_a_failed_write_says_what_became_of_it(kind: Kind, outcome: bytes) -> None:
    """And when to try again, in whole seconds, in both dialects."""
    error = QuillError(kind, "Not now.", retry_after_seconds=1)
    expected = ((b"retry-after", b"1"), (b"quill-outcome", outcome))
    assert failure_headers(error) == expected
    for shape in (pocketbase.error_response, trailbase.error_response):
        assert tuple(shape(error).headers) == expected


def test_other_failures_say_nothing_more() -> None:
    """A wrong request will be as wrong later."""
    assert failure_headers(QuillError(Kind.INVALID, "No.")) == ()
