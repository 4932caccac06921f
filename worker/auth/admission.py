"""Whether a proven record may have a session: the collection's authRule, and a second factor.

Both fail closed: a rule that cannot be judged lets nobody in, and asks everybody for a second
factor.
"""

from __future__ import annotations

from typing import Final

from shared.access.request import AccessRequest
from shared.errors import forbidden
from shared.language.errors import LanguageError
from shared.limits import MFA_SECONDS_MAX
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


def wants_second_factor(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    request: AccessRequest,
) -> bool:
    """Whether the collection wants a second factor of this record; a broken rule wants it."""
    mfa = _enabled_mfa(collection)
    if mfa is None:
        return False
    rule = str(mfa.get("rule") or "")
    return not rule or _holds(snapshot, catalog, collection, record_id, rule, request) is not False


def second_factor(collection: Collection) -> dict[str, object]:
    """Whether the collection asks for a second factor: `{"duration": seconds, "enabled": bool}`."""
    mfa = _enabled_mfa(collection)
    if mfa is None:
        return {"duration": 0, "enabled": False}
    return {"duration": mfa.get("duration", 0), "enabled": True}


def second_factor_seconds(collection: Collection) -> int:
    """How long the first factor counts, 0 where the collection says nothing that makes sense."""
    mfa = _enabled_mfa(collection) or {}
    seconds = mfa.get("duration")
    return min(seconds, MFA_SECONDS_MAX) if type(seconds) is int and seconds > 0 else 0


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
