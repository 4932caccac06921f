"""The one plan that fills a new depot: its collections, their records, what hangs on both.

Tables are filled before they have indexes and side tables, which is several times as fast as keeping
these row by row. The depot is staged, so nobody reads it meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import VIEW_QUERY, Collection
from shared.schema.side import create_side, create_triggers, side_fields
from shared.schema.system import delete_row, put_rows
from shared.schema.table import create_table, drop_table, reference_fields, reference_indexes
from shared.schema.view import create_view, drop_view, view_order
from shared.sql.plan import Bulk, Plan, Step, run
from worker.catalog.view_fields import Inferred
from worker.pb_data.staging import Staged


def import_plan(
    before: Catalog,
    collections: Sequence[Collection],
    views: Mapping[str, Inferred],
    staged: Mapping[str, Staged],
    path: Path,
    seconds: float,
) -> Plan:
    """From the new depot's catalog `before` to these collections and the records staged at `path`.

    What `before` has and `collections` have not is dropped, but for the system's own.  `staged`: by
    id of the collection.  `seconds`: what all of it may take.
    """
    ids = {one.id for one in collections}
    stay = [one for one in before.all() if one.system and one.id not in ids]
    gone = [one for one in before.all() if one not in stay]
    tables = [one for one in collections if not one.is_view]
    steps = [*_drop(gone), *(run(create_table(one)[0]) for one in tables)]
    steps += [run(sql, params) for sql, params in put_rows(collections)]
    for one in tables:
        steps.append(run(_fill(one, staged[one.id])))
        steps += map(run, _complete(one))
    for view in view_order([one for one in collections if one.is_view]):
        select = views[view.id].select
        steps.append(run(create_view(replace(view, options={VIEW_QUERY: select}))))
    bulk = Bulk(seconds, str(path))
    return Plan(before.version, tuple(steps), changes_catalog=True, bulk=bulk)


def _drop(gone: Sequence[Collection]) -> list[Step]:
    steps = [run(drop_view(one)) for one in gone if one.is_view]
    steps += [run(sql) for one in gone if not one.is_view for sql in drop_table(one)]
    return [*steps, *(run(*delete_row(one)) for one in gone)]


def _fill(collection: Collection, staged: Staged) -> str:
    columns = ", ".join(["_rowid_", *map(quote_identifier, staged.columns)])
    return (
        f"INSERT INTO {quote_identifier(collection.table)} ({columns})"
        f" SELECT {columns} FROM staged.{quote_identifier(staged.table)} ORDER BY _rowid_"
    )


def _complete(collection: Collection) -> list[str]:
    """What a table has beside its rows."""
    fields = side_fields(collection)
    return [
        *collection.indexes,
        *reference_indexes(collection, reference_fields(collection)),
        *(sql for field in fields for sql in create_side(collection, field, filled=True)),
        *create_triggers(collection, fields),
    ]
