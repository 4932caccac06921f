"""Subscribing to a record API: who may, to what, and the client that hears it.

    permissions → filter → record → exchange → client, live from this moment on

A record is looked for as a read would, so that its id tells nothing to whom the record is hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from shared.errors import Kind, QuillError, forbidden, not_found
from shared.language.filter_tree import Tree
from shared.schema.api import Action, RecordApi
from shared.schema.catalog import Catalog
from shared.sql.api.filters import bad_filter, compile_filter
from shared.sql.api.list import point_sql, trial_sql
from shared.sql.api.rules import rule_params
from shared.sql.plan import Value
from worker.apis.events.exchange import ApiExchange
from worker.apis.events.topic import api_topic
from worker.apis.ids import read_id
from worker.apis.permissions import admit
from worker.auth.identity import token_expires
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.realtime.clients.client import Client
from worker.realtime.principal import Principal, principal_as
from worker.realtime.topics.topic import EVERY_RECORD
from worker.records.caller import Caller, identity_in

_SHOWN: Final = "1"
_Client = TypeVar("_Client", bound=Client)


class Wish(NamedTuple):
    """What is asked for. `record`: an id as clients write it, or `*` for all of the API."""

    api: str
    record: str
    tree: Tree | None


class Admitted(NamedTuple):
    """That it may be heard. `key`: the stored one of the only record, None for all.

    `principal`: who listens, None for a guest.
    """

    database: str
    key: Value
    principal: Principal | None


async def admit_listener(context: Context, wish: Wish, caller: Caller | None) -> Admitted:
    """Find out whether the caller may listen, and to what.

    Raises METHOD (no such API, a view), FORBIDDEN (no subscriptions, bits, rule), NOT_FOUND,
    INVALID (id, filter), UNAVAILABLE.
    """
    try:
        return await context.apis.read(wish.api, _admit, wish, caller, transaction=True)
    except SQLError:  # a rule that fails denies
        raise forbidden() from None


def listen(
    context: Context,
    wish: Wish,
    admitted: Admitted,
    caller: Caller | None,
    connect: Callable[[ApiExchange], _Client],
) -> _Client:
    """A client that hears of all that is committed from now on. Raises UNAVAILABLE.

    `connect`: opens its connection. It ends when the caller's token expires.
    """
    exchange = context.api_exchanges.of(admitted.database)
    topic = api_topic(wish.api, admitted.key, wish.tree)
    if exchange.room < 1 or not exchange.index.has_room([topic]):
        raise QuillError(Kind.UNAVAILABLE, "Too many subscriptions.", retry_after_seconds=1.0)
    client = connect(exchange)
    exchange.become(client, admitted.principal)
    exchange.subscribe(client, [topic])
    client.expires = token_expires(caller)
    return client


def _admit(
    snapshot: Snapshot, catalog: Catalog, api: RecordApi, wish: Wish, caller: Caller | None
) -> Admitted:
    if api.is_view:
        raise QuillError(Kind.METHOD, f"{wish.api} is a view, and nothing tells when it changes.")
    if not api.subscriptions:
        raise forbidden()
    user = admit(api, Action.READ, snapshot, catalog, caller)
    _try_filter(snapshot, api, wish.tree)
    key = None if wish.record == EVERY_RECORD else _find(snapshot, api, wish.record, user)
    identity = identity_in(caller, snapshot, catalog)
    return Admitted(api.database, key, principal_as(catalog, identity))


def _find(snapshot: Snapshot, api: RecordApi, record_id: str, user: Value) -> Value:
    """The stored key of a record that may be seen. Raises NOT_FOUND, FORBIDDEN, INVALID."""
    key, rule = read_id(api, record_id), api.rules.get(Action.READ)
    params = (*rule_params(rule, user), key)
    if snapshot.row(point_sql(api, _SHOWN, rule), params) is None:
        raise not_found() if rule is None else forbidden()
    return key


def _try_filter(snapshot: Snapshot, api: RecordApi, tree: Tree | None) -> None:
    """Raises INVALID where it is none."""
    if tree is None:
        return
    found = compile_filter(api.shown, tree)
    if found.trial is None:
        return
    if snapshot.quick:
        raise OverBudgetError
    try:
        snapshot.row(trial_sql(found.trial), found.trial.params)
    except SQLError as error:
        raise bad_filter(str(error)) from None
