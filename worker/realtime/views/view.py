"""A view: what one kind of listener may see of a collection's changes, as one SQL statement.

Listeners with the same collection, target, filter, fields and rights share a view, so that a
change is judged and shaped once for all of them. Rule, filter and shape are the same SQL as for
reads; only their source differs: a row of values bound from the change log, so that a delete is
judged by what was deleted and an event shows the record as that change left it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.access.decide import ALLOW, DENY, decide
from shared.access.identity import Identity
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use, compile_filter, compile_rule
from shared.sql.predicate import Predicate, Shape, all_of
from shared.sql.row import match_sql
from shared.sql.select import view_sql
from shared.sql.shape import shape_of
from worker.realtime.views.routing import route_of
from worker.records.fields import plain_names
from worker.records.long_texts import searches_long_texts

_SQL_CHARS_PER_WEIGHT: Final = 200
_EXPAND_WEIGHT: Final = 10


class ViewKey(NamedTuple):
    """What makes two listeners see the same.

    `single`: the target is one record, under the view rule; else all, under the list rule.
    `filter`, `expand`, `fields`: as the listener wrote them, "" for none.
    `caller_id`: the auth collection of the listener, `""` for a guest.
    """

    collection_id: str
    single: bool
    filter: str
    expand: str
    fields: str
    superuser: bool
    caller_id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The compiled form, for one version of the catalog.

    `row_sql` takes the record's values, then those of `where`; `stored_sql` takes the record's id
    instead, for a change that was too large to be logged whole. `expand`: what to put into the
    record.  `cut`: which parts of it to show, where SQL did not leave the others out; "" for all.
    `slow`: judging it is nothing for the event loop.
    `route`: id of the field that has to name the listener for the rule to hold; None: no field has.
    """

    collection: Collection
    row_sql: str
    stored_sql: str
    shape: Shape
    where: Predicate | None
    expand: str = ""
    cut: str = ""
    slow: bool = False
    route: str | None = None

    @property
    def personal(self) -> bool:
        """Whether the outcome depends on who asks, beyond being a superuser or not."""
        return (
            bool(self.expand)  # under the view rules of what is expanded
            or self.shape.depends_on_identity
            or (self.where is not None and self.where.depends_on_identity)
        )

    @property
    def asks_request(self) -> bool:
        """Whether the outcome depends on the query or the headers that the topic came with."""
        return (
            bool(self.expand)
            or self.shape.depends_on_request
            or (self.where is not None and self.where.depends_on_request)
        )

    @property
    def weight(self) -> int:
        """What one judgement costs, in those of a simple view."""
        sql = 0 if self.where is None else len(self.where.sql) // _SQL_CHARS_PER_WEIGHT
        return 1 + sql + (_EXPAND_WEIGHT if self.expand else 0)


def compile_view(
    key: ViewKey, collection: Collection, catalog: Catalog, asker: Identity
) -> View | None:
    """The view of `key`; None when the rule denies it whatever the record.

    `asker` is any identity with the rights of `key`. Raises LanguageError when the rule or the
    filter does not compile.
    """
    verdict = decide(collection.view_rule if key.single else collection.list_rule, asker)
    if verdict is DENY:
        return None
    caller = catalog.by_id(asker.collection_id)
    rule = None
    if verdict is not ALLOW:
        rule = compile_rule(str(verdict), collection, catalog, caller=caller, use=Use.VALUES)
    asked = None
    if key.filter:
        asked = compile_filter(
            key.filter,
            collection,
            catalog,
            caller=caller,
            superuser=key.superuser,
            use=Use.VALUES,
        )
    where = all_of(rule, asked)
    only, cut = _shown(key)
    shape = shape_of(collection, catalog, hidden=key.superuser, caller=caller, only=only)
    rule_text = str(verdict) if rule is not None else ""
    return View(
        collection,
        match_sql(collection, where, shape),
        view_sql(collection, where, shape),
        shape,
        where,
        expand=key.expand,
        cut=cut,
        slow=searches_long_texts(catalog, where),
        route=route_of(collection, rule_text, key.filter),
    )


def _shown(key: ViewKey) -> tuple[frozenset[str] | None, str]:
    """What SQL shows of the record, and what is cut of it afterwards."""
    if not key.fields or key.expand:
        return None, key.fields
    names = plain_names(key.fields)
    return names, "" if names is not None else key.fields
