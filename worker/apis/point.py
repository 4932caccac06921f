"""One record of a record API by its id, for both dialects: permissions → plan → run.

Asked first as whom the caller was when last looked up, on condition that he still is, which is one
statement; looking him up takes three more around it. Whatever is not found that way is asked again
as who the caller is, before anybody is told.

A statement is kept planned for as long as its API is the same; the rule is a part of it. What is
here runs inside a read, perhaps twice, so it only maps its arguments to an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from shared.access.users import user_id
from shared.errors import QuillError
from shared.schema.api import Action, RecordApi, SqlRule
from shared.schema.catalog import Catalog
from shared.sql.api.list import point_sql
from shared.sql.api.rules import rule_params
from shared.sql.plan import Value
from worker.apis.permissions import admit, failed_read
from worker.context import Context
from worker.engine.failures import SQLError, TooBigError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, caller_guards
from worker.records.plans import PlanCache


class PointForm(NamedTuple):
    """How a dialect asks for a record, and shows it.

    `key`: names the form among the plans. `shape`: SQL of the record's JSON. `stored`: the key
    behind an id. Both raise QuillError. `missing`: what to tell where there is no such record, or
    the rule, if there is one, hides it.
    """

    key: Hashable
    shape: Callable[[RecordApi, Catalog], str]
    stored: Callable[[RecordApi, str], Value]
    missing: Callable[[SqlRule | None], QuillError]


async def read_point(
    context: Context, name: str, record_id: str, form: PointForm, caller: Caller | None
) -> bytes:
    """The record's JSON.

    Raises METHOD (no such API), FORBIDDEN, and what the form raises.
    """
    wish = (context.plans, form, record_id)
    try:
        if caller is not None:
            told = await context.apis.read(name, _read_trusting, *wish, caller)
            if told is not None:
                return told
        return await context.apis.read(name, _read, *wish, caller, transaction=caller is not None)
    except SQLError as error:
        raise await failed_read(context.apis, name, error) from None


def _read_trusting(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    plans: PlanCache,
    form: PointForm,
    record_id: str,
    caller: Caller,
) -> bytes | None:
    """As whom the caller was; None where that is not known, or finds nothing."""
    identity = caller.remembered(catalog)
    if identity is None or identity.guest or not api.permits(Action.READ, authenticated=True):
        return None
    (guard,) = caller_guards(identity)
    rule = rule_params(api.rules.get(Action.READ), user_id(identity))
    try:
        sql = _planned(catalog, api, plans, form, guard.sql)
        row = snapshot.row(sql, (*rule, form.stored(api, record_id), *guard.params))
    except (SQLError, TooBigError, UnicodeDecodeError, QuillError):
        return None  # whether he still is who he was has not been asked
    return None if row is None else str(row[0]).encode()


def _read(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    plans: PlanCache,
    form: PointForm,
    record_id: str,
    caller: Caller | None,
) -> bytes:
    """As who the caller is."""
    user = admit(api, Action.READ, snapshot, catalog, caller)
    rule = api.rules.get(Action.READ)
    sql = _planned(catalog, api, plans, form, "")
    row = snapshot.row(sql, (*rule_params(rule, user), form.stored(api, record_id)))
    if row is None:
        raise form.missing(rule)
    return str(row[0]).encode()


def _planned(
    catalog: Catalog, api: RecordApi, plans: PlanCache, form: PointForm, guard: str
) -> str:
    """The statement, from the cache or made now."""
    key = ("api-point", form.key, api.name, api.version, guard)
    sql: str | None = plans.get(catalog.version, key)
    if sql is None:
        sql = point_sql(api, form.shape(api, catalog), api.rules.get(Action.READ), guard)
        plans.put(catalog.version, key, sql, len(sql))
    return sql
