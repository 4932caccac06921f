"""The plan by which the writer takes staged rows over: guards, the rows, and the receipt, as one."""

from __future__ import annotations

import time
from pathlib import Path

from shared.errors import Kind, QuillError
from shared.limits import IMPORT_SECONDS, IMPORT_SECONDS_PER_ROW
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.sql.plan import Bulk, Plan, Step
from shared.sql.staged import (
    Range,
    delete_all,
    insert_rows,
    never_any,
    never_needed,
    receipt,
    update_rows,
)
from worker.catalog.collections import compile_and_change
from worker.transfer.form import PASSWORD, TOKEN_KEY
from worker.transfer.target import Mode, Target, changed_meanwhile

REFUSED_NEEDED = "import_needed"
"""A record that a replacement would take away is needed by another collection."""


def bulk_seconds(rows: int) -> float:
    """How long the writer may take for so many rows."""
    return IMPORT_SECONDS + rows * IMPORT_SECONDS_PER_ROW


def creation_plan(catalog: Catalog, target: Target, now: str) -> Plan:
    """Makes the collection, without rows."""
    return Plan(catalog.version, tuple(_creation(catalog, target, now)), changes_catalog=True)


def rows_plan(
    catalog: Catalog,
    target: Target,
    staged: Path,
    rows: Range,
    count: int,
    came: tuple[str, int],
    now: str,
    *,
    create: bool,
) -> Plan:
    """Takes over the rows of a range, `count` at most.

    `came`: the import's id, and how many of its rows will have come then. `create`: the collection
    is made by the same plan. Raises CONFLICT where the collection is no longer what the rows were
    judged by.
    """
    steps: list[Step] = []
    if create:
        steps += _creation(catalog, target, now)
    else:
        _same(catalog, target.collection)
        steps += _guards(catalog, target, rows)
    steps += _changes(target, rows, now)
    steps.append(receipt(*came, int(time.time())))
    return Plan(
        catalog.version,
        tuple(steps),
        changes_catalog=create,
        bulk=Bulk(bulk_seconds(count), str(staged)),
    )


def _creation(catalog: Catalog, target: Target, now: str) -> list[Step]:
    new = target.collection
    if catalog.find(new.name) is not None or catalog.by_id(new.id) is not None:
        raise QuillError(Kind.CONFLICT, f"There is a collection {new.name} by now.")
    return compile_and_change(catalog, [*catalog.all(), new], frozenset({new.id}), now)[1]


def _same(catalog: Catalog, judged: Collection) -> None:
    found = catalog.by_id(judged.id)
    if found is None or found.to_row() != judged.to_row():
        raise changed_meanwhile(judged)


def _guards(catalog: Catalog, target: Target, rows: Range) -> list[Step]:
    guards = [
        never_any(check.sql, rows, refusal=check.refusal)
        for check in target.checks(catalog)
        if check.guard
    ]
    needed = [
        never_needed(sql, refusal=f"{REFUSED_NEEDED}:{by_whom}")
        for sql, by_whom in target.needs(catalog)
    ]
    return guards + needed


def _changes(target: Target, rows: Range, now: str) -> list[Step]:
    collection = target.collection
    if target.mode is Mode.INSERT or target.new:
        return [insert_rows(collection, rows)]
    if target.mode is Mode.REPLACE:
        return [delete_all(collection), insert_rows(collection, rows)]
    given = {one: one for one in target.given if one != "id"}
    if PASSWORD in given and collection.type == AUTH:
        given.setdefault(TOKEN_KEY, PASSWORD)  # a new password ends all sessions
    stamped = [one.name for one in collection.updated_fields]
    insert = insert_rows(collection, rows, new_only=True)
    if not given and not stamped:
        return [insert]
    return [update_rows(collection, given, stamped, now, rows), insert]
