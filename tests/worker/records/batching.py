"""Requests of batches, as clients write them."""

from __future__ import annotations

from typing import Any

import httpx

from worker.wire.pocketbase.routes import ROUTES

BATCH = "/api/batch"
assert any(path == BATCH for _, path, _ in ROUTES)
Request = dict[str, Any]


def path(name: str, record_id: str = "") -> str:
    """The URL of a collection's records, or of one of them."""
    return f"/api/collections/{name}/records" + (f"/{record_id}" if record_id else "")


def creating(name: str, /, **body: object) -> Request:
    """A create."""
    return {"method": "POST", "url": path(name), "body": body}


def changing(name: str, record_id: str, /, **body: object) -> Request:
    """An update."""
    return {"method": "PATCH", "url": path(name, record_id), "body": body}


def deleting(name: str, record_id: str) -> Request:
    """A delete."""
    return {"method": "DELETE", "url": path(name, record_id)}


def upserting(name: str, /, **body: object) -> Request:
    """An update or create by `id`."""
    return {"method": "PUT", "url": path(name), "body": body}


def send(client: httpx.Client, *requests: Request, **headers: str) -> httpx.Response:
    """Send one batch."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(BATCH, json={"requests": requests}, headers=named)


def failure(reply: httpx.Response) -> tuple[int, dict[str, Any]]:
    """Which request failed, and what it would have been answered alone."""
    assert reply.status_code == 400, reply.text
    told = reply.json()
    assert (told["status"], told["message"]) == (400, "Batch transaction failed.")
    [(index, error)] = told["data"]["requests"].items()
    assert error["code"] == "batch_request_failed"
    assert set(error["response"]) == {"data", "message", "status"}
    return int(index), error["response"]


def ident(text: str) -> str:
    """A record id that tells what it is for."""
    return (text + "0" * 15)[:15]
