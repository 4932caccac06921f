"""Who may read what a record API serves: its bits, and what is told where its rule fails."""

from __future__ import annotations

from typing import Final

from shared.access.users import user_id
from shared.errors import QuillError, forbidden, invalid
from shared.logs import get_logger
from shared.schema.api import Action, RecordApi
from shared.schema.catalog import Catalog
from shared.sql.api.list import allowed_sql
from shared.sql.api.rules import rule_params
from shared.sql.plan import Value
from worker.apis.catalog import ApiCatalog
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, identity_in

_log: Final = get_logger()


def admit(
    api: RecordApi, action: Action, snapshot: Snapshot, catalog: Catalog, caller: Caller | None
) -> Value:
    """The id of who asks, for the rule, NULL for a guest. Raises FORBIDDEN by the API's bits."""
    rule = api.rules.get(action)
    if (rule is None or not rule.uses_user) and api.permits(action, authenticated=False):
        return None
    identity = identity_in(caller, snapshot, catalog)
    if not api.permits(action, authenticated=not identity.guest):
        raise forbidden()
    return user_id(identity)


def admit_to_schema(
    snapshot: Snapshot, catalog: Catalog, api: RecordApi, caller: Caller | None
) -> RecordApi:
    """The API, for one who may see its schema. Raises FORBIDDEN."""
    user = admit(api, Action.SCHEMA, snapshot, catalog, caller)
    rule = api.rules.get(Action.SCHEMA)
    if rule is not None and snapshot.row(allowed_sql(rule), rule_params(rule, user)) is None:
        raise forbidden()
    return api


async def failed_read(apis: ApiCatalog, name: str, error: SQLError) -> QuillError:
    """A statement that SQLite gave up at some row: a rule that errors denies."""
    api = (await apis.current()).find(name)
    _log.warning("a read fails at a row", api=name, reason=str(error))
    if isinstance(api, RecordApi) and Action.READ in api.rules:
        return forbidden()
    return invalid("A value cannot be told in JSON.")
