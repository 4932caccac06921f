"""The error contract, and a collection that has a field of every type."""

from __future__ import annotations

from typing import Any

import httpx

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "max": 100},
    {"name": "stars", "type": "number"},
    {"name": "open", "type": "bool"},
    {"name": "mail", "type": "email"},
    {"name": "site", "type": "url"},
    {"name": "day", "type": "date"},
    {"name": "kind", "type": "select", "values": ["a", "b"], "maxSelect": 1},
    {"name": "tags", "type": "select", "values": ["x", "y", "z"], "maxSelect": 3},
    {"name": "meta", "type": "json"},
    {"name": "made", "type": "autodate", "onCreate": True},
]


def assert_error(reply: httpx.Response, *statuses: int) -> None:
    """A refusal of one of these statuses (any 4xx when none is named), in PocketBase's shape."""
    expected = statuses or range(400, 500)
    assert reply.status_code in expected, f"{reply.status_code}: {reply.text[:300]}"
    assert reply.headers["content-type"].startswith("application/json")
    body = reply.json()
    assert set(body) == {"data", "message", "status"}, body
    assert body["status"] == reply.status_code
    assert isinstance(body["data"], dict)
    assert body["message"]
    assert body["message"][0].isupper()
    assert body["message"].endswith(".")


def assert_sane(reply: httpx.Response) -> None:
    """Served or refused, but never a fault of the server's."""
    if reply.status_code >= 400:
        assert_error(reply)
    else:
        assert reply.status_code in {200, 204}, reply.status_code
