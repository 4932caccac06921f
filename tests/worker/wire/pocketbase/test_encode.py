"""The error shape has one contract, and this is its test."""

from __future__ import annotations

import orjson
import pytest

from shared.errors import FieldError, Kind, QuillError, invalid
from worker.wire.pocketbase.encode import STATUS, error_response, json_response, no_content


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_status_and_the_shape(kind: Kind) -> None:
    """No failure of the core is without an answer in the shape."""
    response = error_response(QuillError(kind, "no such thing"))

    body = orjson.loads(response.body)
    assert response.status == STATUS[kind]
    assert body == {"data": {}, "message": "No such thing.", "status": STATUS[kind]}


def test_dotted_names_are_nested() -> None:
    """Errors inside of lists and objects are told where they are."""
    wrong = FieldError("validation_required", "Cannot be blank.")
    bound = FieldError("validation_max", "too long", {"max": 3})

    response = error_response(invalid("bad", {"fields.2.name": wrong, "title": bound}))

    assert orjson.loads(response.body)["data"] == {
        "fields": {"2": {"name": {"code": "validation_required", "message": "Cannot be blank."}}},
        "title": {"code": "validation_max", "message": "Too long.", "params": {"max": 3}},
    }


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.UNKNOWN_OUTCOME, b"unknown"),
        (Kind.UNAVAILABLE, b"not-applied"),
        (Kind.DISK_FULL, b"not-applied"),
        (Kind.CONFLICT, None),
    ],
)
def test_the_outcome_of_a_write_is_told(kind: Kind, outcome: bytes | None) -> None:
    """A client that was refused by overload knows whether it may simply try again."""
    headers = dict(error_response(QuillError(kind, "x", retry_after_seconds=0.2)).headers)

    assert headers.get(b"quill-outcome") == outcome
    assert headers[b"retry-after"] == b"1"


def test_success_has_a_body_or_none() -> None:
    """200 carries JSON, 204 nothing."""
    assert json_response({"a": 1}).body == b'{"a":1}'
    assert (no_content().status, no_content().body) == (204, b"")
