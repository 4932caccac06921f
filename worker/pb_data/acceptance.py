"""From definitions that are read one by one to a catalog that holds together.

Views, indexes and rules are judged as for any change of the schema. What the engine refuses is taken
away and told, and nothing is opened by it: a rule that does not compile is locked, so that only
superusers pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from shared.errors import QuillError
from shared.schema.catalog import Catalog
from shared.schema.collection import RULE_ATTRIBUTES, Collection
from shared.schema.view import view_order
from shared.sql.conditions import check_rule
from worker.catalog.compile import Compiled, compile_catalog
from worker.engine.rehearsal import IndexRefusedError, Rehearsal
from worker.pb_data.report import Kind, Notes

_NOTHING: Final = Catalog(0, ())


def accept(collections: Sequence[Collection], notes: Notes) -> Compiled:
    """A catalog of these collections, in their order, less what is refused."""
    tables = [_with_good_indexes(one, notes) for one in collections if not one.is_view]
    views = _good_views(tables, [one for one in collections if one.is_view], notes)
    kept = {one.id: one for one in (*tables, *views)}
    shaped = _compile([_unruled(kept[one.id]) for one in collections if one.id in kept])
    ruled = [_with_rules_of(one, kept[one.id]) for one in shaped.catalog.all()]
    whole = Catalog(0, ruled)
    final = Catalog(0, [_locked(one, whole, notes) for one in ruled])
    return Compiled(final, shaped.views, shaped.reshaped)


def _compile(collections: Sequence[Collection]) -> Compiled:
    return compile_catalog(_NOTHING, collections, frozenset(one.id for one in collections), "")


# --- Indexes and views --------------------------------------------------------------------------


def _with_good_indexes(collection: Collection, notes: Notes) -> Collection:
    """Without those that SQLite refuses."""
    while True:
        with Rehearsal() as rehearsal:
            try:
                rehearsal.add_table(collection, whole=True)
            except IndexRefusedError as error:
                refused = collection.indexes[error.position]
                why = f"the index {refused}: SQLite refuses it: {error}"
                notes.add(Kind.LEFT_OUT, collection.name, why)
                rest = tuple(one for one in collection.indexes if one != refused)
                collection = replace(collection, indexes=rest)
            else:
                return collection


def _good_views(
    tables: Sequence[Collection], views: Sequence[Collection], notes: Notes
) -> list[Collection]:
    """All of them where they compile together, else those that do one after the other."""
    plain = [_unruled(one) for one in tables]
    try:
        _compile([*plain, *map(_unruled, views)])
    except QuillError:
        pass
    else:
        return list(views)
    good: list[Collection] = []
    for view in view_order(views):
        try:
            _compile([*plain, *map(_unruled, good), _unruled(view)])
        except QuillError as error:
            reason = "; ".join(problem.message for problem in error.fields.values())
            why = f"the view, whose query is refused: {reason or error.message}"
            notes.add(Kind.LEFT_OUT, view.name, why)
        else:
            good.append(view)
    return good


# --- Rules --------------------------------------------------------------------------------------


def _unruled(collection: Collection) -> Collection:
    """Without the rules, which are judged when all collections are known."""
    options = dict(collection.options)
    if "mfa" in options:
        options |= {"authRule": None, "manageRule": None, "mfa": {**options["mfa"], "rule": ""}}
    none: dict[str, Any] = dict.fromkeys(RULE_ATTRIBUTES.values())
    return replace(collection, options=options, **none)


def _with_rules_of(shaped: Collection, ruled: Collection) -> Collection:
    """What compiling told of a collection, with its own rules and times."""
    return replace(ruled, fields=shaped.fields)


def _locked(collection: Collection, catalog: Catalog, notes: Notes) -> Collection:
    """With those rules locked that do not compile."""
    changed: dict[str, Any] = {}
    options = dict(collection.options)
    for key, rule in collection.rules().items():
        reason = check_rule(collection, rule, catalog)
        if reason is None:
            continue
        why = f"{reason.rstrip('.')}. The rule was “{rule}”."
        notes.add(Kind.LOCKED, f"{collection.name}.{key}", why)
        if key in RULE_ATTRIBUTES:
            changed[RULE_ATTRIBUTES[key]] = None
        elif key == "mfa.rule":
            options["mfa"] = {**options["mfa"], "rule": ""}  # everybody is asked
        else:
            options[key] = None
    return (
        replace(collection, options=options, **changed)
        if changed or options != dict(collection.options)
        else collection
    )
