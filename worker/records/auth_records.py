"""What is special about writing the records of auth collections.

Whoever may manage a record (a superuser, or the collection's manageRule) changes what he likes.
Anybody else may not make himself verified, changes his address by a confirmed mail only, and must
know his password to set another. Ids are unique over all auth collections, since a token names its
record by id.

Two calls, made while a write is planned: `check_create` and `check_update`. Both judge on the
worker's snapshot and give the guards that make the writer judge the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.access.request import AccessRequest
from shared.errors import FieldError, invalid, not_found
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.fields.field import REQUIRED
from shared.sql.plan import Step, Value
from shared.sql.shape import managed_by
from shared.sql.write import (
    Candidate,
    existence_guard,
    rule_guard,
    stored_guard,
    stored_sql,
)
from worker.engine.snapshot import Snapshot
from worker.records.caller import caller_collection
from worker.records.outcome import REFUSED_AGAIN
from worker.records.rules import bind
from worker.records.validate import OLD_PASSWORD

REFUSED_ID: Final = "validation_invalid_auth_id:id"
_EMAIL, _VERIFIED, _PASSWORD = "email", "verified", "password"
_GUARDED: Final = (_EMAIL, _VERIFIED, _PASSWORD)
_MISMATCH: Final = FieldError("validation_values_mismatch", "Values don't match.")
_WRONG_PASSWORD: Final = FieldError(
    "validation_invalid_old_password", "Missing or invalid old password."
)
_CREATE_FAILED: Final = "Failed to create record."
_UPDATE_FAILED: Final = "Failed to update record."


class NeedsProof(NamedTuple):
    """The plan cannot be made before it is known whether `password` is behind the hash `stored`."""

    stored: str
    password: str


Proofs = dict[NeedsProof, bool]
"""What was verified so far, off the event loop."""


def check_create(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    values: Mapping[str, Value],
    request: AccessRequest,
) -> list[Step]:
    """The guards of a new auth record. Raises INVALID where it makes itself verified."""
    guards = [
        existence_guard(other, str(values["id"]), exists=False, refusal=REFUSED_ID)
        for other in _others(catalog, collection)
    ]
    if request.identity.superuser or not values.get(_VERIFIED):
        return guards
    manages = managed_by(collection, catalog, caller_collection(catalog, request.identity))
    if manages is not None:
        bound = bind(manages, request)
        managing = Candidate(collection, manages).guard(values, bound, refusal=REFUSED_AGAIN)
        if snapshot.value(managing.sql, managing.params) is not None:
            return [*guards, managing]
    raise invalid(_CREATE_FAILED, {_VERIFIED: _MISMATCH})


def check_update(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    body: Mapping[str, object],
    changes: Mapping[str, Value],
    request: AccessRequest,
    proofs: Proofs,
) -> list[Step] | NeedsProof:
    """The guards of a change to an auth record, or what has to be verified before.

    `changes`: stored values that are to be set. Raises INVALID for what only a manager may do,
    NOT_FOUND.
    """
    if request.identity.superuser or not any(name in changes for name in _GUARDED):
        return []
    managing = _managing(snapshot, catalog, collection, record_id, request)
    if managing is not None:
        return [managing]
    row = snapshot.row(stored_sql(collection, _GUARDED), (record_id,))
    if row is None:
        raise not_found()
    stored = dict(zip(_GUARDED, row, strict=True))
    wrong = {
        name: _MISMATCH
        for name in (_EMAIL, _VERIFIED)
        if name in changes and changes[name] != stored[name]
    }
    if _PASSWORD in changes:
        known = _known_password(body, str(stored[_PASSWORD]), proofs)
        if isinstance(known, NeedsProof):
            if not wrong:
                return known
        elif known is not None:
            wrong[OLD_PASSWORD] = known
    if wrong:
        raise invalid(_UPDATE_FAILED, wrong)
    return [stored_guard(collection, record_id, stored, refusal=REFUSED_AGAIN)]


def _known_password(
    body: Mapping[str, object], stored: str, proofs: Proofs
) -> NeedsProof | FieldError | None:
    """What is wrong with the old password; None: nothing."""
    sent = body.get(OLD_PASSWORD)
    if sent in (None, ""):
        return REQUIRED
    asked = NeedsProof(stored, str(sent))
    proved = proofs.get(asked)
    if proved is None:
        return asked
    return None if proved else _WRONG_PASSWORD


def _managing(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    request: AccessRequest,
) -> Step | None:
    """The guard that the caller may manage the record, None where he may not."""
    manages = managed_by(collection, catalog, caller_collection(catalog, request.identity))
    if manages is None:
        return None
    bound = bind(manages, request)
    guard = rule_guard(collection, record_id, manages, bound, refusal=REFUSED_AGAIN)
    return None if snapshot.value(guard.sql, guard.params) is None else guard


def _others(catalog: Catalog, collection: Collection) -> list[Collection]:
    return [one for one in catalog.all() if one.type == AUTH and one.id != collection.id]
