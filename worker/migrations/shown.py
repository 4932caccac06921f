"""Definitions as migrations keep and compare them: what the API shows, without times.

Secrets of tokens are not among it: each depot has its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.dates import now_text
from shared.depot.layout import MAIN
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.system import superusers, users
from worker.migrations.history import Definition

_TIMES: Final = ("created", "updated")


def shown(collection: Collection) -> Definition:
    """One collection."""
    return {key: value for key, value in collection.to_json().items() if key not in _TIMES}


def all_shown(collections: Iterable[Collection]) -> list[Definition]:
    """Several, in their order."""
    return [shown(one) for one in collections]


def first_collections(database: str) -> list[Definition]:
    """What a new database has before its first migration."""
    if database != MAIN:
        return []
    now = now_text()
    return all_shown((users(now), superusers(now)))


def changes(before: Catalog, after: Iterable[Collection]) -> tuple[list[Definition], list[str]]:
    """The definitions that are new or differ, and the ids that are gone."""
    after = tuple(after)
    put: list[Definition] = []
    for one in after:
        old = before.by_id(one.id)
        if old is None or shown(old) != shown(one):
            put.append(shown(one))
    kept = {one.id for one in after}
    return put, [one.id for one in before.all() if one.id not in kept]


def merged(
    known: Iterable[Definition], put: Iterable[Definition], deleted: Iterable[str]
) -> list[Definition]:
    """What migrations have made, after one more."""
    gone = frozenset(deleted)
    by_id = {str(one["id"]): one for one in known if one["id"] not in gone}
    by_id.update({str(one["id"]): one for one in put})
    return list(by_id.values())
