"""Creating, changing and deleting collections: catalog rows and DDL as one plan.

The whole new catalog is compiled before anything is sent, so one that workers could not serve is
never committed. The plan names the version it was made for, and the writer refuses it when another
change came first; so nothing else needs to be guarded but the caller, and what hangs on rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import orjson

from shared.dates import now_text
from shared.errors import FieldError, QuillError, invalid
from shared.limits import CATALOG_DEADLINE_SECONDS
from shared.schema.catalog import Catalog
from shared.schema.collection import VIEW_QUERY, Collection
from shared.schema.conversion import TYPE_CHANGE
from shared.schema.definition import read_definition
from shared.schema.system import SUPERUSERS_ID
from shared.schema.view import ID_MISSING, ID_TWICE
from shared.sql.delete import truncate_steps
from shared.sql.plan import Step
from worker.catalog.change import CONVERSION, change_steps
from worker.catalog.compile import INVALID_VIEW, compile_catalog
from worker.context import Context
from worker.records.caller import Origin
from worker.records.idempotency import Stored
from worker.records.read import find_readable
from worker.records.submit import Ask, Planned, Secrets, Written, submit_planned
from worker.records.superuser_plan import Made, Make, superuser_plan


async def create_collection(
    context: Context, body: Mapping[str, object], origin: Origin, ask: Ask
) -> Written:
    """Define a collection and make its table or view. The answer is its definition."""
    return await submit_change(context, partial(_make_new, body=body), origin, ask)


async def update_collection(
    context: Context, name: str, body: Mapping[str, object], origin: Origin, ask: Ask
) -> Written:
    """Change a collection and its table or view. The answer is its definition."""
    return await submit_change(context, partial(_make_changed, name=name, body=body), origin, ask)


async def delete_collection(context: Context, name: str, origin: Origin, ask: Ask) -> Written:
    """Drop a collection with all its records. No answer."""
    return await submit_change(context, partial(_make_gone, name=name), origin, ask)


async def truncate_collection(context: Context, name: str, origin: Origin, ask: Ask) -> Written:
    """Delete all records of a collection, as their deletion one by one would. No answer."""
    return await submit_change(context, partial(_make_empty, name=name), origin, ask)


async def submit_change(context: Context, make: Make, origin: Origin, ask: Ask) -> Written:
    """Have a superuser's plan made and applied. Raises what making it raises, and its refusals.

    It is made in a thread: a large catalog takes longer to compile than the event loop may wait.
    """

    async def planner(_: Secrets) -> Planned | Stored:
        return await context.reader.read(
            superuser_plan, make, origin, ask, transaction=True, in_thread=True
        )

    try:
        return await submit_planned(
            context, planner, ask, deadline_seconds=CATALOG_DEADLINE_SECONDS
        )
    except QuillError as error:
        raise _told(error) from None


def compile_and_change(
    catalog: Catalog, after: Sequence[Collection], own: frozenset[str], now: str
) -> tuple[Catalog, list[Step]]:
    """The catalog that the collections `after` make, and the steps that lead there.

    `own`: ids of those that are being defined. Raises INVALID.
    """
    compiled = compile_catalog(catalog, after, own, now)
    return compiled.catalog, change_steps(catalog, compiled)


# --- Planning ---------------------------------------------------------------------------------


def _make_new(catalog: Catalog, *, body: Mapping[str, object]) -> Made:
    now = now_text()
    new = read_definition(body, None, catalog, now)
    return _made(catalog, [*catalog.all(), new], new, now)


def _make_changed(catalog: Catalog, *, name: str, body: Mapping[str, object]) -> Made:
    old, now = find_readable(catalog, name), now_text()
    new = read_definition(body, old, catalog, now)
    after = [new if one.id == old.id else one for one in catalog.all()]
    return _made(catalog, after, new, now)


def _made(catalog: Catalog, after: Sequence[Collection], new: Collection, now: str) -> Made:
    made, steps = compile_and_change(catalog, after, frozenset({new.id}), now)
    final = made.by_id(new.id)
    assert final is not None
    return Made(steps, final, orjson.dumps(final.to_json()).decode())


def _make_gone(catalog: Catalog, *, name: str) -> Made:
    old = find_readable(catalog, name)
    if old.system:
        raise invalid("System collections cannot be deleted.")
    referring = sorted(
        {other.name for other, _ in catalog.references_to(old) if other.id != old.id}
    )
    if referring:
        raise invalid(
            f"Failed to delete the collection: it is referenced by {', '.join(referring)}."
        )
    after = [one for one in catalog.all() if one.id != old.id]
    _, steps = compile_and_change(catalog, after, frozenset(), now_text())
    return Made(steps, old, "")


def _make_empty(catalog: Catalog, *, name: str) -> Made:
    collection = find_readable(catalog, name)
    if collection.is_view:
        raise invalid("View collections have no records of their own.")
    if collection.id == SUPERUSERS_ID:
        raise invalid("The superusers cannot all be deleted.")
    steps = truncate_steps(catalog, collection, now=now_text())
    return Made(steps, collection, "", changes_catalog=False)


# --- Refusals ---------------------------------------------------------------------------------

_ROWS: Final = {
    CONVERSION: (TYPE_CHANGE, "A value of {} does not fit the new type."),
    ID_MISSING: (INVALID_VIEW, "A row of {} has no id."),
    ID_TWICE: (INVALID_VIEW, "Several rows of {} have the same id."),
}


def _told(error: QuillError) -> QuillError:
    """What the guards over rows have found, at its place in the definition."""
    for name, problem in error.fields.items():
        if problem.code in _ROWS:
            code, message = _ROWS[problem.code]
            place = "fields" if problem.code == CONVERSION else VIEW_QUERY
            told = FieldError(code, message.format(name))
            return invalid("Failed to save the collection.", {place: told})
    return error
