"""Admission: what a collection's rule for an action says to a caller, before any row is read.

A rule that does not compile under the present catalog, or that cannot be bound for this caller,
denies; the log says which one.
"""

from __future__ import annotations

from typing import Final

from shared.access.decide import ALLOW, DENY, decide
from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.errors import QuillError, forbidden
from shared.language.errors import LanguageError
from shared.logs import get_logger
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use, compile_rule
from shared.sql.plan import Value
from shared.sql.predicate import Fragment, Predicate
from shared.sql.request_values import AuthField
from shared.sql.select import Statement
from worker.engine.failures import SQLError
from worker.records.caller import caller_collection
from worker.records.plans import PlanCache

_BROKEN: Final = "broken"
_log = get_logger()


def admit(
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    rule: str | None,
    identity: Identity,
    use: Use,
) -> Predicate | None:
    """The predicate that rows have to meet; None: all do. Raises FORBIDDEN."""
    verdict = decide(rule, identity)
    if verdict is ALLOW:
        return None
    if verdict is DENY or not isinstance(verdict, str):
        raise denied()
    key = ("rule", collection.id, verdict, identity.collection_id, use)
    found = plans.get(catalog.version, key)
    if found is None:
        caller = caller_collection(catalog, identity)
        found = _compile(collection, verdict, catalog, caller, use)
        plans.put(catalog.version, key, found)
    if not isinstance(found, Predicate):
        raise denied()
    return found


def bind(fragment: Fragment | Statement, request: AccessRequest) -> tuple[Value, ...]:
    """The values of a fragment, or of all in a statement, for this request.

    Raises FORBIDDEN for what cannot be compared.
    """
    try:
        return fragment.bind(request)
    except LanguageError as error:
        _log.warning("rule denies", reason=error.message)
        raise denied() from None


def identity_fields(predicate: Fragment | None) -> frozenset[str]:
    """Names of the caller's own fields that the predicate compares."""
    if predicate is None or not predicate.depends_on_identity:
        return frozenset()
    return frozenset([one.name for one in predicate.params if isinstance(one, AuthField)])


def failed_at_a_row(error: SQLError) -> QuillError:
    """A rule that compiles may still fail at a row, by a pattern that is too long: it denies."""
    _log.warning("rule fails at a row", reason=str(error))
    return denied()


def denied() -> QuillError:
    """What a caller is told whom a rule shuts out before any row is looked at."""
    return forbidden("Only superusers can perform this action.")


def _compile(
    collection: Collection, rule: str, catalog: Catalog, caller: Collection | None, use: Use
) -> Predicate | str:
    try:
        return compile_rule(rule, collection, catalog, caller=caller, use=use)
    except LanguageError as error:
        _log.error("rule does not compile", collection=collection.name, reason=str(error))
        return _BROKEN
