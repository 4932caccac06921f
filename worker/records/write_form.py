"""What all writes to one collection by one kind of caller have in common.

Made once for each version of the catalog, so that a create only binds values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.relation import RelationField
from shared.sql.plan import Step, StepKind, Value
from shared.sql.predicate import Predicate
from shared.sql.shape import shape_of
from shared.sql.write import (
    Candidate,
    insert_sql,
    insert_steps,
    is_returnable,
    relation_guard,
    shaped_source,
    update_steps,
)
from worker.records.caller import caller_collection
from worker.records.plans import PlanCache
from worker.records.rules import bind
from worker.records.validate import Changes, RecordForm

Standing = tuple[str, str] | None
"""A record that is certain to exist: the ids of its collection and its own."""


class WriteForm:
    """Templates for writing records of one collection.

    `shape`: the answer.  `answer_source`: the same as `<shape> FROM … WHERE id = ?`.
    """

    def __init__(
        self,
        catalog: Catalog,
        collection: Collection,
        *,
        superuser: bool,
        caller: Collection | None = None,
    ) -> None:
        self.collection = collection
        self.record = RecordForm(collection, superuser=superuser)
        self.shape = shape_of(collection, catalog, hidden=superuser, caller=caller)
        self.answer_source = shaped_source(collection, self.shape)
        self.relations = _relations(catalog, collection)
        self._insert_sql = insert_sql(collection, self.record.columns, self.shape)
        self._returns = is_returnable(self.shape)
        self._candidate: Candidate | None = None
        self.asks = self.record.is_auth or bool(self.shape.params)
        """Whether more than the rule depends on who asks, and for what."""

    def candidate(self, rule: Predicate) -> Candidate:
        """A new record before this rule, which is always the same one."""
        found = self._candidate
        if found is None or found.rule is not rule:
            found = self._candidate = Candidate(self.collection, rule)
        return found

    def insert_steps(
        self, values: Mapping[str, Value], request: AccessRequest | None
    ) -> list[Step]:
        """Insert all values, in the order of the columns; the shaped record is the result."""
        if self._returns:
            return [Step(StepKind.RETURN, self._insert_sql, tuple(values.values()))]
        bound = self._bound(request)
        return insert_steps(self.collection, self._insert_sql, values, self.shape, bound)

    def update_steps(
        self, record_id: str, changes: Changes, request: AccessRequest | None
    ) -> list[Step]:
        """Apply the changes; the shaped record is the result."""
        bound = self._bound(request)
        return update_steps(
            self.collection, record_id, changes.values, changes.assignments, self.shape, bound
        )

    def _bound(self, request: AccessRequest | None) -> tuple[Value, ...]:
        if request is None or not self.shape.params:
            return ()
        return bind(self.shape, request)

    def relation_guards(self, values: Mapping[str, Value], standing: Standing) -> list[Step]:
        """Every record that a new record refers to must exist, but for `standing`."""
        guards = []
        for field, target in self.relations:
            value = values.get(field.name)
            if not value or (target.id, value) == standing:
                continue
            ids = field.items(value)
            if ids:
                guards.append(relation_guard(target, ids, field.name))
        return guards

    def reference_guards(
        self, wanted: Mapping[str, Sequence[str]], standing: Standing
    ) -> list[Step]:
        """The records of these ids must exist, by field; `standing` need not be asked for."""
        return [
            relation_guard(target, ids, field.name)
            for field, target in self.relations
            if (ids := wanted.get(field.name))
            and (standing is None or len(ids) > 1 or standing != (target.id, ids[0]))
        ]


def write_form(
    catalog: Catalog, plans: PlanCache, collection: Collection, identity: Identity
) -> WriteForm:
    """The templates for this caller, from the cache or made now."""
    superuser = identity.superuser
    key = ("write", collection.id, superuser, identity.collection_id)
    form: WriteForm | None = plans.get(catalog.version, key)
    if form is None:
        caller = caller_collection(catalog, identity)
        form = WriteForm(catalog, collection, superuser=superuser, caller=caller)
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
