"""What all writes to one collection by one kind of caller have in common.

Made once for each version of the catalog, so that a create only binds values.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.access.identity import Identity
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.relation import RelationField
from shared.sql.plan import Step, StepKind, Value
from shared.sql.select import shape_sql
from shared.sql.write import insert_step, relation_guard
from worker.records.plans import PlanCache
from worker.records.validate import RecordForm


class WriteForm:
    """Templates for writing records of one collection.

    `shape`: SQL of the answer.  `answer_source`: the same as `<shape> FROM … WHERE id = ?`.
    """

    def __init__(self, catalog: Catalog, collection: Collection, *, superuser: bool) -> None:
        self.record = RecordForm(collection, superuser=superuser)
        self.shape = shape_sql(collection, hidden=superuser)
        table = quote_identifier(collection.table)
        self.answer_source = f'{self.shape} FROM {table} AS r WHERE r."id" = ?'
        self.relations = _relations(catalog, collection)
        template = insert_step(collection, dict.fromkeys(self.record.columns), self.shape)
        self._insert_sql = template.sql

    def insert_step(self, values: Mapping[str, Value]) -> Step:
        """Inserts all values, in the order of the columns; the shaped record is the result."""
        return Step(StepKind.RETURN, self._insert_sql, tuple(values.values()))

    def relation_guards(self, values: Mapping[str, Value]) -> list[Step]:
        """Every referenced record must exist."""
        guards = []
        for field, target in self.relations:
            ids = field.items(values.get(field.name))
            if ids:
                guards.append(relation_guard(target, ids, field.name))
        return guards


def write_form(
    catalog: Catalog, plans: PlanCache, collection: Collection, identity: Identity
) -> WriteForm:
    """The templates for this caller, from the cache or made now."""
    superuser = identity.superuser
    key = ("write", collection.id, superuser)
    form: WriteForm | None = plans.get(catalog.version, key)
    if form is None:
        form = WriteForm(catalog, collection, superuser=superuser)
        plans.put(catalog.version, key, form)
    return form


def _relations(
    catalog: Catalog, collection: Collection
) -> tuple[tuple[RelationField, Collection], ...]:
    found = []
    for field in collection.fields:
        if isinstance(field, RelationField):
            target = catalog.by_id(field.target_id)
            if target is not None:
                found.append((field, target))
    return tuple(found)
