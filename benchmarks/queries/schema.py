"""The collections in PocketBase's dialect, and how a server is filled with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpx
import orjson

from benchmarks.connection import Request
from benchmarks.loader import send_all
from benchmarks.queries.world import Record, World
from benchmarks.target import TargetError

RULES: Final = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
PUBLIC: Final[dict[str, str | None]] = dict.fromkeys(RULES, "")
CREATED_INDEX: Final = "CREATE INDEX `posts_created` ON `posts` (`created`)"
AUTHOR_INDEX: Final = "CREATE INDEX `posts_author_created` ON `posts` (`author`, `created`)"
TICK: Final = Request("POST", "/api/collections/ticks/records", b"{}")
"""A write that changes no answer."""
_SECONDS: Final = 120.0


def make_collections(base_url: str, token: str) -> None:
    """Create them, each after those it refers to. Raises TargetError."""
    ids: dict[str, str] = {}
    with httpx.Client(
        base_url=base_url, headers={"Authorization": token}, timeout=_SECONDS
    ) as client:
        for definition in definitions(ids):
            name = str(definition["name"])
            client.delete(f"/api/collections/{name}")  # `users` may be there from the start
            answer = client.post("/api/collections", json={**definition, **PUBLIC})
            if not answer.is_success:
                raise TargetError(f"collection {name}: {answer.status_code} {answer.text}")
            ids[name] = answer.json()["id"]


def definitions(ids: dict[str, str]) -> Iterable[Record]:
    """One after the other; `ids` knows the collections that were made before."""
    text = {"name": "name", "type": "text"}
    yield {"name": "ticks", "type": "base", "fields": []}
    yield {"name": "organizations", "type": "base", "fields": [text]}
    active = {"name": "active", "type": "bool"}
    yield {"name": "permissions", "type": "base", "fields": [text, active]}
    yield {
        "name": "users",
        "type": "auth",
        "fields": [
            text,
            _relation("organization", ids["organizations"]),
            {**_relation("permissions", ids["permissions"]), "maxSelect": 50},
        ],
    }
    yield {
        "name": "posts",
        "type": "base",
        "fields": [
            {"name": "title", "type": "text"},
            {"name": "description", "type": "editor"},
            {"name": "public", "type": "bool"},
            {"name": "type", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
            _relation("author", ids["users"]),
            {"name": "created", "type": "autodate", "onCreate": True},
        ],
        "indexes": [CREATED_INDEX],
    }


def _relation(name: str, collection_id: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "relation",
        "collectionId": collection_id,
        "cascadeDelete": name != "permissions",
        "maxSelect": 1,
    }


def fill(base_url: str, world: World, say: Callable[[str], None]) -> None:
    """Create every record, one request each. Raises TargetError at the first refusal."""
    parts: tuple[tuple[str, Iterable[Record]], ...] = (
        ("organizations", world.organizations()),
        ("permissions", world.permissions()),
        ("users", world.users()),
        ("posts", world.records()),
    )
    for name, records in parts:
        started = time.monotonic()
        path = f"/api/collections/{name}/records"
        send_all(base_url, (Request("POST", path, orjson.dumps(each)) for each in records))
        say(f"{name}: filled in {time.monotonic() - started:.1f} s")
