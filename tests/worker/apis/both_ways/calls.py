"""Requests of both dialects, and what is read from their answers."""

from __future__ import annotations

from typing import Any

import httpx

from tests.worker.apis.depot import RECORDS

COLLECTIONS = "/api/collections"
PASSWORD = "a-long-password"


def sent(client: httpx.Client, method: str, path: str, status: int = 200, **more: Any) -> Any:
    """The answer of a request, read where it is JSON."""
    reply = client.request(method, path, **more)
    assert reply.status_code == status, f"{reply.status_code} {reply.text}"
    if reply.headers.get("content-type", "").startswith("application/json"):
        return reply.json()
    return reply.text


def listed(client: httpx.Client, api: str, key: str = "title", **query: Any) -> list[Any]:
    """What a record API lists."""
    found = sent(client, "get", f"{RECORDS}/{api}", params=query)["records"]
    return [one[key] for one in found]


def items(client: httpx.Client, name: str, key: str = "title", **query: Any) -> list[Any]:
    """What a collection lists."""
    found = sent(client, "get", f"{COLLECTIONS}/{name}/records", params=query)["items"]
    return [one[key] for one in found]
