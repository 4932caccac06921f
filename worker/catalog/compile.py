"""A catalog that is to be, made ready: views worked out, indexes and queries tried, rules compiled.

Everything is judged before anything is sent, so a change that would break another collection is
refused by that collection's name, and no catalog that workers could not serve is ever committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.errors import FieldError, QuillError, invalid
from shared.schema.catalog import Catalog
from shared.schema.collection import VIEW_QUERY, Collection
from shared.schema.view import view_order
from shared.sql.conditions import check_rule
from worker.catalog.view_fields import Inferred, infer
from worker.catalog.view_query import ViewQueryError
from worker.engine.rehearsal import IndexRefusedError, Rehearsal, UserSqlError

INVALID_RULE: Final = "validation_invalid_rule"
INVALID_VIEW: Final = "validation_invalid_view_query"
INVALID_INDEX: Final = "validation_invalid_index_expression"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A catalog that holds together. `views`: by id, what follows from each view's query.

    `reshaped`: a table or a view differs from before, so the views have to be made anew.
    """

    catalog: Catalog
    views: Mapping[str, Inferred]
    reshaped: bool


def compile_catalog(
    before: Catalog, after: Sequence[Collection], own: frozenset[str], now: str
) -> Compiled:
    """Judge the collections `after`, of which those with an id in `own` are being defined.

    `now`: stored time, given to views whose fields change with what they read. Raises INVALID with
    the place of each problem; one of another collection is told with its name.
    """
    reshaped = _is_reshaped(before, after)
    views: dict[str, Inferred] = {}
    if reshaped:
        after, views = _rehearse(before, after, own, now)
    catalog = Catalog(before.version, after)
    _check_rules(before, catalog, own)
    return Compiled(catalog, views, reshaped)


def describe_query(catalog: Catalog, query: str) -> Inferred:
    """What a view with this query would have. Raises INVALID."""
    with Rehearsal() as rehearsal:
        for collection in catalog.all():
            if not collection.is_view:
                rehearsal.add_table(collection, whole=False)
        others = [one for one in catalog.all() if one.is_view]
        by_name = _derive(rehearsal, catalog.all(), others, frozenset(), catalog, "")[0]
        try:
            return infer(query, rehearsal.describe(query).columns, by_name.get)
        except (UserSqlError, ViewQueryError) as error:
            raise _view_error(str(error)) from None


def _is_reshaped(before: Catalog, after: Sequence[Collection]) -> bool:
    if len(before.all()) != len(after):
        return True
    return any(_shape(one) != _shape(before.by_id(one.id)) for one in after)


def _shape(collection: Collection | None) -> tuple[object, ...] | None:
    if collection is None:
        return None
    fields = [] if collection.is_view else [field.to_json() for field in collection.fields]
    query = collection.options.get(VIEW_QUERY)
    return collection.type, collection.name, fields, collection.indexes, query


# --- Tables, indexes and views --------------------------------------------------------------------


def _rehearse(
    before: Catalog, after: Sequence[Collection], own: frozenset[str], now: str
) -> tuple[list[Collection], dict[str, Inferred]]:
    views = [one for one in after if one.is_view]
    with Rehearsal() as rehearsal:
        for collection in after:
            changes = _shape(collection) != _shape(before.by_id(collection.id))
            if not collection.is_view and (views or changes):
                _add_table(rehearsal, collection, own, whole=changes)
        by_name, inferred = _derive(rehearsal, after, views, own, before, now)
    return [by_name[one.name.lower()] for one in after], inferred


def _add_table(
    rehearsal: Rehearsal, collection: Collection, own: frozenset[str], *, whole: bool
) -> None:
    try:
        rehearsal.add_table(collection, whole=whole)
    except IndexRefusedError as error:
        key = f"indexes.{error.position}"
        raise _problem(key, INVALID_INDEX, f"SQLite refused: {error}", collection, own) from None


def _derive(
    rehearsal: Rehearsal,
    after: Sequence[Collection],
    views: Sequence[Collection],
    own: frozenset[str],
    before: Catalog,
    now: str,
) -> tuple[dict[str, Collection], dict[str, Inferred]]:
    """All collections by lower-case name, the views with their fields.

    A view that reads one whose turn is yet to come is tried again after it.
    """
    by_name = {one.name.lower(): one for one in after}
    waiting = view_order(views)
    inferred: dict[str, Inferred] = {}
    while waiting:
        failures: list[tuple[Collection, str]] = []
        for view in waiting:
            query = str(view.options[VIEW_QUERY])
            try:
                found = infer(query, rehearsal.describe(query).columns, by_name.get)
                made = _with_fields(view, found, before.by_id(view.id), now)
                rehearsal.add_view(replace(made, options={VIEW_QUERY: found.select}))
            except (UserSqlError, ViewQueryError) as error:
                failures.append((view, str(error)))
                continue
            by_name[view.name.lower()] = made
            inferred[view.id] = found
        if len(failures) == len(waiting):
            view, reason = next((one for one in failures if one[0].id in own), failures[0])
            raise _problem(VIEW_QUERY, INVALID_VIEW, f"Invalid query: {reason}", view, own)
        waiting = [view for view, _ in failures]
    return by_name, inferred


def _with_fields(
    view: Collection, found: Inferred, before: Collection | None, now: str
) -> Collection:
    """A view whose fields are as they were is left as it is."""
    fields = [field.to_json() for field in found.fields]
    if before is not None and fields == [field.to_json() for field in before.fields]:
        return replace(view, fields=before.fields)
    return replace(view, fields=found.fields, updated=now)


# --- Rules ----------------------------------------------------------------------------------------


def _check_rules(before: Catalog, catalog: Catalog, own: frozenset[str]) -> None:
    """A rule of another collection that did not compile before either stops no change."""
    problems: dict[str, FieldError] = {}
    for collection in catalog.all():
        for key, rule in collection.rules().items():
            reason = check_rule(collection, rule, catalog)
            if reason is None:
                continue
            reason = f"Invalid rule: {reason}"
            if own == {collection.id}:
                problems[key] = FieldError(INVALID_RULE, reason)
            elif collection.id in own or _compiled(before, collection, key):
                raise _problem(key, INVALID_RULE, reason, collection, own)
    if problems:
        raise invalid("Failed to save the collection.", problems)


def _compiled(before: Catalog, collection: Collection, key: str) -> bool:
    old = before.by_id(collection.id)
    rule = old.rules().get(key) if old is not None else None
    return old is not None and rule is not None and check_rule(old, rule, before) is None


# --- Errors ---------------------------------------------------------------------------------------


def _problem(
    key: str, code: str, reason: str, collection: Collection, own: frozenset[str]
) -> QuillError:
    """What is wrong with a collection; with its name where it is not the one being defined."""
    if own == {collection.id}:
        return invalid("Failed to save the collection.", {key: FieldError(code, reason)})
    if collection.id in own:
        told = f"The collection {collection.name}: {key}: {reason}"
        return invalid(told, {key: FieldError(code, told)})
    what = f"This would break {key} of the collection {collection.name}"
    return invalid(f"{what}.", {key: FieldError(code, f"{what}: {reason}")})


def _view_error(reason: str) -> QuillError:
    problem = FieldError(INVALID_VIEW, f"Invalid query: {reason}")
    return invalid("Failed to describe the view.", {VIEW_QUERY: problem})
