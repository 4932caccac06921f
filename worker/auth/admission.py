"""Whether a proven record may have a session: the collection's authRule, and what is not built yet.

A way to log in that a collection asks for and this server does not have (a second factor above
all) is never left out in silence: the login fails.
"""

from __future__ import annotations

from typing import Final

from shared.access.request import AccessRequest
from shared.errors import forbidden
from shared.language.errors import LanguageError
from shared.logs import get_logger
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use, compile_rule
from shared.sql.write import rule_guard
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import caller_collection

_AUTH_RULE: Final = "authRule"
_MFA: Final = "mfa"
_log = get_logger()


def admit_record(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    request: AccessRequest,
) -> None:
    """Judge the record by the collection's authRule. Raises FORBIDDEN; a broken rule denies."""
    rule = collection.options.get(_AUTH_RULE)
    allowed = rule == "" or (
        isinstance(rule, str) and _holds(snapshot, catalog, collection, record_id, rule, request)
    )
    if allowed is not True:
        raise forbidden("The record is not allowed to authenticate.")


def require_one_factor(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    request: AccessRequest,
) -> None:
    """Raises FORBIDDEN where the collection wants a second factor of this record."""
    mfa = _enabled_mfa(collection)
    if mfa is None:
        return
    rule = str(mfa.get("rule") or "")
    if rule and _holds(snapshot, catalog, collection, record_id, rule, request) is False:
        return
    raise forbidden(
        "The collection asks for a second factor, which this server does not offer yet."
    )


def second_factor(collection: Collection) -> dict[str, object]:
    """Whether the collection asks for a second factor: `{"duration": seconds, "enabled": bool}`."""
    mfa = _enabled_mfa(collection)
    if mfa is None:
        return {"duration": 0, "enabled": False}
    return {"duration": mfa.get("duration", 0), "enabled": True}


def _enabled_mfa(collection: Collection) -> dict[str, object] | None:
    mfa = collection.options.get(_MFA)
    return mfa if isinstance(mfa, dict) and mfa.get("enabled") else None


def _holds(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    rule: str,
    request: AccessRequest,
) -> bool | None:
    """Whether a rule holds for the record; None where the rule itself is at fault."""
    caller = caller_collection(catalog, request.identity)
    try:
        condition = compile_rule(rule, collection, catalog, caller=caller, use=Use.ROW)
        guard = rule_guard(collection, record_id, condition, condition.bind(request))
        return snapshot.value(guard.sql, guard.params) is not None
    except (LanguageError, SQLError) as error:
        _log.error("auth rule fails", collection=collection.name, reason=str(error))
        return None
