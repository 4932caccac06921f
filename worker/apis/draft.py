"""Drafts the plan of a write to record APIs: guards, statements with bound values, and its answer.

A rule is judged twice: here under a time bound, so that what is hopeless never reaches the writer,
and as a guard in the writer's transaction, so that nothing changes in between. The rule of a create
judges what will be stored, the ids that are filled in among it; as sent counts only what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.access.identity import Identity
from shared.access.users import is_user, user_id
from shared.errors import Kind, QuillError, forbidden, invalid, not_found
from shared.schema.api import Action, RecordApi
from shared.schema.catalog import Catalog
from shared.sql.api.write import (
    AT_WRITER,
    CHANGES_SQL,
    REFUSED_DENIED,
    REFUSED_IGNORED,
    REFUSED_MISSING,
)
from shared.sql.plan import Plan, Step, Value, forbid, require, returning, run
from worker.apis.ids import read_id, write_id
from worker.apis.write_form import ApiForm, Guard, form_of, insert_of, update_of
from worker.engine.snapshot import Snapshot
from worker.records.caller import caller_guards
from worker.records.plans import PlanCache


class Made(NamedTuple):
    """What will be told of one operation.

    `known`: its record's id; None where the next result of the plan is its key, that of a `uuid` in
    hex. `asks`: whether the next result says that there was anything to write.
    """

    known: str | None
    uuid: bool = False
    asks: bool = False


class Planned(NamedTuple):
    """A plan ready to be submitted.

    `starts`: the first step of each operation, where they are numbered; `first`: the first number.
    """

    plan: Plan
    actor: str
    made: tuple[Made, ...]
    starts: tuple[int, ...] = ()
    first: int = 0


@dataclass(slots=True)
class Draft:
    """A plan in the making, for one caller and one database.

    Its methods raise METHOD, FORBIDDEN, NOT_FOUND, INVALID.
    `blind`: operations before are not in the snapshot, so that no further one is judged on it.
    """

    snapshot: Snapshot
    catalog: Catalog
    plans: PlanCache
    identity: Identity
    blind: bool = False
    steps: list[Step] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    first: int = 0

    def create(
        self, api: RecordApi, bodies: Sequence[Mapping[str, object]], *, tells: bool = False
    ) -> None:
        """Insert records; each of them is judged before any is there.

        `tells`: whether it is told of a record that stays as it is, by the settings' IGNORE.
        """
        form = self._admit(api, Action.CREATE)
        user = user_id(self.identity)
        read = [self._read(form, body, user) for body in bodies]
        judged: set[tuple[Value, ...]] = set()
        for values, sent in read:
            if form.create_guard is not None:
                params = form.create_guard.at_writer.params(user, None, values, sent)
                self._judge_create(form.create_guard, params, judged)
            self._keep_others(form, user, values)
        for values, _ in read:
            self._insert(form, values, tells=tells)

    def update(self, api: RecordApi, record_id: str, body: Mapping[str, object]) -> None:
        """Change a record; only the columns that are sent."""
        form = self._admit(api, Action.UPDATE)
        key = read_id(api, record_id)
        values = form.read(self.snapshot, body)
        if values.get(form.key, key) != key:
            raise invalid("The primary key cannot be changed")
        columns = tuple([name for name in values if name != form.key])
        judged = self._judge_row(form, Action.UPDATE, key, values, always=not columns)
        if columns:
            sql = update_of(self.catalog, self.plans, api, columns)
            params = (*[values[name] for name in columns], key)
            self.steps.append(run(sql, params, refusal=_lost(judged)))
        self.made.append(Made(write_id(key)))

    def delete(self, api: RecordApi, record_id: str) -> None:
        """Delete a record."""
        form = self._admit(api, Action.DELETE)
        key = read_id(api, record_id)
        judged = self._judge_row(form, Action.DELETE, key, {})
        self.steps.append(run(form.delete_sql, (key,), refusal=_lost(judged)))
        self.made.append(Made(write_id(key)))

    def next_operation(self) -> None:
        """What follows is another operation, after those before."""
        self.starts.append(len(self.steps))
        self.blind = len(self.starts) > 1

    def planned(self, api: RecordApi) -> Planned:
        """The plan. `api`: any of those that it writes to."""
        guards = caller_guards(self.identity) if api.database == AT_WRITER else []
        plan = Plan(
            api.version[-1],
            (*guards, *self.steps),
            database=api.database,
            returns_all=len(self.made) > 1,  # also bounds the time of all of them together
            main_version=api.version[0] if api.database != AT_WRITER else 0,
        )
        starts = tuple([len(guards) + one for one in self.starts]) if self.starts else ()
        return Planned(plan, self.identity.actor, tuple(self.made), starts, self.first)

    # --- Parts ----------------------------------------------------------------------------------

    def _admit(self, api: RecordApi, action: Action) -> ApiForm:
        """The templates, for one whom the API's bits let try."""
        if api.is_view:
            raise QuillError(Kind.METHOD, f"{api.name} is a view.")
        if not api.permits(action, authenticated=not self.identity.guest):
            raise forbidden()
        return form_of(self.catalog, self.plans, api)

    def _read(
        self, form: ApiForm, body: Mapping[str, object], user: Value
    ) -> tuple[dict[str, Value], tuple[str, ...]]:
        """The values of a new record, the caller's id among them, and which of them were sent."""
        values = form.read(self.snapshot, body)
        sent = tuple(values)
        if form.api.autofill_user and is_user(self.identity):
            for name in form.api.autofill_user:
                values.setdefault(name, user)
        return values, sent

    def _judge_create(
        self, guard: Guard, params: tuple[Value, ...], judged: set[tuple[Value, ...]]
    ) -> None:
        """`judged`: what the rule was asked with before; nothing happens in between."""
        if params in judged:
            return
        judged.add(params)
        if not self._finds(guard, params):
            raise forbidden()
        self.steps.append(require(guard.at_writer.sql, params, refusal=REFUSED_DENIED))

    def _keep_others(self, form: ApiForm, user: Value, values: Mapping[str, Value]) -> None:
        """Where a create may replace a record, it must be one that the caller may change."""
        key = values.get(form.key)
        if key is None or not form.replaces:  # most creates; `kept` would say so, too
            return
        may_update = form.api.permits(Action.UPDATE, authenticated=not self.identity.guest)
        kept = form.kept(may_update=may_update)
        if kept is not None:
            params = kept.at_writer.params(user, key, values, form.replaced)
            if self._finds(kept, params, unasked=False):
                raise forbidden()
            self.steps.append(forbid(kept.at_writer.sql, params, refusal=REFUSED_DENIED))

    def _insert(self, form: ApiForm, values: Mapping[str, Value], *, tells: bool) -> None:
        columns = tuple(values)
        sql = insert_of(self.catalog, self.plans, form.api, columns)
        params = tuple(values.values())
        key = values.get(form.key)
        if key is None:
            self.steps.append(returning(sql.telling, params, refusal=REFUSED_IGNORED))
            self.made.append(Made(None, form.uuid))
            return
        asks = tells and form.ignores
        refusal = "" if form.ignores else REFUSED_IGNORED
        self.steps.append(run(sql.plain, params, refusal=refusal))
        if asks:
            self.steps.append(returning(CHANGES_SQL))
        self.made.append(Made(write_id(key), asks=asks))

    def _judge_row(
        self,
        form: ApiForm,
        action: Action,
        key: Value,
        values: Mapping[str, Value],
        *,
        always: bool = False,
    ) -> bool:
        """The record is there and its rule allows it, also at the writer: then true.

        Without a rule only here, unless `always`: the statement itself will find out.
        """
        guard = form.guards[action]
        params = guard.at_writer.params(user_id(self.identity), key, values)
        ruled = action in form.api.rules
        if not self._finds(guard, params):
            raise forbidden() if ruled else not_found()
        if ruled or always:
            refusal = REFUSED_DENIED if ruled else REFUSED_MISSING
            self.steps.append(require(guard.at_writer.sql, params, refusal=refusal))
        return ruled

    def _finds(self, guard: Guard, params: tuple[Value, ...], *, unasked: bool = True) -> bool:
        """Whether a guard finds a row in the snapshot; `unasked` where that tells nothing."""
        if self.blind or guard.at_worker is None:
            return unasked
        return self.snapshot.row(guard.at_worker.sql, params) is not None


def _lost(judged: bool) -> str:
    """What it means that no row was written."""
    return REFUSED_IGNORED if judged else REFUSED_MISSING
