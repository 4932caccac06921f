"""What deleting a record means for the records that refer to it, as steps that read no row here.

A relation field with cascade_delete takes its record along when no reference is left in it; any
other has the reference taken out, and refuses where that would leave a required field empty. What
goes is called *doomed* (`shared.sql.doomed` says in SQL which ids those are). The steps, in order:

    guards (nothing required loses its last reference) → references taken out of the rows that stay
    → doomed rows, far ones first → the record itself; before auth records, what is told of them
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.side import items_of
from shared.sql.auth_system import forget_collection, forget_records
from shared.sql.doomed import Condition, Doomed, Edge, IdSet, doomed_by, doomed_by_all, edges_into
from shared.sql.plan import Step, forbid, run
from shared.sql.write import NOT_FOUND

REQUIRED_REFERENCE: Final = "validation_required_reference"
CASCADE_TOO_DEEP: Final = "validation_cascade_too_deep"

_Sets = Mapping[str, IdSet]


def delete_plan_steps(
    catalog: Catalog, collection: Collection, record_id: str, *, now: str = ""
) -> list[Step]:
    """All steps that delete a record and settle what refers to it.

    Refusals: `not_found`, `validation_required_reference:<field>`, and
    `validation_cascade_too_deep[:<field>]` where a bound of `shared.sql.doomed` is exceeded.
    `now`: where given, records that lose a reference get it in the autodate fields that every
    update sets.
    """
    last = run(
        f'DELETE FROM {quote_identifier(collection.table)} WHERE "id" = ?',
        (record_id,),
        refusal=NOT_FOUND,
    )
    forgotten = forget_records(catalog, collection, IdSet("?", (record_id,)))
    if not edges_into(catalog, collection):
        return [*forgotten, last]
    doomed = doomed_by(catalog, collection, record_id)
    edges = _edges_into_doomed(catalog, doomed)
    return [
        *_guards(edges, doomed),
        *_unsets(edges, doomed.sets, now),
        *_deletes(catalog, collection, record_id, doomed),
        *forgotten,
        last,
    ]


def truncate_steps(catalog: Catalog, collection: Collection, *, now: str = "") -> list[Step]:
    """All steps that delete every record of a collection and settle what refers to them.

    Each deletion is logged like that of a single record. Refusals and `now` as those of
    `delete_plan_steps`.
    """
    doomed = doomed_by_all(catalog, collection)
    edges = [edge for edge in _edges_into_doomed(catalog, doomed) if edge.source is not collection]
    return [
        *_guards(edges, doomed),
        *_unsets(edges, doomed.sets, now),
        *_deletes(catalog, collection, None, doomed),
        *forget_collection(catalog, collection),
        run(f"DELETE FROM {quote_identifier(collection.table)}"),
    ]


def _edges_into_doomed(catalog: Catalog, doomed: Doomed) -> list[Edge]:
    return [
        edge for one in catalog.all() if one.id in doomed.sets for edge in edges_into(catalog, one)
    ]


def _staying(edge: Edge, sets: _Sets) -> Condition:
    """Row `x` is not doomed itself."""
    own = sets.get(edge.source.id)
    return ("1", ()) if own is None else (f'x."id" NOT IN ({own.sql})', own.params)


def _guards(edges: list[Edge], doomed: Doomed) -> list[Step]:
    """No row that stays loses the last reference of a field that needs one."""
    steps = []
    if doomed.beyond is not None:
        steps.append(forbid(doomed.beyond.sql, doomed.beyond.params, refusal=CASCADE_TOO_DEEP))
    for edge in edges:
        if edge.field.cascade_delete and not edge.field.multiple:
            continue  # such a row is doomed, so it does not stay
        if not (edge.field.required or edge.field.cascade_delete):
            continue
        refusal = CASCADE_TOO_DEEP if edge.field.cascade_delete else REQUIRED_REFERENCE
        emptied, emptied_params = edge.emptied(doomed.sets[edge.target.id])
        staying, staying_params = _staying(edge, doomed.sets)
        table = quote_identifier(edge.source.table)
        sql = f"SELECT 1 FROM {table} x WHERE {emptied} AND {staying}"
        refusal = f"{refusal}:{edge.field.name}"
        steps.append(forbid(sql, emptied_params + staying_params, refusal=refusal))
    return steps


def _unsets(edges: list[Edge], sets: _Sets, now: str) -> list[Step]:
    """Take the references out of the rows that stay."""
    return [
        _unset(edge, sets, now)
        for edge in edges
        if edge.field.multiple or not edge.field.cascade_delete
    ]


def _unset(edge: Edge, sets: _Sets, now: str) -> Step:
    gone = sets[edge.target.id]
    name = quote_identifier(edge.field.name)
    assignments, params = [f"{name} = ''"], []
    if edge.field.multiple:
        rest = (
            f"SELECT json_group_array(j.value) FROM {items_of(edge.column)} j WHERE j.value NOT IN"
        )
        assignments, params = [f"{name} = ({rest} ({gone.sql}))"], list(gone.params)
    for field in edge.source.updated_fields if now else ():
        assignments.append(f"{quote_identifier(field.name)} = ?")
        params.append(field.on_update(now))
    hit, hit_params = edge.hit(gone)
    staying, staying_params = _staying(edge, sets)
    table = quote_identifier(edge.source.table)
    sql = f"UPDATE {table} AS x SET {', '.join(assignments)} WHERE {hit} AND {staying}"
    return run(sql, (*params, *hit_params, *staying_params))


def _deletes(
    catalog: Catalog, root: Collection, record_id: str | None, doomed: Doomed
) -> list[Step]:
    """Delete every doomed row but the record itself."""
    steps = []
    for collection, gone in doomed.batches:
        steps += forget_records(catalog, collection, gone)
        sql = f'DELETE FROM {quote_identifier(collection.table)} WHERE "id" IN ({gone.sql})'
        params = gone.params
        if collection is root and record_id is not None:
            sql, params = f'{sql} AND "id" <> ?', (*params, record_id)
        steps.append(run(sql, params))
    return steps
