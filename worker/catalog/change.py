"""From one catalog to another: the steps of the plan, DDL and rows of `_collections` together.

Views go first and come back last, since SQLite checks every view when a table that it reads is
altered. Where collections swap names, or one takes over an index's name from another, the tables
first take up a stage of their own between the old state and the new.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.schema.catalog import Catalog
from shared.schema.collection import VIEW_QUERY, Collection
from shared.schema.conversion import conversion_guards
from shared.schema.index import read_index
from shared.schema.index_list import carried_indexes
from shared.schema.names_in_use import index_names
from shared.schema.system import delete_row, put_rows, update_row
from shared.schema.table import (
    alter_table,
    create_table,
    drop_table,
)
from shared.schema.view import (
    ID_MISSING,
    ID_TWICE,
    create_view,
    drop_view,
    missing_ids_sql,
    repeated_ids_sql,
    view_order,
)
from shared.sql.auth_system import forget_collection
from shared.sql.plan import Step, forbid, run
from worker.catalog.compile import Compiled

CONVERSION = "conversion"
"""Refusals: `conversion:<collection>.<field>` says that a value does not fit a field's new type."""


def change_steps(before: Catalog, compiled: Compiled) -> list[Step]:
    """What makes the compiled catalog of the database that `before` describes."""
    after = compiled.catalog
    gone = [one for one in before.all() if after.by_id(one.id) is None]
    new = [one for one in after.all() if before.by_id(one.id) is None]
    changed = [
        (old, one)
        for one in after.all()
        if (old := before.by_id(one.id)) is not None and old.to_row() != one.to_row()
    ]
    steps: list[Step] = []
    if compiled.reshaped:
        tables = [pair for pair in changed if not pair[0].is_view]
        steps += _guards(tables)
        steps += [step for one in gone for step in forget_collection(before, one)]
        steps += _drop(before.all(), gone)
        steps += [run(*delete_row(one)) for one in gone]
        staged, staging = _stage(changed, new)
        steps += staging
        for old, one in tables:
            steps += map(run, alter_table(staged.get(old.id, old), one))
        for one in new:
            steps += () if one.is_view else map(run, create_table(one))
        steps += _make_views(before, compiled)
    put = [*(one for _, one in changed), *new]
    return [*steps, *(run(sql, params) for sql, params in put_rows(put))]


_Pair = tuple[Collection, Collection]


def _guards(tables: Iterable[_Pair]) -> list[Step]:
    return [
        forbid(sql, refusal=f"{CONVERSION}:{new.name}.{refusal.partition(':')[2]}")
        for old, new in tables
        for sql, refusal in conversion_guards(old, new)
    ]


def _drop(before: Iterable[Collection], gone: Iterable[Collection]) -> list[Step]:
    views = [run(drop_view(one)) for one in before if one.is_view]
    tables = [run(sql) for one in gone if not one.is_view for sql in drop_table(one)]
    return views + tables


def _stage(changed: list[_Pair], new: list[Collection]) -> tuple[dict[str, Collection], list[Step]]:
    """The collections between the old state and the new, by id, and the steps that lead there.

    Each gives up the indexes that do not go on, and a name that another one asks for.
    """
    staged: dict[str, Collection] = {}
    steps: list[Step] = []
    if len(changed) + len(new) < 2:  # nobody to change places with
        return staged, steps
    asked = {one.name.lower(): one.id for one in (*new, *(pair[1] for pair in changed))}
    for old, one in changed:
        moves = asked.get(old.name.lower(), old.id) != old.id
        kept = index_names(one)
        indexes = [sql for sql in old.indexes if read_index(sql).name.lower() in kept]
        if not moves and len(indexes) == len(old.indexes):
            continue
        slim = replace(old, indexes=tuple(indexes))
        if moves:
            moved = replace(slim, name=f"{old.id}_moving")
            slim = replace(moved, indexes=carried_indexes(slim, moved.name, slim.fields))
        staged[old.id] = slim
        steps += () if old.is_view else map(run, alter_table(old, slim))
        steps.append(run(*update_row(slim)))
    return staged, steps


def _make_views(before: Catalog, compiled: Compiled) -> list[Step]:
    """All views; what is new about one is judged by its rows."""
    steps: list[Step] = []
    views = [one for one in compiled.catalog.all() if one.is_view]
    for view in view_order(views):
        found = compiled.views[view.id]
        steps.append(run(create_view(replace(view, options={VIEW_QUERY: found.select}))))
        old = before.by_id(view.id)
        is_new = old is None or old.options[VIEW_QUERY] != view.options[VIEW_QUERY]
        if is_new and not found.ids_are_sure:
            steps.append(forbid(missing_ids_sql(view), refusal=f"{ID_MISSING}:{view.name}"))
            steps.append(forbid(repeated_ids_sql(view), refusal=f"{ID_TWICE}:{view.name}"))
    return steps
