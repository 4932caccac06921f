"""`expand`: related records, put into those that an answer shows.

Level by level, one statement for each relation of a level whatever the number of records: the
distinct ids are bound as one text, and the related collection's view rule stands in the statement,
judged with the context `expand`. What the caller may not view is as if it were not there. Each
record is shaped like any answer; the same record at several places of a level is read once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from shared.access.request import EXPAND, AccessRequest
from shared.errors import Kind, QuillError, invalid
from shared.limits import (
    EXPAND_BACK_RECORDS_MAX,
    EXPAND_BYTES_MAX,
    EXPAND_RECORDS_MAX,
    PLAN_KEY_CHARS_MAX,
)
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use
from shared.sql.plan import Value
from shared.sql.predicate import Predicate, Shape
from shared.sql.related import referred_sql, referring_sql
from shared.sql.shape import shape_of
from worker.engine.snapshot import Snapshot
from worker.records.caller import caller_collection
from worker.records.expand_paths import Branch, Link, read_paths
from worker.records.plans import PlanCache
from worker.records.rules import admit, bind

_KEY: Final = "expand"
_LOCKED: Final = "locked"

Record = dict[str, Any]


@dataclass(slots=True)
class _Shown:
    """A record as it will be sent, and its size with all that was put into it, in bytes."""

    record: Record
    size: int


class _Query(NamedTuple):
    sql: str
    shape: Shape
    rule: Predicate | None


def run_expand(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    records: list[Record],
    expand: str,
    request: AccessRequest,
    room_bytes: int = EXPAND_BYTES_MAX,
) -> int:
    """Put what `expand` names into `records`, shown records of `collection`, in place.

    Each gets a key `expand` if any path is one. Returns how many bytes came with that, which are
    no more than `room_bytes`. Raises INVALID for an `expand` or an answer out of bounds. Work for a
    snapshot in a transaction.
    """
    tree = _tree(catalog, plans, collection, expand, hidden=request.identity.superuser)
    if not tree or not records:
        return 0
    run = _Expansion(snapshot, catalog, plans, request._replace(context=EXPAND), room_bytes)
    shown = [_Shown(record, 0) for record in records]
    run.fill(shown, tree)
    return sum(one.size for one in shown)


def expanded_array(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    items: str,
    expand: str,
    request: AccessRequest,
) -> str:
    """A JSON array of shown records, expanded. Raises as `run_expand`."""
    records = orjson.loads(items)
    run_expand(snapshot, catalog, plans, collection, records, expand, request)
    return orjson.dumps(records).decode()


def _tree(
    catalog: Catalog, plans: PlanCache, collection: Collection, expand: str, *, hidden: bool
) -> dict[str, Branch]:
    key = ("expand", collection.id, expand, hidden)
    tree: dict[str, Branch] | None = plans.get(catalog.version, key)
    if tree is None:
        tree = read_paths(expand, collection, catalog, hidden=hidden)
        if len(expand) <= PLAN_KEY_CHARS_MAX:
            plans.put(catalog.version, key, tree, 2 * len(expand))
    return tree


class _Expansion:
    """One answer's expansion, and what it has cost so far."""

    def __init__(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        plans: PlanCache,
        request: AccessRequest,
        room_bytes: int,
    ) -> None:
        self._snapshot = snapshot
        self._catalog = catalog
        self._plans = plans
        self._request = request
        self._room_bytes = room_bytes
        self._records = 0

    def fill(self, parents: list[_Shown], branches: dict[str, Branch]) -> None:
        """Put the records of these branches into their parents, the deepest ones first."""
        for parent in parents:
            parent.record[_KEY] = {}
        for name, branch in branches.items():
            if branch.link.back:
                self._fill_back(parents, name, branch)
            else:
                self._fill_forward(parents, name, branch)
        if sum(parent.size for parent in parents) > self._room_bytes:
            raise invalid("The expanded answer is too large; expand or ask for less.")

    def _fill_forward(self, parents: list[_Shown], name: str, branch: Branch) -> None:
        field = branch.link.field.name
        wanted = dict.fromkeys(one for parent in parents for one in _ids(parent.record, field))
        rows = self._read(branch.link, list(wanted))
        found = {str(key): shown for key, shown in rows}
        if branch.branches and found:
            self.fill(list(found.values()), branch.branches)
        for parent in parents:
            ids = _ids(parent.record, field)
            _attach(parent, name, branch.link, [found[one] for one in ids if one in found])

    def _fill_back(self, parents: list[_Shown], name: str, branch: Branch) -> None:
        ids = dict.fromkeys(str(parent.record["id"]) for parent in parents)
        rows = self._read(branch.link, list(ids))
        if branch.branches and rows:
            self.fill([shown for _, shown in rows], branch.branches)
        groups: dict[str, list[_Shown]] = {}
        for key, shown in rows:
            groups.setdefault(str(key), []).append(shown)
        for parent in parents:
            _attach(parent, name, branch.link, groups.get(str(parent.record["id"]), []))

    def _read(self, link: Link, ids: list[str]) -> list[tuple[Value, _Shown]]:
        """The visible records of a link, each with the id by which it belongs to its parents."""
        query = self._query(link) if ids else None
        if query is None:
            return []
        room = EXPAND_RECORDS_MAX - self._records
        if not link.back and len(ids) > room:
            raise _too_many()
        ends = (EXPAND_BACK_RECORDS_MAX,) if link.back else ()
        last = (room + 1,) if link.back else ()
        shape = bind(query.shape, self._request)
        rule = self._bound_rule(query)
        if rule is None:
            return []
        text = orjson.dumps(ids).decode()
        params: tuple[Value, ...] = (*shape, text, *ends, *rule, *last)
        if link.back and link.target.is_view:
            params = (*shape, text, *rule, *ends, *last)
        rows = self._snapshot.rows(query.sql, params)
        self._records += len(rows)
        if self._records > EXPAND_RECORDS_MAX:
            raise _too_many()
        return [(key, _Shown(orjson.loads(str(text)), len(str(text)))) for key, text in rows]

    def _bound_rule(self, query: _Query) -> tuple[Value, ...] | None:
        """None: the rule cannot be judged for this caller, so he sees nothing."""
        if query.rule is None:
            return ()
        try:
            return bind(query.rule, self._request)
        except QuillError as error:
            if error.kind is not Kind.FORBIDDEN:
                raise
            return None

    def _query(self, link: Link) -> _Query | None:
        """The statement of a link; None where the view rule shuts the caller out."""
        identity = self._request.identity
        key = (
            "expanded", link.target.id, link.back and link.field.id,
            identity.superuser, identity.collection_id,
        )  # fmt: skip
        kept = self._plans.get(self._catalog.version, key)
        if kept is None:
            kept = self._compile(link) or _LOCKED
            chars = 0 if isinstance(kept, str) else len(kept.sql)
            self._plans.put(self._catalog.version, key, kept, chars)
        return kept if isinstance(kept, _Query) else None

    def _compile(self, link: Link) -> _Query | None:
        target, identity, catalog = link.target, self._request.identity, self._catalog
        try:
            rule = admit(catalog, self._plans, target, target.view_rule, identity, Use.ROW)
        except QuillError as error:
            if error.kind is not Kind.FORBIDDEN:
                raise
            return None
        caller = caller_collection(catalog, identity)
        shape = shape_of(target, catalog, hidden=identity.superuser, caller=caller)
        if link.back:
            return _Query(referring_sql(target, link.field, rule, shape), shape, rule)
        return _Query(referred_sql(target, rule, shape), shape, rule)


def _attach(parent: _Shown, name: str, link: Link, found: list[_Shown]) -> None:
    if not found:
        return
    shown = [one.record for one in found]
    parent.record[_KEY][name] = shown[0] if link.single else shown
    parent.size += found[0].size if link.single else sum(one.size for one in found)


def _ids(record: Record, field: str) -> Iterable[str]:
    """What a shown relation field holds: one id, several, or none."""
    value = record.get(field)
    if isinstance(value, str):
        return (value,) if value else ()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else ()


def _too_many() -> QuillError:
    return invalid(
        f"More than {EXPAND_RECORDS_MAX} records would be expanded; expand or ask for less."
    )
